"""Why units that are in the house cannot be sold: each has one reason, and they add up."""

from __future__ import annotations

import uuid
from datetime import date, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from shop.inventory.explaining import Reason, Why, explain, summed
from shop.inventory.models import Holding, Location, LocationKind, Lot, Site
from shop.inventory.states import LotStatus
from tests.regime import SOAK

TODAY = date(2026, 11, 27)
K, S = LocationKind, LotStatus


def held(kind: LocationKind, units: int, *, fills_orders: bool = True) -> Holding:
    site = Site(code="X", name="X", fills_orders=fills_orders)
    name = kind.replace("_", " ")
    place = Location(code="P", name=name, kind=kind, site=site)
    return Holding(lot_id=uuid.uuid4(), location=place, on_hand=units)


def a_lot(
    there: list[Holding], *, reserved: int = 0, status: LotStatus = S.AVAILABLE, days: int = 90
) -> Lot:
    """A lot that is sold until a week before its expiry in so many days."""
    lot = Lot(number="L-1", on_hand=sum(each.on_hand for each in there), reserved=reserved)
    lot.on_shelf = sum(each.on_hand for each in there if each.location.sells)
    lot.__dict__["status"] = status  # past the arrows
    lot.expires_on = TODAY + timedelta(days=days)
    lot.sellable_until = lot.expires_on - timedelta(days=7)
    return lot


def test_of_a_lot_on_sale_each_unit_has_the_reason_of_its_place() -> None:
    there = [
        held(K.RETAIL, 10),
        held(K.BACK_BAR, 2),
        held(K.IN_TRANSIT, 3),
        held(K.TESTER, 1),
        held(K.RETAIL, 4, fills_orders=False),
        held(K.QUARANTINE, 0),
    ]
    assert explain(a_lot(there, reserved=6), there, today=TODAY) == [
        Reason(Why.SELLABLE, 4),
        Reason(Why.RESERVED, 6),
        Reason(Why.BACK_BAR, 2, "back bar"),
        Reason(Why.IN_TRANSIT, 3, "in transit"),
        Reason(Why.TESTER, 1, "tester"),
        Reason(Why.ELSEWHERE, 4, "retail"),
    ]


def test_what_expires_too_soon_says_until_when_it_was_sold() -> None:
    there = [held(K.RETAIL, 5), held(K.BACK_BAR, 1)]
    assert explain(a_lot(there, reserved=2, days=6), there, today=TODAY) == [
        Reason(Why.TOO_SOON, 3, until=TODAY - timedelta(days=1)),
        Reason(Why.RESERVED, 2),
        Reason(Why.BACK_BAR, 1, "back bar"),
    ]


def test_what_is_true_of_the_whole_lot_comes_before_everything_else() -> None:
    there = [held(K.RETAIL, 5), held(K.BACK_BAR, 1)]
    for status, days, why in (
        (S.RECALLED, -1, Why.RECALLED),
        (S.AVAILABLE, -1, Why.EXPIRED),
        (S.QUARANTINE, 90, Why.QUARANTINE),
        (S.ON_HOLD, 90, Why.ON_HOLD),
    ):
        found = explain(a_lot(there, reserved=5, status=status, days=days), there, today=TODAY)
        assert summed(found) == {why: 6}


PLACES = st.lists(
    st.builds(held, st.sampled_from(LocationKind), st.integers(0, 9), fills_orders=st.booleans()),
    max_size=5,
)


@settings(max_examples=2_000 if SOAK else 100, deadline=None)
@given(PLACES, st.integers(0, 20), st.sampled_from(LotStatus), st.integers(-3, 30))
def test_every_unit_is_explained_once_and_what_sells_is_what_may_be_promised(
    there: list[Holding], reserved: int, status: LotStatus, days: int
) -> None:
    on_shelf = sum(each.on_hand for each in there if each.location.sells)
    lot = a_lot(there, reserved=min(reserved, on_shelf), status=status, days=days)
    counted = summed(explain(lot, there, today=TODAY))
    assert sum(counted.values()) == lot.on_hand
    assert counted.get(Why.SELLABLE, 0) == (lot.free if lot.sellable(TODAY) else 0)
