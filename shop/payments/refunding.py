"""Money that goes back the way it came."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import NamedTuple

import sqlalchemy as sa
import structlog

from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind
from shop.orders.models import OrderLine
from shop.payments import gateway, queries
from shop.payments.errors import RefundTooLarge
from shop.payments.gateway import RefundState
from shop.payments.models import Payment, Refund
from shop.payments.planning import Operation
from shop.payments.planning import plan as plan_call
from shop.payments.states import RefundStatus

# What asks for a refund by itself. One request is applied once.
ORDER_OVER = "order_over"
LINE_CANCELLED = "line_cancelled"

OVER = {RefundState.FAILED, RefundState.CANCELED}

log = structlog.get_logger()


def of_line(line: OrderLine) -> str:
    """What asks for the money of a line that was cancelled: once for each line."""
    return f"line:{line.id}"


class Split(NamedTuple):
    """How a sum goes back, in cents: first to the payment it came by, the rest as store credit."""

    payment_cents: int
    credit_cents: int


def split(payment: Payment | None, cents: int) -> Split:
    """Share what goes back of a (locked) order between its payment and the credit spent on it.

    The one place that decides this. Money first, as far as it is still here: store credit was
    spent on the order last, and comes back last.
    """
    left = 0 if payment is None else payment.captured_cents - payment.refunded_cents
    back = min(cents, left)
    return Split(back, cents - back)


def plan(payment: Payment, cents: int, *, request_key: str, reason: str, at: datetime) -> Refund:
    """Plan to send `cents` back, and the call that does; asked again, it is the same refund.

    What was taken at the desk goes back there: no call is planned, and the refund waits for its
    client until somebody pays it out of a drawer (`tills.paying_out`).

    The order is locked. What is planned and done never exceeds what was taken.
    Raises RefundTooLarge.
    """
    held = db.session.execute(
        locked(sa.select(Payment).where(Payment.id == payment.id))
    ).scalar_one()
    known = db.session.scalar(
        sa.select(Refund).where(Refund.payment_id == held.id, Refund.request_key == request_key)
    )
    if known is not None:
        return known
    left = held.captured_cents - held.refunded_cents
    if not 0 < cents <= left:
        raise RefundTooLarge("That is not what can go back.", wanted_cents=cents, left_cents=left)
    refund = Refund(
        id=uuid.uuid4(),
        payment_id=held.id,
        request_key=request_key,
        amount_cents=cents,
        reason=reason,
        status=RefundStatus.PLANNED,
    )
    db.session.add(refund)
    db.session.flush()  # a trigger adds it to the payment's sum
    db.session.refresh(held, ["refunded_cents"])
    events.record(Kind.REFUND_PLANNED, refund, cents=cents, payment=str(held.id))
    if held.tender is None:
        plan_call(
            Operation.REFUND,
            refund.id,
            order_id=held.order_id,
            intent_id=held.provider_intent_id,
            amount_cents=cents,
            order_ref=held.order.number,
            refund_ref=str(refund.id),
        )
    return refund


def paid_out(refund: Refund, *, at: datetime) -> None:
    """The client has the money of a (locked) refund of a tender in her hands. Raises WrongState."""
    refund.status = RefundStatus.DONE
    events.record(Kind.REFUND_DONE, refund, cents=refund.amount_cents)


def apply(
    told: gateway.Refund, *, at: datetime, refund_id: uuid.UUID | None = None
) -> Refund | None:
    """Apply what the provider says of a refund; None if the shop never asked for it.

    `refund_id` is known to whoever asked. Repeatable, in any order.
    """
    refund = _refund_of(told, refund_id)
    if refund is None:
        log.error("foreign_refund", refund=told.id, intent=told.intent_id, order=told.order_ref)
        return None
    order_id = refund.payment.order_id
    queries.locked_order(order_id)
    refund = db.session.execute(
        locked(sa.select(Refund).where(Refund.id == refund.id))
    ).scalar_one()
    refund.provider_refund_id = told.id
    if told.state is RefundState.SUCCEEDED and refund.status is RefundStatus.PLANNED:
        refund.status = RefundStatus.DONE
        events.record(Kind.REFUND_DONE, refund, cents=refund.amount_cents)
    elif told.state in OVER:
        fail(refund, why=told.failure_reason or str(told.state))
    return refund


def fail(refund: Refund, *, why: str) -> None:
    """The money did not go back: it counts as ours again, and a person must see to it."""
    if refund.status is RefundStatus.FAILED:
        return
    log.error("refund_failed", refund=str(refund.id), why=why)
    refund.status = RefundStatus.FAILED
    events.record(Kind.REFUND_FAILED, refund, cents=refund.amount_cents, why=why)


def _refund_of(told: gateway.Refund, refund_id: uuid.UUID | None) -> Refund | None:
    """Which refund it is: asked for, known by its id or by our name, or by intent and amount."""
    if refund_id is not None:
        return db.session.get(Refund, refund_id)
    known = db.session.scalar(sa.select(Refund).where(Refund.provider_refund_id == told.id))
    if known is not None or told.intent_id is None or told.order_ref is None:
        return known
    named = [
        one for one in queries.refunds_of_intent(told.intent_id) if str(one.id) == told.refund_ref
    ]
    if named or told.refund_ref is not None:
        return named[0] if named else None
    unnamed = [
        refund
        for refund in queries.refunds_of_intent(told.intent_id)
        if refund.provider_refund_id is None and refund.amount_cents == told.amount_cents
    ]
    return unnamed[0] if len(unnamed) == 1 else None
