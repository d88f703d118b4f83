"""What became of the order of a refill: paid, not paid, or over, be it after it was paid."""

from __future__ import annotations

from datetime import datetime

from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.orders.models import Order
from shop.orders.paying import Outcome
from shop.payments import queries as payments
from shop.payments.states import PaymentStatus
from shop.replenishment import lapsing, queries
from shop.replenishment.models import AutoRefill, RefillCycle
from shop.replenishment.states import CycleStatus, RefillStatus

NOT_DELIVERABLE = Outcome.NOT_DELIVERABLE.value


def follow(refill: AutoRefill, *, at: datetime) -> CycleStatus | None:
    """Bring the cycle of a (locked) auto-refill in step with its order; its new status, if any.

    An order that ended unpaid, or was cancelled after it, pauses the auto-refill: the client says
    when it goes on. One that the gate closed for when its money came does not: the next cycle asks
    again, and says what is against it. Safe to repeat.
    """
    cycle = queries.followed(refill.id)
    if cycle is None:
        return None
    assert cycle.order_id is not None
    order = db.session.get_one(Order, cycle.order_id, populate_existing=True)
    before = cycle.status
    if order.ended_at is not None:
        _over(refill, cycle, order, at)
    elif order.paid_at is not None:
        cycle.status = CycleStatus.CHARGED
        events.record(Kind.REFILL_CHARGED, cycle, order=order.number, cents=order.total_cents)
    elif cycle.status is CycleStatus.CHARGING and _refused(order):
        cycle.status = CycleStatus.FAILED
        events.record(Kind.REFILL_UNPAID, cycle, order=order.number)
    return None if cycle.status is before else cycle.status


def _over(refill: AutoRefill, cycle: RefillCycle, order: Order, at: datetime) -> None:
    why = _why(order)
    lapsing.lapse(cycle, why=why, at=at)
    if refill.status is RefillStatus.ACTIVE and why != NOT_DELIVERABLE:
        refill.status = RefillStatus.PAUSED
        events.record(Kind.AUTO_REFILL_PAUSED, refill, why=why)


def _why(order: Order) -> str:
    """Why an order is over."""
    if order.paid_at is not None:
        return "order_cancelled"
    reasons = {one.facts.get("reason") for one in events.of(order.id)}
    return NOT_DELIVERABLE if NOT_DELIVERABLE in reasons else "unpaid"


def _refused(order: Order) -> bool:
    """The card was asked, and no money comes of it any more."""
    last = payments.payment_to_show(order.id)
    return last is not None and last.status is PaymentStatus.CANCELLED
