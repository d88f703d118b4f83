"""Payments on the wire."""

from __future__ import annotations

from marshmallow import fields, validate

from shop.payments.states import (
    PEOPLES_REASONS,
    DisputeStatus,
    PaymentStatus,
    RefundReason,
    RefundStatus,
    WarningOutcome,
)
from shop.web.api import Cents, Moment, PageQuery, Schema, StrictBoolean, Text, Whole


class PaymentIn(Schema):
    save_card = Text(longest=40, shortest=1)


class CardSetupIn(Schema):
    """`consent` is the version of the statement that was read and agreed to."""

    consent = Text(longest=40, shortest=1, required=True)


class CardSetupOut(Schema):
    url = fields.String()
    page_ends_at = Moment()


class CardOut(Schema):
    """A saved card, as its owner knows it."""

    id = fields.UUID()
    brand = fields.String()
    last4 = fields.String()
    exp_month = fields.Integer()
    exp_year = fields.Integer()
    saved_at = Moment()


class StatementOut(Schema):
    version = fields.String()
    text = fields.String()


class CardsOut(Schema):
    items = fields.List(fields.Nested(CardOut))
    statement = fields.Nested(StatementOut)


class PaymentOut(Schema):
    """An attempt to pay an order: `url` is the provider's page while it is open.

    A charge of a saved card has neither page nor end of one.
    """

    status = fields.Enum(PaymentStatus, by_value=True)
    url = fields.String(allow_none=True)
    amount_cents = fields.Integer()
    currency = fields.String()
    refunded_cents = fields.Integer()
    page_ends_at = Moment(allow_none=True)


class RefundLineIn(Schema):
    sku = Text(required=True, shortest=1, longest=40)
    units = Whole(required=True, least=1, most=20)


class RefundIn(Schema):
    """What should go back: units of lines, shipping, an amount of no line, or all that is left.

    `expect_refunded_cents` is the payment's `refunded_cents` as it was read: where somebody sent
    money back since, nothing is planned.
    """

    lines = fields.List(
        fields.Nested(RefundLineIn), load_default=list, validate=validate.Length(max=100)
    )
    shipping_cents = Cents(load_default=0)
    other_cents = Cents(load_default=0)
    everything = StrictBoolean(load_default=False)
    reason = fields.Enum(
        RefundReason,
        by_value=True,
        required=True,
        validate=validate.OneOf(PEOPLES_REASONS, error="Choose why."),
    )
    expect_refunded_cents = Cents(required=True)


class RefundsQuery(PageQuery):
    status = fields.Enum(RefundStatus, by_value=True, load_default=None)


class RefundLineOut(Schema):
    sku = fields.String(attribute="line.sku")
    units = fields.Integer()
    cents = fields.Integer()


class RefundOut(Schema):
    id = fields.UUID()
    order = fields.String(attribute="payment.order.number")
    amount_cents = fields.Integer(metadata={"description": "Back to the payment."})
    credit_cents = fields.Integer(metadata={"description": "Back to the client's store credit."})
    lines = fields.List(fields.Nested(RefundLineOut))
    shipping_cents = fields.Integer()
    other_cents = fields.Integer()
    reason = fields.Enum(RefundReason, by_value=True)
    status = fields.Enum(RefundStatus, by_value=True)
    planned_at = Moment()


class StaffRefundOut(RefundOut):
    """As `RefundOut`, and who proposed and decided."""

    large = fields.Boolean()
    proposed_by = fields.String(attribute="proposed_by.name", dump_default=None)
    decided_by = fields.String(attribute="decided_by.name", dump_default=None)


class OrderRefundsOut(Schema):
    items = fields.List(fields.Nested(RefundOut))
    captured_cents = fields.Integer()
    refunded_cents = fields.Integer()
    left_cents = fields.Integer()


class RefundsOut(Schema):
    items = fields.List(fields.Nested(StaffRefundOut))
    next = fields.String(allow_none=True)


class DisputesQuery(PageQuery):
    status = fields.Enum(DisputeStatus, by_value=True, load_default=None)


class DisputeMovementOut(Schema):
    cents = fields.Integer()
    fee_cents = fields.Integer()
    booked_at = Moment()


class DisputeOut(Schema):
    id = fields.UUID()
    order = fields.String(attribute="payment.order.number")
    status = fields.Enum(DisputeStatus, by_value=True)
    reason = fields.String()
    amount_cents = fields.Integer()
    evidence_due_at = Moment(allow_none=True)
    opened_at = Moment()
    evidence_at = Moment(allow_none=True)
    evidence_by = fields.String(attribute="evidence_by.name", dump_default=None)
    movements = fields.List(fields.Nested(DisputeMovementOut))


class DisputesOut(Schema):
    items = fields.List(fields.Nested(DisputeOut))
    next = fields.String(allow_none=True)


class FraudWarningOut(Schema):
    id = fields.UUID()
    order = fields.String(attribute="payment.order.number")
    fraud_type = fields.String()
    told_at = Moment()
    outcome = fields.Enum(WarningOutcome, by_value=True, allow_none=True)
    reviewed_by = fields.String(attribute="reviewed_by.name", dump_default=None)
    reviewed_at = Moment(allow_none=True)


class FraudWarningsOut(Schema):
    items = fields.List(fields.Nested(FraudWarningOut))


class FraudReviewIn(Schema):
    outcome = fields.Enum(WarningOutcome, by_value=True, required=True)
