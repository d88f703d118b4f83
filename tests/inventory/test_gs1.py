"""What a scanner reads: GS1's own vectors, and the ways in which labels and scanners go wrong."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.catalog import codes
from shop.inventory import gs1
from shop.inventory.errors import BadScan

DATA = Path(__file__).parent.parent / "data" / "gs1"
# Written for this project after the GS1 General Specifications.
STRINGS = json.loads((DATA / "gs1_element_strings.json").read_text())["vectors"]
# Unit tests of the GS1 Barcode Syntax Dictionary, (c) GS1 AISBL, Apache-2.0.
LINTED = json.loads((DATA / "gs1_linter_vectors.json").read_text())["vectors"]

PACK = "0109506000134352"
CHARSET_82 = "!\"%&'*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"


def test_parts_are_judged_as_gs1_judges_them() -> None:
    wrong = [
        vector
        for vector in LINTED
        if (gs1.LINTERS[vector["test"].removeprefix("lint_")](vector["value"]) is None)
        != vector["valid"]
    ]

    assert len(LINTED) == 120
    assert wrong == []


@pytest.mark.parametrize("form", ["raw", "bracketed"])
def test_whole_codes_are_read_as_gs1_reads_them(form: str) -> None:
    assert len(STRINGS) == 9
    for vector in STRINGS:
        if not vector["valid"]:
            with pytest.raises(BadScan):
                gs1.read(vector[form])
            continue
        scan, said = gs1.read(vector[form]), vector["parsed"]
        assert (scan.gtin, scan.lot_number, scan.serial) == (
            said["01"],
            said.get("10"),
            said.get("21"),
        )
        if day := said.get("17", "00").removesuffix("00"):
            assert f"{scan.expires_on:%y%m%d}".startswith(day)


def test_day_00_is_the_last_day_of_the_month() -> None:
    by_month, by_day = gs1.read(f"{PACK}17280200"), gs1.read(f"{PACK}17280229")

    assert (by_month.expires_on, by_month.precision) == (date(2028, 2, 29), "month")
    assert (by_day.expires_on, by_day.precision) == (date(2028, 2, 29), "day")


@pytest.mark.parametrize("prefix", ["", "]d2", "]C1", "]Q3", "\x1d", "]d2\x1d", " \t"])
def test_what_the_scanner_sends_before_and_between_changes_nothing(prefix: str) -> None:
    for fnc1 in ("\x1d", "\u241d", "^]"):
        scan = gs1.read(f"{prefix}{PACK}10AB-1{fnc1}17270531{fnc1}21S9\r\n")

        assert scan == gs1.Scan("09506000134352", "AB-1", date(2027, 5, 31), "day", "S9")


def test_a_bare_gtin_of_every_length_is_read_with_its_check_digit() -> None:
    assert gs1.read("036000291452").gtin == "00036000291452"  # UPC-A
    assert gs1.read("4006381333931").gtin == "04006381333931"  # EAN-13
    assert gs1.read("]E096385074").gtin == "00000096385074"  # EAN-8
    assert gs1.read("10036000291459") == gs1.Scan("10036000291459")  # a case
    assert gs1.read("10036000291459").is_case
    assert not gs1.read("036000291452").is_case


REFUSED = {
    "wrong check digit": ("0109506000134353", "01", "check digit is 3, expected 2"),
    "wrong check digit of a UPC": ("036000291453", "01", "check digit is 3, expected 2"),
    "month 13": (f"{PACK}17271301", "17", "no month 13"),
    "30 February": (f"{PACK}17270230", "17", "month 02 has no day 30"),
    "a date with a letter": (f"{PACK}1727O531", "17", "six digits"),
    "a date cut short": (f"{PACK}172705", "17", "six digits"),
    "a lot of 21": (f"{PACK}10{'A' * 21}", "10", "has 21 characters, 20 are the most"),
    "a lot of 21, in brackets": (f"(01)09506000134352(10){'A' * 21}", "10", "21 characters"),
    "an empty lot": (f"{PACK}10", "10", "empty"),
    "a lot with a space": (f"{PACK}10AB 1", "10", "holds ' '"),
    "no FNC1 after the lot": (f"{PACK}10ABC12317270531", "10", "17270531: the FNC1 .* missing"),
    "no FNC1 after the serial": (
        "010030187516045621SN00011727123110RA45",
        "21",
        "17271231: the FNC1 .* is missing",
    ),
    "no FNC1 after a long lot": (f"{PACK}10ABCDEFGHIJKLM17270531", "10", "FNC1"),
    "full-width digits in the lot": (f"{PACK}10\uff11\uff12", "10", "holds '\uff11'"),
    "full-width digits in the expiry": (
        f"{PACK}17\uff12\uff17\uff10\uff15\uff13\uff11",
        "17",
        "holds '\uff12'",
    ),
    "a full-width GTIN": (
        "".join(chr(ord(digit) + 0xFEE0) for digit in "036000291452"),
        "01",
        "holds '\uff10'",
    ),
    "full-width identifier": ("\uff10\uff1109506000134352", "", "no application"),
    "two lots": ("(01)09506000134352(10)A(10)B", "10", "says two things"),
    "no GTIN": ("10ABC", "01", "is missing"),
    "no such identifier": (f"{PACK}05123", "0512", "no application identifier"),
    "a code of no GS1 kind": ("]A0123", "]A0", "without the rules of GS1"),
    "a scanner's prefix that is none": ("]", "]", "no bar code begins"),
    "ten digits": ("]E01234567890", "01", "10 characters"),
    "nothing": (" ", "", "1 to 500"),
    "a book": ("1" * 501, "", "1 to 500"),
}


@pytest.mark.parametrize(("text", "part", "why"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_by_the_name_of_its_part(text: str, part: str, why: str) -> None:
    with pytest.raises(BadScan, match=why) as refused:
        gs1.read(text)

    assert refused.value.facts["part"] == part
    if part in gs1.NAMES:
        assert f"({part}) {gs1.NAMES[part]}" in refused.value.text


def test_a_lot_that_looks_like_an_expiry_can_still_be_typed() -> None:
    assert gs1.read("(01)09506000134352(10)ABC17270531").lot_number == "ABC17270531"
    assert gs1.read(f"{PACK}1727053110ABC17270531").lot_number == "ABC17270531"


@given(
    body=st.text("0123456789", min_size=13, max_size=13),
    lot=st.text(CHARSET_82, min_size=1, max_size=20),
    serial=st.text(CHARSET_82, min_size=1, max_size=20),
    day=st.dates(date(2020, 1, 1), date(2060, 12, 31)),
    data=st.data(),
)
def test_what_is_printed_is_what_is_read(
    body: str, lot: str, serial: str, day: date, data: st.DataObject
) -> None:
    gtin = body + str(codes.expected(f"{body}0"))
    parts = data.draw(
        st.permutations([("01", gtin), ("10", lot), ("17", f"{day:%y%m%d}"), ("21", serial)])
    )
    expected = gs1.Scan(gtin, lot, day, "day", serial)

    assert gs1.read("]d2" + "\x1d".join(ai + value for ai, value in parts)) == expected
    assert gs1.read("".join(f"({ai}){value}" for ai, value in parts)) == expected


@given(st.text(max_size=60) | st.text("0123456789()]dCEQ\x1d^", max_size=60))
def test_nothing_that_is_scanned_breaks_the_reader(text: str) -> None:
    try:
        scan = gs1.read(text)
    except BadScan:
        return
    assert len(scan.gtin) == 14
