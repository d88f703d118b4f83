"""The shelf on the wire."""

from __future__ import annotations

from datetime import date
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from shop.inventory import explaining, places, queries
from shop.inventory.explaining import Why
from shop.inventory.models import MAX_RECEIVED_UNITS, Lot
from shop.inventory.receiving import LONGEST_LOT_NUMBER, MAX_LINES, ReceiptLineIn
from shop.web.api import Moment, PageQuery, Schema, Text, Whole, WholeQuery

MOST_DAYS = 15 * 366
MOST_UNITS = 1_000_000


class StockQuery(PageQuery):
    """Which variants: `low` by units that may be promised, `expiring` by days from today."""

    sku = Text(longest=64, load_default=None)
    low = WholeQuery(least=0, most=MOST_UNITS, load_default=None)
    expiring = WholeQuery(least=0, most=MOST_DAYS, load_default=None)


class ReceiptLine(Schema):
    sku = Text(longest=64, shortest=1, required=True)
    lot_number = Text(longest=LONGEST_LOT_NUMBER, shortest=1, required=True)
    expires_on = fields.Date(required=True, format="iso")
    quantity = Whole(least=1, most=MAX_RECEIVED_UNITS, required=True)

    @ma.post_load
    def _made(self, given: dict[str, Any], **_: object) -> ReceiptLineIn:
        return ReceiptLineIn(
            given["sku"], given["lot_number"], given["expires_on"], given["quantity"]
        )


class ReceiptIn(Schema):
    lines = fields.List(
        fields.Nested(ReceiptLine),
        required=True,
        validate=validate.Length(min=1, max=MAX_LINES),
    )


class QuarantineIn(Schema):
    reason = Text(longest=200, shortest=1, required=True)


class LotOut(Schema):
    """A lot; `free` are units on hand that are promised to nobody."""

    number = fields.String()
    sku = fields.String(attribute="variant.sku")
    lot_number = fields.String()
    expires_on = fields.Date()
    status = fields.String()
    on_hand = fields.Integer()
    reserved = fields.Integer()
    free = fields.Integer()
    received_at = Moment()


class ShelfOut(Schema):
    """A variant; `free` may be promised today, so it leaves out what is kept back or expired.

    `reasons` says of all that is on hand how many units can be sold, and why others cannot.
    """

    sku = fields.String(attribute="variant.sku")
    product = fields.String(attribute="variant.product.name")
    name = fields.String(attribute="variant.name")
    on_hand = fields.Integer()
    reserved = fields.Integer()
    free = fields.Integer()
    reasons = fields.Dict(keys=fields.Enum(Why, by_value=True), values=fields.Integer())
    lots = fields.List(fields.Nested(LotOut))


class StockOut(Schema):
    items = fields.List(fields.Nested(ShelfOut))
    next = fields.String(allow_none=True)


class ReceiptOut(Schema):
    """The lot of each line, in the lines' order."""

    lots = fields.List(fields.Nested(LotOut))


class HappeningOut(Schema):
    at = Moment()
    what = fields.String()
    by = fields.String()
    units = fields.Integer(allow_none=True)
    balance = fields.Integer(allow_none=True)
    note = fields.String()


class LyingOut(Schema):
    """Units in a place, by its code."""

    place = fields.String(attribute="location.code")
    kind = fields.String(attribute="location.kind")
    site = fields.String(attribute="location.site.code")
    units = fields.Integer(attribute="on_hand")


class SaleReasonOut(Schema):
    """Why units can or cannot be sold today; `until`: the last day they could be."""

    why = fields.Enum(Why, by_value=True)
    units = fields.Integer()
    place = fields.String(allow_none=True)
    until = fields.Date(allow_none=True)


class LotHistoryOut(LotOut):
    """A lot: where it lies, why its units can or cannot be sold, and everything that happened to
    it, oldest first.
    """

    places = fields.List(fields.Nested(LyingOut))
    reasons = fields.List(fields.Nested(SaleReasonOut))
    history = fields.List(fields.Nested(HappeningOut))


def whole_lot(lot: Lot, *, today: date) -> dict[str, Any]:
    """A lot as LotHistoryOut shows it."""
    held = places.lying([lot.id]).get(lot.id, [])
    names = LotOut().fields.keys() - {"sku"} | {"variant"}
    return {name: getattr(lot, name) for name in names} | {
        "places": held,
        "reasons": explaining.explain(lot, held, today=today),
        "history": queries.history(lot),
    }
