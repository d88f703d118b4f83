"""A supplier's sheet in our columns."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from shop.catalog import importing, mapping, profiles
from shop.catalog.errors import NoSuchProfile
from shop.catalog.filings import Unfit
from shop.catalog.mapping import BadMapping, cents, unknown
from shop.catalog.models import Product
from shop.catalog.reading import BadFile
from shop.catalog.report import Report
from shop.core.clock import now
from shop.core.db import db

SHEET = {
    "columns": {
        "source_key": "Item no.",
        "sku": "Item no.",
        "name": "Title",
        "brand": {"const": "Acme"},
        "legal_class": {"const": "cosmetic"},
        "pack_name": "Size",
        "price": "RRP",
        "ingredients_text": "INCI",
    }
}
FILE = """\ufeffItem no.;Title;Size;RRP;INCI\r
'0012;Balm;30 mL;$12.50;"Aqua, 1,2-Hexanediol, Mica and Silica"\r
0013;Oil;50 mL;free;Squalane\r
"""


def taken(text: str, said: object = SHEET) -> Report:
    file = importing.checked(io.BytesIO(text.encode()), "csv", mapping=said)
    return importing.take_whole(file, by=None, at=now())


def test_a_suppliers_sheet_comes_in(app: Flask) -> None:
    balm, oil = taken(FILE).rows

    assert (balm.outcome, balm.key) == ("created", "0012")
    assert oil.reasons == ["price: 'free' is not an amount of money"]
    assert oil.raw == {
        "Item no.": "0013",
        "Title": "Oil",
        "Size": "50 mL",
        "RRP": "free",
        "INCI": "Squalane",
    }
    product = db.session.scalars(sa.select(Product)).one()
    assert (product.brand.name, product.variants[0].sku) == ("Acme", "0012")
    assert product.variants[0].prices[0].cents == 1250
    assert [line.raw for line in product.ingredients] == [
        "Aqua",
        "1,2-Hexanediol",
        "Mica",
        "Silica",
    ]
    assert taken(FILE).counts["unchanged"] == 1


MONEY = {
    ("$12.50", False): "1250",
    ("12,50 €", True): "1250",
    ("1,234.5", False): "123450",
    ("1.234,50", True): "123450",
    ("USD 7", False): "700",
    ("", False): None,
}


@pytest.mark.parametrize(("said", "expected"), MONEY.items())
def test_money_is_read_as_it_is_written(said: tuple[str, bool], expected: str | None) -> None:
    assert cents(said[0], decimal_comma=said[1]) == expected


@pytest.mark.parametrize(
    "text", ["12.505", "-3", "1,23", "12,50", "x", "$", "1.2.3", "٣", "1e5", "9" * 12]
)
def test_what_is_no_amount_is_not_guessed_at(text: str) -> None:
    with pytest.raises(Unfit, match="price: "):
        cents(text, decimal_comma=False)


@given(st.text(max_size=20), st.booleans())
def test_any_text_is_an_amount_or_not(text: str, decimal_comma: bool) -> None:
    try:
        found = cents(text, decimal_comma=decimal_comma)
    except Unfit:
        return
    assert found is None or (found.isdigit() and int(found) < 10**12)


GUESSES = {
    "Item no.": "sku",
    "Produkt Name": "name",
    "Bar Code": "gtin",
    "INCI list": "ingredients_text",
    "zzz": None,
}


@pytest.mark.parametrize(("column", "meant"), GUESSES.items())
def test_a_column_that_is_not_known_may_be_guessed(column: str, meant: str | None) -> None:
    guess = f" Did you mean {meant}?" if meant else ""
    assert unknown(column) == f"Column {column!r} is not known.{guess}"


def test_a_sheet_without_its_mapping_is_refused_with_a_guess(app: Flask) -> None:
    with pytest.raises(BadFile, match=r"Column 'Item no.' is not known. Did you mean sku\?"):
        taken("Item no.,source_key\n1,2\n", None)


def test_a_mapping_that_does_not_fit_is_refused(app: Flask) -> None:
    with pytest.raises(
        BadMapping,
        match=r"no column 'Item no.', which should be source_key.* Did you mean 'Item nr'",
    ):
        taken("Item nr,Title\n1,2\n")


WRONG: dict[str, Any] = {
    "a list": [],
    "no columns": {"columns": 1},
    "a word more": {"columns": {}, "color": 1},
    "a column of nobody": {"columns": {"colour": "x"}},
    "an empty name": {"columns": {"name": " "}},
    "a number": {"columns": {"name": 1}},
    "a constant that is none": {"columns": {"name": {"const": 1}}},
    "half a character": {"columns": {"name": "\ud800"}},
    "two prices": {"columns": {"price": "a", "price_cents": "b"}},
    "a comma that is none": {"columns": {}, "decimal_comma": "yes"},
}


@pytest.mark.parametrize("said", WRONG.values(), ids=WRONG.keys())
def test_a_mapping_that_is_none_is_refused(said: object) -> None:
    with pytest.raises(BadMapping) as refused:
        mapping.read(said)
    assert refused.value.fields


def test_a_profile_keeps_a_mapping(app: Flask) -> None:
    profiles.keep("acme", SHEET)
    profiles.keep("acme", SHEET | {"decimal_comma": True})
    db.session.flush()

    assert profiles.mapping_of("acme") == SHEET | {"decimal_comma": True}
    with pytest.raises(NoSuchProfile):
        profiles.mapping_of("other")
    with pytest.raises(BadMapping):
        profiles.keep("A b", SHEET)


def test_what_a_mapping_is_kept_as_is_the_mapping() -> None:
    assert mapping.read(SHEET).as_json == json.loads(json.dumps(SHEET)) | {"decimal_comma": False}


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_what_separates_is_seen(app: Flask, mark: str) -> None:
    text = f'Item no.{mark}"Title"{mark}Size{mark}RRP{mark}INCI\n1{mark}Balm{mark}30 mL{mark}$1{mark}Aqua\n'
    assert taken(text).counts["created"] == 1
