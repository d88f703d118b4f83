"""Strengths as filed, made comparable."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.catalog.filings import FiledIngredient, strength_flags
from shop.catalog.strengths import actives, percent

CASES = {
    "mg per g": (".25 mg/g", "0.025"),
    "mg per mL, w/v": ("100 mg/mL", "10"),
    "ug per g": ("50 ug/g", "0.005"),
    "g per 100 g": (".1 g/100g", "0.1"),
    "g per 100 mL": ("9.4 g/100mL", "9.4"),
    "g per g": (".15 g/g", "15"),
    "a sachet of a quarter gram": ("12.5 mg/.25g", "5"),
    "a whole tube": ("2 g/40g", "5"),
    "a wrong denominator stays what it says": ("10 mg/60g", "0.016667"),
    "a wrong unit stays what it says": ("10 ug/mL", "0.001"),
    "bulk": ("25 kg/25kg", "100"),
    "by volume": ("1 L/L", "100"),
    "plain percent": ("13.9 percent", "13.9"),
    "percent sign": ("20 %", "20"),
    "a percent sign close by": ("0.05%", "0.05"),
    "per cent in words": ("2 per cent", "2"),
    "a decimal comma": ("0,5 %", "0.5"),
    "a decimal comma after nothing": ("0,025%", "0.025"),
    "words for units": ("50 mg per gram", "5"),
    "more words": ("10 milligrams / millilitre", "1"),
    "capitals": ("10 MG/G", "1"),
    "weight in weight": ("2 % w/w", "2"),
    "weight in volume, in brackets": ("5% (w/v)", "5"),
    "one in a thousand": ("1:1000", "0.1"),
    "one in a thousand, spaced": ("1 : 10000", "0.01"),
    "parts per million": ("500 ppm", "0.05"),
    "a range counts as its upper end": ("2-4 %", "4"),
    "a range in words": ("0.5 % to 1 %", "1"),
    "a range of a dash": ("2,5 \u2013 5 %", "5"),
    "a range of masses": ("5-10 mg/g", "1"),
}
UNCLEAR = ["10 mg/1", "10 mg", "6 [hp_X]/kg", "400 [iU]/.0008kg", "1 mg/0g", "mg/g", "", "1e3 mg/g"]
UNCLEAR += ["1,000 mg/g", "4-2 %", "2-4", "1:0", "2 % to 4 mg", "about 2 %", "2 %%", "- %"]


@pytest.mark.parametrize(("text", "expected"), CASES.values(), ids=CASES.keys())
def test_reads_a_share(text: str, expected: str) -> None:
    assert percent(text) == Decimal(expected)


@pytest.mark.parametrize("text", UNCLEAR)
def test_what_is_no_share_has_no_percent(text: str) -> None:
    assert percent(text) is None


def test_reads_a_combination_in_its_order() -> None:
    read = actives("CLINDAMYCIN PHOSPHATE 12 mg/g; BENZOYL PEROXIDE 31 mg/g; ADAPALENE 1.5 mg/g")

    assert [(one.name, one.strength_text, one.percent) for one in read] == [
        ("CLINDAMYCIN PHOSPHATE", "12 mg/g", Decimal("1.2")),
        ("BENZOYL PEROXIDE", "31 mg/g", Decimal("3.1")),
        ("ADAPALENE", "1.5 mg/g", Decimal("0.15")),
    ]


def test_an_entry_without_a_strength_keeps_its_text() -> None:
    (read,) = actives("ALOE VERA LEAF")

    assert (read.name, read.strength_text, read.percent) == ("ALOE VERA LEAF", "", None)


def test_a_kit_has_no_actives() -> None:
    assert actives("") == []


def test_an_odd_strength_is_flagged_and_keeps_its_figure() -> None:
    filed = FiledIngredient("TAZAROTENE", "TAZAROTENE .05 mg/g", True, ".05 mg/g", Decimal("0.005"))

    assert strength_flags((filed,)) == [
        "implausible_strength: TAZAROTENE .05 mg/g is 0.005 %, expected 0.045 to 0.1 %"
    ]


@given(amount=st.decimals("0.001", "999", places=3), per=st.integers(1, 500))
@settings(max_examples=200)
def test_a_share_does_not_depend_on_how_it_is_written(amount: Decimal, per: int) -> None:
    assert percent(f"{amount} mg/{per}g") == percent(f"{amount * 1000} ug/{per * 1000}mg")


@given(st.text(max_size=60))
@settings(max_examples=200)
def test_any_text_is_read_or_left_alone(text: str) -> None:
    for one in actives(text):
        assert one.name in text
        assert one.percent is None or one.percent >= 0
