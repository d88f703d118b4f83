"""The life cycle of a lot, as data."""

from __future__ import annotations

from enum import StrEnum


class LotStatus(StrEnum):
    QUARANTINE = "quarantine"
    AVAILABLE = "available"
    ON_HOLD = "on_hold"
    RECALLED = "recalled"
    RETURNED = "returned"
    EXPIRED = "expired"
    DESTROYED = "destroyed"


L = LotStatus
LOT_ARROWS: dict[LotStatus | None, set[LotStatus]] = {
    None: {L.QUARANTINE, L.AVAILABLE},
    L.QUARANTINE: {L.AVAILABLE, L.RECALLED, L.DESTROYED, L.EXPIRED},
    L.AVAILABLE: {L.ON_HOLD, L.QUARANTINE, L.RECALLED, L.EXPIRED},
    L.ON_HOLD: {L.AVAILABLE, L.RECALLED, L.EXPIRED},
    L.RECALLED: {L.RETURNED, L.DESTROYED},
    L.EXPIRED: {L.DESTROYED, L.RECALLED},
    L.RETURNED: set(),
    L.DESTROYED: set(),
}


class CountStatus(StrEnum):
    PLANNED = "planned"
    COUNTING = "counting"  # blind: who counts is not told what is expected
    INVESTIGATING = "investigating"  # all is counted; what differs is explained, or counted again
    APPROVED = "approved"
    POSTED = "posted"  # the ledger says what was counted
    CANCELLED = "cancelled"


C = CountStatus
COUNT_ARROWS: dict[CountStatus | None, set[CountStatus]] = {
    None: {C.PLANNED},
    C.PLANNED: {C.COUNTING, C.CANCELLED},
    C.COUNTING: {C.INVESTIGATING, C.CANCELLED},
    C.INVESTIGATING: {C.COUNTING, C.APPROVED, C.CANCELLED},
    C.APPROVED: {C.POSTED, C.COUNTING, C.CANCELLED},
    C.POSTED: set(),
    C.CANCELLED: set(),
}


class AdjustmentStatus(StrEnum):
    PROPOSED = "proposed"  # above the limit it waits for a second person
    BOOKED = "booked"
    DECLINED = "declined"


A = AdjustmentStatus
ADJUSTMENT_ARROWS: dict[AdjustmentStatus | None, set[AdjustmentStatus]] = {
    None: {A.PROPOSED},
    A.PROPOSED: {A.BOOKED, A.DECLINED},
    A.BOOKED: set(),
    A.DECLINED: set(),
}
