"""Cents and dollars."""

from __future__ import annotations

from decimal import Decimal

import pytest

from shop.core.money import dollars, share


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
