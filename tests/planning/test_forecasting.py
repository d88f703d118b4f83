"""What is asked for, when to order, what will not sell: worked by hand, and drawn at random."""

from __future__ import annotations

from datetime import date, timedelta
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from shop.planning.forecasting import (
    COVER,
    LOOK_BACK,
    Batch,
    Demand,
    Policy,
    approval_rate,
    need,
    unsold,
)
from tests.regime import SOAK

TODAY = date(2026, 11, 27)
POLICY = Policy(lead_days=14, safety_days=7)


def test_the_reorder_point_adds_what_is_usual_what_is_due_and_what_is_asked_for() -> None:
    """90 left in 90 days: 21 in three weeks; 4 refills due; of 10 asked for 7 are approved."""
    demand = Demand(left=90, refilled=0, due=4, asked=10, approval=Fraction(7, 10))
    found = need(demand, free=31, on_order=0, policy=POLICY)
    assert found.reorder_point == 21 + 4 + 7
    assert found.low
    assert found.suggested == 21 + COVER + 4 + 7 - 31


def test_enough_with_what_is_on_order_suggests_nothing() -> None:
    found = need(Demand(left=90), free=1, on_order=20, policy=POLICY)
    assert (found.low, found.suggested) == (False, 0)
    assert need(Demand(left=90), free=1, on_order=19, policy=POLICY).suggested == 21 + COVER - 20


def test_refills_count_once_as_announced_or_as_usual_whichever_is_more() -> None:
    quiet = Demand(refilled=90, due=3)
    busy = Demand(refilled=90, due=40)
    assert (quiet.over(21), busy.over(21)) == (21, 40)


def test_what_nobody_asks_for_is_never_low() -> None:
    assert not need(Demand(), free=0, on_order=0, policy=POLICY).low


def test_the_share_that_is_approved_is_the_variants_own_where_that_says_something() -> None:
    assert approval_rate(6, 10, elsewhere=Fraction(1, 3)) == Fraction(3, 5)
    assert approval_rate(0, 9, elsewhere=Fraction(1, 3)) == Fraction(1, 3)
    assert approval_rate(0, 9, elsewhere=None) == 1


def test_what_expires_first_is_sold_first_and_the_rest_is_left_over() -> None:
    """One a day: 10 days sell 10 of the first 12; the second has 20 days, of which 10 are left."""
    batches = [
        Batch(12, TODAY + timedelta(days=9)),
        Batch(15, TODAY + timedelta(days=19)),
        Batch(5, TODAY + timedelta(days=400)),
    ]
    assert unsold(batches, Fraction(1), today=TODAY) == [2, 5, 0]


def test_what_cannot_be_sold_any_more_is_left_over_whole() -> None:
    assert unsold([Batch(7, TODAY - timedelta(days=1))], Fraction(9), today=TODAY) == [7]


BATCHES = st.lists(
    st.builds(Batch, st.integers(0, 50), st.integers(-9, 90).map(lambda n: TODAY + timedelta(n))),
    max_size=6,
).map(lambda found: sorted(found, key=lambda batch: batch.last))


@settings(max_examples=2_000 if SOAK else 100, deadline=None)
@given(BATCHES, st.integers(0, 900))
def test_day_by_day_the_same_is_left_over(batches: list[Batch], left: int) -> None:
    """Beside a naive shelf that sells a day's share each day, soonest last day first."""
    daily = Fraction(left, LOOK_BACK)
    shelf = [Fraction(batch.units) for batch in batches]
    for day in range(100):
        wanted = daily
        for index, batch in enumerate(batches):
            if TODAY + timedelta(days=day) <= batch.last:
                taken = min(wanted, shelf[index])
                shelf[index] -= taken
                wanted -= taken
    found = unsold(batches, daily, today=TODAY)
    naive = [
        batch.units - int(batch.units - rest) for batch, rest in zip(batches, shelf, strict=True)
    ]
    assert found == naive
