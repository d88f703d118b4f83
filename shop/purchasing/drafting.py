"""Writing a purchase order, until it is sent."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core import events, numbers
from shop.core.db import db, locked
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.inventory.models import MAX_RECEIVED_UNITS
from shop.purchasing.errors import PurchaseRefused
from shop.purchasing.models import PurchaseLine, PurchaseOrder, Supplier
from shop.purchasing.states import PurchaseStatus

MAX_LINES = 500


@dataclass(frozen=True)
class Wanted:
    """So many units of a variant, at so many cents each."""

    sku: str
    units: int
    unit_cost_cents: int


def draft(
    supplier: Supplier,
    wanted: Sequence[Wanted],
    *,
    expected_on: date | None = None,
    note: str = "",
    by: Person,
    at: datetime,
) -> PurchaseOrder:
    """Begin an order, which may still be empty. Raises PurchaseRefused."""
    if not supplier.active:
        raise PurchaseRefused(
            f"{supplier.name} takes no more orders.",
            fields={"supplier": ["Choose another, or make it active again."]},
        )
    order = PurchaseOrder(
        id=uuid.uuid4(),
        number=numbers.fresh("PO"),
        supplier=supplier,
        status=PurchaseStatus.DRAFT,
        expected_on=expected_on,
        note=note,
        drafted_by_id=by.id,
        lines=[],
    )
    order.lines = _lines(wanted)
    db.session.add(order)
    events.record(Kind.PURCHASE_DRAFTED, order, supplier=supplier.number)
    db.session.flush()
    return order


def change(
    order: PurchaseOrder,
    wanted: Sequence[Wanted],
    *,
    expected_on: date | None,
    note: str,
    by: Person,
    at: datetime,
) -> None:
    """Put other lines in the place of an order's; `order` is locked.

    Raises PurchaseRefused, and WrongState once it is sent.
    """
    if order.status is not PurchaseStatus.DRAFT:
        raise WrongState(
            "An order that was sent is not changed. Cancel it, or order the rest anew.",
            status=order.status,
        )
    lines = _lines(wanted)
    order.lines.clear()
    db.session.flush()  # a variant stands in one line at any time
    order.lines.extend(lines)
    order.expected_on, order.note = expected_on, note
    events.record(Kind.PURCHASE_CHANGED, order, lines=len(lines))
    db.session.flush()


def collect(supplier: Supplier, each: Wanted, *, by: Person, at: datetime) -> PurchaseOrder:
    """Put units on the supplier's draft that was begun last, or begin one with them.

    What stands on it already is left as it is. Raises PurchaseRefused.
    """
    query = (
        sa.select(PurchaseOrder)
        .where(
            PurchaseOrder.supplier_id == supplier.id, PurchaseOrder.status == PurchaseStatus.DRAFT
        )
        .order_by(PurchaseOrder.drafted_at.desc(), PurchaseOrder.id)
        .limit(1)
    )
    order = db.session.scalars(locked(query, PurchaseOrder)).first()
    if order is None:
        return draft(supplier, [each], by=by, at=at)
    there = [Wanted(one.variant.sku, one.units, one.unit_cost_cents) for one in order.lines]
    if each.sku not in {one.sku for one in there}:
        change(
            order,
            [*there, each],
            expected_on=order.expected_on,
            note=order.note,
            by=by,
            at=at,
        )
    return order


def _lines(wanted: Sequence[Wanted]) -> list[PurchaseLine]:
    query = sa.select(Variant).where(Variant.sku.in_({each.sku for each in wanted}))
    variants = {variant.sku: variant for variant in db.session.scalars(query)}
    mistakes: dict[str, list[str]] = {}
    if len(wanted) > MAX_LINES:
        mistakes["lines"] = [f"An order has at most {MAX_LINES} lines. Order the rest as another."]
    first: dict[str, int] = {}
    for index, each in enumerate(wanted[:MAX_LINES]):
        row = f"Row {index + 1}: "
        if each.sku not in variants:
            mistakes[f"lines.{index}.sku"] = [f"{row}no variant has this SKU. Check it."]
        elif (other := first.setdefault(each.sku, index)) != index:
            mistakes[f"lines.{index}.sku"] = [f"{row}this SKU stands in row {other + 1}."]
        if not 1 <= each.units <= MAX_RECEIVED_UNITS:
            mistakes[f"lines.{index}.quantity"] = [
                f"{row}the quantity is 1 to {MAX_RECEIVED_UNITS:,} packs."
            ]
    if mistakes:
        raise PurchaseRefused("Nothing was kept. Correct the marked rows.", fields=mistakes)
    return [
        PurchaseLine(
            id=uuid.uuid4(),
            variant=variants[each.sku],
            position=place,
            units=each.units,
            unit_cost_cents=each.unit_cost_cents,
        )
        for place, each in enumerate(wanted)
    ]
