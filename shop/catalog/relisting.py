"""Take in a listing of our own: what a manager edited in a spreadsheet.

A product's row may publish it, offer its packs and set their prices; the rules for that are those
of the acts themselves. Products come before further packs, however the sheet was sorted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import IO, Any

from shop.accounts.models import Person
from shop.catalog import editing, listing, prices, publishing, reading
from shop.catalog.filings import Unfit
from shop.catalog.listing import Listed
from shop.catalog.mapping import INGREDIENTS, Columns
from shop.catalog.models import Variant
from shop.catalog.reading import Row
from shop.catalog.report import Outcome, RowReport, set_aside
from shop.catalog.shelving import Shelves


def rows(
    stream: IO[bytes], *, delimiter: str = ",", columns: Columns | None = None
) -> Iterator[Row]:
    """The rows that hold a product, then those that hold only a pack of one."""
    required = () if columns else listing.REQUIRED
    told = _tell_of_products(columns)
    read = partial(reading.rows, stream, required, longest=listing.LONGEST_CELL)
    later = False
    for row in read(delimiter=delimiter):
        if _filled(row, told):
            yield row
        else:
            later = True
    if later:
        yield from (row for row in read(delimiter=delimiter) if not _filled(row, told))


def _filled(row: Row, names: list[str]) -> bool:
    return any(str(row.cells.get(name) or "").strip() for name in names)


def _tell_of_products(columns: Columns | None) -> list[str]:
    """The cells of the file, one of which is filled where a row holds a product."""
    ours = (*listing.PRODUCT_COLUMNS, INGREDIENTS)
    if columns is None:
        return list(ours)
    return [columns.theirs[name] for name in ours if name in columns.theirs]


def read(cells: Mapping[str, Any], *, columns: Columns | None = None) -> Listed:
    """What a row says. Raises Unfit."""
    said = listing.read(columns.ours(cells) if columns else cells)
    if said.filing is None and said.pack is None:
        raise Unfit("row: holds neither a product nor a pack")
    return said


def names(said: Listed) -> list[str]:
    """What may stand in one row only: a product, a pack."""
    product = [f"source_key: {' '.join(said.key)}"] if said.filing else []
    return product + ([f"sku: {said.pack.sku}"] if said.pack else [])


def take(
    key: str, listed: list[tuple[Row, Listed]], by: Person | None, at: datetime
) -> list[RowReport]:
    """Bring the catalogue in line with the rows. Raises the Refusal of an act that is refused.

    `key` is the cell that a row is known by.
    """
    shelves = Shelves.holding(
        [said.filing for _, said in listed if said.filing is not None],
        keys=[said.key for _, said in listed],
        packs=[said.pack for _, said in listed if said.pack is not None],
    )
    reports = []
    for row, said in listed:
        try:
            outcome, remarks = _filed(shelves, said)
        except Unfit as unfit:
            reports.append(set_aside(row, key, unfit.reasons))
        else:
            acted = _shop(shelves, said, by, at)
            if acted and outcome is Outcome.UNCHANGED:
                outcome = Outcome.CHANGED
            reports.append(RowReport(row.number, _key(said), outcome, remarks + acted))
    shelves.write()
    return reports


def _filed(shelves: Shelves, said: Listed) -> tuple[Outcome, list[str]]:
    """The product and its pack. Raises Unfit, having changed nothing."""
    product = shelves.product(*said.key)
    if product is None and said.filing is None:
        raise Unfit(f"source_key: {' '.join(said.key)} is no product here; its row comes first")
    if said.pack is not None:
        shelves.refuse_foreign(product, said.pack)
    outcome, remarks = Outcome.UNCHANGED, list[str]()
    if said.filing is not None:
        outcome, remarks = shelves.bring_in_line(said.filing)
        product = shelves.product(*said.key)
    assert product is not None
    if said.pack is not None:
        of_pack = shelves.pack(product, said.pack)
        outcome = of_pack if outcome is Outcome.UNCHANGED else outcome
    return outcome, remarks


def _shop(shelves: Shelves, said: Listed, by: Person | None, at: datetime) -> list[str]:
    """Publish, offer and price as the row says; what was done."""
    done: list[str] = []
    product = shelves.product(*said.key)
    variant = shelves.variant(said.pack.sku) if said.pack else None
    if variant is not None and said.for_sale is not None and variant.for_sale != said.for_sale:
        editing.change_variant(variant, {"for_sale": said.for_sale}, by=by, at=at)
        done.append("for_sale")
    if variant is not None and said.price_cents is not None and _costs(variant, said, at):
        prices.set_price(variant, said.price_cents, valid_from=None, by=by, at=at)
        done.append("price")
    if product is None or said.published is None:
        return done
    if said.published != (product.published_at is not None):
        act = publishing.publish if said.published else publishing.withdraw
        act(product, by=by, at=at)
        done.append("published")
    return done


def _costs(variant: Variant, said: Listed, at: datetime) -> bool:
    """Whether the row's price is another than the one in force."""
    price = variant.price_at(at)
    return price is None or price.cents != said.price_cents


def _key(said: Listed) -> str:
    return said.pack.sku if said.filing is None and said.pack else said.key[1]
