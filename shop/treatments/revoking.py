"""A plan is taken back: what is ahead of it is cancelled, what was performed stays."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person, Role
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotAllowed
from shop.core.events import Kind
from shop.treatments import cancelling
from shop.treatments.models import Plan
from shop.treatments.states import AHEAD, PlanStatus


def revoke(plan: Plan, *, reason: str, by: Person, at: datetime) -> None:
    """End it before it is complete. Before it was started, who drafted it may; the client always.

    Raises NotAllowed, WrongState.
    """
    if plan.start and by.role is Role.ESTHETICIAN:
        raise NotAllowed("A physician, or the client, takes back a plan that was started.")
    plan.status = PlanStatus.REVOKED
    plan.reason = reason
    for session in plan.sessions:
        if session.status in AHEAD:
            cancelling.cancel(session, reason=reason, by=by, at=at)
    db.session.flush()  # the row goes before its event
    events.record(Kind.PLAN_REVOKED, plan)
