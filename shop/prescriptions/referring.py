"""A physician sends a client to a visit before she decides (in review → referred)."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.prescriptions.errors import TermsRefused
from shop.prescriptions.models import ApprovalRequest, Referral
from shop.prescriptions.reviewing import end_claim, refuse_decided, refuse_self, require_claim
from shop.prescriptions.states import RequestStatus


class ReferralReason(StrEnum):
    EXAM_REQUIRED = "exam_required"
    INSUFFICIENT_INFORMATION = "insufficient_information"
    IDENTITY_UNVERIFIED = "identity_unverified"


def refer(
    request: ApprovalRequest,
    *,
    reason: ReferralReason,
    message: str,
    by: Person,
    at: datetime,
    note: str | None = None,
    fence: int | None = None,
) -> Referral:
    """The client must be seen first: `message` is for her, `note` stays inside.

    The clinical clock stops. It goes on once an examination that suffices is recorded. Raises
    AlreadyDecided, ClaimLost, SelfPrescription, TermsRefused.
    """
    refuse_self(request, by)
    refuse_decided(request)
    require_claim(request, by=by, at=at, fence=fence)
    if not message.strip():
        raise TermsRefused(
            "The client needs to know why.", fields={"message": ["Write some words for her."]}
        )
    referral = Referral(
        id=uuid.uuid4(),
        request_id=request.id,
        client_id=request.client_id,
        referred_by_id=by.id,
        reason=reason.value,
    )
    referral.message, referral.note = message, note
    db.session.add(referral)
    db.session.flush()  # while the claim stands
    request.due_at = None
    end_claim(request, RequestStatus.REFERRED)
    db.session.refresh(request, ["referrals"])
    events.record(Kind.REQUEST_REFERRED, request, reason=reason.value)
    return referral
