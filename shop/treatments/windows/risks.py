"""What speaks against a session of a plan.

Pure. A session is at risk where something that it needs beforehand did not hold for long enough, or
cannot: she was told too late, has used what she should not have, another session is too near, rules
contradict each other, or a fact is missing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from shop.core.rules import Severity
from shop.treatments.windows.days import first_whole_day
from shop.treatments.windows.facts import Facts, Session
from shop.treatments.windows.reckoning import Conflict, Ground, Piece, Unknown
from shop.treatments.windows.rules import Action, Conduct


class Code(StrEnum):
    """What speaks against a session."""

    TOLD_LATE = "told_late"  # the window had begun when she was told
    USED = "used"  # within the window, as far as is known
    STILL_USED = "still_used"  # and no end is known
    TOO_NEAR = "too_near"  # another procedure
    CONFLICT = "conflict"
    NOT_KNOWN = "not_known"  # a fact that a rule asks for


@dataclass(frozen=True)
class Reason:
    """`subject`: what it is about (the fact, for NOT_KNOWN). `since`: when the window began.

    `short`: days that are missing of it, where they can be counted.
    """

    code: Code
    subject: str
    severity: Severity
    grounds: tuple[Ground, ...]
    since: date | None = None
    short: int | None = None


@dataclass(frozen=True)
class Seen:
    """One session beside everything that bears on it.

    `others`: the days of the sessions of another procedure. `near`: all windows that keep other
    procedures away. `asked`: all pieces, by subject and action.
    """

    session: Session
    day: date
    own: Sequence[Piece]
    others: Mapping[str, date]
    near: Sequence[Piece]
    asked: Mapping[tuple[str, Action], Sequence[Piece]]
    facts: Facts
    zone: ZoneInfo

    def reasons(
        self, conflicts: Iterable[Conflict], unknown: Iterable[Unknown]
    ) -> tuple[Reason, ...]:
        """One for each thing that is wrong, the gravest first."""
        key = self.session.key
        return _together([*self._windows(), *_torn(key, conflicts), *_missing(key, unknown)])

    def _windows(self) -> Iterator[Reason]:
        for piece in self.own:
            if piece.first >= self.day:
                continue
            yield from self._late(piece)
            if piece.action is Action.STOP:
                yield from self._used(piece)
        for piece, other in self._too_near():
            yield Reason(Code.TOO_NEAR, other, piece.severity, (piece.ground,), piece.first)

    def _late(self, piece: Piece) -> Iterator[Reason]:
        short = sum(day < self.day for day in self.untold(piece))
        if short:
            subject, ground = piece.rule.subject, (piece.ground,)
            yield Reason(Code.TOLD_LATE, subject, piece.severity, ground, piece.first, short)

    def untold(self, piece: Piece) -> list[date]:
        """The days from the begin of a window on that she was not told of in time."""
        if self.session.told_at is None or not self._may_be_late(piece):
            return []
        before_told = _days_between(piece.first, first_whole_day(self.session.told_at, self.zone))
        return [day for day in before_told if not self._told_for_another(piece, day)]

    def _may_be_late(self, piece: Piece) -> bool:
        subject, uses = piece.rule.subject, self.facts.uses
        if piece.action is Action.STOP and subject != Conduct.ISOTRETINOIN:  # asked by its last day
            return uses is None or subject in uses
        return piece.action is Action.REQUIRE

    def _told_for_another(self, piece: Piece, day: date) -> bool:
        """Whether another session asked the same of that day, and she knew it in time."""
        for other in self.asked.get((piece.rule.subject, piece.action), ()):
            if other.session.key != self.session.key and other.first <= day < other.until:
                told_at = other.session.told_at
                if told_at is None or first_whole_day(told_at, self.zone) <= day:
                    return True
        return False

    def _used(self, piece: Piece) -> Iterator[Reason]:
        subject, ground = piece.rule.subject, (piece.ground,)
        if subject == Conduct.ISOTRETINOIN and self.facts.isotretinoin_now:
            yield Reason(Code.STILL_USED, subject, piece.severity, ground, piece.first)
            return
        last = last_used(self.facts, subject)
        if last is not None and piece.first <= last < piece.until:
            short = (min(last, self.day) - piece.first).days + 1
            yield Reason(Code.USED, subject, piece.severity, ground, piece.first, short)

    def _too_near(self) -> Iterator[tuple[Piece, str]]:
        """Windows of this session that another lies in, and of others that this one lies in."""
        for piece in self.near:
            if piece.session.key == self.session.key:
                yield from (
                    (piece, key)
                    for key, day in self.others.items()
                    if piece.first <= day < piece.until
                )
            elif piece.session.key in self.others and piece.first <= self.day < piece.until:
                yield piece, piece.session.key


def _torn(key: str, conflicts: Iterable[Conflict]) -> Iterator[Reason]:
    for one in conflicts:
        grounds = (*one.requires, *one.forbids)
        if key in {ground.session for ground in grounds}:
            yield Reason(Code.CONFLICT, one.subject, Severity.SOFT_STOP, grounds, one.begins.date())


def _missing(key: str, unknown: Iterable[Unknown]) -> Iterator[Reason]:
    for one in unknown:
        if one.ground.session == key:
            severity = min(one.severity, Severity.SOFT_STOP)
            yield Reason(Code.NOT_KNOWN, one.fact, severity, (one.ground,))


def _together(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
    """Reasons of one code and subject as one, as grave as the gravest of them."""
    by_subject: dict[tuple[Code, str], list[Reason]] = defaultdict(list)
    for reason in reasons:
        by_subject[reason.code, reason.subject].append(reason)
    found = [
        Reason(
            code=code,
            subject=subject,
            severity=max(one.severity for one in ones),
            grounds=tuple(sorted({ground for one in ones for ground in one.grounds})),
            since=min((one.since for one in ones if one.since), default=None),
            short=max((one.short for one in ones if one.short), default=None),
        )
        for (code, subject), ones in by_subject.items()
    ]
    return tuple(sorted(found, key=lambda one: (-one.severity, one.code, one.subject)))


def _days_between(first: date, until: date) -> list[date]:
    return [first + timedelta(days=days) for days in range((until - first).days)]


def last_used(facts: Facts, subject: str) -> date | None:
    known = [facts.last_used.get(subject)]
    if subject == Conduct.ISOTRETINOIN:
        known.append(facts.isotretinoin_last)
    return max((day for day in known if day is not None), default=None)
