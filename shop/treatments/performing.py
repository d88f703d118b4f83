"""A session is performed: by whom, when, where, with what note."""

from __future__ import annotations

import uuid
from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.treatments import permitting
from shop.treatments.errors import OwnPlan, PlanNotRunning, PlanRefused, TooEarly
from shop.treatments.models import Performance, Session
from shop.treatments.states import PlanStatus, SessionStatus


def perform(
    session: Session,
    *,
    performer: Person,
    performed_at: datetime,
    area: str | None = None,
    note: str | None = None,
    by: Person,
    at: datetime,
) -> Performance:
    """Write down that it was done under its active plan, by somebody who may.

    Without `area` where it was planned. Raises WrongState, PlanNotRunning, TooEarly, PlanRefused,
    OutsideScope, OwnPlan.
    """
    where = area or session.area
    _refuse_state(session)
    _refuse_time(session, performed_at, at)
    _refuse_area(session, where)
    if performer.id == session.client_id:
        raise OwnPlan("Nobody treats themselves.")
    permitting.require(
        permitting.procedure_of(session.procedure),
        performer,
        state=session.plan.state,
        supervised=True,
        at=performed_at,
    )
    done = Performance(
        id=uuid.uuid4(),
        session_id=session.id,
        client_id=session.client_id,
        performer=performer,
        performed_at=performed_at,
        area=where,
    )
    done.note = note
    db.session.add(done)
    db.session.flush()  # while it is booked
    session.status = SessionStatus.PERFORMED
    db.session.flush()  # the row goes before its event
    db.session.refresh(session, ["performance"])
    events.record(Kind.SESSION_PERFORMED, session)
    return done


def _refuse_state(session: Session) -> None:
    plan = session.plan
    if plan.status is not PlanStatus.ACTIVE:
        raise PlanNotRunning(
            f"Nothing is performed under a plan that is {plan.status}.", status=plan.status
        )
    if session.status is not SessionStatus.BOOKED:
        raise WrongState(
            f"A session that is {session.status} is not performed.", status=session.status
        )


def _refuse_time(session: Session, performed_at: datetime, at: datetime) -> None:
    if performed_at > at:
        raise TooEarly(
            "What lies ahead was not performed.", fields={"performed_at": ["Must be past."]}
        )
    start = session.plan.start
    if start and performed_at < start.started_at:
        raise PlanRefused(
            "It was not performed under this plan.",
            fields={"performed_at": [f"The plan was started at {start.started_at.isoformat()}."]},
        )


def _refuse_area(session: Session, area: str) -> None:
    procedure = permitting.procedure_of(session.procedure)
    if area not in procedure.areas:
        raise PlanRefused(
            "It is not done there.",
            fields={"area": [f"{procedure.name} is done on {', '.join(procedure.areas)}."]},
        )
