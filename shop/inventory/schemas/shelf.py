"""The shelf on the wire."""

from __future__ import annotations

from datetime import date
from typing import Any

import marshmallow as ma
from flask_smorest.fields import Upload
from marshmallow import fields, validate

from shop.inventory import certifying, explaining, places, queries
from shop.inventory.explaining import Why
from shop.inventory.gs1 import LONGEST
from shop.inventory.models import MAX_RECEIVED_UNITS, ExpiryPrecision, Lot
from shop.inventory.receiving import LONGEST_LOT_NUMBER, LONGEST_REASON, MAX_LINES, ReceiptLineIn
from shop.web.api import Cents, Moment, PageQuery, Schema, Text, Whole, WholeQuery

MOST_DAYS = 15 * 366
MOST_UNITS = 1_000_000


class StockQuery(PageQuery):
    """Which variants: `low` by units that may be promised, `expiring` by days from today."""

    sku = Text(longest=64, load_default=None)
    low = WholeQuery(least=0, most=MOST_UNITS, load_default=None)
    expiring = WholeQuery(least=0, most=MOST_DAYS, load_default=None)


class ReceiptLine(Schema):
    """What a label says. `precision` is "month" where it names no day, and `expires_on` the last.

    `no_expiry_reason` stands in the place of an expiry that no label bears.
    """

    sku = Text(longest=64, shortest=1, required=True)
    lot_number = Text(longest=LONGEST_LOT_NUMBER, shortest=1, required=True)
    expires_on = fields.Date(load_default=None, allow_none=True, format="iso")
    precision = fields.Enum(
        ExpiryPrecision,
        by_value=True,
        load_default=ExpiryPrecision.DAY,
        validate=validate.OneOf([ExpiryPrecision.DAY, ExpiryPrecision.MONTH]),
    )
    no_expiry_reason = Text(longest=LONGEST_REASON, load_default=None, allow_none=True)
    quantity = Whole(least=1, most=MAX_RECEIVED_UNITS, required=True)
    unit_cost_cents = Cents(load_default=None, allow_none=True)

    @ma.validates_schema(pass_original=True, skip_on_field_errors=False)
    def _dated(self, _: object, said: dict[str, Any], **__: object) -> None:
        if not said.get("expires_on") and not said.get("no_expiry_reason"):
            raise ma.ValidationError(
                "This is missing; or say in no_expiry_reason why the label bears none.",
                "expires_on",
            )

    @ma.post_load
    def _made(self, given: dict[str, Any], **_: object) -> ReceiptLineIn:
        units = given.pop("quantity")
        return ReceiptLineIn(units=units, **given)


class ReceiptIn(Schema):
    lines = fields.List(
        fields.Nested(ReceiptLine),
        required=True,
        validate=validate.Length(min=1, max=MAX_LINES),
    )


class CheckIn(Schema):
    note = Text(longest=200, load_default="")


class CertificateIn(Schema):
    name = Text(longest=120, shortest=1, required=True)


class CertificateFileIn(Schema):
    """A PDF, PNG or JPEG of at most 5 MB."""

    file = Upload(required=True)


class CertificateOut(Schema):
    id = fields.UUID()
    name = fields.String()
    media_type = fields.String()
    added_at = Moment()


class QuarantineIn(Schema):
    reason = Text(longest=200, shortest=1, required=True)


class ScanIn(Schema):
    """`scan`: the code as the scanner sent it, U+001D for FNC1, or with its brackets."""

    scan = fields.String(required=True, validate=validate.Length(min=1, max=LONGEST))


class MatchIn(ScanIn):
    sku = Text(longest=64, shortest=1, required=True)


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


class ScanOut(Schema):
    """What a code says. `sku` is null where nobody has said yet which variant it is of.

    `lot` is our number, where we have the lot. `precision` is that of the expiry: day or month.
    """

    gtin = fields.String(attribute="scan.gtin")
    lot_number = fields.String(attribute="scan.lot_number", allow_none=True)
    expires_on = fields.Date(attribute="scan.expires_on", allow_none=True)
    precision = fields.String(attribute="scan.precision", allow_none=True)
    serial = fields.String(attribute="scan.serial", allow_none=True)
    sku = fields.String(attribute="variant.sku", dump_default=None)
    product = fields.String(attribute="variant.product.name", dump_default=None)
    name = fields.String(attribute="variant.name", dump_default=None)
    lot = fields.String(attribute="lot.number", dump_default=None)


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
    certificates = fields.List(fields.Nested(CertificateOut))


def whole_lot(lot: Lot, *, today: date) -> dict[str, Any]:
    """A lot as LotHistoryOut shows it."""
    held = places.lying([lot.id]).get(lot.id, [])
    names = LotOut().fields.keys() - {"sku"} | {"variant"}
    return {name: getattr(lot, name) for name in names} | {
        "places": held,
        "reasons": explaining.explain(lot, held, today=today),
        "history": queries.history(lot),
        "certificates": certifying.certificates(lot),
    }
