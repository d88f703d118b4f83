"""MedicationRequest (R4): a prescription is an order, an approval request a proposal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from shop.fhir.elements import (
    V3,
    Element,
    Place,
    coding,
    concept,
    days,
    identifier,
    instant,
    meta,
    packs,
    reference,
    said,
)
from shop.fhir.medications import medication
from shop.fhir.people import who
from shop.fhir.statuses import PRESCRIPTION, PROPOSAL
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.standing import standing

COVERED_STATE = "covered-state"  # a state the prescription may be sent to
SHIP_TO_STATE = "ship-to-state"  # the state a request is for
# v3-ActEncounterCode: face to face, or at a distance.
MODES = {"in_person": "AMB", "video": "VR", "asynchronous": "VR"}


def order(
    prescription: Prescription,
    *,
    issues: Sequence[str],
    updated: datetime,
    at: datetime,
    place: Place,
) -> Element:
    """What a physician signed, as it stands at `at`; `issues` are ids of DetectedIssue."""
    stands = standing(prescription, at)
    return said(
        {
            "resourceType": "MedicationRequest",
            "id": str(prescription.id),
            "meta": meta(updated),
            "contained": [_examination(prescription, place)],
            "extension": [
                {"url": place.extension(COVERED_STATE), "valueCode": covered.state}
                for covered in prescription.states
            ],
            "identifier": [identifier(place.numbers("prescription"), prescription.number)],
            "status": PRESCRIPTION[stands],
            "statusReason": concept(
                coding(place.words("prescription-standing"), stands.value),
                text=prescription.reason,
            ),
            "intent": "order",
            "medicationCodeableConcept": medication(prescription.variant, place),
            "subject": reference("Patient", prescription.client_id, prescription.client.name),
            "encounter": {"reference": "#examination"},
            "authoredOn": instant(prescription.signed_at),
            "requester": reference(
                "Practitioner", prescription.prescriber_id, prescription.prescriber_name
            ),
            "reasonCode": [concept(text=prescription.indication)],
            "basedOn": [
                reference("MedicationRequest", prescription.request_id),
                *_plan(prescription.plan_id),
            ],
            "dosageInstruction": [{"text": prescription.directions}],
            "dispenseRequest": said(
                {
                    "dispenseInterval": days(prescription.interval_days),
                    "validityPeriod": {
                        "start": instant(prescription.valid_from),
                        "end": instant(prescription.valid_until),
                    },
                    "numberOfRepeatsAllowed": prescription.fills_allowed - 1,
                    "quantity": packs(prescription.quantity_per_fill, prescription.variant.name),
                    "expectedSupplyDuration": days(prescription.days_supply),
                }
            ),
            "detectedIssue": [reference("DetectedIssue", issue) for issue in issues],
            "eventHistory": [reference("Provenance", prescription.id)],
        }
    )


def proposal(request: ApprovalRequest, *, updated: datetime, place: Place) -> Element:
    """What somebody asked a physician for."""
    return said(
        {
            "resourceType": "MedicationRequest",
            "id": str(request.id),
            "meta": meta(updated),
            "extension": [
                {"url": place.extension(SHIP_TO_STATE), "valueCode": request.ship_to_state}
            ],
            "identifier": [identifier(place.numbers("approval-request"), request.number)],
            "status": PROPOSAL[request.status],
            "statusReason": concept(
                coding(place.words("approval-request-status"), request.status.value)
            ),
            "intent": "proposal",
            "medicationCodeableConcept": medication(request.variant, place),
            "subject": reference("Patient", request.client_id, request.client.name),
            "basedOn": _plan(request.plan_id),
            "authoredOn": instant(request.created_at),
            "requester": who(request.requested_by),
            "dispenseRequest": {"quantity": packs(request.quantity, request.variant.name)},
        }
    )


def _plan(plan_id: UUID | None) -> list[Element]:
    """The plan it is part of (R4, medicationrequest.html: basedOn a CarePlan)."""
    return [] if plan_id is None else [reference("CarePlan", plan_id)]


def _examination(prescription: Prescription, place: Place) -> Element:
    """The good-faith examination that the signature rests on."""
    mode = prescription.examination_mode
    return {
        "resourceType": "Encounter",
        "id": "examination",
        "status": "finished",
        "class": coding(f"{V3}ActCode", MODES[mode]),
        "type": [concept(coding(place.words("examination-mode"), mode))],
        "subject": reference("Patient", prescription.client_id),
        "period": {"start": prescription.examined_on.isoformat()},
    }
