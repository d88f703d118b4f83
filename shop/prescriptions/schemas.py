"""Requests and prescriptions on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from marshmallow import ValidationError, fields, validate

from shop.accounts.models import Person, Role
from shop.core import events
from shop.prescriptions import carrying, questioning
from shop.prescriptions.gate import Answer
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.reviewing import RefusalReason
from shop.prescriptions.screening import Hit
from shop.prescriptions.statements import EXAMINED, Terms
from shop.prescriptions.states import PrescriptionStatus, RequestStatus
from shop.web.api import Moment, PageQuery, Schema, State, StrictBoolean, Text, Whole


class ReasonOut(Schema):
    """Why the gate is closed, and what opens it."""

    code = fields.String()
    rule = fields.String()
    text = fields.String()
    remedy = fields.String(allow_none=True)
    facts = fields.Dict()


class GateOut(Schema):
    """The gate's answer to one line."""

    decision = fields.Enum(Answer, by_value=True, attribute="answer")
    sentence = fields.String()
    until = fields.Date(allow_none=True)
    reasons = fields.List(fields.Nested(ReasonOut))
    prescription = fields.String(attribute="prescription_number", allow_none=True)
    valid_until = Moment(allow_none=True)
    fills_left = fields.Integer(allow_none=True)


class RequestIn(Schema):
    """`client` is for an esthetician, who asks for somebody."""

    sku = Text(required=True, longest=100)
    quantity = Whole(least=1, most=20, load_default=1)
    ship_to_state = State(load_default=None)  # the client's own
    client = fields.UUID(load_default=None)


class AnswersIn(Schema):
    answers = fields.Dict(keys=Text(longest=80), required=True, validate=validate.Length(max=100))


class SubmissionIn(Schema):
    consent = StrictBoolean(required=True)


class QueueQuery(PageQuery):
    status = fields.Enum(RequestStatus, by_value=True, load_default=None)
    sort = fields.String(
        validate=validate.OneOf(["due", "oldest", "newest"]), load_default="oldest"
    )


class ExaminationIn(Schema):
    mode = fields.String(required=True, validate=validate.OneOf(sorted(EXAMINED)))
    date = fields.Date(required=True)


class OverrideIn(Schema):
    rule = Text(required=True, longest=100)
    reason = Text(required=True, longest=500)


def _once(overrides: list[dict[str, str]]) -> None:
    """One reason for a rule."""
    rules = [override["rule"] for override in overrides]
    if len(set(rules)) < len(rules):
        raise ValidationError("Name each rule only once.")


class SignatureIn(Schema):
    """`valid_until` is the last day; `claim` and `statement_hash` are of the page that was read."""

    quantity_per_fill = Whole(least=1, most=20, required=True)
    fills = Whole(least=1, most=12, required=True)
    days_supply = Whole(least=1, most=366, required=True)
    interval_days = Whole(least=1, most=366, load_default=None, allow_none=True)
    directions = Text(required=True, shortest=1)
    indication = Text(required=True, shortest=1, longest=500)
    valid_until = fields.Date(load_default=None)
    sku = Text(longest=100, load_default=None)
    examination = fields.Nested(ExaminationIn, required=True)
    overrides = fields.List(
        fields.Nested(OverrideIn), load_default=list, validate=[validate.Length(max=50), _once]
    )
    claim = Whole(least=1, most=1_000_000, load_default=None)
    statement_hash = fields.String(
        load_default=None,
        validate=validate.Regexp("^[0-9a-f]{64}$", error="Must be 64 hexadecimal digits."),
    )


class RefusalIn(Schema):
    """`message` is for the client, `note` stays inside."""

    reason = fields.Enum(RefusalReason, by_value=True, required=True)
    message = Text(required=True, shortest=1)
    note = Text(load_default=None)
    claim = Whole(least=1, most=1_000_000, load_default=None)


class WhyIn(Schema):
    reason = Text(required=True, shortest=1)


class ClientOut(Schema):
    id = fields.UUID()
    name = fields.String()
    birth_date = fields.Date(allow_none=True)
    state = fields.String(allow_none=True)


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


class RecordedOut(Schema):
    at = Moment()
    kind = fields.String()
    status = fields.String()


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
    questionnaire = fields.Dict()


class CarriedOut(Schema):
    """An answer of an earlier request that still holds: handing the draft in confirms it."""

    question = fields.String()
    answer = fields.Raw()
    said_on = fields.Date()


class FindingOut(Schema):
    """A rule of screening that fired, as the physician reads it."""

    rule = fields.String()
    version = fields.Integer()
    severity = fields.String(attribute="severity.word")
    text = fields.String(attribute="physician_text")
    client_text = fields.String()
    source = fields.String()
    grade = fields.String()
    fired_by = fields.List(fields.String())
    until = fields.Date(allow_none=True)
    missing = fields.String(attribute="unknown")  # the fact that nobody knows


class WholeRequestOut(RequestOut):
    """A request with what the client said; `screening` is for who decides, while she may.

    For the client's own draft: `asked` are the questions to answer now (those with `show_if` where
    it holds), `carried` what need not be said again, also where it hangs on a question that is
    asked. An answer to a carried question replaces it.
    """

    screening = fields.List(fields.Nested(FindingOut))
    answers = fields.Dict()
    answered_on = fields.Dict()  # question id → the day when it was first said
    asked = fields.List(fields.String())
    carried = fields.List(fields.Nested(CarriedOut))
    answers_hash = fields.String(allow_none=True)
    refusal = fields.Nested(RefusalOut, allow_none=True)
    history = fields.List(fields.Nested(RecordedOut))


class RequestsOut(Schema):
    items = fields.List(fields.Nested(RequestOut))
    next = fields.String(allow_none=True)


class FillOut(Schema):
    number = fields.Integer()
    status = fields.String()
    reserved_at = Moment()
    dispensed_at = Moment(allow_none=True)


class ExaminationOut(Schema):
    mode = fields.String()
    date = fields.Date()


class PrescriptionOut(Schema):
    """A prescription in a list: nothing medical but the product."""

    number = fields.String()
    status = fields.Enum(PrescriptionStatus, by_value=True)
    request = fields.String()
    sku = fields.String()
    product = fields.String()
    pack = fields.String()
    client = fields.Nested(ClientOut)
    quantity_per_fill = fields.Integer()
    fills = fields.Integer()
    fills_left = fields.Integer()
    days_supply = fields.Integer()
    interval_days = fields.Integer(allow_none=True)
    states = fields.List(fields.String())
    valid_from = Moment()
    valid_until = Moment()
    prescriber = fields.String()
    signed_at = Moment()


class WholePrescriptionOut(PrescriptionOut):
    directions = fields.String()
    indication = fields.String()
    examination = fields.Nested(ExaminationOut)
    statement = fields.String()
    statement_hash = fields.String()
    reason = fields.String(allow_none=True)  # why it is held or revoked
    held_at = Moment(allow_none=True)
    revoked_at = Moment(allow_none=True)
    fills_taken = fields.List(fields.Nested(FillOut))
    history = fields.List(fields.Nested(RecordedOut))


class PrescriptionsOut(Schema):
    items = fields.List(fields.Nested(PrescriptionOut))
    next = fields.String(allow_none=True)


def terms(given: dict[str, Any]) -> Terms:
    """What the physician prescribes, from a loaded SignatureIn."""
    return Terms(
        quantity_per_fill=given["quantity_per_fill"],
        fills=given["fills"],
        days_supply=given["days_supply"],
        interval_days=given["interval_days"],
        directions=given["directions"],
        indication=given["indication"],
        examination_mode=given["examination"]["mode"],
        examined_on=given["examination"]["date"],
        valid_until=given["valid_until"],
        sku=given["sku"],
        overrides={one["rule"]: one["reason"] for one in given["overrides"]},
    )


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
        "questionnaire": questioning.questionnaire(request.questionnaire_version).raw,
    }


def whole(
    request: ApprovalRequest, reader: Person, *, hits: Sequence[Hit], at: datetime
) -> dict[str, Any]:
    """A request as WholeRequestOut shows it to `reader`: what was said is between two people."""
    theirs = reader.role in (Role.CLIENT, Role.PHYSICIAN)
    return listed(request) | {
        "screening": hits,
        "answers": (request.answers or {}) if theirs else {},
        "answered_on": (request.answered_on or {}) if theirs else {},
        **_to_answer(request, reader, at),
        "answers_hash": request.answers_hash.hex() if request.answers_hash else None,
        "refusal": _refusal(request, inside=reader.role is Role.PHYSICIAN) if theirs else None,
        "history": _history(request),
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


def _refusal(request: ApprovalRequest, *, inside: bool) -> dict[str, Any] | None:
    refusal = request.refusal
    if refusal is None:
        return None
    return {
        "reason": refusal.reason,
        "message": refusal.message,
        "note": refusal.note if inside else None,
        "by": refusal.refused_by.name,
        "at": refusal.refused_at,
    }


def listed_prescription(one: Prescription) -> dict[str, Any]:
    """A prescription as PrescriptionOut shows it."""
    return {
        "number": one.number,
        "status": one.status,
        "request": one.request.number,
        "sku": one.variant.sku,
        "product": one.variant.product.name,
        "pack": one.variant.name,
        "client": one.client,
        "quantity_per_fill": one.quantity_per_fill,
        "fills": one.fills_allowed,
        "fills_left": one.fills_left,
        "days_supply": one.days_supply,
        "interval_days": one.interval_days,
        "states": [covered.state for covered in one.states],
        "valid_from": one.valid_from,
        "valid_until": one.valid_until,
        "prescriber": one.prescriber_name,
        "signed_at": one.signed_at,
    }


def whole_prescription(one: Prescription) -> dict[str, Any]:
    """A prescription as WholePrescriptionOut shows it."""
    return listed_prescription(one) | {
        "directions": one.directions,
        "indication": one.indication,
        "examination": {"mode": one.examination_mode, "date": one.examined_on},
        "statement": one.statement,
        "statement_hash": bytes(one.statement_hash).hex(),
        "reason": one.reason,
        "held_at": one.held_at,
        "revoked_at": one.revoked_at,
        "fills_taken": one.fills,
        "history": _history(one),
    }


def _history(subject: ApprovalRequest | Prescription) -> list[dict[str, Any]]:
    return [
        {"at": event.at, "kind": event.kind, "status": event.to_state}
        for event in events.of(subject.id)
    ]
