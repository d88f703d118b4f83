"""End an order that was not paid in time."""

from __future__ import annotations

from datetime import datetime

from shop.core.events import Kind
from shop.orders import ending, queries
from shop.orders.errors import NotDueYet
from shop.orders.models import Order
from shop.orders.states import OrderStatus


def expire(order: Order, *, at: datetime) -> None:
    """Give back stock and fills of an order past its `pay_by`. Raises NotDueYet, WrongState.

    The caller has closed the provider's page before, or closes it after: money that still comes is
    booked and sent back.
    """
    order = queries.locked_order(order.id)
    if order.status is OrderStatus.AWAITING_PAYMENT and at < order.pay_by:
        raise NotDueYet("There is still time to pay.", pay_by=order.pay_by)
    ending.end(order, OrderStatus.EXPIRED, Kind.ORDER_EXPIRED, at=at)
