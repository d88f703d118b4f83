"""Take in a listing of our own: what a manager edited in a spreadsheet.

Row by row, each whole or not at all. A product's row may publish it, offer its packs and set their
prices; the rules for that are those of the acts themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog import editing, listing, prices, publishing
from shop.catalog.filings import Unfit
from shop.catalog.listing import Listed
from shop.catalog.models import Product, Variant
from shop.catalog.reading import Row
from shop.catalog.report import Outcome, RowReport, set_aside
from shop.catalog.shelving import Shelves
from shop.core.db import db
from shop.core.errors import Refusal


def take(rows: list[Row], *, by: Person | None, at: datetime) -> list[RowReport]:
    """Bring the catalogue in line with the rows. Products first, then further packs."""
    reports: dict[int, RowReport] = {}
    listed: list[tuple[Row, Listed]] = []
    first: dict[str, int] = {}
    for row in rows:
        try:
            said = _read(row)
            _refuse_repeated(first, said, row.number)
            listed.append((row, said))
        except Unfit as unfit:
            reports[row.number] = set_aside(row, "source_key", unfit.reasons)
    listed.sort(key=lambda pair: pair[1].filing is None)
    everything = [said for _, said in listed]
    shelves = _shelves(everything)
    for row, said in listed:
        try:
            with db.session.begin_nested():
                outcome, remarks = _row(shelves, said, by, at)
        except Unfit as unfit:
            reports[row.number] = set_aside(row, "source_key", unfit.reasons)
        except (Refusal, sa.exc.IntegrityError) as refusal:
            reports[row.number] = set_aside(row, "source_key", [_why(refusal)])
            shelves = _shelves(everything)  # what was undone is read again
        else:
            reports[row.number] = RowReport(row.number, _key(said), outcome, remarks)
    return [reports[row.number] for row in rows]


def _read(row: Row) -> Listed:
    if row.faults:
        raise Unfit(*row.faults)
    return listing.read(row.cells)


def _refuse_repeated(first: dict[str, int], said: Listed, number: int) -> None:
    names = []
    if said.filing is not None:
        names.append(f"source_key: {' '.join(said.key)}")
    if said.pack is not None:
        names.append(f"sku: {said.pack.sku}")
    if not names:
        raise Unfit("row: holds neither a product nor a pack")
    for name in names:
        if name in first:
            raise Unfit(f"{name} stands in row {first[name]} already")
    first.update(dict.fromkeys(names, number))


def _shelves(listed: Iterable[Listed]) -> Shelves:
    listed = list(listed)
    return Shelves.holding(
        [said.filing for said in listed if said.filing is not None],
        keys=[said.key for said in listed],
        packs=[said.pack for said in listed if said.pack is not None],
    )


def _row(
    shelves: Shelves, said: Listed, by: Person | None, at: datetime
) -> tuple[Outcome, list[str]]:
    outcome: Outcome = Outcome.UNCHANGED
    remarks: list[str] = []
    if said.filing is not None:
        outcome, remarks = shelves.bring_in_line(said.filing)
    product = shelves.product(*said.key)
    if product is None:
        raise Unfit(f"source_key: {' '.join(said.key)} is no product here; its row comes first")
    if said.pack is not None:
        of_pack = shelves.pack(product, said.pack)
        outcome = of_pack if outcome is Outcome.UNCHANGED else outcome
    shelves.write()
    acted = _shop(shelves, product, said, by, at)
    if acted and outcome is Outcome.UNCHANGED:
        outcome = Outcome.CHANGED
    return outcome, remarks + acted


def _shop(
    shelves: Shelves, product: Product, said: Listed, by: Person | None, at: datetime
) -> list[str]:
    """Publish, offer and price as the row says; what was done."""
    done = []
    variant = shelves.variant(said.pack.sku) if said.pack else None
    if variant is not None and said.for_sale is not None and variant.for_sale != said.for_sale:
        editing.change_variant(variant, {"for_sale": said.for_sale}, by=by, at=at)
        done.append("for_sale")
    if variant is not None and said.price_cents is not None and _costs(variant, said, at):
        prices.set_price(variant, said.price_cents, valid_from=None, by=by, at=at)
        done.append("price")
    if said.published is not None and said.published != (product.published_at is not None):
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


def _why(refusal: Exception) -> str:
    if isinstance(refusal, Refusal):
        fields = [f"{name}: {' '.join(texts)}" for name, texts in refusal.fields.items()]
        return "; ".join([refusal.text, *fields])
    cause = getattr(refusal, "orig", None)
    name = getattr(getattr(cause, "diag", None), "constraint_name", None) or "a rule"
    return f"row: the database refuses it ({name})"
