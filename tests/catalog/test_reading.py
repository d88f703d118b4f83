"""Files that are not what they should be: a clear error, and nothing lost."""

from __future__ import annotations

import io

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog import reading
from shop.catalog.models import Product
from shop.catalog.reading import BadFile, FileTooLarge
from shop.core.db import db
from tests.catalog.rows import a_licence, an_ndc_row, csv_of, lines_of, take

GOOD = csv_of(an_ndc_row(), an_ndc_row(product_ndc="0187-5162", package_ndcs=""))
BAD = {
    "empty": (b"", "ndc", {"row": 1}, "The file is empty"),
    "header only": (GOOD.split(b"\n")[0] + b"\n", "ndc", {"row": 1}, "no rows"),
    "a column missing": (
        csv_of({name: text for name, text in an_ndc_row().items() if name != "route"}),
        "ndc",
        {"row": 1, "field": "route", "missing": ["route"]},
        "lacks the column route",
    ),
    "a column twice": (b"product_ndc,route,route\na,b,c\n", "ndc", {"field": "route"}, "twice"),
    "columns without end": (
        b",".join(b"c%d" % number for number in range(300_000)) + b"\n1\n",
        "ndc",
        {"row": 1},
        "names 300000 columns; at most 200",
    ),
    "UTF-16": (GOOD.decode().encode("utf-16"), "ndc", {"byte": 0}, "UTF-16"),
    "UTF-16 without a mark": (GOOD.decode().encode("utf-16-le"), "ndc", {"byte": 1}, "NUL"),
    "Latin-1": (
        GOOD.replace(b"0187-5162", b"\xe9"),
        "ndc",
        {"row": 3, "byte": GOOD.index(b"0187-5162")},
        "is not UTF-8",
    ),
    "a NUL": (GOOD.replace(b"0187-5162", b"\0"), "ndc", {"row": 3}, "is NUL"),
    "a quotation mark left open": (
        GOOD.replace(b"0187-5162,", b'"0187-5162,'),
        "ndc",
        {"row": 3},
        "Row 3 is not CSV",
    ),
    "broken JSON": (
        lines_of(a_licence()) + b'\n{"npn": ',
        "lnhpd",
        {"row": 2},
        "Row 2 is not JSON",
    ),
    "JSON, but a number of no kind": (b'{"npn": NaN}', "lnhpd", {"row": 1}, "NaN is not a number"),
    "JSON too deep": (b"[" * 100_000, "lnhpd", {"row": 1}, "Row 1 is not JSON"),
    "JSON with endless digits": (b'{"npn": ' + b"9" * 5000 + b"}", "lnhpd", {"row": 1}, "not JSON"),
    "CSV where JSON should be": (GOOD, "lnhpd", {"row": 1}, "Row 1 is not JSON"),
    "JSON where CSV should be": (lines_of(a_licence()), "ndc", {"row": 1}, "[Ff]irst row"),
    "an unknown column of ours": (
        b"source,source_key,colour\n,a,b\n",
        "csv",
        {"field": "colour"},
        "colour",
    ),
}


@pytest.mark.parametrize(("data", "source", "facts", "says"), BAD.values(), ids=BAD.keys())
def test_a_bad_file_is_refused_whole(
    app: Flask, data: bytes, source: str, facts: dict[str, object], says: str
) -> None:
    before = db.session.scalar(sa.select(sa.func.count(Product.id)))

    with pytest.raises(BadFile, match=says) as refused:
        take(data, source)

    assert refused.value.facts | facts == refused.value.facts
    assert refused.value.fields
    assert db.session.scalar(sa.select(sa.func.count(Product.id))) == before


class Endless(io.RawIOBase):
    """Fifty megabytes that are never in memory at once."""

    def __init__(self) -> None:
        self.handed_out = 0

    def read(self, size: int = -1) -> bytes:
        if self.handed_out >= 50 * 1024 * 1024:
            return b""
        self.handed_out += size
        return b"x" * (size - 1) + b"\n"


def test_a_file_beyond_the_limit_is_read_no_further() -> None:
    stream = Endless()

    with pytest.raises(FileTooLarge, match="larger than 20 MB") as refused:
        reading.measured(stream, most_bytes=20 * 1024 * 1024)

    assert refused.value.code == "file_too_large"
    assert stream.handed_out <= 21 * 1024 * 1024


def test_a_byte_order_mark_is_no_part_of_the_first_name(app: Flask) -> None:
    assert take(b"\xef\xbb\xbf" + GOOD).counts["created"] == 2


ASIDE = {
    "too few cells": (GOOD + b"0187-5164,X\r\n", "row has 2 cells, the first row names 12 columns"),
    "a long field": (
        csv_of(an_ndc_row(brand_name="x" * 20_001)),
        "brand_name: longer than 20000 characters",
    ),
    "a long name": (csv_of(an_ndc_row(brand_name="x" * 301)), "name: longer than 300 characters"),
    "a key twice": (
        csv_of(an_ndc_row(), an_ndc_row()),
        "product_ndc: 0187-5160 stands in row 2 already; one row per product",
    ),
}


@pytest.mark.parametrize(("data", "why"), ASIDE.values(), ids=ASIDE.keys())
def test_a_bad_row_is_set_aside_and_the_others_taken(app: Flask, data: bytes, why: str) -> None:
    report = take(data)

    *others, last = report.rows
    assert (last.outcome, last.reasons) == ("quarantined", [why])
    assert last.raw is not None
    assert {row.outcome for row in others} <= {"created"}
    assert sum(report.counts.values()) == len(report.rows)


ODD_OBJECTS = {
    "not an object": ([1, 2], "row is not an object"),
    "a surrogate": (
        a_licence(product_name="\ud800"),
        "product_name: holds characters that are not text",
    ),
    "a NUL": (a_licence(inactives=["a\0b"]), "inactives: holds characters that are not text"),
}


@pytest.mark.parametrize(("item", "why"), ODD_OBJECTS.values(), ids=ODD_OBJECTS.keys())
def test_an_odd_object_is_set_aside(app: Flask, item: object, why: str) -> None:
    (row,) = take(lines_of(item), "lnhpd").rows

    assert (row.row, row.outcome, row.reasons) == (1, "quarantined", [why])


def test_a_name_that_stands_twice_in_an_object_is_set_aside(app: Flask) -> None:
    line = lines_of(a_licence())[:-1] + b', "npn": "80000002"}'

    (row,) = take(line, "lnhpd").rows

    assert row.reasons == ["npn: stands twice in the object"]


def test_rows_are_numbered_as_people_count_them() -> None:
    rows = reading.rows(io.BytesIO(b'a,b\n"x\ny",1\n\nz,2\n'), ["a"])

    assert [(row.number, row.cells["a"]) for row in rows] == [(2, "x\ny"), (5, "z")]
