"""A physician takes a request from the queue, gives it back, or refuses it.

A claim is a lease of fifteen minutes. `claim_count` is its fence: the page a physician decides on
carries the count it was opened with, so that a page left open cannot decide after its claim ended.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from enum import StrEnum

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.prescriptions import licensing
from shop.prescriptions.errors import (
    AlreadyClaimed,
    AlreadyDecided,
    ClaimLost,
    SelfPrescription,
    TermsRefused,
)
from shop.prescriptions.models import ApprovalRequest, Refusal
from shop.prescriptions.states import RequestStatus

LEASE = timedelta(minutes=15)
ANSWERED_WITHIN = timedelta(hours=24)  # what the client is told


class RefusalReason(StrEnum):
    CONTRAINDICATED = "contraindicated"
    INSUFFICIENT_INFORMATION = "insufficient_information"
    EXAM_REQUIRED = "exam_required"
    OUTSIDE_SCOPE = "outside_scope"
    OUT_OF_STATE = "out_of_state"
    DUPLICATE_THERAPY = "duplicate_therapy"
    MISUSE_SUSPECTED = "misuse_suspected"
    BETTER_ALTERNATIVE = "better_alternative"
    PRODUCT_UNAVAILABLE = "product_unavailable"
    IDENTITY_UNVERIFIED = "identity_unverified"
    MINOR = "minor"


def claim(request: ApprovalRequest, *, by: Person, at: datetime) -> None:
    """Take a request for fifteen minutes; who holds it already gets fifteen more.

    Raises AlreadyClaimed, AlreadyDecided, NotLicensed, SelfPrescription.
    """
    refuse_self(request, by)
    release_if_run_out(request, at=at)
    refuse_decided(request)
    licensing.require(by, states_of(request), at=at)
    if request.status is RequestStatus.IN_REVIEW:
        if request.claimed_by_id != by.id:
            raise AlreadyClaimed(
                "Another physician is looking at it.", until=_iso(request.claimed_until)
            )
        request.claimed_until = at + LEASE
    else:
        request.status, request.claimed_by = RequestStatus.IN_REVIEW, by
    db.session.flush()  # the database stamps the lease and counts the claim
    db.session.refresh(request, ["claimed_until", "claim_count"])
    events.record(Kind.REQUEST_CLAIMED, request, claim=request.claim_count)


def release(request: ApprovalRequest, *, by: Person, at: datetime) -> None:
    """Give a request back to the queue. Raises ClaimLost."""
    require_claim(request, by=by, at=at)
    _to_the_queue(request, why="released")


def release_if_run_out(request: ApprovalRequest, *, at: datetime) -> None:
    """Give back what a physician left lying: whoever touches the request next does it."""
    if request.status is not RequestStatus.IN_REVIEW or request.claimed_until is None:
        return
    if request.claimed_until <= at:
        _to_the_queue(request, why="run_out")


def refuse(
    request: ApprovalRequest,
    *,
    reason: RefusalReason,
    message: str,
    by: Person,
    at: datetime,
    note: str | None = None,
    fence: int | None = None,
) -> Refusal:
    """Say no: `message` is for the client, `note` stays inside.

    Raises AlreadyDecided, ClaimLost, SelfPrescription, TermsRefused.
    """
    refuse_self(request, by)
    refuse_decided(request)
    require_claim(request, by=by, at=at, fence=fence)
    if not message.strip():
        raise TermsRefused(
            "The client needs to know why.", fields={"message": ["Write some words for her."]}
        )
    refusal = Refusal(
        id=uuid.uuid4(),
        request=request,
        request_id=request.id,
        client_id=request.client_id,
        refused_by=by,
        reason=reason.value,
    )
    refusal.message, refusal.note = message, note
    db.session.add(refusal)
    db.session.flush()  # while the claim stands
    end_claim(request, RequestStatus.DECLINED)
    events.record(Kind.REQUEST_DECLINED, request, reason=reason.value)
    return refusal


def require_claim(
    request: ApprovalRequest, *, by: Person, at: datetime, fence: int | None = None
) -> None:
    """Refuse to go on unless `by` holds the request now, under the claim that `fence` counts."""
    held = (
        request.status is RequestStatus.IN_REVIEW
        and request.claimed_by_id == by.id
        and request.claimed_until is not None
        and at < request.claimed_until
    )
    if not held or fence not in (None, request.claim_count):
        raise ClaimLost("You no longer hold this request: take it again.", claim=fence)


def refuse_decided(request: ApprovalRequest) -> None:
    """One decision per request; the second physician reads who took it, and when."""
    if request.status in (RequestStatus.QUEUED, RequestStatus.IN_REVIEW):
        return
    if request.prescription is not None:
        signed = request.prescription
        raise _decided("approved", signed.prescriber_name, signed.signed_at)
    if request.refusal is not None:
        refused = request.refusal
        raise _decided("declined", refused.refused_by.name, refused.refused_at)
    raise WrongState(
        f"This request is not waiting for a physician: it is {request.status.value}.",
        status=request.status.value,
    )


def refuse_self(request: ApprovalRequest, by: Person) -> None:
    """Nobody decides for themselves, nor on what they asked for."""
    if by.id in (request.client_id, request.requested_by_id):
        raise SelfPrescription("Another physician has to decide this one.")


def states_of(request: ApprovalRequest) -> set[str]:
    """Where a prescriber must be licensed: where the client lives and where it would be sent."""
    return {request.ship_to_state} | ({request.client.state} if request.client.state else set())


def end_claim(request: ApprovalRequest, status: RequestStatus) -> None:
    """Leave the review for a decision."""
    request.status, request.claimed_by, request.claimed_until = status, None, None
    db.session.flush()  # the row goes before its event


def _to_the_queue(request: ApprovalRequest, *, why: str) -> None:
    end_claim(request, RequestStatus.QUEUED)
    events.record(Kind.REQUEST_RELEASED, request, why=why)


def _decided(how: str, who: str, when: datetime) -> AlreadyDecided:
    return AlreadyDecided(
        f"{who} has decided this already: {how}.", decision=how, by=who, at=_iso(when)
    )


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
