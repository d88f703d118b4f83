"""The end of an order, or of some lines of it: all they hold goes back, the lines are cancelled."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind
from shop.credit import returning
from shop.discounts import taking
from shop.inventory import stock
from shop.inventory.models import Lot, Reservation
from shop.orders.models import Order, OrderLine
from shop.orders.states import GONE, LIVE, LineStatus, OrderStatus
from shop.prescriptions import filling
from shop.prescriptions.models import Prescription


def end(order: Order, status: OrderStatus, kind: Kind, *, at: datetime, **facts: object) -> None:
    """Give back what a (locked) order holds, also the credit it spent, and end it.

    Raises WrongState.
    """
    order.status = status  # refused first, where the arrows do not lead there
    end_lines(
        order, [line for line in order.lines if line.status is not LineStatus.CANCELLED], at=at
    )
    taking.give_back(order.id)
    returning.give_all_back(order, reason=status.value, at=at)
    events.record(kind, order, **facts)


def end_lines(order: Order, lines: Sequence[OrderLine], *, at: datetime, **facts: object) -> None:
    """Give back what these lines of a (locked) order hold, and cancel them. Raises WrongState."""
    hold_prescriptions(lines)
    for line in lines:
        if line.fill is not None:
            filling.release(line.fill, at=at)
    stock.release([line.reservation for line in lines], at=at)
    for line in lines:
        line.status = LineStatus.CANCELLED
        events.record(
            Kind.LINE_CANCELLED, line, order=order.number, position=line.position, **facts
        )


def close_if_all_left(order: Order) -> None:
    """A (locked) order is closed with its last line: what was not cancelled has left."""
    if all(line.status in GONE for line in order.lines if line.status in LIVE):
        order.status = OrderStatus.CLOSED
        events.record(Kind.ORDER_CLOSED, order)


def hold_prescriptions(lines: Iterable[OrderLine], *, also: Iterable[UUID] = ()) -> None:
    """Lock the prescriptions behind these lines, in id order: their fills are about to move.

    `also` are further prescriptions, locked in the same order.
    """
    ids = {line.fill.prescription_id for line in lines if line.fill is not None} | set(also)
    query = sa.select(Prescription).where(Prescription.id.in_(ids)).order_by(Prescription.id)
    db.session.scalars(locked(query)).all()


def hold_lots(lines: Iterable[OrderLine]) -> None:
    """Lock what these lines are promised, then every lot of their variants, each in id order.

    Before several acts take or give units: promises come before lots everywhere.
    """
    lines = list(lines)
    promises = sa.select(Reservation).where(
        Reservation.id.in_([line.reservation_id for line in lines])
    )
    db.session.scalars(locked(promises.order_by(Reservation.id))).all()
    variants = {line.variant_id for line in lines}
    query = sa.select(Lot).where(Lot.variant_id.in_(variants)).order_by(Lot.id)
    db.session.scalars(locked(query)).all()
