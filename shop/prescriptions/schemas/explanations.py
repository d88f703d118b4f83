"""Explanations on the wire, worded for their reader.

A client reads what was asked and how it came out, the number of each rule, and texts written for
her. Who decides (`inside`) also reads sources, grades, severities, and the reasons for overrides.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from marshmallow import fields

from shop.accounts.models import Person, Role
from shop.catalog.models import LegalClass, LegalClassRule
from shop.prescriptions.explaining import (
    MEANINGS,
    Finding,
    PrescriptionExplained,
    RequestExplained,
    Screened,
)
from shop.prescriptions.gate import EDITION, Answer, Authority, Explained, Step, Weighed
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.schemas.gate import ReasonOut
from shop.prescriptions.schemas.prescriptions import ExaminationOut
from shop.prescriptions.schemas.shared import RecordedOut, history
from shop.prescriptions.states import PrescriptionStatus, RequestStatus
from shop.web.api import Moment, Schema

INSIDE = (Role.PHYSICIAN, Role.MANAGER)

# How a request stands, in words for anybody who may see it.
STANDS: Mapping[RequestStatus, str] = {
    RequestStatus.DRAFT: "It has not been sent to the physicians yet.",
    RequestStatus.QUEUED: "It waits for a physician.",
    RequestStatus.IN_REVIEW: "A physician is looking at it.",
    RequestStatus.INFO_REQUESTED: "A physician has asked the client a question.",
    RequestStatus.REFERRED: "The client is to be seen first.",
    RequestStatus.PENDING_CLIENT: "The client is to accept what the physician changed.",
    RequestStatus.APPROVED: "A physician has approved it.",
    RequestStatus.DECLINED: "A physician has declined it.",
    RequestStatus.WITHDRAWN: "It was taken back.",
    RequestStatus.EXPIRED: "It was not decided in time.",
}


class AskedOut(Schema):
    """A question of the gate, or a test of a prescription, in its turn."""

    rule = fields.String()
    version = fields.String()  # the edition of the gate's questions
    asks = fields.String()
    outcome = fields.String(metadata={"description": "passed or objected"})
    code = fields.String(allow_none=True)
    text = fields.String(allow_none=True)
    source = fields.String(metadata={"description": "Not for clients."})


class LawOut(Schema):
    """A rule of law about an active of the product, in one jurisdiction between two days."""

    rule = fields.String()
    version = fields.Integer()
    jurisdiction = fields.String()
    legal_class = fields.Enum(LegalClass, by_value=True)
    valid_from = fields.Date()
    valid_until = fields.Date(allow_none=True)
    id = fields.UUID(metadata={"description": "Not for clients."})
    source = fields.String(metadata={"description": "Not for clients."})
    grade = fields.String(metadata={"description": "Not for clients."})


class TakenFillOut(Schema):
    status = fields.String()
    on = fields.Date()


class WeighedOut(Schema):
    """A prescription that was looked at, with the facts by which it stands or does not."""

    number = fields.String()
    covers = fields.Boolean()
    tests = fields.List(fields.Nested(AskedOut))
    status = fields.Enum(PrescriptionStatus, by_value=True)
    prescriber = fields.String()
    valid_from = Moment()
    valid_until = Moment()
    states = fields.List(fields.String())
    licensed_in = fields.List(fields.String())  # today
    quantity = fields.Integer()
    interval_days = fields.Integer(allow_none=True)
    fills = fields.Integer()
    fills_left = fields.Integer()
    fills_taken = fields.List(fields.Nested(TakenFillOut))


class ExplainedOut(Schema):
    """The gate's answer to a wish, with its own trace.

    `law` is the rule over the product where it goes, `decided_by` its number where it would be sold
    more freely without it. `prescriptions` is empty where none was looked at.
    """

    decision = fields.Enum(Answer, by_value=True)
    sentence = fields.String()
    until = fields.Date(allow_none=True)
    reasons = fields.List(fields.Nested(ReasonOut))
    questions = fields.List(fields.Nested(AskedOut))
    filed_class = fields.Enum(LegalClass, by_value=True, allow_none=True)
    doctor_only = fields.Boolean(allow_none=True)
    law = fields.Nested(LawOut, allow_none=True)
    decided_by = fields.String(allow_none=True)
    prescriptions = fields.List(fields.Nested(WeighedOut))


class FoundOut(Schema):
    """A rule of screening that fired; a client reads only its text."""

    text = fields.String()
    rule = fields.String()
    version = fields.Integer()
    severity = fields.String()
    source = fields.String()
    grade = fields.String()
    fired_by = fields.List(fields.String())
    reason = fields.String(allow_none=True)  # why it was signed all the same


class ScreenedOut(Schema):
    edition = fields.String()
    at = Moment()
    findings = fields.List(fields.Nested(FoundOut))


class StateLicenceOut(Schema):
    """The licence by which a state is covered. `in_force`: there is one today."""

    state = fields.String()
    number = fields.String()
    valid_from = fields.Date()
    valid_until = fields.Date()
    in_force = fields.Boolean()


class PrescriptionExplanationOut(Schema):
    """Why a prescription lets its client have a fill now, or why not."""

    number = fields.String()
    status = fields.Enum(PrescriptionStatus, by_value=True)
    sku = fields.String()
    ship_to_state = fields.String()
    gate = fields.Nested(ExplainedOut)
    signed_at = Moment()
    prescriber = fields.String()
    statement_hash = fields.String()
    licences = fields.List(fields.Nested(StateLicenceOut))
    examination = fields.Nested(ExaminationOut)
    reason = fields.String(allow_none=True)  # why it is held or was taken back
    screening = fields.Nested(ScreenedOut, allow_none=True)
    history = fields.List(fields.Nested(RecordedOut))


class RequestDecidedOut(Schema):
    by = fields.String()
    at = Moment()
    message = fields.String(allow_none=True)
    reason = fields.String(metadata={"description": "Not for clients."})
    note = fields.String(allow_none=True, metadata={"description": "Not for clients."})


class RequestExplanationOut(Schema):
    """How a request stands and why. An esthetician reads how it stands."""

    number = fields.String()
    status = fields.Enum(RequestStatus, by_value=True)
    sentence = fields.String()
    sku = fields.String()
    ship_to_state = fields.String()
    prescription = fields.String(allow_none=True)
    decided = fields.Nested(RequestDecidedOut, allow_none=True)
    gate = fields.Nested(ExplainedOut, allow_none=True)
    screening = fields.Nested(ScreenedOut, allow_none=True)
    history = fields.List(fields.Nested(RecordedOut))


def told_prescription(told: PrescriptionExplained, reader: Person) -> dict[str, Any]:
    """As PrescriptionExplanationOut shows it."""
    one, inside = told.prescription, reader.role in INSIDE
    weighed = _at_hand(told.gate, one, inside=inside)
    return {
        "number": one.number,
        "status": one.status,
        "sku": one.variant.sku,
        "ship_to_state": one.request.ship_to_state,
        "gate": told_gate(told.gate, told.laws, inside=inside, weighed=weighed),
        "signed_at": one.signed_at,
        "prescriber": one.prescriber_name,
        "statement_hash": bytes(one.statement_hash).hex(),
        "licences": _licences(told),
        "examination": {"mode": one.examination_mode, "date": one.examined_on},
        "reason": one.reason,
        "screening": _screened(told.screened, inside=inside),
        "history": history(one),
    }


def told_request(told: RequestExplained, reader: Person) -> dict[str, Any]:
    """As RequestExplanationOut shows it: what was said is between client and physician."""
    request, inside = told.request, reader.role in INSIDE
    theirs = reader.role in (Role.CLIENT, Role.PHYSICIAN)
    weighed = _at_hand(told.gate, request.prescription, inside=inside)
    return {
        "number": request.number,
        "status": request.status,
        "sentence": STANDS[request.status],
        "sku": request.variant.sku,
        "ship_to_state": request.ship_to_state,
        "prescription": request.prescription.number if request.prescription else None,
        "decided": _decided(request, inside=inside) if theirs else None,
        "gate": told_gate(told.gate, told.laws, inside=inside, weighed=weighed) if theirs else None,
        "screening": _screened(told.screened, inside=inside) if theirs else None,
        "history": history(request),
    }


def _at_hand(told: Explained, one: Prescription | None, *, inside: bool) -> list[Weighed]:
    """What was weighed: only the client reads of her other prescriptions, too."""
    return [
        each
        for each in told.weighed
        if not inside or (one is not None and each.authority.number == one.number)
    ]


def told_gate(
    told: Explained,
    laws: Mapping[UUID, LegalClassRule],
    *,
    inside: bool,
    weighed: Iterable[Weighed] | None = None,
) -> dict[str, Any]:
    """As ExplainedOut shows it."""
    decision, pack = told.decision, told.pack
    law = laws.get(decision.rule_id) if decision.rule_id else None
    decided_by = pack.decided_by if pack else None
    return {
        "decision": decision.answer,
        "sentence": decision.sentence,
        "until": decision.until,
        "reasons": decision.reasons,
        "questions": [_asked(step, inside=inside) for step in decision.trace],
        "filed_class": pack.legal_class if pack else None,
        "doctor_only": pack.doctor_only if pack else None,
        "law": told_law(law, inside=inside),
        "decided_by": decided_by.number if decided_by else None,
        "prescriptions": [
            _weighed(one, inside=inside) for one in (told.weighed if weighed is None else weighed)
        ],
    }


def told_law(law: LegalClassRule | None, *, inside: bool) -> dict[str, Any] | None:
    """As LawOut shows it."""
    if law is None:
        return None
    said = {
        "rule": law.number,
        "version": law.version,
        "jurisdiction": law.jurisdiction,
        "legal_class": law.legal_class,
        "valid_from": law.valid_from,
        "valid_until": law.valid_until,
    }
    return said | ({"id": law.id, "source": law.source, "grade": law.grade} if inside else {})


def _asked(step: Step, *, inside: bool) -> dict[str, Any]:
    meaning, objection = MEANINGS[step.question], step.objection
    said = {
        "rule": step.question,
        "version": EDITION,
        "asks": meaning.asks,
        "outcome": "passed" if objection is None else "objected",
        "code": objection.code if objection else None,
        "text": objection.text if objection else None,
    }
    return said | ({"source": meaning.source} if inside else {})


def _weighed(one: Weighed, *, inside: bool) -> dict[str, Any]:
    authority: Authority = one.authority
    return {
        "number": authority.number,
        "covers": one.covers,
        "tests": [_asked(step, inside=inside) for step in one.tests],
        "status": authority.status,
        "prescriber": authority.prescriber_name,
        "valid_from": authority.valid_from,
        "valid_until": authority.valid_until,
        "states": sorted(authority.states),
        "licensed_in": sorted(authority.licensed_in & authority.states),
        "quantity": authority.quantity,
        "interval_days": authority.interval_days,
        "fills": authority.fills_allowed,
        "fills_left": authority.fills_left,
        "fills_taken": authority.fills,
    }


def _licences(told: PrescriptionExplained) -> list[dict[str, Any]]:
    return [
        {
            "state": covered.state,
            "number": covered.licence_number,
            "valid_from": covered.licence_from,
            "valid_until": covered.licence_until,
            "in_force": covered.state in told.licences,
        }
        for covered in told.prescription.states
    ]


def _screened(told: Screened | None, *, inside: bool) -> dict[str, Any] | None:
    if told is None:
        return None
    findings = [_found(one) for one in told.findings] if inside else _for_client(told)
    return {"edition": told.edition, "at": told.at, "findings": findings}


def _found(one: Finding) -> dict[str, Any]:
    return {
        "text": one.text,
        "rule": one.rule,
        "version": one.version,
        "severity": one.severity,
        "source": one.source,
        "grade": one.grade,
        "fired_by": one.fired_by,
        "reason": one.reason,
    }


def _for_client(told: Screened) -> list[dict[str, Any]]:
    """Each text once: several rules ask for the same missing fact."""
    return [{"text": text} for text in dict.fromkeys(one.client_text for one in told.findings)]


def _decided(request: ApprovalRequest, *, inside: bool) -> dict[str, Any] | None:
    if request.refusal is not None:
        refusal = request.refusal
        said = {
            "by": refusal.by,
            "at": refusal.refused_at,
            "message": refusal.message,
        }
        return said | ({"reason": refusal.reason, "note": refusal.note} if inside else {})
    signed: Prescription | None = request.prescription
    if signed is None:
        return None
    return {"by": signed.prescriber_name, "at": signed.signed_at, "message": None}
