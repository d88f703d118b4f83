"""Payments on the wire."""

from __future__ import annotations

from marshmallow import fields

from shop.payments.states import PaymentStatus
from shop.web.api import Moment, Schema


class PaymentOut(Schema):
    """An attempt to pay an order: `url` is the provider's page while it is open."""

    status = fields.Enum(PaymentStatus, by_value=True)
    url = fields.String(allow_none=True)
    amount_cents = fields.Integer()
    currency = fields.String()
    refunded_cents = fields.Integer()
    page_ends_at = Moment()
