"""Approval requests on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from marshmallow import fields, validate

from shop.accounts.models import Person, Role
from shop.prescriptions import changing
from shop.prescriptions.intake import carrying, questioning
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.reviewing import RefusalReason
from shop.prescriptions.schemas import life
from shop.prescriptions.schemas.desk import DeskOut, on_the_desk
from shop.prescriptions.schemas.inquiries import InquiryOut, exchanged
from shop.prescriptions.schemas.practice import ExaminationReadOut, ReferralOut, read, referral
from shop.prescriptions.schemas.shared import ClientOut, FindingOut, RecordedOut, history
from shop.prescriptions.screening.judging import Hit
from shop.prescriptions.states import RequestStatus
from shop.web.api import Moment, PageQuery, Schema, State, StrictBoolean, Text, Whole


class RequestIn(Schema):
    """`client` is for an esthetician, who asks for somebody; `plan` is what it is part of."""

    sku = Text(required=True, longest=100)
    quantity = Whole(least=1, most=20, load_default=1)
    ship_to_state = State(load_default=None)  # the client's own
    client = fields.UUID(load_default=None)
    plan = Text(longest=40, load_default=None)


class AnswersIn(Schema):
    answers = fields.Dict(keys=Text(longest=80), required=True, validate=validate.Length(max=100))


class SubmissionIn(Schema):
    consent = StrictBoolean(required=True)


class AcceptanceIn(Schema):
    """`expect_unit_cents`: what one pack cost when the client saw the offer."""

    expect_unit_cents = Whole(required=True, least=0, most=10_000_000)


class QueueQuery(PageQuery):
    status = fields.Enum(RequestStatus, by_value=True, load_default=None)
    sort = fields.String(
        validate=validate.OneOf(["risk", "due", "oldest", "newest"]),
        load_default=None,
        metadata={"description": "For a physician by risk, then deadline; else the oldest first."},
    )


class RefusalIn(Schema):
    """`message` is for the client, `note` stays inside."""

    reason = fields.Enum(RefusalReason, by_value=True, required=True)
    message = Text(required=True, shortest=1)
    note = Text(load_default=None)
    claim = Whole(least=1, most=1_000_000, load_default=None)


class ClaimOut(Schema):
    by = fields.String()
    until = Moment()
    claim = fields.Integer()


class RefusalOut(Schema):
    reason = fields.String()
    message = fields.String(allow_none=True)
    note = fields.String(allow_none=True)  # for the physician only
    by = fields.String()
    at = Moment()


class RequestOut(Schema):
    """A request, without what the client said."""

    number = fields.String()
    status = fields.Enum(RequestStatus, by_value=True)
    sku = fields.String()
    product = fields.String()
    pack = fields.String()
    quantity = fields.Integer()
    ship_to_state = fields.String()
    client = fields.Nested(ClientOut)
    created_at = Moment()
    submitted_at = Moment(allow_none=True)
    due_at = Moment(allow_none=True)
    claim = fields.Nested(ClaimOut, allow_none=True)
    prescription = fields.String(allow_none=True)
    renews = fields.String(allow_none=True)  # the prescription it asks to go on with
    plan = fields.String(allow_none=True)
    questionnaire = fields.Dict()
    desk = fields.Nested(DeskOut, metadata={"description": "For physicians only."})


class CarriedOut(Schema):
    """An answer of an earlier request that still holds: handing the draft in confirms it."""

    question = fields.String()
    answer = fields.Raw()
    said_on = fields.Date()


class OfferOut(Schema):
    """What was prescribed instead; it is in force once the client accepts it. Cents of one pack."""

    prescription = fields.String()
    sku = fields.String()
    product = fields.String()
    pack = fields.String()
    quantity_per_fill = fields.Integer()
    fills = fields.Integer()
    unit_price_cents = fields.Integer(allow_none=True)
    fill_price_cents = fields.Integer(allow_none=True)
    asked_unit_price_cents = fields.Integer(allow_none=True)


class WholeRequestOut(RequestOut):
    """A request with what the client said; `screening` is for who decides, while she may.

    For the client's own draft: `asked` are the questions to answer now (those with `show_if` where
    it holds), `carried` what need not be said again, also where it hangs on a question that is
    asked. An answer to a carried question replaces it.
    """

    screening = fields.List(fields.Nested(FindingOut))
    offer = fields.Nested(OfferOut, allow_none=True)
    renewed = fields.Nested(life.RenewedOut, allow_none=True)
    answers = fields.Dict()
    answered_on = fields.Dict()  # question id → the day when it was first said
    asked = fields.List(fields.String())
    carried = fields.List(fields.Nested(CarriedOut))
    answers_hash = fields.String(allow_none=True)
    questions = fields.List(fields.Nested(InquiryOut))  # asked of the client, and her replies
    refusal = fields.Nested(RefusalOut, allow_none=True)
    referral = fields.Nested(ReferralOut, allow_none=True)  # while she is to be seen first
    examinations = fields.List(fields.Nested(ExaminationReadOut))  # for the physician
    history = fields.List(fields.Nested(RecordedOut))


class RequestsOut(Schema):
    items = fields.List(fields.Nested(RequestOut))
    next = fields.String(allow_none=True)


def listed(request: ApprovalRequest) -> dict[str, Any]:
    """A request as RequestOut shows it."""
    claim = None
    if request.claimed_by is not None:
        claim = {
            "by": request.claimed_by.name,
            "until": request.claimed_until,
            "claim": request.claim_count,
        }
    return {
        "number": request.number,
        "status": request.status,
        "sku": request.variant.sku,
        "product": request.variant.product.name,
        "pack": request.variant.name,
        "quantity": request.quantity,
        "ship_to_state": request.ship_to_state,
        "client": request.client,
        "created_at": request.created_at,
        "submitted_at": request.submitted_at,
        "due_at": request.due_at,
        "claim": claim,
        "prescription": request.prescription.number if request.prescription else None,
        "renews": request.renews.number if request.renews else None,
        "plan": request.plan.number if request.plan else None,
        "questionnaire": questioning.questionnaire(request.questionnaire_version).raw,
    }


def whole(
    request: ApprovalRequest, reader: Person, *, hits: Sequence[Hit], at: datetime
) -> dict[str, Any]:
    """A request as WholeRequestOut shows it to `reader`: what was said is between two people."""
    theirs = reader.role in (Role.CLIENT, Role.PHYSICIAN)
    return listed(request) | {
        **on_the_desk(request, reader),
        "screening": hits,
        "offer": _offer(request, at) if theirs else None,
        "renewed": life.renewed(request, at) if theirs else None,
        "answers": (request.answers or {}) if theirs else {},
        "answered_on": (request.answered_on or {}) if theirs else {},
        **_to_answer(request, reader, at),
        "answers_hash": request.answers_hash.hex() if request.answers_hash else None,
        "questions": exchanged(request) if theirs else [],
        "refusal": _refusal(request, inside=reader.role is Role.PHYSICIAN) if theirs else None,
        "referral": _referral(request, inside=reader.role is Role.PHYSICIAN) if theirs else None,
        "examinations": read(request.examinations) if reader.role is Role.PHYSICIAN else [],
        "history": history(request),
    }


def _offer(request: ApprovalRequest, at: datetime) -> dict[str, Any] | None:
    offer = changing.offered(request, at=at)
    if offer is None:
        return None
    prescribed = offer.prescription
    return {
        "prescription": prescribed.number,
        "sku": prescribed.variant.sku,
        "product": prescribed.variant.product.name,
        "pack": prescribed.variant.name,
        "quantity_per_fill": prescribed.quantity_per_fill,
        "fills": prescribed.fills_allowed,
        "unit_price_cents": offer.price.cents if offer.price else None,
        "fill_price_cents": offer.fill_cents,
        "asked_unit_price_cents": offer.asked_cents,
    }


def _to_answer(request: ApprovalRequest, reader: Person, at: datetime) -> dict[str, Any]:
    """What a draft still asks its client, and what it does not."""
    if request.status is not RequestStatus.DRAFT or reader.id != request.client_id:
        return {"asked": [], "carried": []}
    today = at.astimezone(UTC).date()
    sheet = carrying.sheet(request, request.answers or {}, today=today)
    carried = [
        {"question": name, "answer": said.answer, "said_on": said.on}
        for name, said in sheet.carried.items()
    ]
    return {"asked": list(sheet.asked), "carried": carried}


def _referral(request: ApprovalRequest, *, inside: bool) -> dict[str, Any] | None:
    if request.status is not RequestStatus.REFERRED or not request.referrals:
        return None
    return referral(request.referrals[-1], inside=inside)


def _refusal(request: ApprovalRequest, *, inside: bool) -> dict[str, Any] | None:
    refusal = request.refusal
    if refusal is None:
        return None
    return {
        "reason": refusal.reason,
        "message": refusal.message,
        "note": refusal.note if inside else None,
        "by": refusal.by,
        "at": refusal.refused_at,
    }
