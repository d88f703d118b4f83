"""Revoke a prescription, and everything that was promised under it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.errors import StartAgain
from shop.core.events import Kind
from shop.inventory import stock
from shop.orders import ending, queries
from shop.orders.models import Order, OrderLine
from shop.orders.states import GONE, LineStatus, OrderStatus
from shop.prescriptions import revoking
from shop.prescriptions.models import Prescription


@dataclass(frozen=True)
class Revocation:
    """What a revocation did: orders cancelled, lines on hold, and lines that had already left."""

    cancelled: list[Order] = field(default_factory=list)
    held: list[OrderLine] = field(default_factory=list)
    gone: list[OrderLine] = field(default_factory=list)


def revoke(prescription: Prescription, *, reason: str, by: Person, at: datetime) -> Revocation:
    """Revoke, in one transaction with what follows: nothing more is paid or shipped under it.

    Unpaid orders with a line under it are cancelled, paid lines that are still here go on hold and
    give their units back, what has left is listed. The caller must not hold the prescription's
    lock, for the orders come first. Raises WrongState, and StartAgain where an order was placed
    while this one waited: roll back and run it again.
    """
    orders = [queries.locked_order(order_id) for order_id in queries.backed_by(prescription.id)]
    # All that will be given back is locked at once, or the order of locks would not hold.
    lines = [line for order in orders for line in order.lines if line.status not in GONE]
    ending.hold_prescriptions(lines, also=[prescription.id])
    if queries.backed_by(prescription.id) != [order.id for order in orders]:
        raise StartAgain
    ending.hold_lots(lines)
    revoking.revoke(prescription, reason=reason, by=by, at=at)
    done = Revocation()
    for order in orders:
        _follow(order, prescription, done, at)
    return done


def _follow(order: Order, prescription: Prescription, done: Revocation, at: datetime) -> None:
    if order.status is OrderStatus.AWAITING_PAYMENT:
        ending.end(
            order,
            OrderStatus.CANCELLED,
            Kind.ORDER_CANCELLED,
            at=at,
            reason="prescription_revoked",
        )
        done.cancelled.append(order)
        return
    for line in order.lines:
        if line.fill is None or line.fill.prescription_id != prescription.id:
            continue
        if line.status in GONE:
            done.gone.append(line)
        elif line.status in (LineStatus.READY, LineStatus.PACKED):
            _hold(line, order, at)
            done.held.append(line)


def _hold(line: OrderLine, order: Order, at: datetime) -> None:
    stock.release([line.reservation], at=at)
    line.status = LineStatus.ON_HOLD
    events.record(Kind.LINE_HELD, line, order=order.number, position=line.position)
