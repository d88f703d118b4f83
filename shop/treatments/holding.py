"""Pause a plan, and let it go on."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person, Role
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotAllowed, WrongState
from shop.core.events import Kind
from shop.treatments.models import Plan
from shop.treatments.states import PlanStatus


def hold(plan: Plan, *, reason: str, by: Person, at: datetime) -> None:
    """Nothing is performed or booked until it is resumed; what is booked stays so.

    Raises NotAllowed, WrongState.
    """
    _require_physician(plan, by)
    plan.status = PlanStatus.ON_HOLD
    plan.reason = reason
    db.session.flush()  # the row goes before its event
    events.record(Kind.PLAN_HELD, plan)


def resume(plan: Plan, *, by: Person, at: datetime) -> None:
    """Let it go on. Raises NotAllowed, WrongState."""
    _require_physician(plan, by)
    if plan.status is not PlanStatus.ON_HOLD:
        raise WrongState(f"A plan that is {plan.status} is not on hold.", status=plan.status)
    plan.status = PlanStatus.ACTIVE
    plan.reason = None
    db.session.flush()  # the row goes before its event
    events.record(Kind.PLAN_RESUMED, plan)


def _require_physician(plan: Plan, by: Person) -> None:
    if by.role is not Role.PHYSICIAN or by.id == plan.client_id:
        raise NotAllowed("A physician pauses a plan, and not her own.")
