"""Whatever bytes come in: a report that accounts for every row, or a refusal that changed nothing."""

from __future__ import annotations

import csv
import io
import json
import string
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.catalog import beauty, drugsfda, importing, listing, lnhpd, ndc, openfda, reading
from shop.catalog.filings import Filing, Unfit
from shop.catalog.models import BeautyFact, Import, ImportRow, Product, Variant
from shop.catalog.reading import BadFile
from shop.core.clock import now
from shop.core.db import db
from tests.catalog.rows import a_licence, a_package_row, an_ndc_row
from tests.regime import SOAK

# Letters that have broken other people's importers: quotes, separators, ends of lines, formulas,
# right-to-left marks, what is not a character, halves of characters.
ODD = "\"',;\t\r\n=+-@|\\{}[]()%0123456789\u00e9\u202e\ufeff\u0000\ud800\udfff\U0001f9f4\u2028"
text = st.text(alphabet=st.sampled_from(ODD + string.ascii_letters), max_size=30)
many_ingredients = st.integers(70, 450).map(lambda many: ", ".join(f"Sub {n}" for n in range(many)))
huge = st.integers(20_001, 60_000).map(lambda many: "x" * many)
cell = st.one_of(text, st.just(""), many_ingredients, huge)

SETTINGS = settings(
    max_examples=400 if SOAK else 25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)

A_LISTED_ROW = dict.fromkeys(listing.COLUMNS, "") | {
    "source_key": "k-1",
    "name": "Cream",
    "brand": "House",
    "legal_class": "cosmetic",
    "ingredients": '[{"raw": "Water"}]',
    "sku": "K-1",
    "pack_name": "30 mL",
    "price_cents": "100",
}
A_FACT = {"code": "4005808001231", "product_name": "x", "ingredients_text": "Aqua, Mica"}
GOOD: dict[str, tuple[str, dict[str, str]]] = {
    "products": ("ndc", an_ndc_row()),
    "packages": ("ndc", a_package_row()),
    "unfinished": ("ndc", dict.fromkeys(ndc.UNFINISHED_COLUMNS, "x")),
    "approvals": ("ndc", dict.fromkeys(drugsfda.COLUMNS, "x")),
    "labels": ("ndc", dict.fromkeys(openfda.COLUMNS, "x")),
    "ours": ("csv", A_LISTED_ROW),
    "beauty": ("obf", A_FACT | {"looks_like_skin_care": "no"}),
}


@st.composite
def broken_rows(draw: st.DrawFn, good: dict[str, str]) -> list[list[str]]:
    """Rows of a good file with cells replaced, missing or added; keys and whole rows twice."""
    rows = []
    for _ in range(draw(st.integers(1, 5))):
        row = dict(good)
        for name in draw(st.lists(st.sampled_from(sorted(good)), max_size=4)):
            row[name] = draw(cell)
        cells = list(row.values())
        length = draw(st.sampled_from([len(cells)] * 5 + [0, 1, len(cells) - 1, len(cells) + 2]))
        rows.append([*cells, "more", "more"][:length])
    return rows


def as_csv(names: list[str], rows: list[list[str]], end: str) -> bytes:
    written = io.StringIO(newline="")
    writer = csv.writer(written, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow(names)
    writer.writerows(rows)
    return written.getvalue().encode("utf-8", "surrogatepass")


def standing() -> dict[str, int]:
    """How much of everything there is."""
    db.session.expire_all()
    tables = (Product, Variant, BeautyFact, Import, ImportRow)
    return {
        table.__tablename__: db.session.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        for table in tables
    }


def taken_or_refused(data: bytes, source: str, rows: Callable[[], int]) -> None:
    """The whole promise. `rows` counts those of the file by other means."""
    before = standing()
    try:
        report = importing.run(io.BytesIO(data), source, by=None, at=now())
    except BadFile:
        assert standing() == before
        return
    assert len(report.rows) == sum(report.counts.values()) == rows()
    assert len({row.row for row in report.rows}) == len(report.rows)
    for row in report.rows:
        assert (row.outcome == "quarantined") == (row.raw is not None) <= bool(row.reasons)
    json.dumps(report.as_json(), ensure_ascii=False).encode()
    kept = standing()["import_rows"] - before["import_rows"]
    assert kept == len(report.rows)


@pytest.fixture
def undone(app: Flask) -> Callable[[], Any]:
    """Each example in a savepoint of its own."""
    return db.session.begin_nested


@pytest.mark.parametrize("kind", GOOD)
@given(data=st.data())
@SETTINGS
def test_broken_rows_of_a_table(undone: Callable[[], Any], kind: str, data: st.DataObject) -> None:
    source, good = GOOD[kind]
    rows = data.draw(broken_rows(good))
    end = data.draw(st.sampled_from(["\n", "\r\n", "\r"]))
    file = as_csv(list(good), rows, end)
    with undone() as example:
        taken_or_refused(file, source, lambda: sum(1 for row in rows if row))
        example.rollback()


values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), text, huge),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(text, inner, max_size=3)),
    max_leaves=8,
)


@st.composite
def broken_licences(draw: st.DrawFn) -> list[Any]:
    items: list[Any] = []
    for _ in range(draw(st.integers(1, 5))):
        item: Any = a_licence()
        for name in draw(st.lists(st.sampled_from(sorted(item)), max_size=3, unique=True)):
            change = draw(st.sampled_from(["gone", "other"]))
            item = {key: value for key, value in item.items() if key != name}
            item |= {name: draw(values)} if change == "other" else {}
        items.append(
            draw(st.sampled_from([item, item, item | {"more": draw(values)}, draw(values)]))
        )
    return items


@given(items=broken_licences(), end=st.sampled_from(["\n", "\r\n", "\n\n"]))
@SETTINGS
def test_broken_objects(undone: Callable[[], Any], items: list[Any], end: str) -> None:
    data = end.join(json.dumps(item) for item in items).encode()
    with undone() as example:
        taken_or_refused(data, "lnhpd", lambda: len(items))
        example.rollback()


@pytest.mark.parametrize("source", importing.SOURCES)
@given(
    data=st.one_of(st.binary(max_size=400), text.map(lambda one: one.encode("utf-8", "replace")))
)
@SETTINGS
def test_bytes_of_any_kind(undone: Callable[[], Any], source: str, data: bytes) -> None:
    def rows() -> int:
        return reading.counted(reading.objects(io.BytesIO(data)))

    with undone() as example:
        taken_or_refused(data, source, rows)
        example.rollback()


KEPT_JSON = {
    "a NUL": '{"a": "\\u0000"}',
    "half a character": '{"a": "\\ud800"}',
    "half a character as a name": '{"\\ud800": 1}',
    "a number without end": '{"a": 1e999}',
    "deep": '{"a": ' * 60 + "1" + "}" * 60,
    "very deep": '{"a": ' * 900 + "1" + "}" * 900,
    "a long number": '{"a": ' + "9" * 4000 + "}",
}


@pytest.mark.parametrize("column", ["filed", "pack_filed"])
@pytest.mark.parametrize("said", KEPT_JSON.values(), ids=KEPT_JSON.keys())
def test_json_that_cannot_be_kept_is_set_aside(app: Flask, column: str, said: str) -> None:
    row = A_LISTED_ROW | {column: said}
    other = A_LISTED_ROW | {"source_key": "k-2", "sku": "K-2"}
    data = as_csv(list(row), [list(row.values()), list(other.values())], "\n")

    report = importing.run(io.BytesIO(data), "csv", by=None, at=now())

    assert [row.outcome for row in report.rows][1] == "created"
    assert report.rows[0].outcome == ("created" if "999999" in said else "quarantined")


def test_names_that_stand_many_times(app: Flask) -> None:
    rows = [
        list((A_LISTED_ROW | {"source_key": f"k-{n // 3}", "sku": f"K-{n // 2}"}).values())
        for n in range(30)
    ]
    report = importing.run(
        io.BytesIO(as_csv(list(A_LISTED_ROW), rows, "\n")), "csv", by=None, at=now()
    )
    assert sum(report.counts.values()) == 30
    assert report.counts["created"] == 10
    assert all(
        "stands in row" in row.reasons[0] for row in report.rows if row.outcome == "quarantined"
    )


READERS: dict[str, tuple[Callable[[dict[str, Any]], object], dict[str, Any]]] = {
    "products": (ndc.product, an_ndc_row()),
    "packages": (ndc.package, a_package_row()),
    "unfinished": (ndc.unfinished, dict.fromkeys(ndc.UNFINISHED_COLUMNS, "x")),
    "approvals": (drugsfda.approval, dict.fromkeys(drugsfda.COLUMNS, "x")),
    "labels": (openfda.product, dict.fromkeys(openfda.COLUMNS, "x")),
    "ours": (listing.read, A_LISTED_ROW),
    "beauty": (beauty.read, A_FACT),
}


def understood(read: Callable[[dict[str, Any]], object], row: dict[str, Any]) -> object:
    """What the reader makes of the row, or its reasons."""
    try:
        return read(row)
    except Unfit as unfit:
        reasons = unfit.reasons
    assert reasons
    assert all(reason.strip() for reason in reasons)
    return reasons


@pytest.mark.parametrize("kind", READERS)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_a_reader_understands_or_says_why(kind: str, data: st.DataObject) -> None:
    read, good = READERS[kind]
    row = dict(good)
    for name in data.draw(st.lists(st.sampled_from(sorted(good)), max_size=5)):
        row[name] = data.draw(cell)
    found = understood(read, row)
    if isinstance(found, Filing):
        assert found.source_key
        assert found.finished or found.source in ("ndc", "openfda", "drugsfda", "csv")


@given(item=st.dictionaries(st.sampled_from(sorted(lnhpd.FIELDS)), values))
@settings(max_examples=150, deadline=None)
def test_the_reader_of_licences_understands_or_says_why(item: dict[str, Any]) -> None:
    filing = understood(lnhpd.product, a_licence() | item)
    assert not isinstance(filing, Filing) or filing.legal_class == "otc_drug"
