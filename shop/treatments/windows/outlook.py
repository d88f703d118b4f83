"""How each session of a plan stands to what it asks for: what speaks against it, and the ways out.

Pure. A session is at risk where something that it needs beforehand did not hold for long enough, or
cannot: she was told too late, has used what she should not have, another session is too near, rules
contradict each other, or a fact is missing. A date that is proposed is free of all that is known
now; who takes it reckons the calendar anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from shop.core.rules import Severity
from shop.treatments.procedures import LIBRARY
from shop.treatments.windows.days import day_of, first_whole_day
from shop.treatments.windows.facts import Facts, Session
from shop.treatments.windows.reckoning import Conflict, Ground, Piece, Unknown
from shop.treatments.windows.rules import Action, Conduct

Blocked = tuple[date, date]  # the session cannot lie on these days: [first, until)
DAY = timedelta(days=1)


class Code(StrEnum):
    """What speaks against a session."""

    TOLD_LATE = "told_late"  # the window had begun when she was told
    USED = "used"  # within the window, as far as is known
    STILL_USED = "still_used"  # and no end is known
    TOO_NEAR = "too_near"  # another procedure
    CONFLICT = "conflict"
    NOT_KNOWN = "not_known"  # a fact that a rule asks for


MENDED_BY_TIME = (Code.TOLD_LATE, Code.USED, Code.STILL_USED, Code.TOO_NEAR)


class Way(StrEnum):
    """A way out."""

    MOVE = "move"  # to `to`, the first day that is free
    WAIVE = "waive"  # a physician goes on with a reason
    SKIP = "skip"  # she leaves the subject off from now on until `to`
    ASK = "ask"  # the client, for the fact


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
class Option:
    way: Way
    subject: str = ""
    to: date | None = None


@dataclass(frozen=True)
class Outlook:
    """A session, what speaks against it, and what can be done. `recovered`: (soonest, latest)."""

    key: str
    day: date
    reasons: tuple[Reason, ...]
    options: tuple[Option, ...]
    recovered: tuple[date, date] | None

    @property
    def at_risk(self) -> bool:
        return any(reason.severity >= Severity.SOFT_STOP for reason in self.reasons)


def outlooks(
    sessions: Sequence[Session],
    found: Sequence[Piece],
    conflicts: Sequence[Conflict],
    unknown: Sequence[Unknown],
    *,
    facts: Facts,
    zone: ZoneInfo,
) -> tuple[Outlook, ...]:
    """Every session, in the order of time."""
    days = {session.key: day_of(session.starts, zone) for session in sessions}
    asked: dict[tuple[str, Action], list[Piece]] = defaultdict(list)
    for piece in found:
        asked[piece.rule.subject, piece.action].append(piece)
    near = [piece for piece in found if piece.rule.subject == Conduct.OTHER_PROCEDURE]
    made = []
    for session in sessions:
        others = {one.key: days[one.key] for one in sessions if one.procedure != session.procedure}
        own = [piece for piece in found if piece.session.key == session.key]
        seen = _Seen(session, days[session.key], own, others, near, asked, facts, zone)
        told = [*seen.reasons(), *_torn(session.key, conflicts), *_missing(session.key, unknown)]
        made.append(seen.outlook(_together(told)))
    return tuple(sorted(made, key=lambda one: (one.day, one.key)))


@dataclass(frozen=True)
class _Seen:
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

    def outlook(self, reasons: tuple[Reason, ...]) -> Outlook:
        procedure = LIBRARY.get(self.session.procedure)
        ended = day_of(self.session.ends, self.zone)
        return Outlook(
            key=self.session.key,
            day=self.day,
            reasons=reasons,
            options=tuple(self._options(reasons)),
            recovered=procedure.recovered(ended) if procedure else None,
        )

    # What speaks against it ----------------------------------------------------------------------

    def reasons(self) -> Iterator[Reason]:
        for piece in self.own:
            if piece.first >= self.day:
                continue
            yield from self._late(piece)
            if piece.action is Action.STOP:
                yield from self._used(piece)
        for piece, other in self._too_near():
            yield Reason(Code.TOO_NEAR, other, piece.severity, (piece.ground,), piece.first)

    def _late(self, piece: Piece) -> Iterator[Reason]:
        short = sum(day < self.day for day in self._untold(piece))
        if short:
            subject, ground = piece.rule.subject, (piece.ground,)
            yield Reason(Code.TOLD_LATE, subject, piece.severity, ground, piece.first, short)

    def _untold(self, piece: Piece) -> list[date]:
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
        last = _last_used(self.facts, subject)
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

    # Ways out ------------------------------------------------------------------------------------

    def _options(self, reasons: Sequence[Reason]) -> Iterator[Option]:
        against = [reason for reason in reasons if reason.severity >= Severity.WARN]
        if not against:
            return
        for reason in against:
            if reason.code is Code.NOT_KNOWN:
                yield Option(Way.ASK, reason.subject)
        if any(reason.code in MENDED_BY_TIME for reason in against):
            yield Option(Way.MOVE, to=self._first_free(against))
        for reason in against:
            if reason.code in (Code.TOLD_LATE, Code.USED):
                yield from self._left_off(reason.subject)
        if max(reason.severity for reason in against) <= Severity.SOFT_STOP:
            yield Option(Way.WAIVE)

    def _left_off(self, subject: str) -> Iterator[Option]:
        """What she can leave off from now on, until the session no longer asks for it."""
        stops = [piece for piece in self.own if piece.rule.subject == subject]
        until = [piece.until for piece in stops if piece.action is Action.STOP]
        if until and subject != Conduct.ISOTRETINOIN:
            yield Option(Way.SKIP, subject, max(until))

    def _first_free(self, against: Sequence[Reason]) -> date | None:
        """The first day from the session's on that nothing known speaks against."""
        if any(reason.code is Code.STILL_USED for reason in against):
            return None
        day = self.day
        for first, until in sorted(self._blocked()):
            if first <= day < until:
                day = until
        return day

    def _blocked(self) -> Iterator[Blocked]:
        """Where the session cannot lie, as if its windows moved with it by whole days."""
        for piece in self.own:
            before = self.day - piece.first
            if piece.severity >= Severity.WARN and before > timedelta():
                for free in filter(None, (self._told_from(piece), self._off_from(piece))):
                    yield date.min, free + before
        for piece in self.near:
            if piece.severity >= Severity.WARN:
                yield from self._taken(piece)

    def _taken(self, piece: Piece) -> Iterator[Blocked]:
        """The days that a window for other procedures takes from this session."""
        if piece.session.key == self.session.key:
            before, after = self.day - piece.first, piece.until - self.day
            for day in self.others.values():
                yield day - after + DAY, day + before + DAY
        elif piece.session.key in self.others:
            yield piece.first, piece.until

    def _told_from(self, piece: Piece) -> date | None:
        """The first day on which a window can begin that she was told of too late."""
        untold = self._untold(piece)
        return untold[-1] + DAY if untold else None

    def _off_from(self, piece: Piece) -> date | None:
        """The first day on which a window can begin after she has used what it stops."""
        last = _last_used(self.facts, piece.rule.subject)
        return last + DAY if last is not None and piece.action is Action.STOP else None


def _days_between(first: date, until: date) -> list[date]:
    return [first + timedelta(days=days) for days in range((until - first).days)]


def _last_used(facts: Facts, subject: str) -> date | None:
    known = [facts.last_used.get(subject)]
    if subject == Conduct.ISOTRETINOIN:
        known.append(facts.isotretinoin_last)
    return max((day for day in known if day is not None), default=None)


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
    """One reason for each thing that is wrong, as grave as the gravest, gravest first."""
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
