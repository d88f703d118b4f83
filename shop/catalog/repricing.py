"""A changed price list: what each pack costs now, what it would cost, and all of it in one act.

A list is lines of a SKU and a price as people write it, with a comma, a semicolon or a tab between,
as a spreadsheet copies them. A first line that names its columns is left out.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from shop.accounts.models import Person
from shop.catalog import mapping, prices
from shop.catalog.errors import BadPriceList
from shop.catalog.filings import Unfit
from shop.catalog.models import Product, Variant
from shop.core.db import db, locked
from shop.core.errors import Refusal

MOST = 500  # lines
LONGEST = 60_000  # characters


@dataclass(frozen=True)
class Wish:
    """A line of the list: its place, counted from one, and what it says."""

    line: int
    sku: str
    cents: int


@dataclass(frozen=True)
class Change:
    """A pack, what it costs at that moment (None: it has no price), and what it would."""

    variant: Variant
    before_cents: int | None
    after_cents: int

    @property
    def percent(self) -> int | None:
        """By how much, in whole percent; None where there was no price to compare."""
        if not self.before_cents:
            return None
        return round(100 * (self.after_cents - self.before_cents) / self.before_cents)


@dataclass(frozen=True)
class Plan:
    """What a list would do. `wrong` says by line what cannot be used, with the remedy."""

    changes: Sequence[Change]
    same: int  # lines that say what is so already
    wrong: Sequence[tuple[int, str, str]]  # line, what stands there, what to do

    @property
    def text(self) -> str:
        """The changes as a list of their own."""
        return "\n".join(
            f"{one.variant.sku}\t{one.after_cents // 100}.{one.after_cents % 100:02}"
            for one in self.changes
        )


def plan(text: str, *, at: datetime) -> Plan:
    """What the list would change of prices at `at`. Raises BadPriceList where it is no list."""
    if len(text) > LONGEST:
        raise _not_a_list(f"At most {LONGEST} characters.")
    wishes: list[Wish] = []
    wrong: list[tuple[int, str, str]] = []
    seen: dict[str, int] = {}
    for line, cells in _lines(text):
        try:
            wish = _wish(line, cells)
        except Unfit as unfit:
            wrong.append((line, " ".join(cells)[:60], " ".join(unfit.reasons)))
            continue
        if wish.sku in seen:
            said = f"Stands in line {seen[wish.sku]} already. Leave one of them out."
            wrong.append((line, wish.sku, said))
            continue
        seen[wish.sku] = line
        wishes.append(wish)
    if not wishes and not wrong:
        raise _not_a_list("Give a SKU and a price on each line.")
    if len(wishes) + len(wrong) > MOST:
        raise _not_a_list(f"At most {MOST} lines at a time.")
    return _planned(wishes, wrong, at)


def apply(
    text: str, *, valid_from: datetime | None, expected: int, by: Person, at: datetime
) -> list[Change]:
    """Set every price of the list, or none. `expected` is how many changes somebody agreed to.

    Raises BadPriceList where a line cannot be used, or where prices changed since she looked.
    """
    _lock(_skus(text))
    found = plan(text, at=valid_from or at)
    if found.wrong:
        raise _not_a_list("Some lines cannot be used, so no price was set.")
    if len(found.changes) != expected:
        raise _not_a_list("Prices changed since you looked. Look again.")
    for change in found.changes:
        try:
            prices.set_price(
                change.variant, change.after_cents, valid_from=valid_from, by=by, at=at
            )
        except Refusal as refusal:
            raise _not_a_list(f"{change.variant.sku}: {refusal.text}") from refusal
    return list(found.changes)


def _planned(wishes: list[Wish], wrong: list[tuple[int, str, str]], at: datetime) -> Plan:
    known = {
        variant.sku: variant
        for variant in db.session.scalars(
            sa.select(Variant)
            .where(Variant.sku.in_([wish.sku for wish in wishes]))
            .options(joinedload(Variant.product), selectinload(Variant.prices))
        )
    }
    changes: list[Change] = []
    same = 0
    for wish in wishes:
        variant = known.get(wish.sku)
        if variant is None:
            wrong.append((wish.line, wish.sku, "No pack has this SKU. Look it up in the catalog."))
            continue
        price = variant.price_at(at)
        before = price.cents if price else None
        if before == wish.cents:
            same += 1
        else:
            changes.append(Change(variant, before, wish.cents))
    return Plan(changes, same, sorted(wrong))


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that hold something, counted from one, without one that names its columns."""
    separator = max("\t;,", key=text.partition("\n")[0].count)
    try:
        rows = list(csv.reader(io.StringIO(text.replace("\0", " ")), delimiter=separator))
    except csv.Error:
        raise _not_a_list("A quotation mark is open. Close it, or leave it out.") from None
    for line, cells in enumerate(rows, 1):
        filled = [cell.strip() for cell in cells if cell.strip()]
        if not filled or (line == 1 and filled[0].lower() == "sku"):
            continue
        yield line, filled


def _wish(line: int, cells: list[str]) -> Wish:
    if len(cells) != 2:
        raise Unfit("Give a SKU and a price, nothing else.")
    sku, price = cells
    try:
        cents = mapping.cents(price, decimal_comma=bool(re.search(r",\d\d$", price)))
    except Unfit:
        raise Unfit("Give dollars and cents, such as 24.00.") from None
    if cents is None or not 1 <= int(cents) <= prices.HIGHEST_CENTS:
        raise Unfit("Give a price above nothing, such as 24.00.")
    return Wish(line, sku, int(cents))


def _skus(text: str) -> list[str]:
    return [cells[0] for _line, cells in _lines(text[:LONGEST])]


def _lock(skus: list[str]) -> None:
    """Products, then packs, in the order of their ids, as every change of many does."""
    packs = sa.select(Variant).where(Variant.sku.in_(skus))
    products = {variant.product_id for variant in db.session.scalars(packs)}
    db.session.scalars(
        locked(sa.select(Product).where(Product.id.in_(products)).order_by(Product.id))
    ).all()
    db.session.scalars(locked(packs.order_by(Variant.id))).all()


def _not_a_list(said: str) -> BadPriceList:
    return BadPriceList(said, fields={"list": [said]})
