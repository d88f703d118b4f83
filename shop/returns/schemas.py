"""Returns on the wire."""

from __future__ import annotations

from marshmallow import fields, validate

from shop.returns.models import (
    LONGEST_NOTE,
    Condition,
    Disposition,
    Refusal,
    ReturnReason,
    Storage,
)
from shop.returns.states import RequestStatus, ReturnStatus
from shop.web.api import Moment, PageQuery, Schema, StrictBoolean, Text, Whole


class ReturnsQuery(PageQuery):
    status = fields.Enum(ReturnStatus, by_value=True, load_default=None)


class ReturnIn(Schema):
    """Which of the order's lots, by our number or the maker's, and how many of it.

    `request` is the number of what the client asked for, where she did.
    """

    lot = Text(required=True, shortest=1, longest=40)
    units = Whole(least=1, most=1_000, required=True)
    reason = fields.Enum(ReturnReason, by_value=True, required=True)
    request = Text(shortest=1, longest=20, load_default=None)


class ReturnInspectionIn(Schema):
    """`note`: of the pack, never of the client."""

    condition = fields.Enum(Condition, by_value=True, required=True)
    storage = fields.Enum(Storage, by_value=True, required=True)
    disposition = fields.Enum(Disposition, by_value=True, required=True)
    note = Text(longest=LONGEST_NOTE, load_default="")


class ReturnSecondLookIn(Schema):
    reason = Text(required=True, shortest=1, longest=200)


class ReturnOut(Schema):
    number = fields.String()
    order = fields.String(attribute="line.order.number")
    sku = fields.String(attribute="line.sku")
    lot = fields.String(attribute="lot.number")
    makers_lot = fields.String(attribute="lot.lot_number")
    units = fields.Integer()
    reason = fields.Enum(ReturnReason, by_value=True)
    status = fields.Enum(ReturnStatus, by_value=True)
    received_by = fields.String(attribute="received_by.name")
    received_at = Moment()
    condition = fields.Enum(Condition, by_value=True)
    storage = fields.Enum(Storage, by_value=True)
    disposition = fields.Enum(Disposition, by_value=True)
    note = fields.String(allow_none=True)
    inspected_by = fields.String(attribute="inspected_by.name", dump_default=None)
    witness = fields.String(attribute="witness.name", dump_default=None)


class ReturnsOut(Schema):
    items = fields.List(fields.Nested(ReturnOut))
    next = fields.String(allow_none=True)


class AskedLineIn(Schema):
    sku = Text(required=True, shortest=1, longest=40)
    units = Whole(required=True, least=1, most=20)


class ReturnRequestIn(Schema):
    """`words` are the client's own, of the goods; nothing of her health."""

    lines = fields.List(
        fields.Nested(AskedLineIn), required=True, validate=validate.Length(min=1, max=100)
    )
    reason = fields.Enum(ReturnReason, by_value=True, required=True)
    words = Text(longest=LONGEST_NOTE, load_default="")


class ReturnRefusalIn(Schema):
    refusal = fields.Enum(Refusal, by_value=True, required=True)


class ReturnRefundIn(Schema):
    with_shipping = StrictBoolean(load_default=False)


class ReturnRequestsQuery(PageQuery):
    status = fields.Enum(RequestStatus, by_value=True, load_default=None)


class AskedLineOut(Schema):
    sku = fields.String(attribute="line.sku")
    units = fields.Integer()


class ReturnRequestOut(Schema):
    number = fields.String()
    order = fields.String(attribute="order.number")
    status = fields.Enum(RequestStatus, by_value=True)
    reason = fields.Enum(ReturnReason, by_value=True)
    words = fields.String(allow_none=True)
    lines = fields.List(fields.Nested(AskedLineOut))
    asked_at = Moment()
    refusal = fields.Enum(Refusal, by_value=True, allow_none=True)
    send_by = fields.Date(allow_none=True)
    refunded_cents = fields.Integer(attribute="refund.total_cents", dump_default=None)


class ReturnRequestsOut(Schema):
    items = fields.List(fields.Nested(ReturnRequestOut))
    next = fields.String(allow_none=True)


class OrderReturnRequestsOut(Schema):
    """`terms` are the clinic's: what may come back, until when."""

    items = fields.List(fields.Nested(ReturnRequestOut))
    terms = fields.List(fields.String())
