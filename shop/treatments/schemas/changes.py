"""What moving a session changes at home, on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import fields

from shop.treatments import rescheduled
from shop.treatments.models import Session
from shop.web.api import Moment, Schema


class HomeChangesQuery(Schema):
    """A time that it might be moved to; without one it is asked what its last move changed."""

    starts = Moment(load_default=None)


class HomeChangesOut(Schema):
    """`changes`: what the client is told, in order of time; nothing of it is past.

    `before` is null where it was never moved and none was asked for.
    """

    before = Moment(allow_none=True)
    after = Moment()
    changes = fields.List(fields.String())


def changes(session: Session, starts: datetime | None, *, at: datetime) -> dict[str, Any]:
    """As HomeChangesOut shows it. Raises sealed.NotOpened."""
    if starts is None:
        before = session.moves[-1].from_starts_at if session.moves else None
        told = rescheduled.last_changes(session)
        return {"before": before, "after": session.starts_at, "changes": told}
    told = rescheduled.changes(session, before=session.starts_at, after=starts, at=at)
    return {"before": session.starts_at, "after": starts, "changes": told}
