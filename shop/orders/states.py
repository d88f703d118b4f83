"""The life cycles of an order and of its lines, as data."""

from __future__ import annotations

from enum import StrEnum


class OrderStatus(StrEnum):
    AWAITING_PAYMENT = "awaiting_payment"
    PAID = "paid"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


O = OrderStatus  # noqa: E741  (a table of arrows reads best with short names)
ORDER_ARROWS: dict[OrderStatus | None, set[OrderStatus]] = {
    None: {O.AWAITING_PAYMENT},
    O.AWAITING_PAYMENT: {O.PAID, O.CANCELLED, O.EXPIRED},
    O.PAID: {O.CLOSED, O.CANCELLED},
    O.CLOSED: set(),
    O.CANCELLED: set(),
    O.EXPIRED: set(),
}


class LineStatus(StrEnum):
    PLACED = "placed"
    READY = "ready"
    ON_HOLD = "on_hold"
    PACKED = "packed"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    CANCELLED = "cancelled"
    RETURNED = "returned"


N = LineStatus
LINE_ARROWS: dict[LineStatus | None, set[LineStatus]] = {
    None: {N.PLACED},
    N.PLACED: {N.READY, N.CANCELLED},
    N.READY: {N.ON_HOLD, N.PACKED, N.CANCELLED},
    N.ON_HOLD: {N.READY, N.CANCELLED},
    N.PACKED: {N.SHIPPED, N.ON_HOLD, N.CANCELLED},
    N.SHIPPED: {N.DELIVERED, N.RETURNED},
    N.DELIVERED: {N.RETURNED},
    N.CANCELLED: set(),
    N.RETURNED: set(),
}

# What a line is while its order still owes it to the client or has kept its promise.
LIVE = frozenset(LineStatus) - {N.CANCELLED}
GONE = frozenset({N.SHIPPED, N.DELIVERED, N.RETURNED})
