"""The prescriptions of a plan on the wire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from marshmallow import ValidationError, fields, validate

from shop.core.clock import now
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.plan_starting import MOST, Ticked, Worded
from shop.prescriptions.schemas.prescriptions import SignatureIn, terms
from shop.prescriptions.standing import Standing
from shop.prescriptions.states import RequestStatus
from shop.web.api import Schema, Text, Whole


def _once(items: list[Any]) -> None:
    names = [one["number"] if isinstance(one, dict) else one for one in items]
    if len(set(names)) != len(names):
        raise ValidationError("Name each once.")


class PlanTermsIn(SignatureIn):
    """A request of the plan, and the terms it would be signed on."""

    class Meta:
        exclude = ("claim", "statement_hash")

    number = Text(required=True, shortest=1, longest=40)


class PlanSignatureIn(SignatureIn):
    """The same, with the hash of the statement that was read."""

    class Meta:
        exclude = ("claim",)

    number = Text(required=True, shortest=1, longest=40)
    statement_hash = fields.String(
        required=True,
        validate=validate.Regexp("^[0-9a-f]{64}$", error="Must be 64 hexadecimal digits."),
    )


class PlanStatementsIn(Schema):
    """`sign`: in the order of signing; each is screened beside those before."""

    sign = fields.List(
        fields.Nested(PlanTermsIn),
        required=True,
        validate=[validate.Length(min=1, max=MOST, error=f"1 to {MOST}."), _once],
    )


class PlanStatementOut(Schema):
    """What would be signed, word for word; or why it would not be, and `fields` at fault."""

    request = fields.String()
    statement = fields.String(allow_none=True)
    statement_hash = fields.String(allow_none=True)
    code = fields.String(allow_none=True)
    detail = fields.String(allow_none=True)
    fields_at_fault = fields.Dict()


class PlanStatementsOut(Schema):
    items = fields.List(fields.Nested(PlanStatementOut))


class PlanStartIn(Schema):
    """`version` is the one that was read; `sign` what is signed with the start, all or nothing."""

    version = Whole(required=True, least=1, most=1_000_000)
    sign = fields.List(
        fields.Nested(PlanSignatureIn),
        load_default=list,
        validate=[validate.Length(max=MOST, error=f"Sign {MOST} at most."), _once],
    )


class PlanCompletionIn(Schema):
    """`prescriptions` are taken back with it, for `reason`; the others stand."""

    reason = Text(shortest=1, load_default="The plan has ended.")
    prescriptions = fields.List(
        Text(shortest=1, longest=40),
        load_default=list,
        validate=[validate.Length(max=100), _once],
    )


class PlanRevocationIn(PlanCompletionIn):
    reason = Text(required=True, shortest=1)


class PlanRequestOut(Schema):
    """A request of a plan and what was signed for it; nothing medical but the product."""

    request = fields.String()
    status = fields.Enum(RequestStatus, by_value=True)
    asked_by = fields.String()
    sku = fields.String()
    product = fields.String()
    pack = fields.String()
    quantity = fields.Integer()
    prescription = fields.String(allow_none=True)
    standing = fields.Enum(Standing, by_value=True, allow_none=True)
    fills_left = fields.Integer(allow_none=True)


class PlanRequestsOut(Schema):
    items = fields.List(fields.Nested(PlanRequestOut))


def worded(found: Iterable[Worded]) -> dict[str, Any]:
    """As PlanStatementsOut shows them."""
    return {"items": [_worded(one) for one in found]}


def _worded(one: Worded) -> dict[str, Any]:
    text, refusal = one.draft and one.draft.statement, one.refusal
    return {
        "request": one.request.number,
        "statement": text.text if text else None,
        "statement_hash": text.hash.hex() if text else None,
        "code": refusal.code if refusal else None,
        "detail": refusal.text if refusal else None,
        "fields_at_fault": refusal.fields if refusal else {},
    }


def ticked(given: list[dict[str, Any]]) -> list[Ticked]:
    """What PlanStartIn names to be signed."""
    return [
        Ticked(
            one["number"],
            terms(one),
            bytes.fromhex(one["statement_hash"]),
        )
        for one in given
    ]


def of_plan(request: ApprovalRequest) -> dict[str, Any]:
    """A request as PlanRequestOut shows it."""
    signed = request.prescription
    mine = signed if signed is not None and signed.plan_id == request.plan_id else None
    pack = request.variant if mine is None else mine.variant
    return {
        "request": request.number,
        "status": request.status,
        "asked_by": request.requested_by.name,
        "sku": pack.sku,
        "product": pack.product.name,
        "pack": pack.name,
        "quantity": request.quantity if mine is None else mine.quantity_per_fill,
        "prescription": None if mine is None else mine.number,
        "standing": None if mine is None else mine.standing(now()),
        "fills_left": None if mine is None else mine.fills_left,
    }
