"""A session is booked: a time that is kept, and who performs it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.charts.queries import lock_chart
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.treatments import permitting, planning, queries
from shop.treatments.errors import OwnPlan, PlanNotRunning, ReportWaits, SlotTaken
from shop.treatments.models import Session
from shop.treatments.states import BOOKABLE, SessionStatus


def book(session: Session, *, performer: Person, by: Person, at: datetime) -> None:
    """Keep its time with `performer`, who may do it, at least under a physician.

    Another time than was proposed is a move first. Raises PlanNotRunning, WrongState, OutsideScope,
    PlanRefused, SlotTaken, and ReportWaits while nobody has answered a report out of course.
    """
    plan = session.plan
    require_bookable(session)
    if queries.held_for_report(session.client_id):
        raise ReportWaits("Her skin is out of course. A physician answers her report first.")
    if performer.id == session.client_id:
        raise OwnPlan("Nobody treats themselves.")
    planning.refuse_time(session.starts_at, zone=plan.zone, at=at)
    hold_slot(session, session.starts_at, session.ends_at, performer)
    permitting.require(
        permitting.procedure_of(session.procedure),
        performer,
        state=plan.state,
        supervised=True,
        at=session.starts_at,
    )
    session.performer = performer
    session.status = SessionStatus.BOOKED
    db.session.flush()  # the row goes before its event
    events.record(Kind.SESSION_BOOKED, session)


def require_bookable(session: Session) -> None:
    """Raises PlanNotRunning."""
    plan = session.plan
    if plan.status not in BOOKABLE:
        raise PlanNotRunning(
            f"Nothing is booked under a plan that is {plan.status}.", status=plan.status
        )


def hold_slot(session: Session, starts: datetime, ends: datetime, performer: Person) -> None:
    """Whether client and performer are free then; nobody books either before this is committed.

    Raises SlotTaken.
    """
    lock_chart(session.plan.client)
    db.session.execute(
        sa.select(Person.id).where(Person.id == performer.id).with_for_update(key_share=True)
    )
    taken = sa.select(Session.client_id).where(
        Session.id != session.id,
        Session.status == SessionStatus.BOOKED,
        sa.or_(Session.client_id == session.client_id, Session.performer_id == performer.id),
        Session.starts_at < ends,
        starts < Session.ends_at,
    )
    others = list(db.session.scalars(taken))
    if others:
        who = "The client" if session.client_id in others else performer.name
        raise SlotTaken(f"{who} has another session at that time.", starts_at=starts.isoformat())
