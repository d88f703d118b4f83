"""A rule of screening declines what is just being handed in, where no physician could say yes.

Only a rule that says so of itself (`auto_decline`), fired by what the client said, never by what
nobody knows.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from datetime import datetime

from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.prescriptions import recording
from shop.prescriptions.models import ApprovalRequest, Refusal
from shop.prescriptions.reviewing import RefusalReason
from shop.prescriptions.screening import rules
from shop.prescriptions.screening.judging import Hit
from shop.prescriptions.states import RequestStatus

AND_NOW = (
    "A safety rule of the clinic decided this at once, on what you told us; no physician has read"
    " it. If it is not so, or you want to talk about it, write to us or make an appointment."
)


def decline(request: ApprovalRequest, hit: Hit, *, hits: Iterable[Hit], at: datetime) -> Refusal:
    """Refuse a draft whose answers were just frozen, in the name of the rule that fired.

    `hits` are all that screening found; they are kept with the decision. The event names no rule:
    it would tell of the client's health.
    """
    assert hit.declines
    recording.keep(request, hits, at=at)
    refusal = Refusal(
        id=uuid.uuid4(),
        request=request,
        request_id=request.id,
        client_id=request.client_id,
        reason=RefusalReason.CONTRAINDICATED.value,
        rules_version=rules.CURRENT,
    )
    refusal.message = f"{hit.client_text} {AND_NOW}"
    refusal.rule = {"number": hit.rule, "version": hit.version}
    db.session.add(refusal)
    db.session.flush()  # while it is a draft
    request.status = RequestStatus.DECLINED
    db.session.flush()  # the row goes before its event
    db.session.refresh(request, ["consented_at", "submitted_at"])
    events.record(Kind.REQUEST_DECLINED, request, reason=refusal.reason, by="rule")
    return refusal
