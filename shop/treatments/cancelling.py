"""A session is cancelled, with a reason."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.treatments.models import Session
from shop.treatments.states import SessionStatus


def cancel(session: Session, *, reason: str, by: Person, at: datetime) -> None:
    """It will not take place. Raises WrongState."""
    session.status = SessionStatus.CANCELLED
    session.reason = reason
    db.session.flush()  # the row goes before its event
    events.record(Kind.SESSION_CANCELLED, session)
