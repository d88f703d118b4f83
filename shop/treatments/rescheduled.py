"""What moving a session changes for the client at home: read off the rows, and said."""

from __future__ import annotations

from datetime import datetime, timedelta

from shop.treatments import asked, windows
from shop.treatments.models import Session
from shop.treatments.windows import wording

NEWS = timedelta(days=14)  # for so long a move is shown to her as new


def changes(
    session: Session, *, before: datetime, after: datetime, at: datetime
) -> tuple[str, ...]:
    """What she is told when it goes from `before` to `after`: what differs from `at` on, by time.

    Nothing where the session does not count (see `asked`), and nothing that is past. Raises
    sealed.NotOpened.
    """
    was, now = asked.either_way(session, before=before, after=after, at=at)
    return tuple(wording.changed(one) for one in windows.changes(was, now, at=at))


def last_changes(session: Session) -> tuple[str, ...]:
    """What its last move changed, from when it was moved on; () where it never was."""
    if not session.moves:
        return ()
    move = session.moves[-1]
    return changes(session, before=move.from_starts_at, after=move.starts_at, at=move.moved_at)


def is_news(session: Session, at: datetime) -> bool:
    """It was moved lately, and is still ahead."""
    moved = session.moves[-1].moved_at if session.moves else None
    return moved is not None and at - NEWS < moved and at < session.starts_at
