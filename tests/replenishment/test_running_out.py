"""When a pack runs out, in days: pauses move it, each day once, and taking them away moves it back."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.replenishment.running_out import Pause, RunOut, run_out
from shop.replenishment.timing import (
    LEAD,
    NOTICE,
    PRICE_NOTICE,
    STANDS,
    Agreed,
    Told,
    announced_for,
    due_on,
    stands,
    to_tell,
)

FIRST = date(2026, 12, 1)
PEEL = "Peel on 12 Dec: stop by 7 Dec, from 19 Dec again."


def on(day: int) -> date:
    """Of that December; the days after it are counted on."""
    return FIRST + timedelta(days=day - 1)


def test_thirty_days_from_the_first_last_until_the_thirty_first() -> None:
    assert run_out(on(1), 30, [], today=on(1)) == RunOut(on(31), on(31))


def test_a_window_moves_it_by_the_days_of_which_it_stops_the_use() -> None:
    stopped = Pause(on(7), on(19), PEEL)
    found = run_out(on(1), 30, [stopped], today=on(3))
    assert found == RunOut(on(43), on(31), (PEEL,))
    assert found.days == 12


def test_only_what_falls_into_the_time_of_use_counts() -> None:
    before, across = Pause(on(-9), on(1), "before"), Pause(on(-1), on(3), "across")
    after = Pause(on(31), on(40), "after")
    assert run_out(on(1), 30, [before, after], today=on(1)).on == on(31)
    assert run_out(on(1), 30, [across], today=on(1)) == RunOut(on(33), on(31), ("across",))


def test_a_pause_may_reach_another_one() -> None:
    """What is moved on runs into a window that lay behind its first end."""
    pauses = [Pause(on(10), on(15), "a"), Pause(on(33), on(36), "b")]
    assert run_out(on(1), 30, pauses, today=on(1)).on == on(39)


def test_a_day_on_which_two_things_stop_it_counts_once() -> None:
    pauses = [Pause(on(5), on(12), "a"), Pause(on(8), on(10), "b"), Pause(on(8), on(14), "c")]
    assert run_out(on(1), 30, pauses, today=on(1)) == RunOut(on(40), on(31), ("a", "b", "c"))


def test_what_nobody_knows_the_end_of_holds_through_today() -> None:
    held = run_out(on(1), 30, [Pause(on(5), None, "held")], today=on(9))
    assert held == RunOut(on(36), on(31), ("held",), held=True)
    over = run_out(on(1), 30, [Pause(on(40), None, "later")], today=on(41))
    assert not over.held


some_days = st.integers(-10, 60)
pauses = st.lists(
    st.builds(
        lambda first, length, why: Pause(on(first), on(first + length), why),
        some_days,
        st.integers(1, 20),
        st.sampled_from("abc"),
    ),
    max_size=6,
)


@settings(max_examples=60)
@given(pauses, st.integers(1, 90), st.randoms())
def test_it_is_the_day_after_the_last_use(found: list[Pause], days: int, chance: Random) -> None:
    """Counted day by day, in whatever order they are told."""
    day, left = on(1), days
    while left:
        left -= not any(one.first <= day < one.until for one in found if one.until)
        day += timedelta(days=1)
    shuffled = chance.sample(found, len(found))
    assert run_out(on(1), days, shuffled, today=on(1)).on == day


def test_a_charge_is_announced_a_week_before_and_a_higher_price_two() -> None:
    due = due_on(on(31))
    assert due == on(31) - LEAD
    assert (to_tell(due, due - NOTICE), to_tell(due, due - NOTICE - timedelta(days=1))) == (1, 0)
    today = due - NOTICE
    assert announced_for(due, today, rises=False) == due
    assert announced_for(due, due, rises=False) == due + NOTICE
    assert announced_for(due, today, rises=True) == today + PRICE_NOTICE


def test_a_notice_lets_charge_from_its_day_on_and_no_more_than_it_said() -> None:
    told = Told(on(10), 4_800)

    def on_day(day: date, cents: int = 4_800, agreed: Agreed | None = None) -> bool:
        return stands(told, agreed_since=agreed, total_cents=cents, today=day)

    assert not stands(None, agreed_since=None, total_cents=1, today=on(10))
    assert [on_day(on(9)), on_day(on(10)), on_day(on(10) + STANDS)] == [False, True, True]
    assert not on_day(on(10) + STANDS + timedelta(days=1))
    assert not on_day(on(10), 4_801)
    assert on_day(on(9), 5_000, agreed=Agreed(on(8), 5_000))
    assert not on_day(on(10), 5_001, agreed=Agreed(on(8), 5_000))


@pytest.mark.parametrize(("agreed", "last"), [(on(4), on(10)), (on(20), on(20))])
def test_what_she_agreed_to_since_is_not_good_for_ever(agreed: date, last: date) -> None:
    told, since = Told(on(10), 4_800), Agreed(agreed, 4_800)
    found = [
        stands(told, agreed_since=since, total_cents=4_800, today=last + STANDS + timedelta(days=n))
        for n in (0, 1)
    ]
    assert found == [True, False]
