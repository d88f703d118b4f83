"""How an order stands, in one word that people see: derived from its lines, kept nowhere. Pure."""

from __future__ import annotations

from enum import StrEnum

from shop.orders.models import Order
from shop.orders.states import GONE, LIVE, LineStatus, OrderStatus


class Standing(StrEnum):
    AWAITING_PAYMENT = "awaiting_payment"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    TO_PACK = "to_pack"  # paid; all of it can go
    PARTLY_ON_HOLD = "partly_on_hold"  # some of what is here must wait; nothing has left
    ON_HOLD = "on_hold"  # all of what is here must wait; nothing has left
    PARTLY_SHIPPED = "partly_shipped"  # some left, the rest can go
    REST_ON_HOLD = "rest_on_hold"  # some left, of the rest some must wait
    SHIPPED = "shipped"  # all that was not cancelled has left
    DELIVERED = "delivered"
    PARTLY_RETURNED = "partly_returned"
    RETURNED = "returned"


WORDS = {
    Standing.AWAITING_PAYMENT: "Waiting for payment",
    Standing.EXPIRED: "Not paid in time",
    Standing.CANCELLED: "Cancelled",
    Standing.TO_PACK: "To be packed",
    Standing.PARTLY_ON_HOLD: "Partly on hold",
    Standing.ON_HOLD: "On hold",
    Standing.PARTLY_SHIPPED: "Partly shipped",
    Standing.REST_ON_HOLD: "Partly shipped, the rest on hold",
    Standing.SHIPPED: "Shipped",
    Standing.DELIVERED: "Delivered",
    Standing.PARTLY_RETURNED: "Partly returned",
    Standing.RETURNED: "Returned",
}
OVER = {
    OrderStatus.AWAITING_PAYMENT: Standing.AWAITING_PAYMENT,
    OrderStatus.EXPIRED: Standing.EXPIRED,
    OrderStatus.CANCELLED: Standing.CANCELLED,
}


def standing(order: Order) -> Standing:
    """Of an order as a whole. Lines that were cancelled one by one do not count."""
    if order.status in OVER:
        return OVER[order.status]
    live = [line.status for line in order.lines if line.status in LIVE]
    here = [status for status in live if status not in GONE]
    return _while_here(here, left=len(here) < len(live)) if here else _gone(live)


def _while_here(here: list[LineStatus], *, left: bool) -> Standing:
    held = here.count(LineStatus.ON_HOLD)
    if left:
        return Standing.REST_ON_HOLD if held else Standing.PARTLY_SHIPPED
    if not held:
        return Standing.TO_PACK
    return Standing.ON_HOLD if held == len(here) else Standing.PARTLY_ON_HOLD


def _gone(live: list[LineStatus]) -> Standing:
    back = live.count(LineStatus.RETURNED)
    if back:
        return Standing.RETURNED if back == len(live) else Standing.PARTLY_RETURNED
    arrived = all(status is LineStatus.DELIVERED for status in live)
    return Standing.DELIVERED if arrived else Standing.SHIPPED
