"""First expired, first out, for any shelf."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.inventory.errors import NotEnoughStock
from shop.inventory.picking import Pick, dealt, pick

TODAY = date(2026, 3, 1)
MOMENT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class OnShelf:
    """A lot without a database."""

    expires_on: date
    free: int
    available: bool = True
    received_at: datetime = MOMENT
    id: uuid.UUID = field(default_factory=uuid.uuid4)

    @property
    def sellable_until(self) -> date:
        return self.expires_on

    def sellable(self, today: date) -> bool:
        return self.available and today <= self.sellable_until


def in_days(days: int) -> date:
    return TODAY + timedelta(days=days)


lots = st.builds(
    OnShelf,
    expires_on=st.integers(-3, 6).map(in_days),
    free=st.integers(0, 5),
    available=st.booleans(),
    received_at=st.integers(0, 2).map(lambda hours: MOMENT + timedelta(hours=hours)),
    id=st.uuids(),
)
shelves = st.lists(lots, max_size=8, unique_by=lambda lot: lot.id)


@st.composite
def wishes(draw: st.DrawFn) -> tuple[list[OnShelf], int, dict[uuid.UUID, int]]:
    shelf = draw(shelves)
    own = {
        lot.id: units for lot in shelf if (units := draw(st.integers(0, 3))) and draw(st.booleans())
    }
    return shelf, draw(st.integers(1, 12)), own


def test_takes_from_the_lot_that_expires_first() -> None:
    late, soon = OnShelf(in_days(90), 10), OnShelf(in_days(30), 2)

    assert pick([late, soon], 5, today=TODAY) == [Pick(soon, 2), Pick(late, 3)]


def test_the_lot_that_came_first_goes_first_among_equals() -> None:
    second = OnShelf(in_days(30), 2, received_at=MOMENT + timedelta(hours=1), id=uuid.UUID(int=1))
    first = OnShelf(in_days(30), 2, id=uuid.UUID(int=2))

    assert pick([second, first], 1, today=TODAY) == [Pick(first, 1)]


def test_a_lot_may_be_used_on_its_last_day_and_not_after() -> None:
    lot = OnShelf(TODAY, 1)

    assert pick([lot], 1, today=TODAY) == [Pick(lot, 1)]
    with pytest.raises(NotEnoughStock):
        pick([lot], 1, today=in_days(1))


@pytest.mark.parametrize("units", [0, -1])
def test_nothing_is_not_a_number_of_units(units: int) -> None:
    with pytest.raises(NotEnoughStock):
        pick([OnShelf(in_days(9), 5)], units, today=TODAY)


def test_says_what_is_wanted_and_what_there_is() -> None:
    shelf = [OnShelf(in_days(9), 2), OnShelf(in_days(9), 5, available=False)]

    with pytest.raises(NotEnoughStock) as refused:
        pick(shelf, 3, today=TODAY)

    assert refused.value.facts == {"wanted": 3, "available": 2}


@settings(max_examples=200, deadline=None)
@given(wishes())
def test_any_shelf(wish: tuple[list[OnShelf], int, dict[uuid.UUID, int]]) -> None:
    shelf, units, own = wish
    good = [lot for lot in shelf if lot.available and lot.expires_on >= TODAY]
    stock = {lot.id: lot.free + own.get(lot.id, 0) for lot in good}

    if sum(stock.values()) < units:
        with pytest.raises(NotEnoughStock) as refused:
            pick(shelf, units, today=TODAY, own=own)
        assert refused.value.facts == {"wanted": units, "available": sum(stock.values())}
        return

    picks = pick(shelf, units, today=TODAY, own=own)

    assert sum(each.units for each in picks) == units  # exactly
    assert all(each.lot in good for each in picks)  # never an unsellable lot
    assert all(0 < each.units <= stock[each.lot.id] for each in picks)
    assert len({each.lot.id for each in picks}) == len(picks)
    order = [(each.lot.expires_on, each.lot.received_at, each.lot.id) for each in picks]
    assert order == sorted(order)
    assert all(each.units == stock[each.lot.id] for each in picks[:-1])  # emptied before the next
    passed_over = [lot for lot in good if stock[lot.id] and lot not in [e.lot for e in picks]]
    assert all((lot.expires_on, lot.received_at, lot.id) > order[-1] for lot in passed_over)


@settings(max_examples=200, deadline=None)
@given(shelves, st.randoms(use_true_random=False))
def test_the_order_of_the_shelf_does_not_matter(shelf: list[OnShelf], chance: object) -> None:
    shuffled = list(shelf)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    units = sum(lot.free for lot in shelf if lot.sellable(TODAY)) // 2
    if units:
        assert pick(shuffled, units, today=TODAY) == pick(shelf, units, today=TODAY)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.data())
def test_dealing_shares_out_exactly_what_was_picked(shares: list[int], data: st.DataObject) -> None:
    total, picks = sum(shares), []
    while total:
        units = data.draw(st.integers(1, total))
        picks.append(Pick(OnShelf(in_days(len(picks)), units), units))
        total -= units

    hands = dealt(picks, shares)

    assert [sum(each.units for each in hand) for hand in hands] == shares
    flat = [each.lot for hand in hands for each in hand for _ in range(each.units)]
    assert flat == [each.lot for each in picks for _ in range(each.units)]
