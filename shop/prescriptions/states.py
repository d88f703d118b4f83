"""The life cycles of an approval request, a prescription and a fill, as data.

The database knows the same arrows (`legal_transitions`); a test compares the two.
"""

from __future__ import annotations

from enum import StrEnum


class RequestStatus(StrEnum):
    DRAFT = "draft"
    QUEUED = "queued"
    IN_REVIEW = "in_review"
    INFO_REQUESTED = "info_requested"
    REFERRED = "referred"
    PENDING_CLIENT = "pending_client"
    APPROVED = "approved"
    DECLINED = "declined"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


R = RequestStatus
REQUEST_ARROWS: dict[RequestStatus | None, set[RequestStatus]] = {
    None: {R.DRAFT},
    R.DRAFT: {R.QUEUED, R.REFERRED, R.DECLINED, R.WITHDRAWN, R.EXPIRED},
    R.QUEUED: {R.IN_REVIEW, R.WITHDRAWN},
    R.IN_REVIEW: {
        R.QUEUED,
        R.INFO_REQUESTED,
        R.APPROVED,
        R.PENDING_CLIENT,
        R.DECLINED,
        R.REFERRED,
    },
    R.INFO_REQUESTED: {R.QUEUED, R.WITHDRAWN, R.EXPIRED},
    R.REFERRED: {R.QUEUED, R.WITHDRAWN, R.EXPIRED},
    R.PENDING_CLIENT: {R.APPROVED, R.WITHDRAWN, R.EXPIRED},
    R.APPROVED: set(),
    R.DECLINED: set(),
    R.WITHDRAWN: set(),
    R.EXPIRED: set(),
}


class PrescriptionStatus(StrEnum):
    """What somebody did with it. Depleted and expired are read off the fills and the clock."""

    ACTIVE = "active"
    ON_HOLD = "on_hold"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"
    ENTERED_IN_ERROR = "entered_in_error"


P = PrescriptionStatus
PRESCRIPTION_ARROWS: dict[PrescriptionStatus | None, set[PrescriptionStatus]] = {
    None: {P.ACTIVE},
    P.ACTIVE: {P.ON_HOLD, P.REVOKED, P.SUPERSEDED, P.ENTERED_IN_ERROR},
    P.ON_HOLD: {P.ACTIVE, P.REVOKED, P.ENTERED_IN_ERROR},
    P.REVOKED: {P.ENTERED_IN_ERROR},
    P.SUPERSEDED: {P.ENTERED_IN_ERROR},
    P.ENTERED_IN_ERROR: set(),
}


class FillStatus(StrEnum):
    RESERVED = "reserved"
    CONSUMED = "consumed"
    DISPENSED = "dispensed"
    RELEASED = "released"


F = FillStatus
FILL_ARROWS: dict[FillStatus | None, set[FillStatus]] = {
    None: {F.RESERVED},
    F.RESERVED: {F.CONSUMED, F.RELEASED},
    F.CONSUMED: {F.DISPENSED, F.RELEASED},
    F.DISPENSED: set(),
    F.RELEASED: set(),
}


class HeldFor(StrEnum):
    """Why a prescription is on hold that nobody put there."""

    LICENCE_LAPSED = "licence_lapsed"
    HEALTH_NEWS = "health_news"  # something new is known of the client: a physician has to look
