"""Whatever the sessions and rules: the calendar says what the days say, and the past stays."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.core.rules import Severity
from shop.treatments.windows import (
    Action,
    Calendar,
    Change,
    Interval,
    Session,
    Way,
    WindowRule,
    calendar,
    changes,
    days,
    reckoning,
    rules,
    settled,
)
from shop.treatments.windows.ways_out import MENDED_BY_TIME
from tests.regime import WINDOW_EXAMPLES
from tests.treatments import naive
from tests.treatments.naive import World, differences, worlds
from tests.treatments.sessions import KNOWN, PACIFIC, a_moment, a_rule, a_session

every = settings(max_examples=WINDOW_EXAMPLES, deadline=None)
moments = st.integers(0, 320 * 24 * 60).map(
    lambda minutes: datetime(2026, 2, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)
NAIVE = datetime(2026, 12, 12, tzinfo=UTC).replace(tzinfo=None)


def reckoned(world: World) -> Calendar:
    return calendar(world.sessions, world.rules, facts=world.facts, zone=world.zone)


# Any plan ----------------------------------------------------------------------------------------


@given(world=worlds())
@every
def test_on_every_day_the_strictest_is_told(world: World) -> None:
    assert differences(world, reckoned(world)) == []


@given(world=worlds())
@every
def test_intervals_are_well_formed(world: World) -> None:
    found = reckoned(world)

    assert list(found.intervals) == sorted(
        found.intervals, key=lambda one: (one.subject, one.begins.timestamp())
    )
    for one, after in itertools.pairwise(found.intervals):
        if one.subject == after.subject:
            assert one.until.timestamp() <= after.begins.timestamp()
            assert one.until != after.begins or one.asks != after.asks
    for one in found.intervals:
        assert one.begins.timestamp() < one.until.timestamp()
        assert one.because
        assert list(one.because) == sorted(set(one.because))
        for edge in (one.begins, one.until):  # where a day of the zone begins
            before = (edge.astimezone(UTC) - timedelta(microseconds=1)).astimezone(world.zone)
            assert edge.tzinfo is world.zone
            assert before.date() < edge.date()


@given(world=worlds(), chance=st.randoms(use_true_random=False))
@every
def test_the_order_of_sessions_and_rules_is_nothing(world: World, chance: random.Random) -> None:
    sessions, asked = list(world.sessions), list(world.rules)
    chance.shuffle(sessions)
    chance.shuffle(asked)

    assert calendar(sessions, asked, facts=world.facts, zone=world.zone) == reckoned(world)


@given(world=worlds(), more=naive.rules())
@every
def test_a_rule_more_never_loosens(world: World, more: WindowRule) -> None:
    more = replace(more, number="another")
    stricter = reckoned(replace(world, rules=(*world.rules, more)))
    for one in reckoned(world).intervals:
        noon = one.begins + timedelta(hours=12)
        while noon < one.until:
            now = stricter.at(one.subject, noon)
            assert now is not None
            assert naive.TOLD.index(now.asks) <= naive.TOLD.index(one.asks)
            noon += timedelta(days=1)


@given(world=worlds())
@every
def test_a_session_at_risk_says_why_and_what_can_be_done(world: World) -> None:
    found = reckoned(world).sessions

    assert {one.key for one in found} == {session.key for session in world.sessions}
    assert list(found) == sorted(found, key=lambda one: (one.day, one.key))
    for one in found:
        assert one.at_risk == any(r.severity >= Severity.SOFT_STOP for r in one.reasons)
        assert all(reason.grounds for reason in one.reasons)
        assert len({(r.code, r.subject) for r in one.reasons}) == len(one.reasons)
        for option in one.options:
            assert option.way != "waive" or one.reasons[0].severity <= Severity.SOFT_STOP
            assert option.way != "move" or option.to is None or option.to >= one.day


@given(world=worlds())
@every
def test_on_the_day_that_is_proposed_nothing_is_left_that_a_day_mends(world: World) -> None:
    for place, one in enumerate(world.sessions):
        (seen,) = [found for found in reckoned(world).sessions if found.key == one.key]
        for option in seen.options:
            if option.way is not Way.MOVE or option.to is None:
                continue
            shift = option.to - seen.day
            others = [*world.sessions[:place], *world.sessions[place + 1 :]]
            moved = _moved(one, shift)
            there = reckoned(replace(world, sessions=(*others, moved))).sessions
            (now,) = [found for found in there if found.key == one.key]
            left = [
                r for r in now.reasons if r.code in MENDED_BY_TIME and r.severity > Severity.INFO
            ]
            assert (now.day, left) == (option.to, [])


def _moved(one: Session, shift: timedelta) -> Session:
    """By whole days, at the same time of the day; that it is there on that day is assumed."""
    starts, ends = one.starts + shift, one.ends + shift
    hypothesis.assume(starts.timestamp() <= ends.timestamp())
    for moment in (starts, ends):
        hypothesis.assume(moment.astimezone(UTC).astimezone(moment.tzinfo).date() == moment.date())
    return replace(one, starts=starts, ends=ends)


# Any change --------------------------------------------------------------------------------------


@st.composite
def reschedules(draw: st.DrawFn) -> tuple[World, World]:
    """A plan, and the same with one session at another time."""
    world = draw(worlds())
    place = draw(st.integers(0, len(world.sessions) - 1))
    shift = timedelta(minutes=draw(st.integers(-30 * 24 * 60, 30 * 24 * 60)))
    moved = list(world.sessions)
    was = moved[place]
    moved[place] = replace(
        was,
        starts=(was.starts.astimezone(UTC) + shift).astimezone(world.zone),
        ends=(was.ends.astimezone(UTC) + shift).astimezone(world.zone),
    )
    return world, replace(world, sessions=tuple(moved))


@given(worlds=reschedules(), at=moments)
@every
def test_there_and_back_is_the_same(worlds: tuple[World, World], at: datetime) -> None:
    before, there = (reckoned(world) for world in worlds)
    back = reckoned(worlds[0])

    assert back == before
    assert changes(before, back, at=at) == ()
    assert settled(settled(before, there, at=at), back, at=at) == before
    turned = [Change(one.subject, one.now, one.was) for one in changes(before, there, at=at)]
    assert Counter(map(_plain, turned)) == Counter(map(_plain, changes(there, back, at=at)))


@given(worlds=reschedules(), at=moments)
@every
def test_nothing_in_the_past_changes(worlds: tuple[World, World], at: datetime) -> None:
    before, after = (reckoned(world) for world in worlds)
    told = settled(before, after, at=at)

    for change in changes(before, after, at=at):
        for one in (change.was, change.now):
            assert one is None or at <= one.begins
    for day in worlds[0].days:
        for moment in (a_moment(day.isoformat(), "12:00", worlds[0].zone), at):
            right = before if moment < at else after
            for subject in worlds[0].subjects:
                assert _asks(told, subject, moment) == _asks(right, subject, moment)


@given(worlds=reschedules(), at=moments)
@every
def test_changes_are_all_that_differs(worlds: tuple[World, World], at: datetime) -> None:
    before, after = (reckoned(world) for world in worlds)
    found = changes(before, after, at=at)

    told = Counter(_to_come(before, at))
    told.subtract(_said(one.was) for one in found if one.was)
    assert min(told.values(), default=0) >= 0
    told.update(_said(one.now) for one in found if one.now)
    assert +told == Counter(_to_come(after, at))
    assert all(
        one.was is None or one.now is None or _said(one.was) != _said(one.now) for one in found
    )


def _said(one: Interval) -> tuple[Any, ...]:
    return one.subject, one.asks, one.begins.timestamp(), one.until.timestamp()


def _plain(change: Change) -> tuple[Any, ...]:
    was, now = change.was, change.now
    return change.subject, was and _said(was), now and _said(now)


def _to_come(found: Calendar, at: datetime) -> list[tuple[Any, ...]]:
    return [
        _said(replace(one, begins=max(one.begins, at.astimezone(one.begins.tzinfo))))
        for one in found.intervals
        if at < one.until
    ]


def _asks(found: Calendar, subject: str, moment: datetime) -> tuple[Action, Severity] | None:
    interval = found.at(subject, moment)
    return interval.asks if interval else None


# Mistakes that the naive model must see ----------------------------------------------------------


def _mildest(piece: reckoning.Piece) -> Any:
    forbids, severity, action = (piece.action.forbids, piece.severity, piece.action)
    return forbids, -severity, rules.STRICTNESS[action]


def _by_action_only(piece: reckoning.Piece) -> Any:
    return rules.STRICTNESS[piece.action]


def _last_day_too(*given: Any) -> reckoning.Piece:
    piece = RIGHT_PIECE(*given)
    return replace(piece, until=piece.until + timedelta(days=1))


def _counted_from_the_start(rule: Any, session: Any, day: date, _end: date, unknown: Any) -> Any:
    return RIGHT_PIECE(rule, session, day, day, unknown)


def _unknown_is_no(*given: Any) -> Any:
    return {fact: bool(answer) for fact, answer in RIGHT_ANSWERS(*given).items()}


def _day_in_utc(moment: datetime, _zone: ZoneInfo) -> date:
    return moment.astimezone(UTC).date()


def _midnight_in_winter(day: date, zone: ZoneInfo) -> datetime:
    """As if the clocks never changed."""
    offset = datetime(day.year, 1, 1, tzinfo=zone).utcoffset()
    assert offset is not None
    return (datetime(day.year, day.month, day.day, tzinfo=UTC) - offset).astimezone(zone)


def _only_what_wins_last(found: Any, zone: ZoneInfo) -> Any:
    last: dict[Any, Any] = {(piece.rule.number, piece.rule.version): piece for piece in found}
    return RIGHT_UNITED(last.values(), zone)


RIGHT_PIECE = reckoning._piece
RIGHT_ANSWERS = rules.When.answers
RIGHT_UNITED = reckoning.united
PLANTED: dict[str, tuple[Any, str, Any]] = {
    "the mildest wins": (reckoning.Piece, "strictness", property(_mildest)),
    "severity is not asked": (reckoning.Piece, "strictness", property(_by_action_only)),
    "the last day counts": (reckoning, "_piece", _last_day_too),
    "all is counted from the start": (reckoning, "_piece", _counted_from_the_start),
    "what nobody knows is no": (rules.When, "answers", _unknown_is_no),
    "days are days of UTC": (reckoning, "day_of", _day_in_utc),
    "the clocks never change": (reckoning, "begin_of", _midnight_in_winter),
    "a rule speaks of one session": (reckoning, "united", _only_what_wins_last),
    "requiring is no contradiction": (reckoning, "_torn", lambda *_given: None),
}


@pytest.mark.parametrize("mistake", PLANTED)
def test_the_naive_model_sees(mistake: str, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, name, wrong = PLANTED[mistake]
    monkeypatch.setattr(owner, name, wrong)

    seen = hypothesis.find(
        worlds(),
        lambda world: bool(differences(world, reckoned(world))),
        settings=settings(
            max_examples=2_000, database=None, phases=[hypothesis.Phase.generate], deadline=None
        ),
        random=random.Random(5),
    )

    assert differences(seen, reckoned(seen))


# One at a time -----------------------------------------------------------------------------------


def test_a_day_begins_where_the_clocks_skip_midnight() -> None:
    havana = ZoneInfo("America/Havana")  # on 8 Mar 2026 it is one after midnight at once
    assert days.begin_of(date(2026, 3, 8), havana) == datetime(2026, 3, 8, 5, tzinfo=UTC)
    assert days.begin_of(date(2026, 3, 8), havana).hour == 1
    assert days.first_whole_day(datetime(2026, 3, 8, 5, tzinfo=UTC), havana) == date(2026, 3, 8)
    assert days.first_whole_day(datetime(2026, 3, 8, 6, tzinfo=UTC), havana) == date(2026, 3, 9)


def test_requiring_what_another_forbids_is_a_conflict_and_nothing_is_lost() -> None:
    sessions = [
        a_session("superficial_peel", "2026-12-12"),
        a_session("microneedling", "2026-12-14"),
    ]
    needs = a_rule("spf", Action.REQUIRE, 1, 5)
    forbids = a_rule("spf", Action.STOP, 0, 1, procedure="microneedling")

    found = calendar(sessions, [needs, forbids], facts=KNOWN, zone=PACIFIC)

    (conflict,) = found.conflicts
    assert (conflict.begins, conflict.until) == (
        a_moment("2026-12-14", "00:00"),
        a_moment("2026-12-15", "00:00"),
    )
    assert [ground.number for ground in conflict.requires] == [needs.number]
    assert [ground.number for ground in conflict.forbids] == [forbids.number]
    assert [(one.action, one.begins.day, one.until.day) for one in found.of("spf")] == [
        (Action.REQUIRE, 13, 14),
        (Action.STOP, 14, 15),
        (Action.REQUIRE, 15, 17),
    ]
    assert [(one.key, one.at_risk) for one in found.sessions] == [
        ("superficial_peel 2026-12-12", True),
        ("microneedling 2026-12-14", True),
    ]


def test_a_rule_of_another_version_that_asks_the_same_is_no_change() -> None:
    peel = a_session("superficial_peel", "2026-12-12")
    rule = a_rule("retinoid", Action.STOP, -5, 7)
    before, after = (
        calendar([peel], [one], facts=KNOWN, zone=PACIFIC)
        for one in (rule, replace(rule, version=2))
    )
    assert before != after
    assert changes(before, after, at=a_moment("2026-12-01")) == ()


def test_what_is_held_is_held_until_no_stop_follows() -> None:
    peel = a_session("superficial_peel", "2026-12-12")
    stops = [
        a_rule("retinoid", Action.STOP, -5, 2),
        a_rule("retinoid", Action.STOP, 2, 7, severity=Severity.HARD_STOP),
        a_rule("retinoid", Action.STOP, 7, 9, severity=Severity.WARN),
    ]
    found = calendar([peel], stops, facts=KNOWN, zone=PACIFIC)
    free = a_moment("2026-12-19", "00:00")
    assert found.held_until("retinoid", a_moment("2026-12-07", "00:00")) == free
    assert found.held_until("retinoid", a_moment("2026-12-18", "23:59")) == free
    assert found.held_until("retinoid", a_moment("2026-12-06", "23:59")) is None
    assert found.held_until("retinoid", free) is None
    assert found.held_until("aha", a_moment("2026-12-12")) is None


def test_a_session_that_stands_twice_is_refused() -> None:
    peel = a_session("superficial_peel", "2026-12-12")
    with pytest.raises(ValueError, match="stands 2 times"):
        calendar([peel, peel], [], facts=KNOWN, zone=PACIFIC)


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"starts": NAIVE}, "the moment it starts has no zone"),
        ({"ends": NAIVE}, "the moment it ends has no zone"),
        ({"told_at": NAIVE}, "the moment it was told has no zone"),
        ({"ends": a_moment("2026-12-11")}, "it ends before it starts"),
    ],
)
def test_a_session_without_sense_is_refused(given: dict[str, Any], fault: str) -> None:
    whole: dict[str, Any] = {
        "key": "s1",
        "procedure": "facial",
        "starts": a_moment("2026-12-12"),
        "ends": a_moment("2026-12-12", "11:00"),
    }
    with pytest.raises(ValueError, match=fault):
        Session(**(whole | given))
