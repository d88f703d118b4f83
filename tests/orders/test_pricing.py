"""What an order costs."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.catalog.models import LegalClass
from shop.orders.pricing import (
    SHIPPING_METHODS,
    STATES,
    Item,
    StateNotServed,
    UnknownShippingMethod,
    price,
)

TODAY = date(2026, 1, 15)
COSMETIC, OTC, RX = LegalClass.COSMETIC, LegalClass.OTC_DRUG, LegalClass.RX

TAXES = {
    # what: (legal class, state, day, cents, tax)
    "a cosmetic is general goods": (COSMETIC, "CA", TODAY, 10_00, 73),  # 72.5 rounds up
    "California exempts prescription drugs": (RX, "CA", TODAY, 62_00, 0),
    "a compounded drug is a prescription drug": (LegalClass.RX_UNAPPROVED, "CA", TODAY, 62_00, 0),
    "California taxes drugs without prescription": (OTC, "CA", TODAY, 24_00, 174),
    "Texas exempts both": (OTC, "TX", TODAY, 24_00, 0),
    "Texas taxes cosmetics": (COSMETIC, "TX", TODAY, 24_00, 150),
    "Illinois reduces": (RX, "IL", TODAY, 62_00, 62),
    "Oregon has no sales tax": (COSMETIC, "OR", TODAY, 24_00, 0),
    "Louisiana before its new rate": (COSMETIC, "LA", date(2024, 12, 31), 100_00, 445),
    "Louisiana from its new rate": (COSMETIC, "LA", date(2025, 1, 1), 100_00, 500),
    "an unverified later rate is not used": (COSMETIC, "SD", TODAY, 100_00, 450),
    "half a cent goes up": (COSMETIC, "UT", TODAY, 5_00, 31),  # 30.5
    "less than half a cent goes down": (COSMETIC, "UT", TODAY, 4_00, 24),  # 24.4
}


@pytest.mark.parametrize("case", TAXES)
def test_tax_follows_the_legal_class_and_the_state(case: str) -> None:
    kind, state, day, cents, tax = TAXES[case]

    totals = price([Item(kind, 1, cents)], shipping_method="pickup", state=state, on=day)

    assert (totals.tax_cents, totals.total_cents) == (tax, cents + tax)


def test_a_class_is_rounded_once_over_the_order_and_its_lines_bear_it() -> None:
    three = [Item(COSMETIC, 1, 1_00) for _ in range(3)]  # 7.25 each; 21.75 together

    totals = price(three, shipping_method="pickup", state="CA", on=TODAY)

    assert totals.tax_cents == 22
    assert [share.tax_cents for share in totals.shares] == [8, 7, 7]


SHIPPING = {
    "standard": ("standard", 24_00, 695),
    "standard, at one hundred dollars": ("standard", 100_00, 695),
    "standard, over one hundred dollars": ("standard", 100_01, 0),
    "express": ("express", 100_01, 1800),
    "pickup": ("pickup", 24_00, 0),
}


@pytest.mark.parametrize("case", SHIPPING)
def test_shipping_follows_the_method(case: str) -> None:
    method, cents, shipping = SHIPPING[case]

    totals = price([Item(RX, 1, cents)], shipping_method=method, state="CA", on=TODAY)

    assert (totals.shipping_cents, totals.total_cents) == (shipping, cents + shipping)


def test_says_which_methods_there_are() -> None:
    with pytest.raises(UnknownShippingMethod) as refused:
        price([Item(RX, 1, 100)], shipping_method="drone", state="CA", on=TODAY)
    assert refused.value.fields == {
        "shipping_method": ["Must be one of standard, express, pickup."]
    }


def test_a_territory_without_a_known_tax_is_not_served() -> None:
    with pytest.raises(StateNotServed) as refused:
        price([Item(RX, 1, 100)], shipping_method="pickup", state="PR", on=TODAY)
    assert refused.value.facts == {"state": "PR"}


def test_every_state_and_the_capital_is_known() -> None:
    assert len(STATES) == 51


ITEMS = st.builds(
    Item,
    st.sampled_from([COSMETIC, OTC, RX, LegalClass.RX_UNAPPROVED]),
    st.integers(1, 20),
    st.integers(0, 100_000_00),
)


@given(
    st.lists(ITEMS, min_size=1, max_size=12),
    st.sampled_from(sorted(SHIPPING_METHODS)),
    st.sampled_from(sorted(STATES)),
)
def test_the_amounts_add_up_and_tax_is_within_a_cent_per_class(
    items: list[Item], method: str, state: str
) -> None:
    totals = price(items, shipping_method=method, state=state, on=TODAY)

    assert totals.subtotal_cents == sum(item.quantity * item.unit_price_cents for item in items)
    assert totals.total_cents == (
        totals.subtotal_cents + totals.shipping_cents + totals.tax_cents - totals.discount_cents
    )
    assert sum(share.tax_cents for share in totals.shares) == totals.tax_cents
    assert all(
        share.tax_cents == 0
        for share, item in zip(totals.shares, items, strict=True)
        if not item.cents
    )
    exact = sum(
        Fraction(STATES[state].rate(item.legal_class, TODAY)) * item.cents for item in items
    )
    classes = len({item.legal_class for item in items})
    assert abs(totals.tax_cents - exact) <= Fraction(classes, 2)


@given(st.lists(ITEMS, min_size=1, max_size=8), st.sampled_from(sorted(STATES)))
def test_the_order_of_the_lines_does_not_matter(items: list[Item], state: str) -> None:
    mixed = sorted(items, key=lambda item: (item.unit_price_cents, item.legal_class), reverse=True)

    amounts = [
        replace(price(each, shipping_method="standard", state=state, on=TODAY), shares=())
        for each in (items, mixed)
    ]
    assert amounts[0] == amounts[1]
