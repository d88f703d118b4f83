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
    PROPOSED = "proposed"  # by a person; a second one signs what is large
    PLANNED = "planned"
    DONE = "done"
    FAILED = "failed"
    DECLINED = "declined"  # by the second person


R = RefundStatus
REFUND_ARROWS: dict[RefundStatus | None, set[RefundStatus]] = {
    None: {R.PROPOSED, R.PLANNED},  # what the shop owes anyway nobody has to propose
    R.PROPOSED: {R.PLANNED, R.DECLINED},
    R.PLANNED: {R.DONE, R.FAILED},
    R.DONE: {R.FAILED},  # a bank may send it back days later
    R.FAILED: set(),
    R.DECLINED: set(),
}
# What gives its cents and its units free again.
FREED = frozenset({R.FAILED, R.DECLINED})


class RefundReason(StrEnum):
    """Why money goes back. Words of the shop's, never of a client's health."""

    CANCELLED = "cancelled"
    EXPIRED = "expired"
    TOO_LATE = "too_late"  # the money came when the order had ended
    NOT_DELIVERABLE = "not_deliverable"
    ALREADY_PAID = "already_paid"
    LINE_CANCELLED = "line_cancelled"
    RETURNED = "returned"
    DAMAGED = "damaged"
    WRONG_ITEM = "wrong_item"
    NOT_ARRIVED = "not_arrived"
    PRICE_MISTAKE = "price_mistake"
    GOODWILL = "goodwill"
    FRAUD = "fraud"
    OTHER = "other"


# What a person may give as the reason; the others follow from what became of an order.
PEOPLES_REASONS = (
    RefundReason.RETURNED,
    RefundReason.DAMAGED,
    RefundReason.WRONG_ITEM,
    RefundReason.NOT_ARRIVED,
    RefundReason.PRICE_MISTAKE,
    RefundReason.GOODWILL,
    RefundReason.FRAUD,
    RefundReason.OTHER,
)


class DisputeStatus(StrEnum):
    """How far the bank of a client is with her saying that she did not owe a payment."""

    INQUIRY = "inquiry"  # the bank asks; no money was taken
    OPEN = "open"  # money was taken, and evidence is waited for
    UNDER_REVIEW = "under_review"
    LOST = "lost"
    WON = "won"  # or taken back, or an inquiry that ended


D = DisputeStatus
DISPUTE_ORDER = (D.INQUIRY, D.OPEN, D.UNDER_REVIEW, D.LOST, D.WON)
# Forward only: what is read late and is old news changes nothing, in whatever order it comes.
DISPUTE_ARROWS: dict[DisputeStatus | None, set[DisputeStatus]] = {None: set(DISPUTE_ORDER)} | {
    state: set(DISPUTE_ORDER[place + 1 :]) for place, state in enumerate(DISPUTE_ORDER)
}
# No refund is sent meanwhile, and nothing that has not left leaves.
CONTESTED = frozenset({D.OPEN, D.UNDER_REVIEW})


class WarningOutcome(StrEnum):
    """What a manager found of an early fraud warning."""

    REFUNDED = "refunded"
    KEPT = "kept"  # it is the client's own


class CallStatus(StrEnum):
    """A call to the provider: recorded before it is sent, sent at most once in effect."""

    PLANNED = "planned"
    IN_FLIGHT = "in_flight"
    DONE = "done"
    REJECTED = "rejected"
    HUMAN = "human"
