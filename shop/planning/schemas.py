"""Places, transfers, testers and what the shelf will need, on the wire."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from shop.inventory.arranging import LONGEST_NAME
from shop.inventory.models import LocationKind
from shop.inventory.models.testers import MONTHS_OPEN
from shop.inventory.transferring import MAX_LINES
from shop.planning.models import LONGEST_LEAD, MOST_SAFETY
from shop.web.api import (
    Moment,
    PageQuery,
    QueryBoolean,
    Schema,
    StrictBoolean,
    Text,
    Whole,
    WholeQuery,
)

MOST_UNITS = 100_000
LONGEST_CODE = 20
LONGEST_NUMBER = 40
LONGEST_REASON = 200
MOST_DAYS = 3_650


class SiteIn(Schema):
    code = Text(required=True, shortest=1, longest=LONGEST_CODE)
    name = Text(required=True, shortest=1, longest=LONGEST_NAME)
    fills_orders = StrictBoolean(required=True)


class LocationIn(Schema):
    code = Text(required=True, shortest=1, longest=LONGEST_CODE)
    name = Text(required=True, shortest=1, longest=LONGEST_NAME)
    kind = fields.Enum(LocationKind, by_value=True, required=True)


class SiteOut(Schema):
    """`fills_orders`: what lies on its shelves is promised and sent to clients."""

    code = fields.String()
    name = fields.String()
    fills_orders = fields.Boolean()
    closed_at = Moment(allow_none=True)


class LocationOut(Schema):
    code = fields.String()
    name = fields.String()
    kind = fields.Enum(LocationKind, by_value=True)
    site = fields.String(attribute="site.code")
    closed_at = Moment(allow_none=True)


class StockPlaceOut(LocationOut):
    """A place, and how many packs of how many lots lie in it."""

    units = fields.Integer()
    lots = fields.Integer()


class StockPlacesOut(Schema):
    sites = fields.List(fields.Nested(SiteOut))
    places = fields.List(fields.Nested(StockPlaceOut))


class PutAwayIn(Schema):
    """`reference`, made by who asks, keeps a repeat from carrying the packs twice."""

    origin = Text(required=True, shortest=1, longest=LONGEST_CODE)
    to = Text(required=True, shortest=1, longest=LONGEST_CODE)
    units = Whole(required=True, least=1, most=MOST_UNITS)
    reference = fields.UUID(load_default=None)


class PackedIn(Schema):
    """`lot` is our number of it, `origin` the code of the place it is taken from."""

    lot = Text(required=True, shortest=1, longest=LONGEST_NUMBER)
    origin = Text(required=True, shortest=1, longest=LONGEST_CODE)
    units = Whole(required=True, least=1, most=MOST_UNITS)


class TransferIn(Schema):
    to = Text(required=True, shortest=1, longest=LONGEST_CODE)
    lines = fields.List(
        fields.Nested(PackedIn), required=True, validate=validate.Length(min=1, max=MAX_LINES)
    )


class CountedIn(Schema):
    line = fields.UUID(required=True)
    units = Whole(required=True, least=0, most=MOST_UNITS)


class TransferArrivalIn(Schema):
    """What has come of each line, and the code of the shelf it was put on."""

    into = Text(required=True, shortest=1, longest=LONGEST_CODE)
    lines = fields.List(
        fields.Nested(CountedIn), required=True, validate=validate.Length(min=1, max=MAX_LINES)
    )


class StockReasonIn(Schema):
    reason = Text(required=True, shortest=1, longest=LONGEST_REASON)


class TransferLineOut(Schema):
    id = fields.UUID()
    sku = fields.String(attribute="lot.variant.sku")
    lot = fields.String(attribute="lot.number")
    lot_number = fields.String(attribute="lot.lot_number")
    origin = fields.String(attribute="origin.code")
    units = fields.Integer()
    arrived = fields.Integer()
    lost = fields.Integer()
    missing = fields.Integer()


class TransferOut(Schema):
    number = fields.String()
    status = fields.String()
    origin = fields.String(attribute="from_site.code")
    to = fields.String(attribute="to_site.code")
    sent_by = fields.String(attribute="sent_by.name")
    sent_at = Moment()
    missing = fields.Integer()
    lines = fields.List(fields.Nested(TransferLineOut))


class TransfersQuery(PageQuery):
    pass


class TransfersOut(Schema):
    items = fields.List(fields.Nested(TransferOut))
    next = fields.String(allow_none=True)


class TesterIn(Schema):
    """Open one pack of a lot; `months` stand in the open jar on its label."""

    lot = Text(required=True, shortest=1, longest=LONGEST_NUMBER)
    origin = Text(required=True, shortest=1, longest=LONGEST_CODE)
    months = Whole(required=True, least=MONTHS_OPEN[0], most=MONTHS_OPEN[1])


class TesterOut(Schema):
    number = fields.String()
    sku = fields.String(attribute="lot.variant.sku")
    lot = fields.String(attribute="lot.number")
    opened_on = fields.Date()
    months_after_opening = fields.Integer()
    use_by = fields.Date()
    ended_at = Moment(allow_none=True)
    reason = fields.String(allow_none=True)


class TestersOut(Schema):
    items = fields.List(fields.Nested(TesterOut))


class StockPolicyIn(Schema):
    """In days: how long a delivery takes, and for how long there should be some beside."""

    lead_days = Whole(required=True, least=1, most=LONGEST_LEAD)
    safety_days = Whole(required=True, least=0, most=MOST_SAFETY)


class StockPolicyOut(Schema):
    lead_days = fields.Integer()
    safety_days = fields.Integer()
    set_at = Moment()


class StockOutlookQuery(Schema):
    """`low`: only what is below its reorder point."""

    low = QueryBoolean(load_default=False)


class StockOutlookOut(Schema):
    """A variant in units. `left` and `refilled` are of the last 90 days, `due` refills of the
    policy's horizon, `asked` in open requests, of which `approval` are approved, as a rule.
    """

    sku = fields.String(attribute="variant.sku")
    product = fields.String(attribute="variant.product.name")
    on_hand = fields.Integer()
    reserved = fields.Integer()
    free = fields.Integer(attribute="need.free")
    on_order = fields.Integer(attribute="need.on_order")
    left = fields.Integer(attribute="demand.left")
    refilled = fields.Integer(attribute="demand.refilled")
    due = fields.Integer(attribute="demand.due")
    asked = fields.Integer(attribute="demand.asked")
    approval = fields.Function(lambda one: round(float(one.demand.approval), 3))
    lead_days = fields.Integer(attribute="policy.lead_days")
    safety_days = fields.Integer(attribute="policy.safety_days")
    reorder_point = fields.Integer(attribute="need.reorder_point")
    low = fields.Boolean(attribute="need.low")
    suggested = fields.Integer(attribute="need.suggested")
    days_left = fields.Integer(allow_none=True)
    supplier = fields.String(allow_none=True)


class StockOutlooksOut(Schema):
    items = fields.List(fields.Nested(StockOutlookOut))


class StockDaysQuery(Schema):
    days = WholeQuery(least=1, most=MOST_DAYS, load_default=None)


class AtRiskOut(Schema):
    """Packs of a lot that will not sell in time: cost where it is known, price as listed."""

    sku = fields.String(attribute="lot.variant.sku")
    lot = fields.String(attribute="lot.number")
    lot_number = fields.String(attribute="lot.lot_number")
    status = fields.String(attribute="lot.status")
    sellable_until = fields.Date(attribute="lot.sellable_until")
    expires_on = fields.Date(attribute="lot.expires_on")
    units = fields.Integer()
    unsold = fields.Integer()
    cost_cents = fields.Integer(allow_none=True)
    price_cents = fields.Integer(allow_none=True)


class AtRisksOut(Schema):
    items = fields.List(fields.Nested(AtRiskOut))


class DeadOut(Schema):
    sku = fields.String(attribute="variant.sku")
    product = fields.String(attribute="variant.product.name")
    on_hand = fields.Integer()
    left_at = Moment(allow_none=True)
    received_at = Moment()


class DeadsOut(Schema):
    items = fields.List(fields.Nested(DeadOut))


def place(one: Any) -> dict[str, Any]:
    """A `places.Place` as StockPlaceOut shows it."""
    names = ("code", "name", "kind", "site", "closed_at")
    whole = {name: getattr(one.location, name) for name in names}
    return whole | {"units": one.units, "lots": one.lots}
