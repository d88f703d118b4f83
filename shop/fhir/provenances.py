"""Provenance (R4, provenance.html): who signed a prescription, when, and on what it rests."""

from __future__ import annotations

from datetime import datetime

from shop.fhir.elements import V3, Element, Place, coding, concept, instant, meta, reference, said
from shop.prescriptions.models import Prescription

AUTHOR = coding(
    "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "author", "Author"
)
AUTHORS_SIGNATURE = coding(
    "urn:iso-astm:E1762-95:2013", "1.2.840.10065.1.12.1.1", "Author's Signature"
)
LEGALLY_AUTHENTICATED = coding(f"{V3}DocumentCompletion", "LA", "legally authenticated")


def provenance(prescription: Prescription, *, updated: datetime, place: Place) -> Element:
    """The signature over the statement, which is named by its SHA-256.

    THE PLACE TO SWAP: `signature[0]` gets `sigFormat` and `data` once a signature is made with the
    physician's key; a hash is not passed off as one.
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
                    "targetFormat": "text/plain",
                }
            ],
        }
    )
