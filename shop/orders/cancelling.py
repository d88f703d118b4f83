"""Take a promise back before anything has left."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person
from shop.core.events import Kind
from shop.orders import ending, queries
from shop.orders.errors import AlreadyShipped
from shop.orders.models import Order
from shop.orders.states import GONE, OrderStatus


def cancel(order: Order, *, reason: str, by: Person, at: datetime) -> None:
    """Cancel an order that waits for payment, or that is paid and whole still here.

    Fills and reserved units go back. Money that came is sent back by what follows the event; a
    payment that comes later is booked and sent back. `reason` is a short word, nothing medical.
    Raises AlreadyShipped, WrongState.
    """
    order = queries.locked_order(order.id)
    left = [line.sku for line in order.lines if line.status in GONE]
    if left:
        raise AlreadyShipped(
            "Part of this order has left. Send it back instead.", skus=left, status=order.status
        )
    ending.end(
        order,
        OrderStatus.CANCELLED,
        Kind.ORDER_CANCELLED,
        at=at,
        reason=reason,
        by=by.role.value,
    )
