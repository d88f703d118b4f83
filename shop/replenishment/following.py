"""What became of the order of a refill: paid, not paid, or over."""

from __future__ import annotations

from datetime import datetime

from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.orders.models import Order
from shop.payments import queries as payments
from shop.payments.states import PaymentStatus
from shop.replenishment import lapsing
from shop.replenishment.models import AutoRefill, RefillCycle
from shop.replenishment.states import ASKED, CycleStatus, RefillStatus


def follow(refill: AutoRefill, *, at: datetime) -> CycleStatus | None:
    """Bring the cycle of a (locked) auto-refill in step with its order; its new status, if any.

    An order that ended unpaid pauses the auto-refill: the client says when it goes on. Safe to
    repeat.
    """
    cycle = refill.cycle
    if cycle is None or cycle.status not in ASKED:
        return None
    assert cycle.order_id is not None
    order = db.session.get_one(Order, cycle.order_id, populate_existing=True)
    before = cycle.status
    if order.paid_at is not None:
        cycle.status = CycleStatus.CHARGED
        events.record(Kind.REFILL_CHARGED, cycle, order=order.number, cents=order.total_cents)
    elif order.ended_at is not None:
        _not_paid(refill, cycle, at)
    elif cycle.status is CycleStatus.CHARGING and _refused(order):
        cycle.status = CycleStatus.FAILED
        events.record(Kind.REFILL_UNPAID, cycle, order=order.number)
    return None if cycle.status is before else cycle.status


def _not_paid(refill: AutoRefill, cycle: RefillCycle, at: datetime) -> None:
    lapsing.lapse(cycle, why="unpaid", at=at)
    if refill.status is RefillStatus.ACTIVE:
        refill.status = RefillStatus.PAUSED
        events.record(Kind.AUTO_REFILL_PAUSED, refill, why="unpaid")


def _refused(order: Order) -> bool:
    """The card was asked, and no money comes of it any more."""
    last = payments.payment_to_show(order.id)
    return last is not None and last.status is PaymentStatus.CANCELLED
