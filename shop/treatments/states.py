"""The life cycles of a plan and of a session, as data.

Only what somebody did is a state. Whether a client is ready, in downtime or recovered follows from
dates and reports (`standing.py`, docs/decisions/0023). The database knows the same arrows
(`legal_transitions`); a test compares the two.
"""

from __future__ import annotations

from enum import StrEnum


class PlanStatus(StrEnum):
    DRAFT = "draft"
    PROPOSED = "proposed"
    AWAITING_PHYSICIAN = "awaiting_physician"
    ACTIVE = "active"
    ON_HOLD = "on_hold"
    COMPLETED = "completed"
    REVOKED = "revoked"


P = PlanStatus
PLAN_ARROWS: dict[PlanStatus | None, set[PlanStatus]] = {
    None: {P.DRAFT},
    P.DRAFT: {P.PROPOSED, P.REVOKED},
    P.PROPOSED: {P.AWAITING_PHYSICIAN, P.ACTIVE, P.REVOKED},
    P.AWAITING_PHYSICIAN: {P.ACTIVE, P.REVOKED},
    P.ACTIVE: {P.ON_HOLD, P.COMPLETED, P.REVOKED},
    P.ON_HOLD: {P.ACTIVE, P.REVOKED},
    P.COMPLETED: set(),
    P.REVOKED: set(),
}

ENDED = frozenset({P.COMPLETED, P.REVOKED})
OPEN = frozenset(P) - ENDED  # of one template a client has one such plan
READABLE = frozenset(P) - {P.DRAFT}  # what the client and the physicians see
BOOKABLE = frozenset({P.PROPOSED, P.AWAITING_PHYSICIAN, P.ACTIVE})


class SessionStatus(StrEnum):
    PROPOSED = "proposed"
    BOOKED = "booked"
    PERFORMED = "performed"
    CANCELLED = "cancelled"
    NO_SHOW = "no_show"


S = SessionStatus
SESSION_ARROWS: dict[SessionStatus | None, set[SessionStatus]] = {
    None: {S.PROPOSED},
    S.PROPOSED: {S.BOOKED, S.CANCELLED},
    S.BOOKED: {S.PERFORMED, S.CANCELLED, S.NO_SHOW},
    S.NO_SHOW: {S.BOOKED, S.CANCELLED},  # she comes another day: it is moved
    S.PERFORMED: set(),
    S.CANCELLED: set(),
}

AHEAD = frozenset({S.PROPOSED, S.BOOKED})  # an ended plan has none
MOVABLE = AHEAD | {S.NO_SHOW}
