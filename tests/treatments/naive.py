"""The calendar once more, day by day and with no idea of intervals; and worlds to try both on.

Written apart from the shop's: a day, a subject, every rule of every session in turn.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from shop.core.rules import Severity
from shop.treatments.windows import Action, Anchor, Calendar, Facts, Session, When, WindowRule
from tests.treatments.sessions import a_rule

GRAVEST_FIRST = [Severity.HARD_STOP, Severity.SOFT_STOP, Severity.WARN, Severity.INFO]
FORBIDDING = [Action.STOP, Action.AVOID]
OTHERS = [Action.REQUIRE, Action.PRIME, Action.ALLOW]
# What is told of a subject on a day: the first of these that any rule asks.
TOLD = [(a, s) for s in GRAVEST_FIRST for a in FORBIDDING] + [
    (a, s) for s in GRAVEST_FIRST for a in OTHERS
]

Asked = dict[tuple[Action, Severity], set[tuple[str, int, str]]]


@dataclass(frozen=True)
class World:
    sessions: tuple[Session, ...]
    rules: tuple[WindowRule, ...]
    facts: Facts
    zone: ZoneInfo

    @property
    def days(self) -> list[date]:
        """Every day that a rule could speak of, and some around."""
        starts = {one.starts.astimezone(UTC).date() for one in self.sessions}
        near = {day + timedelta(days=days) for day in starts for days in range(-24, 40)}
        return sorted(near)

    @property
    def subjects(self) -> list[str]:
        return sorted({rule.subject for rule in self.rules})


def asked(world: World, subject: str, day: date) -> Asked:
    """Everything that is asked of a subject on a day, and by which rule for which session."""
    found: Asked = {}
    for session in world.sessions:
        for rule in world.rules:
            if rule.subject != subject or rule.procedure != session.procedure:
                continue
            severity = _speaks(world, session, rule)
            if severity is None or not _in_its_days(world, session, rule, day):
                continue
            because = (rule.number, rule.version, session.key)
            found.setdefault((rule.action, severity), set()).add(because)
    return found


def told(found: Asked) -> tuple[Action, Severity] | None:
    return next((one for one in TOLD if one in found), None)


def torn(found: Asked) -> bool:
    actions = {action for action, _severity in found}
    return Action.REQUIRE in actions and bool(actions & set(FORBIDDING))


def _in_its_days(world: World, session: Session, rule: WindowRule, day: date) -> bool:
    moment = session.starts if rule.anchor is Anchor.START else session.ends
    distance = (day - moment.astimezone(world.zone).date()).days
    return rule.from_day <= distance < rule.to_day


def _speaks(world: World, session: Session, rule: WindowRule) -> Severity | None:
    """How gravely a rule speaks of a session, or None."""
    day = session.starts.astimezone(world.zone).date()
    if day < rule.valid_from or (rule.valid_until and day >= rule.valid_until):
        return None
    if rule.jurisdiction not in {"US", *world.facts.states}:
        return None
    doubts = 0
    for holds in _conditions(rule.when, world.facts, rule.subject, day):
        if holds is None:
            doubts += 1
        elif not holds:
            return None
    if not doubts:
        return rule.severity
    if rule.action not in FORBIDDING:
        return None
    return rule.severity if rule.severity != Severity.HARD_STOP else Severity.SOFT_STOP


def _conditions(when: When, facts: Facts, subject: str, day: date) -> Iterator[bool | None]:
    if when.fitzpatrick_from:
        yield facts.fitzpatrick and facts.fitzpatrick >= when.fitzpatrick_from
    if when.cold_sores:
        yield facts.cold_sores
    if when.melasma:
        yield facts.melasma
    if when.primed is not None:
        yield when.primed == (subject in facts.primed)
    if when.isotretinoin_days:
        if facts.isotretinoin_now:
            yield True
        elif facts.isotretinoin_last:
            yield (day - facts.isotretinoin_last).days <= when.isotretinoin_days
        else:
            yield facts.isotretinoin_now


def differences(world: World, calendar: Calendar) -> list[str]:
    """Where a calendar does not say what the days say, in words; none where it is right."""
    return [*_of_days(world, calendar), *_of_edges(world, calendar)]


def _of_days(world: World, calendar: Calendar) -> Iterator[str]:
    for subject in world.subjects:
        for day in world.days:
            found = asked(world, subject, day)
            for moment in _moments_of(day, world.zone):
                interval = calendar.at(subject, moment)
                said = (interval.action, interval.severity) if interval else None
                if said != told(found):
                    yield f"{subject}, {moment}: {said}, not {told(found)}"
                elif interval is not None and not found[said] <= set(interval.because):
                    yield f"{subject}, {moment}: not all grounds"
                conflict = any(
                    one.subject == subject and one.begins <= moment < one.until
                    for one in calendar.conflicts
                )
                if conflict != torn(found):
                    yield f"{subject}, {moment}: conflict {conflict}"


@functools.cache
def _moments_of(day: date, zone: ZoneInfo) -> tuple[datetime, datetime, datetime]:
    """The first minute of a day there, one in the middle, the last minute; found by looking."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=zone).astimezone(UTC)
    minute = timedelta(minutes=1)
    first = noon - timedelta(hours=13, minutes=30)
    while first.astimezone(zone).date() < day:
        first += minute
    last = noon + timedelta(hours=13, minutes=30)
    while last.astimezone(zone).date() > day:
        last -= minute
    return first, noon, last


def _of_edges(world: World, calendar: Calendar) -> Iterator[str]:
    """Every ground spoke with this voice on some day of its interval."""
    for one in calendar.intervals:
        spoke: set[tuple[str, int, str]] = set()
        for day in world.days:
            noon = datetime(day.year, day.month, day.day, 12, tzinfo=world.zone)
            if one.begins <= noon < one.until:
                spoke |= asked(world, one.subject, day).get((one.action, one.severity), set())
        if spoke != set(one.because):
            yield f"{one.subject} from {one.begins}: {one.because}, not {sorted(spoke)}"


# Worlds ------------------------------------------------------------------------------------------

# Clocks that change at two in the night, at midnight, and never.
ZONES = [ZoneInfo(name) for name in ("America/Los_Angeles", "America/Havana", "Asia/Kolkata")]
PROCEDURES = ["superficial_peel", "microneedling"]
SUBJECTS = ["retinoid", "sun", "antiviral", "other_procedure"]
AROUND = [date(2026, 3, 8), date(2026, 11, 1)]  # the clocks change

_tri = st.sampled_from([None, True, False])
facts = st.builds(
    Facts,
    fitzpatrick=st.none() | st.integers(1, 6),
    isotretinoin_last=st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 1)),
    isotretinoin_now=_tri,
    cold_sores=_tri,
    melasma=_tri,
    uses=st.none() | st.sets(st.sampled_from(SUBJECTS)).map(frozenset),
    last_used=st.dictionaries(
        st.sampled_from(SUBJECTS), st.dates(date(2026, 2, 1), date(2026, 12, 1)), max_size=2
    ),
    primed=st.sets(st.sampled_from(SUBJECTS), max_size=1).map(frozenset),
    states=st.sampled_from([frozenset(), frozenset({"CA"})]),
)
whens = st.just(When()) | st.builds(
    When,
    fitzpatrick_from=st.none() | st.integers(1, 6),
    isotretinoin_days=st.none() | st.integers(1, 200),
    cold_sores=st.booleans(),
    melasma=st.booleans(),
    primed=_tri,
)


# What is drawn from again and again is made once: Hypothesis checks every strategy that is new to it.
_actions = st.sampled_from(Action)
_severities = {
    action: st.sampled_from(
        [Severity.INFO, Severity.WARN] if action in (Action.PRIME, Action.ALLOW) else list(Severity)
    )
    for action in Action
}
_from_days, _lengths = st.integers(-20, 10), st.integers(1, 25)
_numbers, _versions = st.integers(0, 99), st.integers(1, 2)
_subjects, _procedures = st.sampled_from(SUBJECTS), st.sampled_from(PROCEDURES)
_anchors = st.sampled_from(Anchor)
_ends = st.sampled_from([None, None, date(2026, 6, 1)])
_jurisdictions = st.sampled_from(["US", "US", "CA", "NV"])


@st.composite
def rules(draw: st.DrawFn) -> WindowRule:
    action = draw(_actions)
    from_day = draw(_from_days)
    return a_rule(
        draw(_subjects),
        action,
        from_day,
        from_day + draw(_lengths),
        number=f"R{draw(_numbers)}",
        version=draw(_versions),
        procedure=draw(_procedures),
        anchor=draw(_anchors),
        severity=draw(_severities[action]),
        when=draw(whens),
        valid_until=draw(_ends),
        jurisdiction=draw(_jurisdictions),
    )


@functools.cache
def session(key: str, zone: ZoneInfo) -> st.SearchStrategy[Session]:
    """One near a change of the clocks, at any hour; some go on after midnight."""

    def made(
        near: date, days: int, minutes: int, lasts: int, procedure: str, told: int | None
    ) -> Session:
        starts = datetime(near.year, near.month, near.day, tzinfo=UTC)
        starts = (starts + timedelta(days=days, minutes=minutes)).astimezone(zone)
        return Session(
            key=key,
            procedure=procedure,
            starts=starts,
            ends=(starts.astimezone(UTC) + timedelta(minutes=lasts)).astimezone(zone),
            told_at=None if told is None else starts.astimezone(UTC) - timedelta(hours=told),
        )

    return st.builds(
        made,
        st.sampled_from(AROUND),
        st.integers(-15, 15),
        st.integers(0, 24 * 60 - 1),
        st.integers(15, 240),
        st.sampled_from(PROCEDURES),
        st.none() | st.integers(0, 500),
    )


_zones, _counts = st.sampled_from(ZONES), st.integers(1, 4)
_some_rules = st.lists(
    rules(), min_size=1, max_size=6, unique_by=lambda rule: (rule.number, rule.version)
)


@st.composite
def worlds(draw: st.DrawFn) -> World:
    zone = draw(_zones)
    count = draw(_counts)
    made: Sequence[WindowRule] = draw(_some_rules)
    return World(
        sessions=tuple(draw(session(f"s{place}", zone)) for place in range(count)),
        rules=tuple(made),
        facts=draw(facts),
        zone=zone,
    )
