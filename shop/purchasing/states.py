"""The life of a purchase order, as data; `legal_transitions` holds the same."""

from __future__ import annotations

from enum import StrEnum


class PurchaseStatus(StrEnum):
    DRAFT = "draft"
    SENT = "sent"
    PARTLY_RECEIVED = "partly_received"
    CLOSED = "closed"  # nothing more is waited for
    CANCELLED = "cancelled"


P = PurchaseStatus
PURCHASE_ARROWS: dict[PurchaseStatus | None, set[PurchaseStatus]] = {
    None: {P.DRAFT},
    P.DRAFT: {P.SENT, P.CANCELLED},
    P.SENT: {P.PARTLY_RECEIVED, P.CANCELLED},
    P.PARTLY_RECEIVED: {P.CLOSED},
    P.CLOSED: set(),
    P.CANCELLED: set(),
}
AWAITED = frozenset({P.SENT, P.PARTLY_RECEIVED})  # deliveries may arrive
