"""The units that were promised to an order are gone, and the shelf has no others.

Unpaid orders are cancelled; paid lines go on hold and give the promise back. They take other units
and go on when the shelf has some and the gate says yes; whoever will not wait cancels the order.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.events import Event, Kind
from shop.inventory import stock
from shop.inventory.errors import NotEnoughStock
from shop.inventory.models import ReservationPart
from shop.orders import ending, judging, queries
from shop.orders.models import Order, OrderLine
from shop.orders.rejudging import HERE, held_with
from shop.orders.states import LineStatus, OrderStatus
from shop.prescriptions.asking import Stage

RECALLED = "recalled"  # a reason: staff and clients are told


@dataclass(frozen=True)
class Stranded:
    """What came of it: an order cancelled, or lines that wait."""

    cancelled: bool = False
    held: list[OrderLine] = field(default_factory=list)


def holding(lot_ids: Collection[UUID]) -> list[UUID]:
    """Orders with a line that is promised units of these lots, in id order."""
    query = (
        sa.select(OrderLine.order_id)
        .join(ReservationPart, ReservationPart.reservation_id == OrderLine.reservation_id)
        .where(ReservationPart.lot_id.in_(lot_ids), ReservationPart.ended_at.is_(None))
        .distinct()
        .order_by(OrderLine.order_id)
    )
    return list(db.session.scalars(query))


def strand(order_id: UUID, lot_ids: Collection[UUID], *, reason: str, at: datetime) -> Stranded:
    """Take from an order what it was promised of these lots. Safe to repeat.

    `reason` is a short word, nothing medical. A line that was held for something else waits for
    both: the gate is asked before it goes on.
    """
    order = queries.locked_order(order_id)
    lines = [line for line in order.lines if _holds(line, lot_ids)]
    if not lines:
        return Stranded()
    if order.status is OrderStatus.AWAITING_PAYMENT:
        ending.end(order, OrderStatus.CANCELLED, Kind.ORDER_CANCELLED, at=at, reason=reason)
        return Stranded(cancelled=True)
    stock.release([line.reservation for line in lines], at=at)
    for line in lines:
        if line.status is not LineStatus.ON_HOLD:
            line.status = LineStatus.ON_HOLD
        events.record(
            Kind.LINE_HELD, line, order=order.number, position=line.position, reason=reason
        )
    events.record(Kind.ORDER_HELD, order, reason=reason)
    db.session.flush()  # what the database refuses is refused here
    return Stranded(held=lines)


def waiting(reason: str) -> list[UUID]:
    """Paid orders with a line that waits for units for this reason, in id order."""
    query = (
        sa.select(OrderLine.order_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Event, sa.and_(Event.subject_id == OrderLine.id, Event.seq == OrderLine.state_seq))
        .where(
            Order.status == OrderStatus.PAID,
            OrderLine.status == LineStatus.ON_HOLD,
            Event.kind == Kind.LINE_HELD,
            Event.facts["reason"].astext == reason,
        )
        .distinct()
        .order_by(OrderLine.order_id)
    )
    return list(db.session.scalars(query))


def stopped(order: Order) -> set[UUID]:
    """Its lines that wait because what was set aside for them was recalled."""
    return held_with(order.lines, "reason", RECALLED)


def stopped_orders(reader: Person) -> list[Order]:
    """Orders with such lines, first paid first."""
    query = queries.orders_for(reader).where(Order.id.in_(waiting(RECALLED)))
    return list(db.session.scalars(query.order_by(Order.paid_at).limit(100)))


def go_on(order_id: UUID, *, reason: str, at: datetime) -> list[OrderLine]:
    """Promise other units to the lines that wait for this reason, as far as the shelf reaches.

    Only where the gate says yes. Safe to repeat.
    """
    order = queries.locked_order(order_id)
    here = [line for line in order.lines if line.status is LineStatus.ON_HOLD]
    waits = held_with(here, "reason", reason)
    lines = [line for line in here if line.id in waits]
    if order.status is not OrderStatus.PAID or not lines or order.disputed:
        return []
    decisions = judging.of_lines(order, lines, at=at, stage=Stage.SHIP)
    ending.hold_lots(lines)
    going = []
    for line, decision in zip(lines, decisions, strict=True):
        if decision.open and _promised(line, at):
            line.status = LineStatus.READY  # before anything flushes: both change at once
            events.record(Kind.LINE_RESUMED, line, order=order.number, position=line.position)
            going.append(line)
    if going:
        events.record(Kind.ORDER_RESUMED, order, reason=reason)
    db.session.flush()  # what the database refuses is refused here
    return going


def _holds(line: OrderLine, lot_ids: Collection[UUID]) -> bool:
    return (
        line.status in HERE
        and line.reservation.live
        and any(part.ended_at is None and part.lot_id in lot_ids for part in line.reservation.parts)
    )


def _promised(line: OrderLine, at: datetime) -> bool:
    """Other units in place of those that were given back; False where there are none."""
    try:
        (made,) = stock.reserve([(line.variant_id, line.quantity)], today=judging.day(at))
    except NotEnoughStock:
        return False
    line.reservation = made
    return True
