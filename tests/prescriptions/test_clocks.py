"""The two clocks of a request: pure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.prescriptions.clocks import (
    POLICY,
    StockClock,
    Units,
    in_words,
    step_at,
    stock_clock,
)

DUE = datetime(2026, 11, 27, 12, tzinfo=UTC)
TODAY = date(2026, 11, 27)

WORDS = {
    timedelta(days=-3): "due in 3 days",
    timedelta(hours=-47, minutes=-59): "due in 47 hours",
    timedelta(hours=-3, minutes=-20): "due in 3 hours",
    timedelta(hours=-1): "due in 1 hour",
    timedelta(minutes=-59): "due in 59 minutes",
    timedelta(minutes=-1): "due in 1 minute",
    timedelta(seconds=-59): "due now",
    timedelta(0): "due now",
    timedelta(seconds=59): "due now",
    timedelta(minutes=1): "1 minute late",
    timedelta(hours=2, minutes=30): "2 hours late",
    timedelta(days=2): "2 days late",
}


@pytest.mark.parametrize("from_due", WORDS, ids=WORDS.values())
def test_a_deadline_in_words(from_due: timedelta) -> None:
    assert in_words(DUE, DUE + from_due) == WORDS[from_due]


def test_the_steps_follow_the_policy() -> None:
    second, director = DUE + POLICY.second_physician, DUE + POLICY.medical_director
    moment = timedelta(microseconds=1)
    assert [step_at(DUE, at) for at in (second - moment, second, director - moment, director)] == [
        0,
        1,
        1,
        2,
    ]


def units(*lots: tuple[int, int]) -> list[Units]:
    """(free units, days until the last start of a treatment)."""
    days = POLICY.use_days
    return [Units(free, TODAY + timedelta(days=days + left)) for free, left in lots]


STOCK: dict[str, tuple[list[Units], list[int], StockClock | None]] = {
    "enough for long": (units((10, 300)), [1, 2], None),
    "exactly enough": (units((3, 300)), [1, 2], None),
    "too few": (units((3, 300)), [2, 1, 1, 1], StockClock(3, 2, 4, None)),
    "none": ([], [1], StockClock(0, 0, 1, None)),
    "what asks for too much is passed over": (
        units((2, 300)),
        [3, 1, 1],
        StockClock(2, 2, 3, None),
    ),
    "expires before it could be used": (units((9, -1)), [1], StockClock(0, 0, 1, None)),
    "the last day to begin": (units((9, 0)), [1], StockClock(9, 1, 1, TODAY + timedelta(days=1))),
    "too few in a week": (
        units((2, 6), (1, 90)),
        [1, 1],
        StockClock(3, 2, 2, TODAY + timedelta(days=7)),
    ),
    "too few in a month is no news": (units((2, 30), (1, 90)), [1, 1], None),
    "an early lot that nobody needs": (units((2, 3), (5, 90)), [1, 1], None),
    "nobody asks": (units((0, 3)), [], None),
}


@pytest.mark.parametrize("case", STOCK)
def test_the_stock_clock(case: str) -> None:
    shelf, wanted, shown = STOCK[case]
    assert stock_clock(shelf, wanted, today=TODAY) == shown


def test_the_stock_clock_in_words() -> None:
    assert StockClock(3, 2, 4, None).words == "3 left, enough for 2 of 4 open requests"
    assert StockClock(1, 0, 1, None).words == "1 left, enough for 0 of 1 open request"
    assert StockClock(0, 0, 2, None).words == "None left"


@given(
    lots=st.lists(st.tuples(st.integers(0, 5), st.integers(-5, 40)), max_size=5),
    wanted=st.lists(st.integers(1, 4), max_size=5),
)
def test_it_is_shown_exactly_when_a_day_of_the_week_ahead_falls_short(
    lots: list[tuple[int, int]], wanted: list[int]
) -> None:
    def short_on(day: int) -> bool:
        return sum(free for free, left in lots if left >= day) < sum(wanted)

    days = range(POLICY.stock_ahead.days + 1)
    first = next((day for day in days if short_on(day)), None)

    shown = stock_clock(units(*lots), wanted, today=TODAY)

    assert (shown is None) == (first is None)
    if shown is not None:
        expected = None if first == 0 else TODAY + timedelta(days=first or 0)
        assert shown.short_from == expected
        assert shown.left == sum(free for free, left in lots if left >= 0)
