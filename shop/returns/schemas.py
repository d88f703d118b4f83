"""Returns on the wire."""

from __future__ import annotations

from marshmallow import fields

from shop.returns.models import LONGEST_NOTE, Condition, Disposition, ReturnReason, Storage
from shop.returns.states import ReturnStatus
from shop.web.api import Moment, PageQuery, Schema, Text, Whole


class ReturnsQuery(PageQuery):
    status = fields.Enum(ReturnStatus, by_value=True, load_default=None)


class ReturnIn(Schema):
    """Which of the order's lots, by our number or the maker's, and how many of it."""

    lot = Text(required=True, shortest=1, longest=40)
    units = Whole(least=1, most=1_000, required=True)
    reason = fields.Enum(ReturnReason, by_value=True, required=True)


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
