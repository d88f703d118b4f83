"""Our own CSV: out and in again, and harmless in a spreadsheet."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.catalog import listing, queries
from shop.catalog.listing import guarded, unguarded
from shop.catalog.models import Product
from shop.core.clock import now
from shop.core.db import db
from tests.builders import a_brand, a_product, a_variant
from tests.catalog.rows import csv_of, take

RUN = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r\n=1", "\uff1d1", "'=1", "''=1", "\uff20x"]
HARMLESS = ["Cream", "'hello", "1=1", "a@b.example", "", "' x", "1,2-diol"]


@pytest.mark.parametrize("cell", RUN)
def test_what_a_spreadsheet_would_run_is_guarded(cell: str) -> None:
    assert guarded(cell) == f"'{cell}"
    assert unguarded(guarded(cell)) == cell


@pytest.mark.parametrize("cell", HARMLESS)
def test_anything_else_stays(cell: str) -> None:
    assert guarded(cell) == cell
    assert unguarded(cell) == cell


@given(st.text(alphabet="'=+-@ \t\r\nab\uff1d", max_size=12))
@settings(max_examples=200)
def test_guarding_comes_off_exactly(cell: str) -> None:
    assert unguarded(guarded(cell)) == cell
    assert guarded(cell).lstrip()[:1] not in set("=+-@\uff1d")


def _exported() -> list[dict[str, str]]:
    db.session.flush()
    db.session.expire_all()
    text = "".join(listing.written(queries.everything(), now()))
    return list(csv.DictReader(io.StringIO(text, newline="")))


def _taken(rows: list[dict[str, str]]) -> list[tuple[str, list[str]]]:
    report = take(csv_of(*rows, columns=listing.COLUMNS), "csv")
    return [(row.outcome.value, row.reasons) for row in report.rows]


def _a_shelf() -> Product:
    product = a_product(
        brand_id=a_brand(name="=cmd|' /C calc'!A0", slug="cmd-c-calca0").id,
        name="-Ten %, \"quoted\"\nand 'more'",
        slug="ten",
        flags=["no_packages: none filed"],
        filed={"row": {"a": 1.5, "b": None}},
    )
    a_variant(product, sku="T-1", cents=1250, net_content=20, net_unit="g", weight_grams=45)
    a_variant(product, sku="T-2", cents=4900, for_sale=False)
    return product


def test_an_export_comes_in_unchanged(app: Flask) -> None:
    _a_shelf()
    rows = _exported()

    assert [row["sku"] for row in rows] == ["T-1", "T-2"]
    assert rows[0]["brand"] == "'=cmd|' /C calc'!A0"
    assert _taken(rows) == [("unchanged", ["no_packages: none filed"]), ("unchanged", [])]


def test_a_weight_is_taken_from_a_row_and_not_taken_away_by_one_that_says_none(app: Flask) -> None:
    product = _a_shelf()
    first, second = _exported()
    assert (first["weight_grams"], second["weight_grams"]) == ("45", "")

    assert _taken([first | {"weight_grams": "60"}])[0][0] == "changed"
    assert _taken([first | {"weight_grams": ""}])[0][0] == "unchanged"

    db.session.expire_all()
    one, two = sorted(product.variants, key=lambda variant: variant.sku)
    assert (one.packed_grams, two.packed_grams) == (60, 150)


def test_a_price_a_sale_and_a_publication_are_taken_from_a_row(app: Flask) -> None:
    product = _a_shelf()
    first, second = _exported()
    first |= {"price_cents": "1300", "published": "false"}
    second |= {"for_sale": "true"}

    assert [outcome for outcome, _ in _taken([first, second])] == ["changed", "changed"]
    db.session.expire_all()
    one, two = sorted(product.variants, key=lambda variant: variant.sku)
    assert one.price_at(now()).cents == 1300
    assert (two.for_sale, product.published_at) == (True, None)


def test_a_refused_row_leaves_nothing_behind_and_the_next_is_taken(app: Flask) -> None:
    new = dict.fromkeys(listing.COLUMNS, "")
    clinic = new | {
        "source_key": "peel-70",
        "name": "Peel 70 %",
        "brand": "X",
        "legal_class": "clinic_use",
        "sku": "P-70",
        "pack_name": "60 mL",
        "for_sale": "true",
    }
    lotion = clinic | {
        "source_key": "lotion",
        "name": "Lotion",
        "legal_class": "cosmetic",
        "sku": "L-1",
    }

    first, second = _taken([clinic, lotion])

    assert first == (
        "quarantined",
        [
            (
                "This product is for use in the clinic only. It is never sold.; for_sale: This product "
                "is for use in the clinic only. It is never sold."
            )
        ],
    )
    assert second == ("created", ["for_sale"])
    names = db.session.scalars(sa.select(Product.name).where(Product.source == "csv")).all()
    assert names == ["Lotion"]


WRONG = {
    "legal_class": ("candy", "legal_class: should be one of"),
    "for_sale": ("maybe", "for_sale: should be true or false"),
    "price_cents": ("12.50", "price_cents: should be whole cents"),
    "net_content": ("-1", "net_content: should be a number above 0"),
    "weight_grams": ("0", "weight_grams: should be whole grams, 1 to 30000"),
    "sku": ("a b", "sku: should be 1 to 40 letters"),
    "ingredients": ("[", "ingredients: is not JSON"),
    "flags": ('{"a": 1}', "flags: should be a JSON list of texts"),
    "slug": ("A B", "slug: should be lower-case letters"),
    "source": ("elsewhere", "source: should be one of ndc, lnhpd, csv"),
    "source_key": ("", "source_key: should have 1 to 60 characters"),
    "marketing_ends_on": ("12/31/2026", "marketing_ends_on: '12/31/2026' is not a date"),
}


@pytest.mark.parametrize(("field", "wrong"), WRONG.items())
def test_a_wrong_cell_is_named(app: Flask, field: str, wrong: tuple[str, str]) -> None:
    _a_shelf()
    row = _exported()[0] | {field: wrong[0]}

    ((outcome, (reason,)),) = _taken([row])

    assert outcome == "quarantined"
    assert reason.startswith(wrong[1])


ROW = {"source": "csv", "source_key": "k", "name": "Ten", "brand": "B", "sku": "T-9",
       "legal_class": "cosmetic", "pack_name": "50 mL"}  # fmt: skip
USES = {
    "words in any order": ("texture, acne", ["acne", "texture"]),
    "none": ("-", []),
}


@pytest.mark.parametrize(("cell", "concerns"), USES.values(), ids=USES.keys())
def test_concerns_are_set_by_a_listing(app: Flask, cell: str, concerns: list[str]) -> None:
    ((outcome, _),) = _taken([ROW | {"concerns": cell}])

    assert outcome == "created"
    assert db.session.scalars(sa.select(Product.concerns)).one() == concerns


WRONG_CELLS = {
    "concerns": ("acne, boredom", "concerns: 'boredom' should be one of"),
    "skin_types": ("blue", "skin_types: 'blue' should be one of"),
    "gtin": ("036000291453", "gtin: Its check digit is 3, expected 2."),
}


@pytest.mark.parametrize(("column", "cell", "said"), [(k, *v) for k, v in WRONG_CELLS.items()])
def test_a_wrong_cell_is_named_and_nothing_written(
    app: Flask, column: str, cell: str, said: str
) -> None:
    ((outcome, reasons),) = _taken([ROW | {column: cell}])

    assert outcome == "quarantined"
    assert said in reasons[0]
    assert db.session.scalars(sa.select(Product)).all() == []


SAID = st.fixed_dictionaries(
    {
        "for_sale": st.sampled_from(["true", "false", ""]),
        "published": st.sampled_from(["true", "false", ""]),
        "price_cents": st.sampled_from(["", "0", "2400"]),
        "net_content": st.sampled_from(["", "30"]),
        "legal_class": st.sampled_from(["cosmetic", "rx"]),
        "concerns": st.sampled_from(["", "-", "acne"]),
        "sku": st.booleans(),
        "brand": st.sampled_from(["House", "Other House"]),
    }
)


def _new_row(number: int, said: dict[str, object]) -> dict[str, str]:
    row = {"source": "csv", "source_key": f"N-{number}", "name": f"Cream {number}"}
    row |= {"ingredients": '[{"raw": "Squalane", "active": true}, {"raw": "Water"}]'}
    row |= {name: str(cell) for name, cell in said.items() if name != "sku"}
    if not said["sku"]:  # no pack: nothing is said of one
        return row | {"for_sale": "", "price_cents": "", "net_content": ""}
    return row | {"sku": f"N-{number}", "pack_name": "a tube"}


@given(st.lists(SAID, min_size=2, max_size=5))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_rows_come_in_together_as_each_would_alone(
    app: Flask, sheet: list[dict[str, object]]
) -> None:
    rows = [_new_row(number, said) for number, said in enumerate(sheet)]
    together, alone = (_rehearsed(batches) for batches in ([rows], [[row] for row in rows]))
    assert together == alone
    assert len(together[1]) == len(rows)


def _rehearsed(
    batches: list[list[dict[str, str]]],
) -> tuple[list[tuple[str, list[str]]], list[dict[str, str]]]:
    """What becomes of rows and of the catalogue; nothing is left of it."""
    with db.session.begin_nested() as tried:
        outcomes = [outcome for batch in batches for outcome in _taken(batch)]
        exported = _exported()
        tried.rollback()
    db.session.expire_all()
    return outcomes, exported


def test_a_good_sheet_costs_one_statement_a_table(app: Flask) -> None:
    """However its rows differ: what one says and another does not is no reason to try them apart."""
    cells = {"price_cents": "2400", "legal_class": "cosmetic", "concerns": "", "brand": "House"}
    said = (
        {"for_sale": "true", "published": "true"},
        {"for_sale": "", "published": ""},
        {"for_sale": "false", "published": "false", "price_cents": ""},
        {"sku": False, "published": "true"},
    )
    given = {"for_sale": "", "net_content": "", "sku": True}
    rows = [_new_row(number, cells | given | one) for number, one in enumerate(said)]
    written: list[str] = []

    def note(*asked: Any) -> None:
        written.append(asked[2].partition("(")[0].strip())

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        outcomes = _taken(rows)
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)

    assert [outcome for outcome, _ in outcomes] == ["created"] * 4
    for table in ("products", "variants", "prices", "product_ingredients"):
        assert written.count(f"INSERT INTO {table}") == 1
    assert not [one for one in written if one.startswith(("UPDATE products", "UPDATE variants"))]
