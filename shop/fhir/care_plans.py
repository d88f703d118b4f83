"""CarePlan (R4, careplan.html): the course of a client's sessions."""

from __future__ import annotations

from datetime import datetime

from shop.fhir.elements import (
    Element,
    Place,
    coding,
    identifier,
    instant,
    meta,
    reference,
    said,
)
from shop.fhir.people import who
from shop.fhir.statuses import CARE_PLAN
from shop.treatments.models import Plan

STATUS = "plan-status"  # our own word: R4 has none of its own for who has it before the start


def care_plan(plan: Plan, *, updated: datetime, place: Place) -> Element:
    """What it says now, its sessions as activities; a proposal until a physician has started it."""
    start = plan.start
    return said(
        {
            "resourceType": "CarePlan",
            "id": str(plan.id),
            "meta": meta(updated),
            "extension": [
                {
                    "url": place.extension(STATUS),
                    "valueCoding": coding(place.words(STATUS), plan.status.value),
                }
            ],
            "identifier": [identifier(place.numbers("plan"), plan.number)],
            "status": CARE_PLAN[plan.status],
            "intent": "plan" if start else "proposal",
            "description": plan.goal,
            "subject": reference("Patient", plan.client_id, plan.client.name),
            "period": {"start": instant(start.started_at)} if start else None,
            "created": instant(plan.created_at),
            "author": who(plan.drafted_by),
            "contributor": [who(start.physician)] if start else None,
            "activity": [
                {"reference": reference("ServiceRequest", session.id)} for session in plan.sessions
            ],
        }
    )
