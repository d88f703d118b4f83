"""What a card must look like before it is tried."""

from __future__ import annotations

from datetime import date

import pytest

from shop.payments.sandbox.cards import Card, read_card

TODAY = date(2026, 11, 30)
TYPED = {"number": "4242 4242 4242 4242", "exp": "12 / 34", "cvc": "123", "name": " Alice "}


def test_a_card_is_read_however_it_is_spaced() -> None:
    expected = Card("4242424242424242", 12, 2034, "Alice")

    assert read_card(TYPED, today=TODAY) == expected
    for exp in ("12/34", "12/2034", "12-34", " 12 / 34 "):
        assert read_card({**TYPED, "exp": exp}, today=TODAY) == expected
    for number in ("4242424242424242", "4242-4242-4242-4242"):
        assert read_card({**TYPED, "number": number}, today=TODAY) == expected


EXPIRY = {
    "11/26": None,  # good to the end of its month
    "12/26": None,
    "10/26": "invalid_expiry_year_past",
    "12/25": "invalid_expiry_year_past",
    "00/30": "invalid_expiry_month",
    "13/30": "invalid_expiry_month",
    "11/77": "invalid_expiry_year",
    "1234": "incomplete_expiry",
    "": "incomplete_expiry",
    "١٢/٣٤": "incomplete_expiry",
}


@pytest.mark.parametrize("exp", EXPIRY)
def test_a_card_is_good_to_the_end_of_its_month(exp: str) -> None:
    read = read_card({**TYPED, "exp": exp}, today=TODAY)

    code = None if isinstance(read, Card) else read["exp"].code
    assert code == EXPIRY[exp]


def test_everything_wrong_is_told_at_once() -> None:
    read = read_card({}, today=TODAY)

    assert isinstance(read, dict)
    assert {name: error.code for name, error in read.items()} == {
        "number": "incomplete_number",
        "exp": "incomplete_expiry",
        "cvc": "incomplete_cvc",
    }


def test_the_number_never_shows_in_what_a_card_prints() -> None:
    card = read_card(TYPED, today=TODAY)

    assert isinstance(card, Card)
    assert card.last4 == "4242"
    assert "424242" not in repr(card)
