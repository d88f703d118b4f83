"""The lives of an auto-refill and of its cycles, as data; `legal_transitions` holds the same."""

from __future__ import annotations

from enum import StrEnum


class RefillStatus(StrEnum):
    ACTIVE = "active"
    PAUSED = "paused"  # by the client, or because an order was not paid
    CANCELLED = "cancelled"


class CycleStatus(StrEnum):
    NOTICED = "noticed"  # the client was told when it will be charged, and how much
    BLOCKED = "blocked"  # something is against it; nothing was charged
    CHARGING = "charging"  # its order is placed, its card is asked
    FAILED = "failed"  # the card said no; the order waits for the client to pay it
    CHARGED = "charged"
    LAPSED = "lapsed"  # over, and nothing was charged, or it went back


class Obstacle(StrEnum):
    """What is against a cycle, in words that say nothing of anybody's health."""

    TOO_SOON = "too_soon"
    NEEDS_REQUEST = "needs_request"
    NEEDS_CLIENT = "needs_client"
    NOT_ALLOWED = "not_allowed"
    REPORT = "report"  # the clinic looks at something first
    ON_ITS_WAY = "on_its_way"  # an order of hers holds the same already
    OUT_OF_STOCK = "out_of_stock"
    NOT_FOR_SALE = "not_for_sale"
    CARD = "card"
    OTHER = "other"


R = RefillStatus
REFILL_ARROWS: dict[RefillStatus | None, set[RefillStatus]] = {
    None: {R.ACTIVE},
    R.ACTIVE: {R.PAUSED, R.CANCELLED},
    R.PAUSED: {R.ACTIVE, R.CANCELLED},
    R.CANCELLED: set(),
}

C = CycleStatus
CYCLE_ARROWS: dict[CycleStatus | None, set[CycleStatus]] = {
    None: {C.NOTICED, C.BLOCKED},
    C.NOTICED: {C.BLOCKED, C.CHARGING, C.LAPSED},
    C.BLOCKED: {C.NOTICED, C.CHARGING, C.LAPSED},
    C.CHARGING: {C.CHARGED, C.FAILED, C.LAPSED},
    C.FAILED: {C.CHARGED, C.LAPSED},
    C.CHARGED: {C.LAPSED},  # its order was cancelled, and the money goes back
    C.LAPSED: set(),
}
AHEAD = frozenset({C.NOTICED, C.BLOCKED})  # nothing was charged, and it is still to be
ASKED = frozenset({C.CHARGING, C.FAILED})  # its order waits for money
