"""The kinds of file there are: how each is told, read row by row, and taken in."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import IO, Any

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog import (
    beauty,
    drugsfda,
    listing,
    lnhpd,
    mending,
    ndc,
    openfda,
    reading,
    relisting,
)
from shop.catalog.filings import FiledPack, Filing, Unfit
from shop.catalog.mapping import BadMapping, Columns, unknown
from shop.catalog.models import Product
from shop.catalog.reading import BadFile, Row
from shop.catalog.report import RowReport, set_aside
from shop.catalog.shelving import Shelves
from shop.core.db import db

Item = Any  # what the register's own reader makes of a row


@dataclass(frozen=True)
class Register:
    """One kind of file.

    `rows` reads it as a stream, in the order in which they are taken; `read` is pure and raises
    Unfit; `names` are what may stand in one row of the file only. `take` brings the catalogue in
    line with some rows: it raises what it cannot take, having to be undone as a whole.
    """

    key: str  # the cell a row is known by in the report
    rows: Callable[[IO[bytes]], Iterator[Row]]
    read: Callable[[Mapping[str, Any]], Item]
    names: Callable[[Item], list[str]]
    take: Callable[[list[tuple[Row, Item]], Person | None, datetime], list[RowReport]]
    once: str = ""  # the remedy, where a name stands twice


def register_of(stream: IO[bytes], source: str, columns: Columns | None = None) -> Register:
    """The kind of this file; those of the FDA are told apart by their columns.

    `columns` is how a supplier's sheet maps to a listing of ours. Raises BadFile, BadMapping.
    """
    if columns is not None and source != listing.SOURCE:
        raise BadMapping("Only a sheet (source csv) has its columns mapped.")
    if source == lnhpd.SOURCE:
        return _filed(reading.objects, lnhpd.product, "npn")
    delimiter = reading.delimiter(stream) if source == listing.SOURCE else ","
    names = reading.header(stream, delimiter=delimiter)
    if columns is not None:
        columns.refuse_unfit(names)
        return _listing(delimiter, columns)
    if source == beauty.SOURCE or set(beauty.COLUMNS) <= set(names):
        return _beauty()
    if source == listing.SOURCE:
        _refuse_unknown(names)
        return _listing(delimiter)
    return _of_the_fda(names)


def _of_the_fda(names: list[str]) -> Register:
    if "appl_no" in names:
        return _filed(_csv(drugsfda.COLUMNS), drugsfda.approval, "appl_no")
    if "package_ndcs_of_label" in names:
        return _filed(_csv(openfda.COLUMNS), openfda.product, "product_ndc")
    if "package_description" in names:
        return Register(
            key="package_ndc",
            rows=_csv(ndc.PACKAGE_COLUMNS),
            read=ndc.package,
            names=lambda item: [f"package_ndc: {item[1].sku}"],
            take=_packages,
            once="; one row per product",
        )
    if "package_descriptions" in names:
        return _filed(_csv(ndc.UNFINISHED_COLUMNS), ndc.unfinished, "product_ndc")
    return _filed(_csv(ndc.PRODUCT_COLUMNS), ndc.product, "product_ndc")


def _csv(columns: tuple[str, ...]) -> Callable[[IO[bytes]], Iterator[Row]]:
    return partial(_rows, columns)


def _rows(columns: tuple[str, ...], stream: IO[bytes]) -> Iterator[Row]:
    """The rows of the file; those that were set aside before, without what was said of them."""
    mended = set(mending.COLUMNS) <= set(reading.header(stream))
    for row in reading.rows(stream, columns):
        yield mending.taken_back(row) if mended else row


def _filed(
    rows: Callable[[IO[bytes]], Iterator[Row]],
    read: Callable[[Mapping[str, Any]], Filing],
    key: str,
) -> Register:
    """Products of a register."""
    return Register(
        key=key,
        rows=rows,
        read=read,
        names=lambda filing: [f"{key}: {filing.source_key}"],
        take=partial(_products, key),
        once="; one row per product",
    )


def _products(
    key: str, rows: list[tuple[Row, Filing]], by: Person | None, at: datetime
) -> list[RowReport]:
    shelves = Shelves.holding(filing for _, filing in rows)
    reports = []
    for row, filing in rows:
        try:
            outcome, remarks = shelves.bring_in_line(filing)
        except Unfit as unfit:
            reports.append(set_aside(row, key, unfit.reasons))
        else:
            reports.append(RowReport(row.number, filing.source_key, outcome, remarks))
    shelves.write()
    return reports


def _packages(
    rows: list[tuple[Row, tuple[str, FiledPack]]], by: Person | None, at: datetime
) -> list[RowReport]:
    """Packages of products that are in the catalogue already."""
    keys = {key for _, (key, _) in rows}
    products = {
        product.source_key: product
        for product in db.session.scalars(
            sa.select(Product).where(Product.source == ndc.SOURCE, Product.source_key.in_(keys))
        )
    }
    shelves = Shelves.of(products.values(), {pack.sku for _, (_, pack) in rows})
    reports = []
    for row, (key, pack) in rows:
        try:
            outcome = shelves.pack(_known(products, key), pack)
        except Unfit as unfit:
            reports.append(set_aside(row, "package_ndc", unfit.reasons))
        else:
            reports.append(RowReport(row.number, pack.sku, outcome))
    return reports


def _known(products: dict[str, Product], key: str) -> Product:
    if key not in products:
        raise Unfit(f"product_ndc: {key} is not in the catalogue; import its product first")
    return products[key]


def _refuse_unknown(names: list[str]) -> None:
    """A column that means nothing would be lost without a word."""
    known = {*listing.COLUMNS, *mending.COLUMNS}
    if strange := [name for name in names if name not in known]:
        said = " ".join(unknown(name[:60], among=listing.COLUMNS) for name in strange[:5])
        fields = {name[:60]: [unknown(name[:60], among=listing.COLUMNS)] for name in strange[:20]}
        raise BadFile(said, fields=fields, row=1, field=strange[0][:60])


def _listing(delimiter: str, columns: Columns | None = None) -> Register:
    key = columns.theirs.get("source_key", "") if columns else "source_key"
    return Register(
        key=key,
        rows=partial(relisting.rows, delimiter=delimiter, columns=columns),
        read=partial(relisting.read, columns=columns),
        names=relisting.names,
        take=partial(relisting.take, key),
    )


def _beauty() -> Register:
    return Register(
        key="code",
        rows=_csv(beauty.COLUMNS),
        read=beauty.read,
        names=lambda fact: [f"code: {fact.code}"],
        take=beauty.take,
        once="; one row per bar code",
    )
