"""What moving a session changes for the client at home: read off the rows, and said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from shop.treatments import asked, planning, windows
from shop.treatments.models import Session
from shop.treatments.windows import wording

NEWS = timedelta(days=14)  # for so long a move is shown to her as new


@dataclass(frozen=True)
class Told:
    """When it was to be, as she last knew it, and what the move from there changed at home."""

    was: datetime
    changes: tuple[str, ...]


def changes(
    session: Session, *, before: datetime, after: datetime, at: datetime
) -> tuple[str, ...]:
    """What she is told when it goes from `before` to `after`: what differs from `at` on, by time.

    Everything else is taken as it stands in the rows now.

    Nothing where the session does not count (see `asked`), and nothing that is past. Raises
    sealed.NotOpened.
    """
    was, now = asked.either_way(session, before=before, after=after, at=at)
    return tuple(wording.changed(one) for one in windows.changes(was, now, at=at))


def preview(session: Session, starts: datetime, *, at: datetime) -> tuple[str, ...]:
    """What moving it to `starts` would change. Raises PlanRefused, where it cannot be moved there,
    and sealed.NotOpened.
    """
    planning.refuse_time(starts, zone=session.plan.zone, at=at)
    return changes(session, before=session.starts_at, after=starts, at=at)


def told(session: Session, *, at: datetime) -> Told | None:
    """How it was moved lately, all moves as one; None where it was not, or is where it was."""
    lately = [one for one in session.moves if at - NEWS < one.moved_at] or session.moves[-1:]
    if not lately or lately[0].from_starts_at == session.starts_at:
        return None
    first = lately[0]
    found = changes(
        session, before=first.from_starts_at, after=session.starts_at, at=first.moved_at
    )
    return Told(first.from_starts_at, found)


def is_news(session: Session, at: datetime) -> bool:
    """It was moved lately, and is still ahead."""
    moved = session.moves[-1].moved_at if session.moves else None
    return moved is not None and at - NEWS < moved and at < session.starts_at
