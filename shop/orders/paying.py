"""What money does to an order."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from shop.core import events
from shop.core.events import Kind
from shop.orders import ending, judging, queries
from shop.orders.models import Order
from shop.orders.states import LineStatus, OrderStatus
from shop.prescriptions import filling
from shop.prescriptions.asking import Stage


class Outcome(StrEnum):
    """What became of an order whose money came. Only the first keeps the money."""

    PAID = "paid"
    ALREADY_PAID = "already_paid"  # nothing was changed; another payment paid it before
    TOO_LATE = "too_late"  # nothing was changed; the order had ended
    NOT_DELIVERABLE = "not_deliverable"  # the order is cancelled now


def mark_paid(order: Order, *, at: datetime) -> Outcome:
    """The whole total has come: fills are consumed, lines become ready to ship.

    The gate is asked again, with the prescriptions locked. Where it no longer opens for every line
    (a prescription was held or ran out, a licence lapsed while the client paid), the order is
    cancelled as a whole and everything goes back: a fill may only be consumed while its
    prescription stands, a paid line must have consumed its fill, and money is taken for a total,
    not for a part. Money is never refused: this raises nothing, and whoever books the money sends
    it back unless the outcome is PAID.
    """
    order = queries.locked_order(order.id)
    if order.status is not OrderStatus.AWAITING_PAYMENT:
        kept = order.status in (OrderStatus.PAID, OrderStatus.CLOSED)
        return Outcome.ALREADY_PAID if kept else Outcome.TOO_LATE
    decisions = judging.of_lines(order, order.lines, at=at, stage=Stage.PAY)
    if not all(decision.open for decision in decisions):
        _give_up(order, at)
        return Outcome.NOT_DELIVERABLE
    for line in order.lines:
        if line.fill is not None:
            filling.consume(line.fill, at=at)
    order.status = OrderStatus.PAID
    events.record(Kind.ORDER_PAID, order, cents=order.total_cents)
    for line in order.lines:
        line.status = LineStatus.READY
        events.record(Kind.LINE_READY, line, order=order.number, position=line.position)
    return Outcome.PAID


def pay_nothing(order: Order, *, at: datetime) -> None:
    """A new order of which nothing is due is paid in the transaction that places it.

    The gate is asked as for any payment. Raises what it refuses (judging.insist).
    """
    judging.insist(
        order.client,
        judging.wishes(order.lines),
        ship_to_state=order.ship_to_state,
        at=at,
        stage=Stage.PAY,
    )
    outcome = mark_paid(order, at=at)
    assert outcome is Outcome.PAID, outcome  # it has just been asked


def _give_up(order: Order, at: datetime) -> None:
    ending.end(
        order,
        OrderStatus.CANCELLED,
        Kind.ORDER_CANCELLED,
        at=at,
        reason=Outcome.NOT_DELIVERABLE.value,
    )
