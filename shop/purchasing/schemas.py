"""What is bought, on the wire."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from shop.inventory.models import MAX_RECEIVED_UNITS
from shop.inventory.receiving import MAX_LINES as MOST_ARRIVED
from shop.inventory.schemas import ReceiptLine
from shop.purchasing.arriving import LONGEST_DAMAGE, Damaged
from shop.purchasing.drafting import MAX_LINES, Wanted
from shop.purchasing.models import LONGEST_LEAD, MOST_CENTS
from shop.purchasing.states import PurchaseStatus
from shop.web.api import Cents, Moment, PageQuery, Schema, StrictBoolean, Text, Whole

SAYS_SOMETHING = validate.Regexp(r".*\S", error="This is missing.")


class SupplierIn(Schema):
    """`lead_days`: how long an order takes to arrive. `account`: our number with them."""

    name = Text(required=True, shortest=1, longest=120, validate=SAYS_SOMETHING)
    email = Text(longest=320, load_default="")
    phone = Text(longest=40, load_default="")
    account = Text(longest=60, load_default="")
    lead_days = Whole(required=True, least=0, most=LONGEST_LEAD)


class SupplierPatch(Schema):
    """What is left out stays. One that is not active takes no more orders."""

    name = Text(shortest=1, longest=120, validate=SAYS_SOMETHING)
    email = Text(longest=320)
    phone = Text(longest=40)
    account = Text(longest=60)
    lead_days = Whole(least=0, most=LONGEST_LEAD)
    active = StrictBoolean()


class SupplierOut(Schema):
    number = fields.String()
    name = fields.String()
    email = fields.String()
    phone = fields.String()
    account = fields.String()
    lead_days = fields.Integer()
    active = fields.Boolean()


class SuppliersOut(Schema):
    items = fields.List(fields.Nested(SupplierOut))
    next = fields.String(allow_none=True)


class PurchaseLineIn(Schema):
    sku = Text(required=True, shortest=1, longest=64)
    quantity = Whole(required=True, least=1, most=MAX_RECEIVED_UNITS)
    unit_cost_cents = Cents(required=True, most=MOST_CENTS)

    @ma.post_load
    def _made(self, given: dict[str, Any], **_: object) -> Wanted:
        return Wanted(given["sku"], given["quantity"], given["unit_cost_cents"])


class PurchaseChange(Schema):
    """All of an order that may be written anew while it is a draft."""

    wanted = fields.List(
        fields.Nested(PurchaseLineIn),
        data_key="lines",
        required=True,
        validate=validate.Length(max=MAX_LINES),
    )
    expected_on = fields.Date(load_default=None, allow_none=True)
    note = Text(load_default="")


class PurchaseIn(PurchaseChange):
    supplier = Text(required=True, shortest=1, longest=40)


class ReasonIn(Schema):
    reason = Text(required=True, shortest=1, longest=200)


class DamagedIn(Schema):
    """Packs that arrived and are not booked, and what is wrong with them."""

    sku = Text(required=True, shortest=1, longest=64)
    quantity = Whole(required=True, least=1, most=MAX_RECEIVED_UNITS)
    damage = Text(required=True, shortest=1, longest=LONGEST_DAMAGE, validate=SAYS_SOMETHING)

    @ma.post_load
    def _made(self, given: dict[str, Any], **_: object) -> Damaged:
        return Damaged(given["sku"], given["quantity"], given["damage"])


class ArrivalIn(Schema):
    """A delivery: what is good, by lot, and what is damaged. `receipt_id` makes it safe to repeat.

    A line without a cost costs what was agreed.
    """

    good = fields.List(
        fields.Nested(ReceiptLine),
        data_key="lines",
        load_default=list,
        validate=validate.Length(max=MOST_ARRIVED),
    )
    damaged = fields.List(
        fields.Nested(DamagedIn), load_default=list, validate=validate.Length(max=MOST_ARRIVED)
    )
    delivery_note = Text(longest=60, load_default="")
    receipt_id = fields.UUID(load_default=None, allow_none=True)


class PurchasesQuery(PageQuery):
    status = fields.Enum(PurchaseStatus, by_value=True, load_default=None)


class PurchaseLineOut(Schema):
    """`short` units are still owed, what came damaged among them; `over` came beyond the order."""

    sku = fields.String(attribute="variant.sku")
    product = fields.String(attribute="variant.product.name")
    quantity = fields.Integer(attribute="units")
    unit_cost_cents = fields.Integer()
    received = fields.Integer()
    damaged = fields.Integer()
    short = fields.Integer()
    over = fields.Integer()


class PurchaseOut(Schema):
    number = fields.String()
    supplier = fields.String(attribute="supplier.number")
    supplier_name = fields.String(attribute="supplier.name")
    status = fields.Enum(PurchaseStatus, by_value=True)
    expected_on = fields.Date(allow_none=True)
    note = fields.String()
    total_cents = fields.Integer()
    drafted_by = fields.String(attribute="drafted_by.name")
    drafted_at = Moment()
    lines = fields.List(fields.Nested(PurchaseLineOut))


class PurchasesOut(Schema):
    items = fields.List(fields.Nested(PurchaseOut))
    next = fields.String(allow_none=True)


class ArrivalOut(Schema):
    sku = fields.String(attribute="variant.sku")
    quantity = fields.Integer(attribute="units")
    lot = fields.String(attribute="lot.number", dump_default=None)
    lot_number = fields.String(attribute="lot.lot_number", dump_default=None)
    damage = fields.String(allow_none=True)


class DeliveryOut(Schema):
    id = fields.UUID()
    delivery_note = fields.String()
    received_by = fields.String(attribute="received_by.name")
    received_at = Moment()
    arrivals = fields.List(fields.Nested(ArrivalOut))


class WholePurchaseOut(PurchaseOut):
    receipts = fields.List(fields.Nested(DeliveryOut))
