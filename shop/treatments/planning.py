"""A plan is changed: a session more, or another goal. Each change is the plan's next version."""

from __future__ import annotations

from datetime import datetime, timedelta

from shop.accounts.models import Person, Role
from shop.core import events
from shop.core.clock import day_in
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.treatments import permitting, proposing, versioning
from shop.treatments.errors import OutsideScope, PlanRefused
from shop.treatments.models import Plan, Session
from shop.treatments.procedures import LIBRARY
from shop.treatments.states import ENDED
from shop.treatments.templates import Step

MOST_SESSIONS = 40
FURTHEST = timedelta(days=3 * 366)
SHORTEST, LONGEST = 5, 720  # minutes
LONGEST_GOAL = 1_000  # characters


def add(plan: Plan, step: Step, *, by: Person, at: datetime) -> Session:
    """One session more, proposed for a time.

    What a started plan does not do yet, a physician adds. Raises WrongState, PlanRefused,
    OutsideScope.
    """
    _require_open(plan)
    refuse_many(len(plan.sessions) + 1)
    refuse_step(step, zone=plan.zone, at=at)
    if plan.start and step.procedure not in {one.procedure for one in plan.sessions}:
        _require_may_widen(plan, step, by=by, at=at)
    (session,) = versioning.write(plan, goal=plan.goal, more=[step], by=by)
    events.record(Kind.PLAN_CHANGED, plan, version=plan.version.number)
    proposing.send_on(plan, by=by, at=at)
    return session


def change(plan: Plan, *, goal: str, by: Person, at: datetime) -> None:
    """Say anew what it is for. Raises WrongState, PlanRefused."""
    _require_open(plan)
    refuse_goal(goal)
    versioning.write(plan, goal=goal, by=by)
    events.record(Kind.PLAN_CHANGED, plan, version=plan.version.number)


def refuse_goal(goal: str) -> None:
    if not goal.strip() or len(goal) > LONGEST_GOAL:
        raise _wrong("goal", f"Say in up to {LONGEST_GOAL} characters what it is for.")


def refuse_many(sessions: int) -> None:
    if sessions > MOST_SESSIONS:
        raise _wrong("sessions", f"A plan has {MOST_SESSIONS} sessions at most.")


def refuse_step(step: Step, *, zone: str, at: datetime, row: str = "") -> None:
    """A procedure of the library, where it is done, at a time that can be planned.

    `row` stands before the field in what is said ("sessions.2.").
    """
    procedure = LIBRARY.get(step.procedure)
    if procedure is None:
        raise _wrong(f"{row}procedure", f"There is no procedure {step.procedure[:40]!r}.")
    if step.area not in procedure.areas:
        raise _wrong(f"{row}area", f"{procedure.name} is done on {', '.join(procedure.areas)}.")
    if not SHORTEST <= step.minutes <= LONGEST:
        raise _wrong(f"{row}minutes", f"Choose {SHORTEST} to {LONGEST} minutes.")
    refuse_time(step.starts, zone=zone, at=at, row=row)


def refuse_time(starts: datetime, *, zone: str, at: datetime, row: str = "") -> None:
    """From today in the clinic on, within three years."""
    soonest, furthest = at - timedelta(days=1), at + FURTHEST
    if not soonest < starts < furthest or day_in(zone, starts) < day_in(zone, at):
        raise _wrong(f"{row}starts", "Choose a time from today on, within three years.")


def _require_may_widen(plan: Plan, step: Step, *, by: Person, at: datetime) -> None:
    """It was started without this: a physician adds it, who may do it alone."""
    if by.role is not Role.PHYSICIAN:
        raise OutsideScope(
            "A physician adds what this plan does not do yet.", procedure=step.procedure
        )
    procedure = permitting.procedure_of(step.procedure)
    permitting.require(procedure, by, state=plan.state, supervised=False, at=at)


def _require_open(plan: Plan) -> None:
    if plan.status in ENDED:
        raise WrongState(f"A plan that is {plan.status} is not changed.", status=plan.status)


def _wrong(field: str, text: str) -> PlanRefused:
    return PlanRefused("This cannot be planned as it is.", fields={field: [text]})
