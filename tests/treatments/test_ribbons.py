"""The picture of a plan: everything inside, in its place, and nothing that the list does not say."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.treatments import ribbons
from shop.treatments.regimens import Layer, Slot, Step
from shop.treatments.ribbons import LABELS, WIDTH, Happens, Ribbon, Visit
from shop.treatments.windows import Calendar, Session, calendar
from shop.treatments.windows.rules import seed
from tests.treatments.sessions import KNOWN, PACIFIC

TODAY = date(2026, 12, 1)
PEEL = "superficial_peel"
CREAM = Step("TRE-1", "Tretinoin", Slot.EVENING, Layer.TREATMENT, "chosen")


def a_visit(day: date, procedure: str = PEEL, **given: bool) -> Visit:
    starts = datetime(day.year, day.month, day.day, 10, tzinfo=PACIFIC)
    fields = {"settled": True} | given
    return Visit(f"{procedure} {day}", procedure, "face", starts, **fields)


def asked_by(*visits: Visit) -> Calendar:
    sessions = [
        Session(one.key, one.procedure, one.starts, one.starts + timedelta(hours=1))
        for one in visits
    ]
    return calendar(sessions, seed(), facts=KNOWN, zone=PACIFIC)


def drawn(*visits: Visit, steps: tuple[Step, ...] = (), today: date = TODAY) -> Ribbon:
    held = {"TRE-1": frozenset({"retinoid"})}
    found = ribbons.draw(asked_by(*visits), visits, steps=steps, classes=held, today=today)
    assert found is not None
    return found


def test_a_plan_without_a_session_has_no_picture() -> None:
    assert ribbons.draw(asked_by(), [], today=TODAY) is None


def test_a_peel_is_drawn_as_worked_by_hand() -> None:
    """Retinoids, AHAs and BHA stop on 7 Dec and begin again on the 19th: one lane for all three."""
    shown = drawn(a_visit(date(2026, 12, 12)))

    (lane,) = [one for one in shown.lanes if "retinoid" in one.subjects]
    (piece,) = lane.pieces
    assert {"aha", "bha", "retinoid"} <= set(lane.subjects)
    assert (piece.kind, piece.first, piece.last) == ("stop", date(2026, 12, 7), date(2026, 12, 18))
    a_day = (WIDTH - LABELS - 10) / (shown.last - shown.first).days
    assert piece.width == pytest.approx(12 * a_day, abs=0.2)
    assert shown.today == pytest.approx(LABELS + (TODAY - shown.first).days * a_day, abs=0.1)
    (mark,) = shown.visits
    assert mark.downtime[0] <= mark.x <= mark.downtime[0] + mark.downtime[1]


def test_the_list_says_what_to_do_on_which_day() -> None:
    shown = drawn(a_visit(date(2026, 12, 12)), steps=(replace(CREAM, since=date(2026, 12, 20)),))
    said = {
        (one.on, one.happens)
        for one in shown.entries
        if {"retinoid", "Superficial peel", "Tretinoin"} & set(one.subjects)
    }

    assert (date(2026, 12, 7), Happens.STOP) in said
    assert (date(2026, 12, 12), Happens.VISIT) in said
    assert (date(2026, 12, 19), Happens.AGAIN) in said
    assert (date(2026, 12, 20), Happens.CARE_BEGINS) in said
    assert list(shown.entries) == sorted(shown.entries, key=lambda one: one.on)


def test_a_stop_lies_over_the_product_that_it_stops_and_not_over_priming() -> None:
    peel = a_visit(date(2026, 12, 12))
    (stopped,) = [one for one in drawn(peel, steps=(CREAM,)).lanes if one.care]
    (primed,) = [
        one for one in drawn(peel, steps=(replace(CREAM, priming=True),)).lanes if one.care
    ]

    assert [piece.kind for piece in stopped.pieces] == ["care", "stop"]
    assert [piece.kind for piece in primed.pieces] == ["care"]


def test_what_holds_still_is_ahead_and_what_is_over_is_past() -> None:
    shown = drawn(a_visit(date(2026, 12, 12)), today=date(2026, 12, 15))

    assert any("retinoid" in one.subjects and one.happens is Happens.STOP for one in shown.ahead())
    assert [one.happens for one in shown.past() if one.number == 1] == [Happens.VISIT]
    assert {*shown.ahead(), *shown.past()} == set(shown.entries)


DAYS = st.dates(date(2026, 12, 3), date(2027, 12, 30))
VISITS = st.lists(
    st.tuples(DAYS, st.sampled_from([PEEL, "medium_peel", "microneedling", "ipl"])),
    min_size=1,
    max_size=6,
    unique=True,
)


@given(VISITS, DAYS)
def test_everything_is_inside_and_said_in_the_list(
    planned: list[tuple[date, str]], today: date
) -> None:
    visits = [a_visit(day, procedure) for day, procedure in planned]
    shown = drawn(*visits, steps=(CREAM,), today=today)

    assert shown.first.weekday() == shown.last.weekday() == 0
    for lane in shown.lanes:
        assert lane.y + shown.lane <= shown.height
        for piece in lane.pieces:
            assert piece.x >= LABELS
            assert piece.x + piece.width <= WIDTH
    listed = {
        (subject, one.happens.value, one.on, one.last)
        for one in shown.entries
        for subject in one.subjects
    }
    for lane in shown.lanes:
        for piece in () if lane.care else lane.pieces:
            assert {(each, piece.kind, piece.first, piece.last) for each in lane.subjects} <= listed
    assert [mark.number for mark in shown.visits] == list(range(1, len(visits) + 1))
    assert len({one for one in shown.entries if one.happens is Happens.VISIT}) == len(visits)
