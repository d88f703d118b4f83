"""Money that goes back the way it came.

What the shop owes anyway is planned here; what a person wants to send back she proposes
(`proposing`), and another signs what is large (`signing`). All are planned by `go`, and the order
is locked.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa
import structlog

from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind
from shop.credit import returning
from shop.orders.models import OrderLine
from shop.payments import gateway, queries
from shop.payments.errors import PaymentDisputed, RefundTooLarge, UnitsRefunded
from shop.payments.gateway import RefundState
from shop.payments.models import Payment, Refund, RefundUnit
from shop.payments.planning import Operation
from shop.payments.planning import plan as plan_call
from shop.payments.sharing import free, unit_cents
from shop.payments.splitting import left_of, split
from shop.payments.states import CONTESTED, RefundReason, RefundStatus

# What asks for a refund by itself. One request is applied once.
ORDER_OVER = "order_over"
LINE = "line:"  # and the id of a line that was cancelled

OVER = {RefundState.FAILED, RefundState.CANCELED}

log = structlog.get_logger()


def of_line(line: OrderLine) -> str:
    """What asks for the money of a line that was cancelled: once for each line."""
    return f"{LINE}{line.id}"


def plan(payment: Payment, cents: int, *, request_key: str, reason: str, at: datetime) -> Refund:
    """Plan to send `cents` back, and the call that does; asked again, it is the same refund.

    For what nobody has to decide: the order is over, was paid twice, or one of its lines was
    cancelled (the key is `of_line`'s; its units then count as refunded). `reason` is one of
    `RefundReason`. The order is locked. What goes back never exceeds what was taken. Raises
    RefundTooLarge, PaymentDisputed.
    """
    held = locked_payment(payment)
    known = known_request(held, request_key)
    if known is not None:
        return known
    insist_left(held, cents)
    units = _units_of_request(request_key, cents)
    back = split(held, cents)
    refund = Refund(
        id=uuid.uuid4(),
        payment_id=held.id,
        request_key=request_key,
        amount_cents=back.payment_cents,
        credit_cents=back.credit_cents,
        other_cents=cents - sum(one.cents for one in units),
        reason=RefundReason(reason),
        status=RefundStatus.PLANNED,
    )
    add(refund, units)
    go(refund, held, at=at)
    return refund


def locked_payment(payment: Payment) -> Payment:
    return db.session.execute(
        locked(sa.select(Payment).where(Payment.id == payment.id))
    ).scalar_one()


def known_request(payment: Payment, request_key: str) -> Refund | None:
    return db.session.scalar(
        sa.select(Refund).where(Refund.payment_id == payment.id, Refund.request_key == request_key)
    )


def insist_left(payment: Payment, cents: int) -> None:
    """So much of a (locked) payment's order can go back. Raises RefundTooLarge, PaymentDisputed."""
    if queries.disputes_of(payment, CONTESTED):
        raise PaymentDisputed(
            "The client's bank is deciding about this payment: nothing is sent back meanwhile.",
            payment=str(payment.id),
        )
    left = left_of(payment)
    if not 0 < cents <= left:
        raise RefundTooLarge("That is not what can go back.", wanted_cents=cents, left_cents=left)


def share(wanted: Mapping[OrderLine, int]) -> list[RefundUnit]:
    """The next units of these lines that did not go back yet, at their exact shares, of no refund.

    The order is locked. Raises UnitsRefunded.
    """
    taken = queries.units_refunded(line.id for line in wanted)
    found = []
    for line, units in wanted.items():
        numbers = free(line.quantity, taken[line.id], units)
        if not 0 < units == len(numbers):
            left = line.quantity - len(taken[line.id])
            raise UnitsRefunded(
                f"Of {line.sku} {left} of {line.quantity} can still go back.",
                fields={f"lines.{line.sku}": [f"At most {left}."]},
                sku=line.sku,
                left=left,
            )
        found += [
            RefundUnit(
                order_line_id=line.id,
                unit=number,
                cents=unit_cents(line.paid_cents, line.quantity, number),
            )
            for number in numbers
        ]
    return found


def _units_of_request(request_key: str, cents: int) -> list[RefundUnit]:
    """All units of the line that a request names, where they are what goes back."""
    if not request_key.startswith(LINE):
        return []
    line = db.session.get_one(OrderLine, uuid.UUID(request_key.removeprefix(LINE)))
    taken = queries.units_refunded([line.id])[line.id]
    if len(taken) == line.quantity:
        return []
    units = share({line: line.quantity - len(taken)})
    return units if sum(one.cents for one in units) == cents else []


def add(refund: Refund, units: list[RefundUnit]) -> None:
    """Write it down with its units; triggers add it to its payment's sum and say what is large."""
    db.session.add(refund)
    db.session.flush()  # its units point at it
    for one in units:
        one.refund_id = refund.id
    db.session.add_all(units)
    db.session.flush()
    db.session.refresh(refund, ["large", "planned_at", "units"])


def go(refund: Refund, payment: Payment, *, at: datetime) -> None:
    """Plan a refund, and the call that sends it; the payment is locked.

    What was taken at the desk goes back there: no call is planned, and the refund waits for its
    client until somebody pays it out of a drawer (`tills.paying_out`). What goes back as credit is
    in its account at once, and a refund of nothing else is done. Raises CreditNotSpent.
    """
    db.session.flush()
    db.session.refresh(payment, ["refunded_cents"])
    events.record(Kind.REFUND_PLANNED, refund, cents=refund.total_cents, payment=str(payment.id))
    if refund.credit_cents:
        returning.give_back(
            payment.order,
            refund.credit_cents,
            reason="refund",
            by=None,
            at=at,
            request_key=f"refund:{refund.id}",
        )
    if not refund.amount_cents:
        db.session.flush()  # planned first, then done: two states, two events
        done(refund)
    elif payment.tender is None:
        plan_call(
            Operation.REFUND,
            refund.id,
            order_id=payment.order_id,
            intent_id=payment.provider_intent_id,
            amount_cents=refund.amount_cents,
            order_ref=payment.order.number,
            refund_ref=str(refund.id),
        )


def done(refund: Refund) -> None:
    """The money of a (locked) refund is with its client: the provider said so, or the desk paid it.

    Raises WrongState.
    """
    refund.status = RefundStatus.DONE
    events.record(Kind.REFUND_DONE, refund, cents=refund.total_cents)


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
        done(refund)
    elif told.state in OVER:
        fail(refund, why=told.failure_reason or str(told.state))
    return refund


def fail(refund: Refund, *, why: str) -> None:
    """The money did not go back: it counts as ours again, and a person must see to it."""
    if refund.status not in {RefundStatus.PLANNED, RefundStatus.DONE}:
        return
    log.error("refund_failed", refund=str(refund.id), why=why)
    refund.status = RefundStatus.FAILED
    events.record(Kind.REFUND_FAILED, refund, cents=refund.total_cents, why=why)


def _refund_of(told: gateway.Refund, refund_id: uuid.UUID | None) -> Refund | None:
    """Which refund it is: asked for, known by its id, named, or recognised by intent and amount."""
    if refund_id is not None:
        return db.session.get(Refund, refund_id)
    known = db.session.scalar(sa.select(Refund).where(Refund.provider_refund_id == told.id))
    if known is not None or told.intent_id is None or told.order_ref is None:
        return known
    if told.refund_ref is not None:
        return queries.refund_named(told.refund_ref, told.intent_id)
    unnamed = [
        refund
        for refund in queries.refunds_of_intent(told.intent_id)
        if refund.provider_refund_id is None and refund.amount_cents == told.amount_cents
    ]
    return unnamed[0] if len(unnamed) == 1 else None
