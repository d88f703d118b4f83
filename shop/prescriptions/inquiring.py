"""A physician asks the client something before she decides, and the client answers.

While the client thinks, the physician's clock stands still: the request is due later by as long as
she took.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotAllowed, WrongState
from shop.core.events import Kind
from shop.prescriptions import queueing, reviewing
from shop.prescriptions.errors import AnswersRefused, QuestionChanged, TermsRefused
from shop.prescriptions.intake import carrying, noting, questioning, versions
from shop.prescriptions.intake.versions import Version
from shop.prescriptions.models import ApprovalRequest, Inquiry
from shop.prescriptions.states import RequestStatus


def inquire(
    request: ApprovalRequest, question: str, *, by: Person, at: datetime, fence: int | None = None
) -> Inquiry:
    """Ask the client something, in words for her; the request waits for her answer.

    Raises AlreadyDecided, ClaimLost, SelfPrescription, TermsRefused.
    """
    reviewing.refuse_self(request, by)
    reviewing.refuse_decided(request)
    reviewing.require_claim(request, by=by, at=at, fence=fence)
    if not question.strip():
        raise TermsRefused(
            "The client needs to know what you ask.", fields={"text": ["Write your question."]}
        )
    assert request.answers_hash is not None, "what is in review was handed in"
    inquiry = Inquiry(
        id=uuid.uuid4(),
        request=request,
        asked_by=by,
        answers_hash=request.answers_hash,
        due_at=request.due_at,
    )
    inquiry.question = question
    inquiry.said = {"answers": request.answers or {}, "answered_on": request.answered_on}
    db.session.add(inquiry)
    db.session.flush()  # while the claim stands
    request.due_at = None
    reviewing.end_claim(request, RequestStatus.INFO_REQUESTED)
    events.record(Kind.REQUEST_QUESTIONED, request)
    return inquiry


def reply(
    request: ApprovalRequest,
    words: str,
    *,
    answers: Mapping[str, Any],
    by: Person,
    at: datetime,
    inquiry_id: uuid.UUID | None = None,
) -> None:
    """The client answers the open question: in her words, with new answers of the questionnaire
    (the others stay, but for those that hang on them), or both.

    `inquiry_id` is the question she read. Raises AnswersRefused, NotAllowed, QuestionChanged,
    WrongState.
    """
    if by.id != request.client_id:
        raise NotAllowed("Only the client answers for herself.")
    inquiry = _open(request, inquiry_id)
    anew = questioning.given(answers)
    if not words.strip() and not anew:
        raise AnswersRefused("Nothing was answered.", fields={"text": ["Write your answer."]})
    said = _said(request, anew, at=at) if anew else None
    inquiry.reply = words
    db.session.flush()  # while the request waits; the database stamps when
    db.session.refresh(inquiry, ["answered_at"])
    with db.session.no_autoflush:  # new answers go together with the new status, or not at all
        if said is not None:
            request.answers, request.answered_on = said.answers, said.answered_on
        request.answers_hash = versions.hash_of(request, versions.current(request))
        request.due_at = at + _left(inquiry)
        queueing.lay(request, queueing.judge(request, at=at), at=at)
        request.status = RequestStatus.QUEUED
    db.session.flush()  # the row goes before its event
    events.record(Kind.REQUEST_REPLIED, request)
    if anew:
        noting.note(request, by=by, at=at)


def _open(request: ApprovalRequest, inquiry_id: uuid.UUID | None) -> Inquiry:
    """The question that waits. Raises QuestionChanged, WrongState."""
    inquiry = next((one for one in request.inquiries if one.open), None)
    if request.status is not RequestStatus.INFO_REQUESTED or inquiry is None:
        raise WrongState("There is no question to answer.", status=request.status.value)
    if inquiry_id not in (None, inquiry.id):
        raise QuestionChanged("The physician asks something else by now. Read it again.")
    return inquiry


def _said(request: ApprovalRequest, anew: dict[str, Any], *, at: datetime) -> Version:
    """The answers with new ones in the place of old ones, and their days. Raises AnswersRefused."""
    today = at.astimezone(UTC).date()
    sheet = carrying.sheet_anew(request, anew, today=today)
    questioning.check(sheet.form, sheet.answers, complete=True, today=today)
    kept = {name: said.on.isoformat() for name, said in sheet.carried.items()}
    days = {name: kept.get(name, today.isoformat()) for name in sheet.answers}
    return Version(sheet.answers, days)


def _left(inquiry: Inquiry) -> timedelta:
    """What was left of the physician's time when she asked; negative where she was late."""
    return inquiry.due_at - inquiry.asked_at if inquiry.due_at else timedelta()
