"""A session is moved to another time; from when, to when, by whom and why is kept."""

from __future__ import annotations

import uuid
from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.treatments import booking, planning
from shop.treatments.models import Session, SessionMove
from shop.treatments.states import ENDED, MOVABLE, SessionStatus


def move(
    session: Session, *, starts: datetime, reason: str | None = None, by: Person, at: datetime
) -> None:
    """Let it begin at `starts`, as long as before. Whoever did not come is booked again by it.

    Raises WrongState, PlanNotRunning, PlanRefused, SlotTaken.
    """
    plan = session.plan
    if session.status not in MOVABLE or plan.status in ENDED:
        raise WrongState(f"A session that is {session.status} is not moved.", status=session.status)
    planning.refuse_time(starts, zone=plan.zone, at=at)
    if session.status is SessionStatus.NO_SHOW:
        booking.require_bookable(session)
    ends = starts + (session.ends_at - session.starts_at)
    if session.performer and session.status is not SessionStatus.PROPOSED:
        booking.hold_slot(session, starts, ends, session.performer)
    before = session.starts_at
    _write(session, starts, ends, reason, by)
    events.record(Kind.SESSION_MOVED, session, before=before.isoformat(), after=starts.isoformat())
    if session.status is SessionStatus.NO_SHOW:
        session.status = SessionStatus.BOOKED
        db.session.flush()  # the row goes before its event
        events.record(Kind.SESSION_BOOKED, session)


def _write(
    session: Session, starts: datetime, ends: datetime, reason: str | None, by: Person
) -> None:
    moved = SessionMove(
        id=uuid.uuid4(), session_id=session.id, starts_at=starts, ends_at=ends, moved_by=by
    )
    moved.reason = reason
    db.session.add(moved)
    db.session.flush()  # the database moves the session itself
    db.session.refresh(session, ["starts_at", "ends_at", "moves"])
