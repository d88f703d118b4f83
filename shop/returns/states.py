"""The lives of a return and of a wish to send back, as data; `legal_transitions` holds them."""

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


class RequestStatus(StrEnum):
    """How far a client's wish to send something back is."""

    REQUESTED = "requested"
    AUTHORISED = "authorised"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"  # nothing came by the last day
    RECEIVED = "received"
    INSPECTED = "inspected"  # all that came was looked at
    DISPOSED = "disposed"  # all that came went where was said


Q = RequestStatus
REQUEST_ARROWS: dict[RequestStatus | None, set[RequestStatus]] = {
    None: {Q.REQUESTED},
    Q.REQUESTED: {Q.AUTHORISED, Q.REFUSED, Q.WITHDRAWN},
    Q.AUTHORISED: {Q.RECEIVED, Q.EXPIRED, Q.WITHDRAWN},
    Q.RECEIVED: {Q.INSPECTED},
    Q.INSPECTED: {Q.RECEIVED, Q.DISPOSED},  # back where a witness wants it looked at again
    Q.REFUSED: set(),
    Q.WITHDRAWN: set(),
    Q.EXPIRED: set(),
    Q.DISPOSED: set(),
}
ENDED = frozenset({Q.REFUSED, Q.WITHDRAWN, Q.EXPIRED})
