"""Provenance (R4, provenance.html): who signed a prescription, when, and on what it rests."""

from __future__ import annotations

import base64
from datetime import datetime

from shop.fhir.elements import V3, Element, Place, coding, concept, instant, meta, reference, said
from shop.prescriptions.models import Prescription, Signature

AUTHOR = coding(
    "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "author", "Author"
)
AUTHORS_SIGNATURE = coding(
    "urn:iso-astm:E1762-95:2013", "1.2.840.10065.1.12.1.1", "Author's Signature"
)
LEGALLY_AUTHENTICATED = coding(f"{V3}DocumentCompletion", "LA", "legally authenticated")


def provenance(prescription: Prescription, *, updated: datetime, place: Place) -> Element:
    """The signature, and the statement in it, which is named by its SHA-256.

    What was signed is a JSON document around the statement (docs/signatures.md); prescriptions of
    before there were keys have no bytes.
    """
    physician = reference("Practitioner", prescription.prescriber_id, prescription.prescriber_name)
    signed_at = instant(prescription.signed_at)
    return said(
        {
            "resourceType": "Provenance",
            "id": str(prescription.id),
            "meta": meta(updated),
            "target": [reference("MedicationRequest", prescription.id)],
            "occurredDateTime": signed_at,
            "recorded": signed_at,
            "activity": concept(LEGALLY_AUTHENTICATED),
            "agent": [{"type": concept(AUTHOR), "who": physician}],
            "entity": [
                {
                    "role": "source",
                    "what": {
                        "identifier": {
                            "system": place.numbers("statement-sha256"),
                            "value": bytes(prescription.statement_hash).hex(),
                        },
                        "display": "The statement as it was shown and signed",
                    },
                },
                {"role": "source", "what": reference("Task", prescription.request_id)},
            ],
            "signature": [
                {
                    "type": [AUTHORS_SIGNATURE],
                    "when": signed_at,
                    "who": physician,
                    **_bytes(prescription.signature),
                }
            ],
        }
    )


def _bytes(signature: Signature | None) -> Element:
    """Ed25519, raw; R4's `data` is base64."""
    if signature is None:
        return {"targetFormat": "text/plain"}
    return {
        "targetFormat": "application/json",
        "sigFormat": "application/octet-stream",
        "data": base64.b64encode(bytes(signature.signature)).decode(),
    }
