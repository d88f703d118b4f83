"""A plan is complete: something was performed, and nothing of it is ahead."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.treatments.errors import SessionsAhead
from shop.treatments.models import Plan
from shop.treatments.states import AHEAD, PlanStatus, SessionStatus


def complete(plan: Plan, *, by: Person, at: datetime) -> None:
    """Raises SessionsAhead, WrongState."""
    ahead = sum(one.status in AHEAD for one in plan.sessions)
    done = sum(one.status is SessionStatus.PERFORMED for one in plan.sessions)
    if plan.status is PlanStatus.ACTIVE and (ahead or not done):
        raise SessionsAhead(
            "It is complete once nothing is ahead and something was performed.",
            ahead=ahead,
            performed=done,
        )
    plan.status = PlanStatus.COMPLETED
    db.session.flush()  # the row goes before its event
    events.record(Kind.PLAN_COMPLETED, plan)
