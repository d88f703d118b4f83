"""A person wants money sent back: units of lines, shipping, or an amount of no line.

What is small goes at once. What is large waits for another person (`signing`), and its cents and
units are kept for it meanwhile.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.orders.models import Order, OrderLine
from shop.orders.states import GONE, LineStatus
from shop.payments import queries, refunding
from shop.payments.errors import RefundedMeanwhile, RefundRefused
from shop.payments.models import Payment, Refund
from shop.payments.splitting import left_of, split
from shop.payments.states import FREED, PEOPLES_REASONS, RefundReason, RefundStatus


@dataclass(frozen=True)
class Wanted:
    """What should go back: units by SKU, and cents of shipping and of no line."""

    units: Mapping[str, int] = field(default_factory=dict)
    shipping_cents: int = 0
    other_cents: int = 0


PARTS = ("lines", "shipping_cents", "other_cents", "everything")


def wanted(
    order: Order,
    *,
    lines: Sequence[Mapping[str, Any]] = (),
    shipping_cents: int = 0,
    other_cents: int = 0,
    everything: bool = False,
) -> Wanted:
    """What was asked for on the wire; `everything` is all that is left, and nothing else."""
    units: dict[str, int] = {}
    for one in lines:
        units[one["sku"]] = units.get(one["sku"], 0) + one["units"]
    if everything and (units or shipping_cents or other_cents):
        raise _wrong("everything", "Name the parts, or ask for everything.")
    return everything_left(order) if everything else Wanted(units, shipping_cents, other_cents)


def propose(
    order: Order,
    wanted: Wanted,
    *,
    reason: RefundReason,
    request_key: str,
    expect_refunded_cents: int | None = None,
    by: Person,
    at: datetime,
) -> Refund:
    """Propose a refund of a (locked) order; planned at once where nobody else has to sign.

    Under the same key it is the same refund. `expect_refunded_cents` is what had gone back, or was
    about to, when the caller looked: two who look at the same page do not send the same twice.
    Raises RefundRefused, RefundedMeanwhile, UnitsRefunded, RefundTooLarge, PaymentDisputed.
    """
    held = _payment(order)
    known = refunding.known_request(held, request_key)
    if known is not None:
        return known
    if reason not in PEOPLES_REASONS:
        raise _wrong("reason", "Choose why.")
    if expect_refunded_cents not in (None, held.refunded_cents):
        raise RefundedMeanwhile(
            "Money went back since you looked. Look again.", refunded_cents=held.refunded_cents
        )
    units = refunding.share(_lines(order, wanted.units))
    _insist_shipping(order, held, wanted.shipping_cents)
    cents = sum(one.cents for one in units) + wanted.shipping_cents + wanted.other_cents
    refunding.insist_left(held, cents)
    back = split(held, cents)
    refund = Refund(
        id=uuid.uuid4(),
        payment_id=held.id,
        request_key=request_key,
        amount_cents=back.payment_cents,
        credit_cents=back.credit_cents,
        shipping_cents=wanted.shipping_cents,
        other_cents=wanted.other_cents,
        reason=reason,
        status=RefundStatus.PROPOSED,
        proposed_by_id=by.id,
    )
    refunding.add(refund, units)
    events.record(Kind.REFUND_PROPOSED, refund, order=order.number, cents=cents, large=refund.large)
    db.session.flush()  # proposed first, then planned: two states, two events
    if not refund.large:
        refund.status = RefundStatus.PLANNED
        refunding.go(refund, held, at=at)
    return refund


def everything_left(order: Order) -> Wanted:
    """All that can still go back of an order, by line where no amount of no line stands before it.

    Raises RefundRefused where nothing can.
    """
    held = _payment(order)
    lines = [line for line in order.lines if refundable(line)]
    taken = queries.units_refunded(line.id for line in lines)
    units = {
        line.sku: line.quantity - len(taken[line.id])
        for line in lines
        if line.quantity > len(taken[line.id])
    }
    shipping = 0 if _shipping_back(held) else order.shipping_cents
    by_line = Wanted(units=units, shipping_cents=shipping)
    shares = refunding.share(_lines(order, units))
    left = left_of(held)
    if sum(one.cents for one in shares) + shipping == left:
        return by_line
    return Wanted(other_cents=left)


def _payment(order: Order) -> Payment:
    found = queries.payment_to_refund(order)
    if found is None:
        raise RefundRefused("No money came for this order.", number=order.number)
    return refunding.locked_payment(found)


def _lines(order: Order, units: Mapping[str, int]) -> dict[OrderLine, int]:
    """The order's lines by what was typed; what is still here is cancelled, not refunded."""
    known = {line.sku: line for line in order.lines}
    found: dict[OrderLine, int] = {}
    for sku, count in units.items():
        line = known.get(sku)
        if line is None:
            raise _wrong(f"lines.{sku}", "This order has no such line.")
        if not refundable(line):
            raise _wrong(f"lines.{sku}", "It has not left. Cancel it, and its money goes back.")
        found[line] = count
    return found


def refundable(line: OrderLine) -> bool:
    """It left, or was cancelled: what is here is cancelled, and its money goes back with that."""
    return line.status in GONE or line.status is LineStatus.CANCELLED


def _insist_shipping(order: Order, payment: Payment, cents: int) -> None:
    if cents == 0:
        return
    if cents > order.shipping_cents:
        raise _wrong("shipping_cents", f"Shipping was {order.shipping_cents} cents.")
    if _shipping_back(payment):
        raise _wrong("shipping_cents", "Shipping went back before.")


def _shipping_back(payment: Payment) -> bool:
    query = sa.select(Refund.id).where(
        Refund.payment_id == payment.id,
        Refund.shipping_cents > 0,
        Refund.status.not_in(FREED),
    )
    return db.session.scalar(query.limit(1)) is not None


def _wrong(name: str, text: str) -> RefundRefused:
    return RefundRefused(text, fields={name: [text]})
