"""What can be done about a session that something speaks against.

Pure. A day that is proposed is free of all that is known now; who takes it reckons the calendar
anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from shop.core.rules import Severity
from shop.treatments.windows.reckoning import Piece
from shop.treatments.windows.risks import Code, Reason, Seen, last_used
from shop.treatments.windows.rules import Action, Conduct

Blocked = tuple[date, date]  # the session cannot lie on these days: [first, until)
DAY = timedelta(days=1)
MENDED_BY_TIME = (Code.TOLD_LATE, Code.USED, Code.STILL_USED, Code.TOO_NEAR)


class Way(StrEnum):
    """A way out."""

    MOVE = "move"  # to `to`, the first day that is free
    WAIVE = "waive"  # a physician goes on with a reason
    SKIP = "skip"  # she leaves the subject off from now on until `to`
    ASK = "ask"  # the client, for the fact


@dataclass(frozen=True)
class Option:
    way: Way
    subject: str = ""
    to: date | None = None


def ways_out(seen: Seen, reasons: Sequence[Reason]) -> Iterator[Option]:
    """What can be done about the reasons that are more than told."""
    against = [reason for reason in reasons if reason.severity >= Severity.WARN]
    if not against:
        return
    for reason in against:
        if reason.code is Code.NOT_KNOWN:
            yield Option(Way.ASK, reason.subject)
    if any(reason.code in MENDED_BY_TIME for reason in against):
        yield Option(Way.MOVE, to=_first_free(seen, against))
    for reason in against:
        if reason.code in (Code.TOLD_LATE, Code.USED):
            yield from _left_off(seen, reason.subject)
    if max(reason.severity for reason in against) <= Severity.SOFT_STOP:
        yield Option(Way.WAIVE)


def _left_off(seen: Seen, subject: str) -> Iterator[Option]:
    """What she can leave off from now on, until the session no longer asks for it."""
    stops = [piece for piece in seen.own if piece.rule.subject == subject]
    until = [piece.until for piece in stops if piece.action is Action.STOP]
    if until and subject != Conduct.ISOTRETINOIN:
        yield Option(Way.SKIP, subject, max(until))


def _first_free(seen: Seen, against: Sequence[Reason]) -> date | None:
    """The first day from the session's on that nothing known speaks against."""
    if any(reason.code is Code.STILL_USED for reason in against):
        return None
    day = seen.day
    for first, until in sorted(_blocked(seen)):
        if first <= day < until:
            day = until
    return day


def _blocked(seen: Seen) -> Iterator[Blocked]:
    """Where the session cannot lie, as if its windows moved with it by whole days."""
    for piece in seen.own:
        before = seen.day - piece.first
        if piece.severity >= Severity.WARN and before > timedelta():
            for free in filter(None, (_told_from(seen, piece), _off_from(seen, piece))):
                yield date.min, free + before
    for piece in seen.near:
        if piece.severity >= Severity.WARN:
            yield from _taken(seen, piece)


def _taken(seen: Seen, piece: Piece) -> Iterator[Blocked]:
    """The days that a window for other procedures takes from this session."""
    if piece.session.key == seen.session.key:
        before, after = seen.day - piece.first, piece.until - seen.day
        for day in seen.others.values():
            yield day - after + DAY, day + before + DAY
    elif piece.session.key in seen.others:
        yield piece.first, piece.until


def _told_from(seen: Seen, piece: Piece) -> date | None:
    """The first day on which a window can begin that she was told of too late."""
    untold = seen.untold(piece)
    return untold[-1] + DAY if untold else None


def _off_from(seen: Seen, piece: Piece) -> date | None:
    """The first day on which a window can begin after she has used what it stops."""
    last = last_used(seen.facts, piece.rule.subject)
    return last + DAY if last is not None and piece.action is Action.STOP else None
