"""What moving a session changes at home, on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import fields

from shop.treatments import rescheduled
from shop.treatments.models import Session
from shop.web.api import Moment, Schema


class HomeChangesQuery(Schema):
    """A time that it might be moved to; without one it is asked what was changed lately."""

    starts = Moment(load_default=None)


class HomeChangesOut(Schema):
    """`changes`: what the client is told, in order of time; nothing of it is past.

    `before` is null where it is where she last knew it, and none was asked for.
    """

    before = Moment(allow_none=True)
    after = Moment()
    changes = fields.List(fields.String())


def changes(session: Session, starts: datetime | None, *, at: datetime) -> dict[str, Any]:
    """As HomeChangesOut shows it. Raises PlanRefused, sealed.NotOpened."""
    if starts is None:
        moved = rescheduled.told(session, at=at)
        was, said = (moved.was, moved.changes) if moved else (None, ())
        return {"before": was, "after": session.starts_at, "changes": said}
    said = rescheduled.preview(session, starts, at=at)
    return {"before": session.starts_at, "after": starts, "changes": said}
