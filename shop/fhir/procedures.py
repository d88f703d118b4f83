"""Procedure (R4, procedure.html): a session that was done."""

from __future__ import annotations

from datetime import datetime

from shop.fhir.elements import Element, Place, concept, instant, meta, reference, said
from shop.fhir.people import who
from shop.fhir.service_requests import procedure_code
from shop.treatments.models import Session


def procedure(session: Session, *, updated: datetime, place: Place) -> Element:
    """Of a performed session; the note of who performed it is kept inside."""
    done, plan = session.performance, session.plan
    if done is None:
        raise LookupError("Only what was performed is a Procedure.")
    return said(
        {
            "resourceType": "Procedure",
            "id": str(done.id),
            "meta": meta(updated),
            "basedOn": [
                reference("CarePlan", plan.id, plan.number),
                reference("ServiceRequest", session.id),
            ],
            "status": "completed",
            "code": procedure_code(session.procedure, place),
            "subject": reference("Patient", session.client_id, plan.client.name),
            "performedDateTime": instant(done.performed_at),
            "performer": [{"actor": who(done.performer)}],
            "bodySite": [concept(text=done.area)],
        }
    )
