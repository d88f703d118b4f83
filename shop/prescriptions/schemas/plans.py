"""The prescriptions of a plan on the wire."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError, fields, validate

from shop.core.clock import now
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.plan_starting import MOST, Ticked
from shop.prescriptions.schemas.prescriptions import SignatureIn, terms
from shop.prescriptions.standing import Standing
from shop.prescriptions.states import RequestStatus
from shop.web.api import Schema, Text, Whole


def _once(items: list[Any]) -> None:
    names = [one["number"] if isinstance(one, dict) else one for one in items]
    if len(set(names)) != len(names):
        raise ValidationError("Name each once.")


class PlanSignatureIn(SignatureIn):
    """A request of the plan, and the terms it is signed on."""

    class Meta:
        exclude = ("claim",)

    number = Text(required=True, shortest=1, longest=40)


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


def ticked(given: list[dict[str, Any]]) -> list[Ticked]:
    """What PlanStartIn names to be signed."""
    return [
        Ticked(
            one["number"],
            terms(one),
            bytes.fromhex(one["statement_hash"]) if one["statement_hash"] else None,
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
