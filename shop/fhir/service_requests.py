"""ServiceRequest (R4, servicerequest.html): a session of a plan, as what is to be done."""

from __future__ import annotations

from datetime import datetime

from shop.fhir.elements import Element, Place, coding, concept, instant, meta, reference, said
from shop.fhir.people import who
from shop.fhir.statuses import SESSION
from shop.treatments.models import Session
from shop.treatments.procedures import LIBRARY

STATUS = "session-status"


def service_request(session: Session, *, updated: datetime, place: Place) -> Element:
    """When it is planned for now, for whom, and who keeps the time for it."""
    plan = session.plan
    return said(
        {
            "resourceType": "ServiceRequest",
            "id": str(session.id),
            "meta": meta(updated),
            "extension": [
                {
                    "url": place.extension(STATUS),
                    "valueCoding": coding(place.words(STATUS), session.status.value),
                }
            ],
            "basedOn": [reference("CarePlan", plan.id, plan.number)],
            "status": SESSION[session.status],
            "intent": "plan",
            "code": procedure_code(session.procedure, place),
            "subject": reference("Patient", session.client_id, plan.client.name),
            "occurrencePeriod": {
                "start": instant(session.starts_at),
                "end": instant(session.ends_at),
            },
            "authoredOn": instant(session.created_at),
            "requester": who(plan.drafted_by),
            "performer": [who(session.performer)] if session.performer else None,
            "bodySite": [concept(text=session.area)],
        }
    )


def procedure_code(code: str, place: Place) -> Element:
    """A procedure of the library, by our own code and its name."""
    return concept(coding(place.words("procedure"), code, LIBRARY[code].name))
