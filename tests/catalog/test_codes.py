"""Codes: which are right, and that every way of writing one means the same pack."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.catalog import codes

HERE = Path(__file__).parent
# Unit tests of the GS1 Barcode Syntax Dictionary, (c) GS1 AISBL, Apache-2.0.
CHECK_DIGITS = json.loads((HERE / "gs1_check_digits.json").read_text())["vectors"]
# Bar codes on drug labels, openFDA (CC0).
PAIRS = list(csv.DictReader((HERE / "upc_ndc_pairs.csv").read_text().splitlines()))

DIGITS = st.text("0123456789", min_size=7, max_size=13)


@pytest.mark.parametrize("vector", CHECK_DIGITS, ids=lambda vector: repr(vector["value"]))
def test_check_digits_are_those_of_gs1(vector: dict[str, str]) -> None:
    value = vector["value"]
    if vector["error"] == "NON_DIGIT_CHARACTER":
        with pytest.raises(codes.BadCode):
            codes.gtin(value)
    else:
        assert (codes.expected(value) == int(value[-1])) == vector["valid"]


@pytest.mark.parametrize("length", [8, 12, 13, 14])
def test_a_gtin_of_every_length_is_taken(length: int) -> None:
    bare = "036000291450"[-length:].zfill(length)[:-1]
    digits = bare + str(codes.expected(f"{bare}0"))

    assert codes.gtin(f" {digits[:3]}-{digits[3:]} ") == digits


def test_a_wrong_check_digit_says_which_was_expected() -> None:
    with pytest.raises(codes.BadCode, match="is 3, expected 2") as refused:
        codes.gtin("036000291453")

    assert refused.value.expected == 2
    assert codes.misread("0 36000 29145 3") == 2
    assert codes.misread("036000291452") is None
    assert codes.misread("0378-8082-20") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1234567",
        "123456789",
        "12345678901",
        "x" * 12,
        "\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff10",
    ],
)
def test_what_is_no_gtin_is_refused(text: str) -> None:
    with pytest.raises(codes.BadCode):
        codes.gtin(text)


@pytest.mark.parametrize("pair", PAIRS, ids=[pair["upc"] for pair in PAIRS])
def test_bar_codes_of_labels_carry_their_ndc_or_none(pair: dict[str, str]) -> None:
    assert (codes.misread(pair["upc"]) is None) == (pair["check_digit_ok"] == "yes")

    if pair["package_ndc"]:
        (package,) = codes.keys(pair["package_ndc"])
        assert (package in codes.keys(pair["upc"])) == (pair["matches_ndc"] == "yes")


# Every way in which people and programs write one pack: its NDC, or the bar code that carries it.
SPELLINGS = {
    "4-4-2": ("00378808220", ["0378-8082-20", "0378 8082 20", "0378\u20138082\u201320", "0378808220",
                              "00378808220", "00378-8082-20", "378808220", "303788082207",
                              "0303788082207", "00303788082207", "3-03788-08220-7", "10303788082204"]),
    "5-3-2": ("49967013801", ["49967-138-01", "4996713801", "49967013801", "49967-0138-01",
                              "349967138013"]),
    "5-4-1": ("12345678909", ["12345-6789-9", "1234567899", "12345678909", "12345-6789-09"]),
}  # fmt: skip


@pytest.mark.parametrize(("key", "texts"), SPELLINGS.values(), ids=SPELLINGS.keys())
def test_every_way_of_writing_a_package_has_its_key(key: str, texts: list[str]) -> None:
    assert {text: key in codes.keys(text) for text in texts} == dict.fromkeys(texts, True)


PRODUCTS = {"0378-8082": "003788082", "03788082": "003788082", "49967-138": "499670138",
            "49967138": "499670138", "12345-6789": "123456789", "123456789": "123456789"}  # fmt: skip


@pytest.mark.parametrize(("text", "key"), PRODUCTS.items())
def test_every_way_of_writing_a_product_has_its_key(text: str, key: str) -> None:
    assert key in codes.keys(text)


@given(DIGITS, st.integers(0, 3))
def test_zeros_before_a_gtin_change_nothing(bare: str, zeros: int) -> None:
    digits = bare + str(codes.expected(f"{bare}0"))
    longer = digits.rjust(min(len(digits) + zeros, 14), "0")

    assert digits.zfill(14) in codes.keys(longer)
    assert codes.spellings(digits.zfill(14)) == codes.spellings(longer.zfill(14))


@given(st.text(max_size=30))
def test_nothing_that_is_typed_breaks_it(text: str) -> None:
    for key in codes.keys(text):
        assert key.isascii()
        assert len(key) in (9, 11, 14)
    codes.misread(text)
