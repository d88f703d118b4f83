"""A draft is proposed; what goes beyond the scope of who proposes it waits for a physician."""

from __future__ import annotations

from datetime import UTC, datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.treatments import permitting
from shop.treatments.errors import PlanRefused
from shop.treatments.models import Plan
from shop.treatments.scope import ScopeAnswer, Verdict
from shop.treatments.states import AHEAD, PlanStatus


def propose(plan: Plan, *, by: Person, at: datetime) -> None:
    """Let the client and the physicians read it.

    Raises PlanRefused where nothing is planned, WrongState.
    """
    if not any(one.status in AHEAD for one in plan.sessions):
        raise PlanRefused(
            "There is nothing to propose yet.", fields={"sessions": ["Add a session first."]}
        )
    plan.status = PlanStatus.PROPOSED
    db.session.flush()  # the row goes before its event
    events.record(Kind.PLAN_PROPOSED, plan, version=plan.version.number)
    send_on(plan, by=by, at=at)


def send_on(plan: Plan, *, by: Person, at: datetime) -> None:
    """Lay what is proposed before a physician where something is outside the scope of `by`."""
    if plan.status is not PlanStatus.PROPOSED:
        return
    answers = outside(plan, by=by, at=at, lock=True)
    if answers:
        plan.status = PlanStatus.AWAITING_PHYSICIAN
        db.session.flush()  # the row goes before its event
        events.record(Kind.PLAN_SENT_ON, plan, procedures=len(answers))


def outside(plan: Plan, *, by: Person, at: datetime, lock: bool = False) -> dict[str, ScopeAnswer]:
    """What of the plan `by` may not do alone where the clinic is: procedure → why.

    With `lock` no rule changes before this transaction ends.
    """
    planned = sorted({one.procedure for one in plan.sessions if one.status in AHEAD})
    told = permitting.answers(
        [permitting.procedure_of(code) for code in planned],
        by,
        state=plan.state,
        supervised=False,
        on=at.astimezone(UTC).date(),
        lock=lock,
    )
    return {code: one for code, one in told.items() if one.verdict is not Verdict.ALLOWED}
