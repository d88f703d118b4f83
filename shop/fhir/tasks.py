"""Task (R4, task.html): a physician is asked to decide on an approval request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shop.accounts.models import Person
from shop.fhir.elements import (
    Element,
    Place,
    coding,
    concept,
    identifier,
    instant,
    meta,
    reference,
    said,
)
from shop.fhir.people import who
from shop.fhir.statuses import TASK
from shop.prescriptions.models import ApprovalRequest

APPROVE = coding("http://hl7.org/fhir/CodeSystem/task-code", "approve")


@dataclass(frozen=True)
class Shown:
    """What this reader may see beside the request itself."""

    prescription: bool  # she may open what came of it
    refusal: bool  # the reason and the words for the client; the note kept inside is never shown


def task(request: ApprovalRequest, shown: Shown, *, updated: datetime, place: Place) -> Element:
    """The request as a piece of work; what is asked for is its focus."""
    return said(
        {
            "resourceType": "Task",
            "id": str(request.id),
            "meta": meta(updated),
            "identifier": [identifier(place.numbers("approval-request"), request.number)],
            "status": TASK[request.status],
            "statusReason": _reason(request, place) if shown.refusal else None,
            "businessStatus": concept(
                coding(place.words("approval-request-status"), request.status.value)
            ),
            "intent": "order",
            "code": concept(APPROVE),
            "focus": reference("MedicationRequest", request.id),
            "for": reference("Patient", request.client_id, request.client.name),
            "authoredOn": instant(request.created_at),
            "lastModified": instant(updated),
            "requester": who(request.requested_by),
            "owner": _owner(request),
            "restriction": (
                {"period": {"end": instant(request.due_at)}} if request.due_at else None
            ),
            "output": _output(request) if shown.prescription else None,
        }
    )


def _owner(request: ApprovalRequest) -> Element | None:
    """Who holds it, or who has decided."""
    holder: Person | None = request.claimed_by
    if request.prescription is not None:
        signed = request.prescription
        return reference("Practitioner", signed.prescriber_id, signed.prescriber_name)
    if request.refusal is not None:
        holder = request.refusal.refused_by
    return None if holder is None else who(holder)


def _reason(request: ApprovalRequest, place: Place) -> Element | None:
    refusal = request.refusal
    if refusal is None:
        return None
    return concept(coding(place.words("refusal-reason"), refusal.reason), text=refusal.message)


def _output(request: ApprovalRequest) -> list[Element]:
    if request.prescription is None:
        return []
    return [
        {
            "type": concept(text="Prescription"),
            "valueReference": reference("MedicationRequest", request.prescription.id),
        }
    ]
