"""What lies in the house and what it is worth; what of it expires when."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import joinedload

from shop.catalog.models import Variant
from shop.core.db import db
from shop.core.money import dollars
from shop.inventory import costing
from shop.inventory.models import Lot
from shop.reports.figures import Cell, Column, Figures, Unit
from shop.reports.periods import Period

# Days from today to the expiry, and what they are called; what has expired comes before.
STRETCHES = ((30, "30 days"), (60, "60 days"), (90, "90 days"), (180, "180 days"))
MONTHS = 24  # ahead, this one with them
AT_LIST = "At price: what clients pay today, for packs that have a price."


@dataclass
class Worth:
    """Packs, and what they cost and are sold for, in cents; `unknown` packs have no known cost."""

    units: int = 0
    cost_cents: int = 0
    unknown: int = 0
    price_cents: int = 0
    lots: set[uuid.UUID] = field(default_factory=set)

    def add(self, lot: Lot, cost: int | None, price: int | None) -> None:
        self.lots.add(lot.id)
        self.units += lot.on_hand
        self.price_cents += lot.on_hand * (price or 0)
        if cost is None:
            self.unknown += lot.on_hand
        else:
            self.cost_cents += lot.on_hand * cost

    @property
    def known_cents(self) -> int | None:
        """At cost; None where the cost of no pack is known."""
        return None if self.units and self.unknown == self.units else self.cost_cents


def value(*, at: datetime) -> Figures:
    """What lies in the house, by variant, the most valuable first."""
    worth: dict[uuid.UUID, Worth] = defaultdict(Worth)
    names: dict[uuid.UUID, Variant] = {}
    for lot, cost, price in _valued(at):
        names[lot.variant_id] = lot.variant
        worth[lot.variant_id].add(lot, cost, price)
    rows: list[tuple[Cell, ...]] = [
        (
            variant.sku,
            variant.product.name,
            worth[key].units,
            worth[key].known_cents,
            worth[key].unknown,
            worth[key].price_cents,
        )
        for key, variant in names.items()
    ]
    rows.sort(key=lambda row: (-int(row[5] or 0), str(row[0])))
    return Figures(
        columns=(
            Column("sku", _("SKU")),
            Column("product", _("Product")),
            Column("units", _("Packs"), Unit.COUNT),
            Column("cost_cents", _("At cost"), Unit.CENTS),
            Column("units_without_cost", _("Packs without a known cost"), Unit.COUNT),
            Column("price_cents", _("At price"), Unit.CENTS),
        ),
        rows=rows,
        drawn="price_cents",
        notes=(_unknown(worth.values()), AT_LIST),
    )


def exposure(*, at: datetime, today: date) -> Figures:
    """What lies in the house, by how soon it expires."""
    names = [
        "expired",
        *(f"within {name}" for _days, name in STRETCHES),
        f"after {STRETCHES[-1][1]}",
    ]
    worth = {name: Worth() for name in names}
    for lot, cost, price in _valued(at):
        worth[_stretch(lot, today)].add(lot, cost, price)
    return Figures(
        columns=(
            Column("expires", _("Expires")),
            Column("lots", _("Lots"), Unit.COUNT),
            Column("units", _("Packs"), Unit.COUNT),
            Column("cost_cents", _("At cost"), Unit.CENTS),
            Column("units_without_cost", _("Packs without a known cost"), Unit.COUNT),
            Column("price_cents", _("At price"), Unit.CENTS),
        ),
        rows=[
            (name, len(one.lots), one.units, one.known_cents, one.unknown, one.price_cents)
            for name, one in worth.items()
        ],
        drawn="units",
        notes=(
            "Each pack stands in one row. What is sold stops before it expires: see Planning.",
            _unknown(worth.values()),
            AT_LIST,
        ),
    )


def by_month(*, at: datetime, today: date) -> Figures:
    """What lies in the house and has not expired, by the month in which it will: MONTHS of them.

    What expires later stands in one row at the end, what has expired in none.
    """
    first = today.replace(day=1)
    months = [first]
    while len(months) < MONTHS:
        months.append(Period.MONTH.following(months[-1]))
    beyond = Period.MONTH.following(months[-1])
    worth = {month: Worth() for month in (*months, beyond)}
    for lot, cost, price in _valued(at):
        if lot.expires_on >= today:
            worth[min(lot.expires_on.replace(day=1), beyond)].add(lot, cost, price)
    later = worth.pop(beyond)
    last = {month: one for month, one in worth.items() if one.units}
    shown = [month for month in months if last and month <= max(last)]
    return Figures(
        columns=(
            Column("month", _("Expires in"), Unit.MONTH),
            Column("lots", _("Lots"), Unit.COUNT),
            Column("units", _("Packs"), Unit.COUNT),
            Column("cost_cents", _("At cost"), Unit.CENTS),
            Column("units_without_cost", _("Packs without a known cost"), Unit.COUNT),
            Column("price_cents", _("At price"), Unit.CENTS),
        ),
        rows=[
            (
                month.isoformat(),
                len(one.lots),
                one.units,
                one.known_cents,
                one.unknown,
                one.price_cents,
            )
            for month, one in worth.items()
            if month in shown
        ],
        drawn="price_cents",
        over=("price_cents",),
        notes=(
            _(
                "After that: %(units)s packs, %(price)s at price.",
                units=later.units,
                price=dollars(later.price_cents),
            ),
            _unknown(worth.values()),
            AT_LIST,
        ),
    )


def _valued(at: datetime) -> Iterable[tuple[Lot, int | None, int | None]]:
    """Every lot with units, its cost and its price a unit."""
    query = (
        sa.select(Lot)
        .where(Lot.on_hand > 0)
        .options(joinedload(Lot.variant).joinedload(Variant.product))
        .order_by(Lot.number)
    )
    lots = list(db.session.scalars(query))
    costs = costing.unit_costs([lot.id for lot in lots])
    prices = costing.prices({lot.variant_id for lot in lots}, at=at)
    return [(lot, costs.get(lot.id), prices.get(lot.variant_id)) for lot in lots]


def _stretch(lot: Lot, today: date) -> str:
    days = (lot.expires_on - today).days
    if days < 0:
        return "expired"
    for most, name in STRETCHES:
        if days <= most:
            return f"within {name}"
    return f"after {STRETCHES[-1][1]}"


def _unknown(worth: Iterable[Worth]) -> str:
    missing = sum(one.unknown for one in worth)
    if not missing:
        return "At cost: what the deliveries say, for every pack."
    return f"At cost: what the deliveries say; of {missing} packs none says it, and they count 0."
