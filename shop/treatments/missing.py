"""A client did not come."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.treatments.errors import TooEarly
from shop.treatments.models import Session
from shop.treatments.states import SessionStatus


def miss(session: Session, *, by: Person, at: datetime) -> None:
    """Nobody came. It may be moved to another day. Raises TooEarly, WrongState."""
    if session.status is SessionStatus.BOOKED and at < session.starts_at:
        raise TooEarly("It has not begun yet.", starts_at=session.starts_at.isoformat())
    session.status = SessionStatus.NO_SHOW
    db.session.flush()  # the row goes before its event
    events.record(Kind.SESSION_MISSED, session)
