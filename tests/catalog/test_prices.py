"""The price list: several prices ahead, one between, one taken back."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import pytest
from flask import Flask

from shop.catalog import prices
from shop.catalog.errors import BadPrice, NoSuchPrice, PriceHasBegun
from shop.catalog.models import Variant
from shop.core import events
from shop.core.clock import now
from tests.builders import a_variant

DAY = timedelta(days=1)


def listed(variant: Variant, at: datetime) -> list[tuple[int, int | None, int | None]]:
    """Cents, and the days from `at` on which it begins (None: before) and ends (None: never)."""
    return [
        (
            one.cents,
            (one.valid_from - at) // DAY if one.valid_from > at else None,
            (one.valid_until - at) // DAY if one.valid_until else None,
        )
        for one in variant.prices
    ]


def ahead(variant: Variant, at: datetime, **days: int) -> None:
    """Schedule prices: `p2600=3` is 26 dollars in three days."""
    for name, day in days.items():
        prices.set_price(variant, int(name[1:]), valid_from=at + day * DAY, by=None, at=at)


def test_several_prices_lie_ahead_whatever_the_order_they_were_set_in(app: Flask) -> None:
    variant, at = a_variant(cents=2400), now()

    ahead(variant, at, p2600=3, p3000=9, p2800=6)

    assert listed(variant, at) == [
        (2400, None, 3),
        (2600, 3, 6),
        (2800, 6, 9),
        (3000, 9, None),
    ]


def test_a_price_from_now_holds_until_the_next_one(app: Flask) -> None:
    variant, at = a_variant(cents=2400), now()
    ahead(variant, at, p2600=3)

    prices.set_price(variant, 2000, valid_from=None, by=None, at=at)

    assert [one.cents for one in variant.prices] == [2400, 2000, 2600]
    assert variant.price_at(at).cents == 2000
    assert variant.price_at(at + 3 * DAY).cents == 2600


def test_a_price_taken_back_leaves_its_time_to_the_one_before(app: Flask) -> None:
    variant, at = a_variant(cents=2400), now()
    ahead(variant, at, p2600=3, p2800=6)

    prices.withdraw(variant, variant.prices[1].id, by=None, at=at)
    assert listed(variant, at) == [(2400, None, 6), (2800, 6, None)]
    prices.withdraw(variant, variant.prices[1].id, by=None, at=at)
    assert listed(variant, at) == [(2400, None, None)]

    assert [event.kind for event in events.of(variant.id)] == [
        "price_set",
        "price_set",
        "price_withdrawn",
        "price_withdrawn",
    ]


def test_the_only_price_taken_back_leaves_none(app: Flask) -> None:
    variant, at = a_variant(), now()
    for price in variant.prices:
        price.valid_until = at
    ahead(variant, at, p2600=3)

    prices.withdraw(variant, variant.prices[1].id, by=None, at=at)

    assert [one.valid_until for one in variant.prices] == [at]


def test_a_price_that_has_begun_is_not_taken_back(app: Flask) -> None:
    variant, at = a_variant(cents=2400), now()
    ahead(variant, at, p2600=3)

    with pytest.raises(PriceHasBegun):
        prices.withdraw(variant, variant.prices[0].id, by=None, at=at)
    with pytest.raises(PriceHasBegun):
        prices.withdraw(variant, variant.prices[1].id, by=None, at=at + 3 * DAY)
    with pytest.raises(NoSuchPrice):
        prices.withdraw(variant, uuid.uuid4(), by=None, at=at)

    assert listed(variant, at) == [(2400, None, 3), (2600, 3, None)]


def test_prices_ahead_are_bounded(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prices, "MOST_AHEAD", 2)
    variant, at = a_variant(), now()
    ahead(variant, at, p2600=3, p2700=4)

    with pytest.raises(BadPrice, match="lie ahead"):
        prices.set_price(variant, 2800, valid_from=at + 5 * DAY, by=None, at=at)

    assert len(variant.prices) == 3
