"""What a package holds."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.catalog.packages import Unreadable, read

CASES = {
    "a tube in a carton": (
        "1 TUBE in 1 CARTON (0187-5164-20) / 20 g in 1 TUBE",
        "0187-5164-20",
        ("20", "g", "20 g tube", ()),
    ),
    "one level": ("454 g in 1 JAR (45802-055-05)", "45802-055-05", ("454", "g", "454 g jar", ())),
    "a pump": (
        "1 BOTTLE, PUMP in 1 CARTON (0093-3133-31) / 7.5 g in 1 BOTTLE, PUMP",
        "0093-3133-31",
        ("7.5", "g", "7.5 g pump bottle", ()),
    ),
    "a case of cartons of tubes": (
        "12 CARTON in 1 CASE (47335-994-94) / 1 TUBE in 1 CARTON (47335-994-40) / 2 g in 1 TUBE",
        "47335-994-94",
        ("24", "g", "12 x 2 g tube", ("47335-994-40",)),
    ),
    "brackets of the inner pack": (
        "24 PACKET in 1 CARTON (51672-4145-6) / .25 g in 1 PACKET (51672-4145-8)",
        "51672-4145-6",
        ("6", "g", "24 x 0.25 g packet", ("51672-4145-8",)),
    ),
    "millilitres": (
        "69 APPLICATOR in 1 JAR (16571-256-69) / 1 mL in 1 APPLICATOR",
        "16571-256-69",
        ("69", "mL", "69 x 1 mL applicator", ()),
    ),
    "counted in pieces": (
        "60 PACKET in 1 CARTON (43538-172-60) / 1 SWAB in 1 PACKET",
        "43538-172-60",
        (None, None, "60 swabs", ()),
    ),
    "the older separator": (
        "1 BOTTLE in 1 CARTON (51150-584-01)  > 75 mL in 1 BOTTLE",
        "51150-584-01",
        ("75", "mL", "75 mL bottle", ()),
    ),
    "kilograms": (
        "100 kg in 1 DRUM (0009-0063-02)",
        "0009-0063-02",
        ("100000", "g", "100000 g drum", ()),
    ),
}
WRONG = {
    "the code of another pack": ("20 g in 1 TUBE (0187-5164-45)", "not 0187-5164-20"),
    "no code": ("20 g in 1 TUBE", "not 0187-5164-20"),
    "a level that does not open": (
        "1 TUBE in 1 CARTON (0187-5164-20) / 20 g in 1 JAR",
        "'TUBE' does not open into 'JAR'",
    ),
    "words": ("as supplied", "cannot read 'as supplied'"),
    "nothing": ("", "cannot read"),
    "an empty tube": ("0 g in 1 TUBE (0187-5164-20)", "an empty package"),
    "per nothing": ("1 g in 0 TUBE (0187-5164-20)", "0 containers"),
}


@pytest.mark.parametrize(("text", "code", "expected"), CASES.values(), ids=CASES.keys())
def test_reads_a_description(
    text: str, code: str, expected: tuple[str | None, str | None, str, tuple[str, ...]]
) -> None:
    package = read(text, code)

    content = None if package.net_content is None else f"{package.net_content:f}"
    assert (content, package.net_unit, package.name, package.inner_codes) == expected


@pytest.mark.parametrize(("text", "why"), WRONG.values(), ids=WRONG.keys())
def test_says_what_it_cannot_read(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why.replace("(", r"\(")):
        read(text, "0187-5164-20")


@given(counts=st.lists(st.integers(1, 40), max_size=6), grams=st.integers(1, 500))
@settings(max_examples=200)
def test_the_content_is_the_product_of_all_levels(counts: list[int], grams: int) -> None:
    names = [f"BOX{place}" for place in range(len(counts) + 1)]
    levels = [
        f"{count} {inner} in 1 {outer}"
        for count, outer, inner in zip(counts, names, names[1:], strict=False)
    ]
    levels.append(f"{grams} g in 1 {names[-1]}")
    levels[0] += " (1234-5678-90)"
    expected = Decimal(grams)
    for count in counts:
        expected *= count

    assert read(" / ".join(levels), "1234-5678-90").net_content == expected


@given(st.text(alphabet="0123456789. /()-ginTUBE", max_size=80))
@settings(max_examples=200)
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        package = read(text, "1234-5678-90")
    except Unreadable:
        return
    assert package.net_content is None or package.net_content > 0
