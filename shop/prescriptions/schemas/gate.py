"""What the gate answers, on the wire."""

from __future__ import annotations

from marshmallow import fields

from shop.prescriptions.gate import Answer
from shop.web.api import Moment, Schema


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
    notes = fields.List(
        fields.String(),
        metadata={"description": "What her treatments ask of it besides, now or next."},
    )
    prescription = fields.String(attribute="prescription_number", allow_none=True)
    valid_until = Moment(allow_none=True)
    fills_left = fields.Integer(allow_none=True)
