"""What an order costs."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.catalog.models import LegalClass
from shop.discounts.errors import BelowMinimum, NothingToDiscount
from shop.discounts.terms import Terms
from shop.orders import postage, taxing
from shop.orders.postage import NotShippedThere, TooHeavy, UnknownShippingMethod
from shop.orders.pricing import PICKUP, SHIPPING_METHODS, Item, Totals, price, ways
from shop.orders.taxing import StateNotServed, Taxed, TaxService, TaxTable

TODAY = date(2026, 1, 15)
COSMETIC, OTC, RX = LegalClass.COSMETIC, LegalClass.OTC_DRUG, LegalClass.RX
STATES = taxing.TABLE.states

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


@pytest.mark.parametrize("key", taxing.TABLE.versions)
def test_a_rate_ends_when_the_next_begins_and_says_where_it_is_from(key: tuple[str, str]) -> None:
    versions = taxing.TABLE.versions[key]

    assert versions[0].valid_from == date(2023, 1, 1)
    ends = [version.valid_until for version in versions]
    begins: list[date | None] = [version.valid_from for version in versions[1:]]
    assert ends[:-1] == begins
    assert (ends[-1] is None) == (key not in {("LA", "general"), ("LA", "otc")})
    assert all(version.source for version in versions)
    assert all(0 <= version.rate <= Fraction(1, 10) for version in versions)


def test_into_a_state_whose_rate_ran_out_nothing_is_sold() -> None:
    with pytest.raises(StateNotServed):
        price([Item(COSMETIC, 1, 100)], shipping_method=PICKUP, state="LA", on=date(2030, 1, 1))


def test_another_service_of_taxes_takes_the_tables_place() -> None:
    """It is told what is paid for the goods, and believed."""

    class Everywhere:
        def borne(self, goods: Sequence[Taxed], *, state: str, on: date) -> list[int]:
            return [each.cents // 10 for each in goods]

    service: TaxService = Everywhere()
    items = [Item(COSMETIC, 1, 10_00), Item(RX, 1, 20_00)]

    totals = price(
        items, shipping_method=PICKUP, state="PR", on=TODAY, discount=HALF, taxes=service
    )

    assert [share.tax_cents for share in totals.shares] == [50, 200]
    assert totals.total_cents == 30_00 - 5_00 + 2_50


WEIGHTS = {
    # what: method, state, grams, goods, cents
    "the lightest band": ("standard", "CA", 5_000, 24_00, 695),
    "a gram more": ("standard", "CA", 5_001, 24_00, 1495),
    "heavy, and free": ("standard", "CA", 15_000, 100_01, 0),
    "too heavy to be free": ("standard", "CA", 15_001, 100_01, 2995),
    "far away": ("standard", "HI", 5_000, 24_00, 1295),
    "far away, free from more on": ("standard", "AK", 5_000, 200_01, 0),
    "far away and heavy is never free": ("standard", "AK", 5_001, 200_01, 2995),
    "pick up whatever it weighs": ("pickup", "HI", 900_000, 24_00, 0),
}


@pytest.mark.parametrize("case", WEIGHTS)
def test_shipping_follows_weight_and_state(case: str) -> None:
    method, state, grams, goods, cents = WEIGHTS[case]

    totals = price(
        [Item(RX, 1, goods, unit_grams=grams)], shipping_method=method, state=state, on=TODAY
    )

    assert totals.shipping_cents == cents


def test_a_parcel_that_is_too_heavy_says_what_to_do() -> None:
    with pytest.raises(TooHeavy) as refused:
        price([Item(RX, 3, 100, 10_001)], shipping_method="standard", state="CA", on=TODAY)
    assert refused.value.facts == {"grams": 30_003, "most_grams": 30_000}
    assert refused.value.fields == {
        "shipping_method": ["Order in two parts, or pick it up at the clinic."]
    }


def test_a_method_that_does_not_go_there_is_refused_and_not_offered() -> None:
    items = [Item(RX, 1, 24_00)]
    with pytest.raises(NotShippedThere):
        price(items, shipping_method="express", state="HI", on=TODAY)

    assert [(way.code, cents) for way, cents in ways(items, state="HI", on=TODAY)] == [
        ("standard", 1295),
        ("pickup", 0),
    ]


def test_every_method_has_rates_that_rise_with_the_weight() -> None:
    for method in SHIPPING_METHODS:
        for state in STATES:
            bands = [
                (rate.up_to_grams or 0, rate.cents or 0)
                for rate in postage.TABLE._bands(method, state, TODAY)
            ]
            assert bands == sorted(bands) != []


# Discounts.

HALF = Terms(percent=50, cents=None, classes=frozenset({COSMETIC}))
TAKES = {
    # what: terms, items, off each
    "percent of what it may touch": (
        Terms(10, None, frozenset({COSMETIC})),
        [Item(COSMETIC, 2, 10_00), Item(RX, 1, 62_00), Item(OTC, 1, 5_00)],
        [200, 0, 0],
    ),
    "half a cent goes up": (Terms(15, None, frozenset({OTC})), [Item(OTC, 1, 30)], [5]),
    "a cent that is left goes to the dearest": (
        Terms(None, 100, frozenset({COSMETIC})),
        [Item(COSMETIC, 1, 10_00), Item(COSMETIC, 1, 20_00)],
        [33, 67],
    ),
    "equal lines: the earlier": (
        Terms(None, 100, frozenset({COSMETIC})),
        [Item(COSMETIC, 1, 10_00), Item(COSMETIC, 1, 10_00), Item(COSMETIC, 1, 10_00)],
        [34, 33, 33],
    ),
    "never more than it costs": (
        Terms(None, 50_00, frozenset({COSMETIC})),
        [Item(COSMETIC, 1, 10_00), Item(OTC, 1, 90_00)],
        [10_00, 0],
    ),
    "not what a physician approved": (
        Terms(100, None, frozenset({COSMETIC, OTC})),
        [Item(COSMETIC, 1, 10_00, prescribed=True), Item(OTC, 1, 90)],
        [0, 90],
    ),
    "not prescription goods, whatever the terms say": (
        Terms(100, None, frozenset({COSMETIC, RX, LegalClass.RX_UNAPPROVED})),
        [Item(COSMETIC, 1, 10), Item(RX, 1, 62_00), Item(LegalClass.RX_UNAPPROVED, 1, 1)],
        [10, 0, 0],
    ),
}


@pytest.mark.parametrize("case", TAKES)
def test_a_discount_takes_off_what_it_may(case: str) -> None:
    terms, items, off = TAKES[case]

    totals = price(items, shipping_method=PICKUP, state="CA", on=TODAY, discount=terms)

    assert [share.discount_cents for share in totals.shares] == off
    assert totals.discount_cents == sum(off)


def test_tax_is_on_what_is_paid() -> None:
    items = [Item(COSMETIC, 1, 10_00), Item(OTC, 1, 10_00)]

    totals = price(items, shipping_method=PICKUP, state="CA", on=TODAY, discount=HALF)

    assert [share.tax_cents for share in totals.shares] == [36, 73]  # 36.25; 72.5 goes up


REFUSES = {
    "less than its minimum": (Terms(10, None, frozenset({COSMETIC}), 1001), BelowMinimum),
    "other goods": (Terms(10, None, frozenset({OTC})), NothingToDiscount),
    "nothing it may touch here": (Terms(10, None, frozenset()), NothingToDiscount),
}


@pytest.mark.parametrize("case", REFUSES)
def test_a_discount_that_takes_nothing_is_refused(case: str) -> None:
    terms, refusal = REFUSES[case]
    items = [Item(COSMETIC, 1, 10_00), Item(RX, 1, 62_00)]

    with pytest.raises(refusal) as refused:
        price(items, shipping_method=PICKUP, state="CA", on=TODAY, discount=terms)

    assert list(refused.value.fields) == ["discount_code"]


ITEMS = st.builds(
    Item,
    st.sampled_from([COSMETIC, OTC, RX, LegalClass.RX_UNAPPROVED]),
    st.integers(1, 20),
    st.integers(0, 100_000_00) | st.integers(0, 200),
    st.integers(1, 100),
    st.booleans(),
)
CLASSES = st.frozensets(st.sampled_from(list(LegalClass)))
TERMS = st.builds(
    Terms, st.integers(1, 100), st.none(), CLASSES, st.integers(0, 100_00)
) | st.builds(Terms, st.none(), st.integers(1, 1_000_00), CLASSES, st.integers(0, 100_00))
CARTS = st.lists(ITEMS, min_size=1, max_size=12)
METHODS = st.sampled_from(sorted(SHIPPING_METHODS))
SERVED = st.sampled_from(STATES)


# Whoever else uses the machine may slow the drawing of a cart down: it is not what is tested.
CARTFULS = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def priced(items: list[Item], method: str, state: str, terms: Terms | None) -> Totals:
    """At the discount, or without where it takes nothing; by hand where it is not shipped there."""
    try:
        return price(items, shipping_method=method, state=state, on=TODAY, discount=terms)
    except (BelowMinimum, NothingToDiscount):
        return priced(items, method, state, None)
    except NotShippedThere:
        return priced(items, PICKUP, state, terms)


@CARTFULS
@given(CARTS, METHODS, SERVED, st.none() | TERMS)
def test_the_cents_of_lines_and_order_add_up(
    items: list[Item], method: str, state: str, terms: Terms | None
) -> None:
    totals = priced(items, method, state, terms)

    assert totals.subtotal_cents == sum(item.quantity * item.unit_price_cents for item in items)
    assert totals.discount_cents == sum(share.discount_cents for share in totals.shares)
    assert totals.tax_cents == sum(share.tax_cents for share in totals.shares)
    assert totals.total_cents == totals.shipping_cents + sum(
        item.cents - share.discount_cents + share.tax_cents
        for item, share in zip(items, totals.shares, strict=True)
    )
    for item, share in zip(items, totals.shares, strict=True):
        assert 0 <= share.discount_cents <= item.cents
        assert share.tax_cents >= 0
        assert share.tax_cents == 0 or share.discount_cents < item.cents


@CARTFULS
@given(CARTS, SERVED, st.none() | TERMS)
def test_tax_is_within_half_a_cent_of_each_class(
    items: list[Item], state: str, terms: Terms | None
) -> None:
    totals = priced(items, PICKUP, state, terms)

    lines = list(zip(items, totals.shares, strict=True))
    for kind in {item.legal_class for item in items}:
        of_kind = [(item, share) for item, share in lines if item.legal_class is kind]
        paid = sum(item.cents - share.discount_cents for item, share in of_kind)
        exact = Fraction(taxing.TABLE.rate(kind, state=state, on=TODAY)) * paid
        assert abs(sum(share.tax_cents for _, share in of_kind) - exact) <= Fraction(1, 2)


@CARTFULS
@given(CARTS, TERMS, SERVED)
def test_a_discount_is_what_it_says_and_never_touches_what_is_barred(
    items: list[Item], terms: Terms, state: str
) -> None:
    touched = [
        item.legal_class in terms.classes & {COSMETIC, OTC, LegalClass.CLINIC_USE}
        and not item.prescribed
        for item in items
    ]
    goods = sum(item.cents for item, may in zip(items, touched, strict=True) if may)

    totals = priced(items, PICKUP, state, terms)

    off = [share.discount_cents for share in totals.shares]
    assert not any(cents for cents, may in zip(off, touched, strict=True) if not may)
    if sum(off) == 0:
        assert goods < terms.least_cents or goods * (terms.percent or 100) < 50
        return
    assert goods >= terms.least_cents
    if terms.percent is not None:
        assert abs(sum(off) - Fraction(goods * terms.percent, 100)) <= Fraction(1, 2)
    else:
        assert sum(off) == min(terms.cents or 0, goods)
    for item, cents, may in zip(items, off, touched, strict=True):  # to the cent, by price
        assert not may or abs(cents - Fraction(sum(off) * item.cents, goods)) < 1


@CARTFULS
@given(CARTS, METHODS, SERVED, st.none() | TERMS, st.randoms())
def test_the_order_of_the_lines_does_not_matter(
    items: list[Item], method: str, state: str, terms: Terms | None, chance: random.Random
) -> None:
    mixed = list(items)
    chance.shuffle(mixed)

    one, other = (priced(each, method, state, terms) for each in (items, mixed))

    assert replace(one, shares=()) == replace(other, shares=())
    assert Counter(zip(items, one.shares, strict=True)) == Counter(
        zip(mixed, other.shares, strict=True)
    )


@CARTFULS
@given(CARTS, SERVED)
def test_another_rate_is_another_row(items: list[Item], state: str) -> None:
    """A version that begins on a day is asked from that day on, and only then."""
    rows = [
        {
            "state": state,
            "treated_as": treated,
            "percent": percent,
            "valid_from": begins,
            "valid_until": ends,
            "source": "a test",
        }
        for treated in ("general", "otc", "rx")
        for percent, begins, ends in (("10", "2026-01-01", "2026-01-15"), ("20", "2026-01-15", ""))
    ]
    goods = [Taxed(item.legal_class, item.cents) for item in items]
    table = TaxTable(rows)

    before, after = (
        sum(table.borne(goods, state=state, on=day)) for day in (date(2026, 1, 14), TODAY)
    )

    whole = sum(each.cents for each in goods)
    assert abs(before - Fraction(whole, 10)) <= 2
    assert abs(after - Fraction(whole, 5)) <= 2
