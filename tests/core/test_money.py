"""Cents and dollars."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.core.money import allocated, dollars, share


@pytest.mark.parametrize(
    ("cents", "text"),
    [(4800, "$48.00"), (5, "$0.05"), (123456789, "$1,234,567.89"), (-50, "-$0.50")],
)
def test_people_read_dollars(cents: int, text: str) -> None:
    assert dollars(cents) == text


@pytest.mark.parametrize(
    ("cents", "rate", "part"),
    [(1000, "0.0725", 73), (100, "0.005", 1), (99, "0.005", 0), (0, "0.1", 0)],
)
def test_a_share_is_rounded_half_up(cents: int, rate: str, part: int) -> None:
    assert share(cents, Decimal(rate)) == part


@given(st.integers(0, 10**7), st.lists(st.integers(0, 10**6), min_size=1, max_size=20))
def test_what_is_shared_is_shared_whole_and_fairly(cents: int, weights: list[int]) -> None:
    if not sum(weights):
        weights[0] = 1

    shares = allocated(cents, weights)

    assert sum(shares) == cents
    for got, weight in zip(shares, weights, strict=True):
        assert abs(got - Fraction(cents * weight, sum(weights))) < 1
        assert got == 0 or weight > 0


def test_the_first_of_equals_gets_the_cent_that_is_left() -> None:
    assert allocated(22, [100, 100, 100]) == [8, 7, 7]


def test_nothing_is_shared_among_nobody() -> None:
    assert allocated(0, [0, 0]) == [0, 0]
    with pytest.raises(ValueError, match="Nothing bears"):
        allocated(1, [0, 0])
