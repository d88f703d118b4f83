"""Tracking numbers: those that carriers gave out are known, and one wrong digit is not.

Numbers of github.com/jkeen/tracking_number_data (MIT), where they are told to be valid.
"""

from __future__ import annotations

import pytest

from shop.orders import carriers
from shop.orders.carriers import CARRIERS
from shop.orders.errors import BadTracking

GIVEN_OUT = {
    "USPS": (
        "0307 1790 0005 2348 3741",
        "7112 3456 7891 2345 6787",
        "9400 1112 0108 0805 4830 16",
        "9361 2898 7870 0317 6337 95",
        "9505 5110 6960 5048 6006 24",
    ),
    "UPS": ("1Z5R89390357567127", "1Z879E930346834440", "1Z8V92A70367203024", "1ZXX3150YW44070023"),
    "FedEx": ("986578788855", "477179081230", "0414 4176 0228 964", "5682 8361 0012 734"),
    "DHL": ("3318810025", "8487135506"),
}


@pytest.mark.parametrize("carrier", GIVEN_OUT)
def test_numbers_that_were_given_out_are_known_and_followed(carrier: str) -> None:
    for number in GIVEN_OUT[carrier]:
        plain = number.replace(" ", "")
        assert carriers.checked(carrier, f" {number.lower()} ") == (carrier, plain)
        assert str(carriers.link(carrier, plain)).endswith(plain)


@pytest.mark.parametrize("carrier", GIVEN_OUT)
def test_one_wrong_digit_is_refused(carrier: str) -> None:
    """Of FedEx's modulo 11, 10 and 0 are one check digit, so a few wrong ones pass there."""
    tried = [
        f"{plain[:place]}{(int(plain[place]) + 1) % 10}{plain[place + 1 :]}"
        for plain in (number.replace(" ", "") for number in GIVEN_OUT[carrier])
        for place in range(len(plain))
        if plain[place].isdigit()
    ]
    passed = [number for number in tried if CARRIERS[carrier].knows(number)]
    assert len(passed) <= (0 if carrier != "FedEx" else len(tried) // 10), passed


@pytest.mark.parametrize("carrier", GIVEN_OUT)
def test_a_number_tells_whose_it_is(carrier: str) -> None:
    for number in GIVEN_OUT[carrier]:
        assert carriers.recognised(number) == carrier
        assert carriers.checked("", number) == (carrier, number.replace(" ", ""))
    others = [number for name, all_ in GIVEN_OUT.items() if name != carrier for number in all_]
    assert not any(CARRIERS[carrier].knows(number.replace(" ", "")) for number in others)


def test_the_zip_code_before_a_usps_number_is_left_out() -> None:
    """As scanned from its label (USPS Publication 199); other numbers keep their digits."""
    number = "9400111201080805483016"
    for zip_code in ("94607", "946071234"):
        for scanned in (f"420{zip_code}{number}", f"]C1420{zip_code}^]{number}"):
            assert carriers.checked("", scanned) == ("USPS", number)
    with pytest.raises(BadTracking):
        carriers.checked("", f"4209460{number}")


@pytest.mark.parametrize("number", ["", "what", "1Z5R89390357567128", "9" * 60, "\x1d"])
def test_nobodys_number_asks_for_the_carrier(number: str) -> None:
    assert carriers.recognised(number) is None
    with pytest.raises(BadTracking) as refused:
        carriers.checked("", number)
    assert list(refused.value.fields) == ["carrier"]


BAD = {
    "no carrier": ("Pigeon", "1Z5R89390357567127", "carrier"),
    "nothing typed": ("UPS", " - ", "tracking"),
    "another carrier's": ("USPS", "1Z5R89390357567127", "tracking"),
    "full-width digits": ("DHL", "\N{FULLWIDTH DIGIT THREE}" * 10, "tracking"),
    "too long": ("UPS", "1Z5R89390357567127" * 3, "tracking"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_number_names_its_field(case: str) -> None:
    carrier, number, field = BAD[case]
    with pytest.raises(BadTracking) as refused:
        carriers.checked(carrier, number)
    assert list(refused.value.fields) == [field]
    assert carriers.link(carrier, number) is None
