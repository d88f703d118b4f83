"""Ingredient lists in one cell, split with care."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.catalog.splitting import split

LISTS = {
    "commas": ("Aqua, Glycerin, Parfum", ["Aqua", "Glycerin", "Parfum"]),
    "a heading and a full stop": ("Ingredients: Aqua, Glycerin.", ["Aqua", "Glycerin"]),
    "semicolons": ("Water; Zinc Oxide ; Mica", ["Water", "Zinc Oxide", "Mica"]),
    "dots between": ("WATER · GLYCERIN • MICA", ["WATER", "GLYCERIN", "MICA"]),
    "lines": ("Water\nGlycerin\r\nMica", ["Water", "Glycerin", "Mica"]),
    "a comma in brackets": ("Water (Aqua, Eau), Mica", ["Water (Aqua, Eau)", "Mica"]),
    "a comma in a number": ("1,2-Hexanediol, Water", ["1,2-Hexanediol", "Water"]),
    "a decimal comma": ("Zinc Oxide 0,5 %, Water", ["Zinc Oxide 0,5 %", "Water"]),
    "a number before a comma": ("PEG-100, Water", ["PEG-100", "Water"]),
    "a bracket left open": ("Water (Aqua, Mica", ["Water (Aqua", "Mica"]),
    "brackets the wrong way": ("Water )Aqua(, Mica", ["Water )Aqua(", "Mica"]),
    "and at the end": ("Water, Mica and Silica", ["Water", "Mica", "Silica"]),
    "a comma and an and": ("Water, Mica, and Silica", ["Water", "Mica", "Silica"]),
    "two with an and": ("Zinc oxide and titanium dioxide", ["Zinc oxide", "titanium dioxide"]),
    "an and that belongs to a name": ("Water, Sand Extract", ["Water", "Sand Extract"]),
    "one": ("Petrolatum", ["Petrolatum"]),
    "nothing": (" , ; . ", []),
}


@pytest.mark.parametrize(("text", "parts"), LISTS.values(), ids=LISTS.keys())
def test_a_list_is_split_where_a_person_would(text: str, parts: list[str]) -> None:
    assert list(split(text).parts) == parts
    assert not split(text).whole


def test_a_long_text_without_separators_is_kept_whole_and_flagged() -> None:
    text = "Aqua Glycerin Dimethicone Butylene Glycol Cetearyl Alcohol Niacinamide Phenoxyethanol Parfum"
    assert split(text).parts == (text,)
    assert split(text).whole


def test_seventy_and_more() -> None:
    names = [f"Extract {number}" for number in range(250)]
    assert list(split(", ".join(names)).parts) == names


@given(st.text(max_size=300))
def test_no_letter_is_lost_and_none_invented(text: str) -> None:
    found = split(text)
    letters = [letter for letter in text if letter.isalnum()]
    kept = [letter for letter in "".join(found.parts) if letter.isalnum()]
    assert all(part.strip() for part in found.parts)
    assert len(kept) <= len(letters)
    rest = iter(letters)
    assert all(letter in rest for letter in kept)  # in their order


@given(st.lists(st.from_regex(r"[A-Z][a-z]{2,12}( [A-Z][a-z]{2,12})?", fullmatch=True), min_size=2))
def test_names_that_were_joined_come_apart(names: list[str]) -> None:
    plain = [name for name in names if "and" not in name.lower().split()]
    if len(plain) > 1:
        assert list(split(", ".join(plain)).parts) == plain
