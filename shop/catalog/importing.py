"""Take register files into the catalogue: idempotent, everything accounted for, or nothing done.

A file that cannot be read is refused whole. A row that cannot be used is set aside with its
reasons. What a person set by hand (publication, sale, prices, texts) is not undone by a register
that says what it said before.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, TypeVar

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog import listing, lnhpd, ndc, reading, relisting
from shop.catalog.filings import Filing, Unfit
from shop.catalog.models import Product
from shop.catalog.reading import Row
from shop.catalog.report import Report, RowReport, set_aside
from shop.catalog.shelving import Shelves
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind

SOURCES = (ndc.SOURCE, lnhpd.SOURCE, listing.SOURCE)
Read = TypeVar("Read")
_AT_ONCE = 100  # filings between two flushes


@dataclass
class _Run:
    """The subject of the event of an import."""

    id: uuid.UUID


def run(
    stream: IO[bytes], source: str, *, by: Person | None, at: datetime, dry_run: bool = False
) -> Report:
    """Import a file of `source`: "ndc" (products, packages, unfinished), "lnhpd" or "csv".

    Everything or nothing: raises BadFile before anything is written. With `dry_run` the caller
    rolls back; the report is the true one either way. `by` None is the command line.
    """
    read = _reader(source, reading.text(reading.whole(stream)), by, at)
    with db.session.no_autoflush:
        report = Report(read(), dry_run=dry_run)
    db.session.flush()  # a refusal of the database belongs to this import, not to the commit
    if not dry_run:
        events.record(Kind.CATALOG_IMPORTED, _Run(uuid.uuid4()), source=source, **report.counts)
    return report


def _reader(
    source: str, text: str, by: Person | None, at: datetime
) -> Callable[[], list[RowReport]]:
    """What takes this file in, once its shape is known to be right."""
    if source == listing.SOURCE:
        listing.refuse_unknown_columns(reading.header(text))
        listed = reading.rows(text, listing.REQUIRED, longest=listing.LONGEST_CELL)
        return lambda: relisting.take(listed, by=by, at=at)
    if source == lnhpd.SOURCE:
        rows = reading.objects(text)
        return lambda: _products(rows, lnhpd.product, "npn")
    names = reading.header(text)
    if "package_description" in names:
        packages = reading.rows(text, ndc.PACKAGE_COLUMNS)
        return lambda: _packages(packages)
    if "package_descriptions" in names:
        unfinished = reading.rows(text, ndc.UNFINISHED_COLUMNS)
        return lambda: _products(unfinished, ndc.unfinished, "product_ndc")
    products = reading.rows(text, ndc.PRODUCT_COLUMNS)
    return lambda: _products(products, ndc.product, "product_ndc")


def _products(
    rows: list[Row], read: Callable[[dict[str, Any]], Filing], key: str
) -> list[RowReport]:
    """Products of a register: parse every row first, then bring the shelves in line."""
    reports: dict[int, RowReport] = {}
    filings: list[tuple[Row, Filing]] = []
    first: dict[str, int] = {}
    for row in rows:
        try:
            filing = _parsed(row, read)
            _once(first, filing.source_key, row.number, key)
        except Unfit as unfit:
            reports[row.number] = set_aside(row, key, unfit.reasons)
        else:
            filings.append((row, filing))
    shelves = Shelves.holding(filing for _, filing in filings)
    for place, (row, filing) in enumerate(filings, start=1):
        try:
            outcome, remarks = shelves.bring_in_line(filing)
        except Unfit as unfit:
            reports[row.number] = set_aside(row, key, unfit.reasons)
        else:
            reports[row.number] = RowReport(row.number, filing.source_key, outcome, remarks)
        if place % _AT_ONCE == 0:
            shelves.write()
    shelves.write()
    return [reports[row.number] for row in rows]


def _known(products: dict[str, Product], key: str) -> Product:
    if key not in products:
        raise Unfit(f"product_ndc: {key} is not in the catalogue; import its product first")
    return products[key]


def _parsed(row: Row, read: Callable[[dict[str, Any]], Read]) -> Read:
    if row.faults:
        raise Unfit(*row.faults)
    return read(row.cells)


def _once(first: dict[str, int], key: str, number: int, name: str) -> None:
    if (earlier := first.setdefault(key, number)) != number:
        raise Unfit(f"{name}: {key} stands in row {earlier} already; one row per product")


def _packages(rows: list[Row]) -> list[RowReport]:
    """Packages of products that are in the catalogue already."""
    products = {
        product.source_key: product
        for product in db.session.scalars(
            sa.select(Product).where(
                Product.source == ndc.SOURCE,
                Product.source_key.in_({str(row.cells.get("product_ndc")).strip() for row in rows}),
            )
        )
    }
    codes = {str(row.cells.get("package_ndc")).strip() for row in rows}
    shelves = Shelves.of(products.values(), codes)
    first: dict[str, int] = {}
    return [_package(row, products, shelves, first) for row in rows]


def _package(
    row: Row, products: dict[str, Product], shelves: Shelves, first: dict[str, int]
) -> RowReport:
    try:
        key, pack = _parsed(row, ndc.package)
        _once(first, pack.sku, row.number, "package_ndc")
        outcome = shelves.pack(_known(products, key), pack)
    except Unfit as unfit:
        return set_aside(row, "package_ndc", unfit.reasons)
    return RowReport(row.number, pack.sku, outcome)
