"""Take a promise back before it has left: an order as a whole, or some of its lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from shop.accounts.models import Person, Role
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.orders import ending, queries
from shop.orders.errors import AlreadyShipped, BadReason, LineNotReady, NotInOrder, NotPaid
from shop.orders.models import Order, OrderLine
from shop.orders.states import GONE, LineStatus, OrderStatus


class ClientReason(StrEnum):
    """Why a client cancels. Closed: what is typed freely could say something of her health."""

    ASKED_FOR = "asked_for"
    CHANGED_MIND = "changed_mind"
    MISTAKE = "mistake"
    TAKES_TOO_LONG = "takes_too_long"


class StaffReason(StrEnum):
    """Why who works here cancels."""

    ASKED_FOR = "asked_for"  # the client asked, by telephone or at the desk
    CANNOT_BE_DELIVERED = "cannot_be_delivered"
    DAMAGED = "damaged"
    ORDERED_TWICE = "ordered_twice"
    WRONG_PRICE = "wrong_price"
    NOT_PAID_FOR = "not_paid_for"
    SUSPECTED_FRAUD = "suspected_fraud"


def reasons(by: Person) -> list[str]:
    """The reasons that this person may give."""
    words = ClientReason if by.role is Role.CLIENT else StaffReason
    return [word.value for word in words]


def cancel(order: Order, *, reason: str, by: Person, at: datetime) -> None:
    """Cancel an order that waits for payment, or that is paid and whole still here.

    Fills and reserved units go back. Money that came is sent back by what follows the event; a
    payment that comes later is booked and sent back. Raises BadReason, AlreadyShipped, WrongState.
    """
    _insist(reason, by)
    order = queries.locked_order(order.id)
    _end(order, reason, by, at)


def cancel_lines(
    order: Order, skus: Sequence[str], *, reason: str, by: Person, at: datetime
) -> None:
    """Cancel some lines of a paid order that have not left; the rest goes on.

    Their fills and units go back, and what was paid for them (tax with it) by what follows the
    event. Shipping stays paid while anything of the order leaves: where nothing else is left of it,
    it is cancelled as a whole, and where all else has left, it is closed.
    Raises BadReason, NotPaid, NotInOrder, AlreadyShipped, LineNotReady.
    """
    _insist(reason, by)
    order = queries.locked_order(order.id)
    if order.status is not OrderStatus.PAID:
        raise NotPaid(
            f"Lines are cancelled one by one once they are paid; this order is {order.status}.",
            status=order.status,
        )
    lines = _named(order, skus)
    if all(line in lines for line in order.lines if line.status is not LineStatus.CANCELLED):
        _end(order, reason, by, at)
        return
    said = {"reason": reason, "by": by.role.value}
    ending.end_lines(order, lines, at=at, **said)
    events.record(Kind.ORDER_REDUCED, order, lines=len(lines), **said)
    ending.close_if_all_left(order)
    db.session.flush()  # what the database refuses is refused here


def _end(order: Order, reason: str, by: Person, at: datetime) -> None:
    left = [line.sku for line in order.lines if line.status in GONE]
    if left:
        raise AlreadyShipped(
            "Part of this order has left. Send it back instead, or cancel what is still here.",
            skus=left,
            status=order.status,
        )
    ending.end(
        order,
        OrderStatus.CANCELLED,
        Kind.ORDER_CANCELLED,
        at=at,
        reason=reason,
        by=by.role.value,
    )


def _insist(reason: str, by: Person) -> None:
    known = reasons(by)
    if reason not in known:
        text = f"Choose one of: {', '.join(known)}."
        raise BadReason(text, fields={"reason": [text]}, reason=reason, reasons=known)


def _named(order: Order, skus: Sequence[str]) -> list[OrderLine]:
    missing = sorted(set(skus) - {line.sku for line in order.lines})
    if missing or not skus:
        text = f"Not in this order: {', '.join(missing) or 'nothing is named'}."
        raise NotInOrder(text, skus=missing, fields={"lines": ["Name lines of this order."]})
    lines = [line for line in order.lines if line.sku in skus]
    left = [line.sku for line in lines if line.status in GONE]
    if left:
        raise AlreadyShipped(
            f"This has left: {', '.join(left)}. Send it back instead.",
            skus=left,
            status=order.status,
        )
    for line in lines:
        if line.status is LineStatus.CANCELLED:
            raise LineNotReady(
                f"{line.sku} is cancelled already.", sku=line.sku, status=line.status
            )
    return lines
