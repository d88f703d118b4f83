"""The life of a return, as data; `legal_transitions` holds the same."""

from __future__ import annotations

from enum import StrEnum


class ReturnStatus(StrEnum):
    RECEIVED = "received"
    INSPECTED = "inspected"  # one has looked, and said what should become of it
    DISPOSED = "disposed"  # it went there, before a witness


R = ReturnStatus
RETURN_ARROWS: dict[ReturnStatus | None, set[ReturnStatus]] = {
    None: {R.RECEIVED},
    R.RECEIVED: {R.INSPECTED},
    R.INSPECTED: {R.RECEIVED, R.DISPOSED},  # back where the witness wants it looked at again
    R.DISPOSED: set(),
}
