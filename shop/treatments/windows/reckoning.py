"""Rules and sessions in, dated intervals per subject out.

Pure. Everything is reckoned in days, `[first, until)`; moments are made at the end. The windows of
all sessions are laid over each other; where several speak of one subject on one day, the strictest
is told, and what grounds it is kept.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import cached_property
from typing import NamedTuple
from zoneinfo import ZoneInfo

from shop.core.rules import Severity
from shop.treatments.windows.days import begin_of, day_of
from shop.treatments.windows.facts import Facts, Session
from shop.treatments.windows.rules import STRICTNESS, Action, Anchor, WindowRule


class Ground(NamedTuple):
    """Why something holds: a version of a rule, and the session it speaks about."""

    number: str
    version: int
    session: str


@dataclass(frozen=True)
class Piece:
    """What one rule asks around one session. `unknown`: facts it rests on that nobody knows."""

    rule: WindowRule
    session: Session
    day: date  # of the session's start
    first: date
    until: date
    severity: Severity
    unknown: tuple[str, ...] = ()

    @property
    def action(self) -> Action:
        return self.rule.action

    @cached_property
    def ground(self) -> Ground:
        return Ground(self.rule.number, self.rule.version, self.session.key)

    @cached_property
    def strictness(self) -> tuple[bool, Severity, int]:
        """What forbids goes before what asks for something; then severity, then the action."""
        return self.action.forbids, self.severity, STRICTNESS[self.action]


@dataclass(frozen=True)
class Interval:
    """One subject between two midnights of the clinic's zone, and what is asked of it there."""

    subject: str
    action: Action
    severity: Severity
    begins: datetime
    until: datetime
    because: tuple[Ground, ...]

    @property
    def asks(self) -> tuple[Action, Severity]:
        """What it says, whatever the reason: two that ask the same are one to a client."""
        return self.action, self.severity

    @property
    def holds(self) -> bool:
        """Whether it stops what is asked for, unless a physician says otherwise."""
        return self.action is Action.STOP and self.severity >= Severity.SOFT_STOP

    @property
    def sessions(self) -> frozenset[str]:
        """The keys of those it is about."""
        return frozenset(ground.session for ground in self.because)


@dataclass(frozen=True)
class Conflict:
    """A stretch in which one rule requires what another forbids: a physician decides."""

    subject: str
    begins: datetime
    until: datetime
    requires: tuple[Ground, ...]
    forbids: tuple[Ground, ...]


@dataclass(frozen=True)
class Unknown:
    """A fact that nobody knows, and the rule that waits for it or was taken as if it held."""

    fact: str
    ground: Ground
    severity: Severity
    applied: bool


def pieces(
    sessions: Iterable[Session], rules: Iterable[WindowRule], *, facts: Facts, zone: ZoneInfo
) -> tuple[list[Piece], list[Unknown]]:
    """Every rule that speaks of a session, in days; and the facts that were missing.

    A rule is asked about on the day of the session. Where a fact that it needs is not known, what
    forbids holds all the same (as a soft stop at most), and what asks for something does not.
    """
    by_procedure: dict[str, list[WindowRule]] = defaultdict(list)
    for rule in rules:
        by_procedure[rule.procedure].append(rule)
    found: list[Piece] = []
    missing: list[Unknown] = []
    for session in sessions:
        day = day_of(session.starts, zone)
        end = day_of(session.ends, zone)
        for rule in by_procedure.get(session.procedure, ()):
            if not rule.in_force(day, facts.states):
                continue
            answers = rule.when.answers(facts, rule.subject, day)
            if False in answers.values():
                continue
            unknown = tuple(sorted(fact for fact, answer in answers.items() if answer is None))
            piece = _piece(rule, session, day, end, unknown)
            applied = not unknown or rule.action.forbids
            missing += [Unknown(fact, piece.ground, piece.severity, applied) for fact in unknown]
            if applied:
                found.append(piece)
    return found, sorted(missing, key=lambda one: (one.fact, one.ground))


def _piece(
    rule: WindowRule, session: Session, day: date, end: date, unknown: tuple[str, ...]
) -> Piece:
    anchor = day if rule.anchor is Anchor.START else end
    return Piece(
        rule=rule,
        session=session,
        day=day,
        first=anchor + timedelta(days=rule.from_day),
        until=anchor + timedelta(days=rule.to_day),
        severity=min(rule.severity, Severity.SOFT_STOP) if unknown else rule.severity,
        unknown=unknown,
    )


def united(
    found: Iterable[Piece], zone: ZoneInfo
) -> tuple[tuple[Interval, ...], tuple[Conflict, ...]]:
    """Pieces laid over each other, subject by subject: what is told, and what contradicts."""
    by_subject: dict[str, list[Piece]] = defaultdict(list)
    for piece in found:
        by_subject[piece.rule.subject].append(piece)
    intervals: list[Interval] = []
    conflicts: list[Conflict] = []
    midnight = _Midnights(zone)
    for subject, about_it in sorted(by_subject.items()):
        for first, until, holding in _stretches(about_it):
            intervals.append(_told(subject, midnight[first], midnight[until], holding))
            torn = _torn(subject, midnight[first], midnight[until], holding)
            if torn is not None:
                _join(conflicts, torn)
    return laid(intervals), tuple(conflicts)


class _Midnights(dict[date, datetime]):
    """Each day's begin in a zone, made once."""

    def __init__(self, zone: ZoneInfo) -> None:
        super().__init__()
        self.zone = zone

    def __missing__(self, day: date) -> datetime:
        self[day] = begin_of(day, self.zone)
        return self[day]


def _stretches(about_it: Sequence[Piece]) -> Iterator[tuple[date, date, list[Piece]]]:
    """The days between two edges of any piece, with the pieces that hold there."""
    edges = sorted({piece.first for piece in about_it} | {piece.until for piece in about_it})
    for first, until in itertools.pairwise(edges):
        holding = [piece for piece in about_it if piece.first <= first and until <= piece.until]
        if holding:
            yield first, until, holding


def _told(subject: str, begins: datetime, until: datetime, holding: Sequence[Piece]) -> Interval:
    strictest = max(piece.strictness for piece in holding)
    winning = [piece for piece in holding if piece.strictness == strictest]
    return Interval(
        subject=subject,
        action=winning[0].action,
        severity=winning[0].severity,
        begins=begins,
        until=until,
        because=_grounds(winning),
    )


def _torn(
    subject: str, begins: datetime, until: datetime, holding: Sequence[Piece]
) -> Conflict | None:
    requires = [piece for piece in holding if piece.action is Action.REQUIRE]
    forbids = [piece for piece in holding if piece.action.forbids]
    if not (requires and forbids):
        return None
    return Conflict(subject, begins, until, _grounds(requires), _grounds(forbids))


def _grounds(holding: Iterable[Piece]) -> tuple[Ground, ...]:
    return tuple(sorted({piece.ground for piece in holding}))


def laid(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Intervals in order, those that touch and ask the same made one."""
    made: list[Interval] = []
    for one in intervals:
        last = made[-1] if made else None
        if last is not None and _goes_on(last, one):
            both = tuple(sorted({*last.because, *one.because}))
            made[-1] = replace(last, until=one.until, because=both)
        else:
            made.append(one)
    return tuple(made)


def _goes_on(last: Interval, one: Interval) -> bool:
    same = (last.subject, last.asks) == (one.subject, one.asks)
    return same and last.until == one.begins


def _join(conflicts: list[Conflict], one: Conflict) -> None:
    last = conflicts[-1] if conflicts else None
    if last is None or last.subject != one.subject or last.until != one.begins:
        conflicts.append(one)
        return
    conflicts[-1] = replace(
        last,
        until=one.until,
        requires=tuple(sorted({*last.requires, *one.requires})),
        forbids=tuple(sorted({*last.forbids, *one.forbids})),
    )
