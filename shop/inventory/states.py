"""The life cycles of a lot and of a transfer between clinics, as data."""

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


class TransferStatus(StrEnum):
    SENT = "sent"
    SHORT = "short"  # something arrived, something is missing
    RECEIVED = "received"  # every unit has arrived or was given up


T = TransferStatus
TRANSFER_ARROWS: dict[TransferStatus | None, set[TransferStatus]] = {
    None: {T.SENT},
    T.SENT: {T.SHORT, T.RECEIVED},
    T.SHORT: {T.RECEIVED},
    T.RECEIVED: set(),
}
