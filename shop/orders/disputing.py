"""The client's bank wants her money back: what has not left waits, and goes on when she owes it.

Whether an order is disputed it says itself (`orders.disputed`, kept by the database from the
disputes); nothing of it is packed or leaves meanwhile.
"""

from __future__ import annotations

from datetime import datetime

from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.orders import judging
from shop.orders.models import Order
from shop.orders.states import LineStatus, OrderStatus
from shop.prescriptions.asking import Stage

REASON = "disputed"


def hold(order: Order) -> None:
    """Put what is here of a (locked) order on hold. Safe to repeat."""
    here = (LineStatus.READY, LineStatus.PACKED)
    lines = [line for line in order.lines if line.status in here]
    for line in lines:
        line.status = LineStatus.ON_HOLD
        told = {"order": order.number, "position": line.position, "reason": REASON}
        events.record(Kind.LINE_HELD, line, **told)
    if lines:
        events.record(Kind.ORDER_HELD, order, reason=REASON)  # the client is told
    db.session.flush()


def go_on(order: Order, *, at: datetime) -> None:
    """The dispute is over and the money is the shop's: what may go on does. Safe to repeat.

    Also what was held for something else meanwhile, where the gate says yes and its units are
    still promised to it.
    """
    if order.status is not OrderStatus.PAID:
        return
    lines = [
        line for line in order.lines if line.status is LineStatus.ON_HOLD and line.reservation.live
    ]
    decisions = judging.of_lines(order, lines, at=at, stage=Stage.SHIP)
    going = [line for line, yes in zip(lines, decisions, strict=True) if yes.open]
    for line in going:
        line.status = LineStatus.READY
        events.record(Kind.LINE_RESUMED, line, order=order.number, position=line.position)
    if going:
        events.record(Kind.ORDER_RESUMED, order, reason=REASON)
    db.session.flush()  # what the database refuses is refused here
