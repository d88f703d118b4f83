"""Our states in the words of FHIR R4, and the words that R4 allows (required value sets).

A prescription's states are those of `standing.py`. What FHIR's word leaves open is said beside it
by our own (`statusReason`, `businessStatus`), so that nothing is lost.
"""

from __future__ import annotations

from collections.abc import Mapping

from shop.prescriptions.standing import Standing
from shop.prescriptions.states import FillStatus, RequestStatus
from shop.treatments.states import PlanStatus, SessionStatus

R = RequestStatus
F = FillStatus
P = PlanStatus
S = SessionStatus

# docs/domain.md: active, on-hold, completed (depleted), stopped (expired, revoked). It names no
# word for what a renewal superseded: it ended before all of it was used, so it was stopped.
PRESCRIPTION: Mapping[Standing, str] = {
    Standing.ACTIVE: "active",
    Standing.ON_HOLD: "on-hold",
    Standing.DEPLETED: "completed",
    Standing.EXPIRED: "stopped",
    Standing.REVOKED: "stopped",
    Standing.SUPERSEDED: "stopped",
    Standing.ENTERED_IN_ERROR: "entered-in-error",
    Standing.NOT_YET: "active",  # the validityPeriod says from when
    Standing.NOT_ACCEPTED: "draft",  # signed, and not to be acted on before the client takes it
}

# A request as a proposal (MedicationRequest, intent "proposal"): acted on until it is decided.
PROPOSAL: Mapping[RequestStatus, str] = {
    R.DRAFT: "draft",
    R.QUEUED: "active",
    R.IN_REVIEW: "active",
    R.INFO_REQUESTED: "on-hold",
    R.REFERRED: "on-hold",
    R.PENDING_CLIENT: "on-hold",
    R.APPROVED: "completed",
    R.DECLINED: "cancelled",
    R.WITHDRAWN: "cancelled",
    R.EXPIRED: "cancelled",
}

# The same request as what a physician is asked to do.
TASK: Mapping[RequestStatus, str] = {
    R.DRAFT: "draft",
    R.QUEUED: "requested",
    R.IN_REVIEW: "in-progress",
    R.INFO_REQUESTED: "on-hold",
    R.REFERRED: "on-hold",
    R.PENDING_CLIENT: "on-hold",
    R.APPROVED: "completed",
    R.DECLINED: "rejected",
    R.WITHDRAWN: "cancelled",
    R.EXPIRED: "cancelled",
}

DISPENSE: Mapping[FillStatus, str] = {
    F.RESERVED: "preparation",
    F.CONSUMED: "in-progress",
    F.DISPENSED: "completed",
    F.RELEASED: "cancelled",
}

# Before a physician has started it, a plan is nothing to act on.
CARE_PLAN: Mapping[PlanStatus, str] = {
    P.DRAFT: "draft",
    P.PROPOSED: "draft",
    P.AWAITING_PHYSICIAN: "draft",
    P.ACTIVE: "active",
    P.ON_HOLD: "on-hold",
    P.COMPLETED: "completed",
    P.REVOKED: "revoked",
}

# A session as what is to be done (ServiceRequest); who did not come may come another day.
SESSION: Mapping[SessionStatus, str] = {
    S.PROPOSED: "draft",
    S.BOOKED: "active",
    S.PERFORMED: "completed",
    S.CANCELLED: "revoked",
    S.NO_SHOW: "on-hold",
}

# http://hl7.org/fhir/R4/valueset-medicationrequest-status.html and so on.
ALLOWED: Mapping[str, frozenset[str]] = {
    "MedicationRequest": frozenset(
        {"active", "on-hold", "cancelled", "completed", "entered-in-error", "stopped", "draft"}
        | {"unknown"}
    ),
    "MedicationDispense": frozenset(
        {"preparation", "in-progress", "cancelled", "on-hold", "completed", "entered-in-error"}
        | {"stopped", "declined", "unknown"}
    ),
    "Task": frozenset(
        {"draft", "requested", "received", "accepted", "rejected", "ready", "cancelled"}
        | {"in-progress", "on-hold", "failed", "completed", "entered-in-error"}
    ),
    "CarePlan": frozenset(
        {"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"}
    ),
    "ServiceRequest": frozenset(
        {"draft", "active", "on-hold", "revoked", "completed", "entered-in-error", "unknown"}
    ),
    "Procedure": frozenset(
        {"preparation", "in-progress", "not-done", "on-hold", "stopped", "completed"}
        | {"entered-in-error", "unknown"}
    ),
}

INTENTS = frozenset(
    {"proposal", "plan", "order", "original-order", "reflex-order", "filler-order"}
    | {"instance-order", "option"}
)
