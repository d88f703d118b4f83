"""A delivery for a purchase order: what is good is booked, what is damaged is written down."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.inventory import receiving
from shop.inventory.errors import BadReceipt
from shop.inventory.models import MAX_RECEIVED_UNITS, Lot, ReceiptLine
from shop.inventory.receiving import ReceiptLineIn
from shop.purchasing.models import Arrival, PurchaseLine, PurchaseOrder, Receipt
from shop.purchasing.states import AWAITED, PurchaseStatus

NOT_ORDERED = (
    "this SKU is not on the order. Book what came besides as a delivery without an order, or send "
    "it back."
)

LONGEST_DAMAGE = 200


@dataclass(frozen=True)
class Damaged:
    """Units of a variant that arrived and cannot be booked, and what is wrong with them."""

    sku: str
    units: int
    damage: str


def arrive(
    order: PurchaseOrder,
    good: Sequence[ReceiptLineIn],
    damaged: Sequence[Damaged] = (),
    *,
    delivery_note: str = "",
    receipt_id: uuid.UUID | None = None,
    by: Person,
    at: datetime,
    today: date,
) -> Receipt:
    """Book a delivery for an order, all of it or nothing; `order` is locked.

    More than was ordered is booked and shows as over. A line that says no cost of its own costs
    what was agreed. The order closes by itself once nothing is short. A delivery with a
    `receipt_id` that was booked before is not booked again. Raises WrongState, and BadReceipt as
    `receiving.receive` does; rows of damage are named "damaged.<row from 0>.<field>".
    """
    receipt_id = receipt_id or uuid.uuid4()
    if booked := db.session.get(Receipt, receipt_id):
        if booked.purchase_order_id != order.id:
            raise BadReceipt("This delivery was booked for another order. Open the form again.")
        return booked
    _refuse_plain(receipt_id)
    if order.status not in AWAITED:
        raise WrongState(
            f"Nothing is awaited for an order that is {order.status.replace('_', ' ')}.",
            status=order.status,
        )
    lines = {line.variant.sku: line for line in order.lines}
    if mistakes := dict(_mistakes(good, damaged, lines)):
        raise BadReceipt("Nothing was booked. Correct the marked rows.", fields=mistakes)
    good = [_costed(each, lines[each.sku]) for each in good]
    lots = _booked(good, receipt_id, by=by, at=at, today=today)
    receipt = Receipt(
        id=receipt_id,
        purchase_order_id=order.id,
        delivery_note=delivery_note,
        received_by_id=by.id,
    )
    db.session.add(receipt)
    db.session.flush()  # arrivals point at it
    db.session.add_all(_arrivals(receipt, lines, good, lots, damaged))
    db.session.flush()  # the order's sums read them
    _go_on(order, receipt)
    return receipt


def _refuse_plain(receipt_id: uuid.UUID) -> None:
    """The name of a delivery that was booked for no order is not used again."""
    query = sa.select(sa.exists().where(ReceiptLine.receipt_id == receipt_id))
    if db.session.scalar(query):
        raise BadReceipt("This delivery was booked already, for no order. Open the form again.")


def _mistakes(
    good: Sequence[ReceiptLineIn], damaged: Sequence[Damaged], lines: dict[str, PurchaseLine]
) -> Iterator[tuple[str, list[str]]]:
    if not good and not damaged:
        yield "lines", ["Say what arrived."]
    for index, line in enumerate(good):
        if line.sku not in lines:
            yield f"lines.{index}.sku", [f"Row {index + 1}: {NOT_ORDERED}"]
    for index, each in enumerate(damaged):
        for name, text in _damage_mistakes(each, lines):
            yield f"damaged.{index}.{name}", [f"Damaged, row {index + 1}: {text}"]


def _damage_mistakes(each: Damaged, lines: dict[str, PurchaseLine]) -> Iterator[tuple[str, str]]:
    if each.sku not in lines:
        yield "sku", NOT_ORDERED
    if not 1 <= each.units <= MAX_RECEIVED_UNITS:
        yield "quantity", "count the packs that are damaged."
    if not 1 <= len(each.damage.strip()) <= LONGEST_DAMAGE:
        yield "damage", f"say what is wrong with them, in up to {LONGEST_DAMAGE} characters."


def _costed(given: ReceiptLineIn, line: PurchaseLine) -> ReceiptLineIn:
    if given.unit_cost_cents is not None:
        return given
    return replace(given, unit_cost_cents=line.unit_cost_cents)


def _booked(
    good: Sequence[ReceiptLineIn], receipt_id: uuid.UUID, *, by: Person, at: datetime, today: date
) -> list[Lot]:
    if not good:
        return []
    return receiving.receive(good, by=by, at=at, today=today, receipt_id=receipt_id)


def _arrivals(
    receipt: Receipt,
    lines: dict[str, PurchaseLine],
    good: Sequence[ReceiptLineIn],
    lots: Sequence[Lot],
    damaged: Sequence[Damaged],
) -> Iterator[Arrival]:
    def arrival(sku: str, units: int) -> Arrival:
        return Arrival(
            id=uuid.uuid4(),
            receipt_id=receipt.id,
            purchase_order_id=receipt.purchase_order_id,
            purchase_line_id=lines[sku].id,
            variant_id=lines[sku].variant_id,
            units=units,
        )

    for line, lot in zip(good, lots, strict=True):
        booked = arrival(line.sku, line.units)
        booked.receipt_line_id, booked.lot_id = line.id, lot.id
        yield booked
    for each in damaged:
        broken = arrival(each.sku, each.units)
        broken.damage = each.damage.strip()
        yield broken


def _go_on(order: PurchaseOrder, receipt: Receipt) -> None:
    """A state of its own for each event: partly received first, closed when nothing is short."""
    if order.status is PurchaseStatus.SENT:
        order.status = PurchaseStatus.PARTLY_RECEIVED
    _reread(order, receipt)
    events.record(
        Kind.PURCHASE_RECEIVED,
        order,
        delivery_note=receipt.delivery_note,
        short=sum(line.short for line in order.lines),
        over=sum(line.over for line in order.lines),
        damaged=sum(each.units for each in receipt.arrivals if each.damage is not None),
    )
    db.session.flush()  # so that both arrows are walked
    if order.arrived_whole:
        order.status = PurchaseStatus.CLOSED
        events.record(Kind.PURCHASE_CLOSED, order, short={})
        db.session.flush()


def _reread(order: PurchaseOrder, receipt: Receipt) -> None:
    """Show what arrived; a statement for each kind of row, however many there are."""
    lines = sa.select(PurchaseLine).where(PurchaseLine.purchase_order_id == order.id)
    again = lines.options(selectinload(PurchaseLine.arrivals))
    db.session.scalars(again.execution_options(populate_existing=True)).all()
    db.session.expire(order, ["receipts"])
    db.session.expire(receipt, ["arrivals"])
