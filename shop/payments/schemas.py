"""Payments on the wire."""

from __future__ import annotations

from marshmallow import fields

from shop.payments.states import PaymentStatus
from shop.web.api import Moment, Schema, Text


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
