"""The life cycles of a payment and of a refund, as data."""

from __future__ import annotations

from enum import StrEnum


class PaymentStatus(StrEnum):
    CREATED = "created"  # decided here, the provider may not know yet
    OPEN = "open"  # the provider's page can be paid on
    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"  # expired or given up; money can no longer come
    QUESTIONED = "questioned"  # amounts, currency or mode do not fit: a person decides


P = PaymentStatus
PAYMENT_ARROWS: dict[PaymentStatus | None, set[PaymentStatus]] = {
    None: {P.CREATED},
    P.CREATED: {P.OPEN, P.SUCCEEDED, P.CANCELLED, P.QUESTIONED},
    P.OPEN: {P.SUCCEEDED, P.CANCELLED, P.QUESTIONED},
    P.QUESTIONED: {P.SUCCEEDED, P.CANCELLED},
    P.CANCELLED: {P.SUCCEEDED},  # facts from outside are recorded, never refused
    P.SUCCEEDED: set(),
}
# At most one of an order's payments is in one of these.
LIVE = frozenset({P.CREATED, P.OPEN, P.QUESTIONED})


# What asks for the money of a payment back whose order another had paid.
PAID_TWICE = "paid_twice"


class Tender(StrEnum):
    """What a client hands over at the desk."""

    CASH = "cash"
    TERMINAL = "terminal"  # her card, on the clinic's own terminal
    CHEQUE = "cheque"


class RefundStatus(StrEnum):
    PLANNED = "planned"
    DONE = "done"
    FAILED = "failed"


R = RefundStatus
REFUND_ARROWS: dict[RefundStatus | None, set[RefundStatus]] = {
    None: {R.PLANNED},
    R.PLANNED: {R.DONE, R.FAILED},
    R.DONE: {R.FAILED},  # a bank may send it back days later
    R.FAILED: set(),
}


class CallStatus(StrEnum):
    """A call to the provider: recorded before it is sent, sent at most once in effect."""

    PLANNED = "planned"
    IN_FLIGHT = "in_flight"
    DONE = "done"
    REJECTED = "rejected"
    HUMAN = "human"
