"""Counts and adjustments on the wire. While it is counted, nobody reads what is expected."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_dump, validate

from shop.inventory.counting import MOST_LINES
from shop.inventory.models import Count, CountCause, Reason
from shop.inventory.models.adjustments import LONGEST_NOTE, MOST_ADJUSTED
from shop.inventory.models.counts import MOST_COUNTED
from shop.inventory.states import AdjustmentStatus, CountStatus
from shop.web.api import Moment, PageQuery, Schema, Text, Whole

LOT = {"shortest": 1, "longest": 40}  # our number of one
LOCATION = {"shortest": 1, "longest": 40}  # its code


class CountsQuery(PageQuery):
    status = fields.Enum(CountStatus, by_value=True, load_default=None)


class CountIn(Schema):
    """`lots`: which, by our numbers; without them, all that lies in the location."""

    location = Text(required=True, **LOCATION)
    lots = fields.List(
        Text(**LOT), load_default=None, validate=validate.Length(min=1, max=MOST_LINES)
    )
    cause = fields.Enum(CountCause, by_value=True, load_default=CountCause.ASKED)


class CountFoundIn(Schema):
    lot = Text(required=True, **LOT)
    units = Whole(least=0, most=MOST_COUNTED, required=True)


class CountEntriesIn(Schema):
    found = fields.List(
        fields.Nested(CountFoundIn), required=True, validate=validate.Length(min=1, max=MOST_LINES)
    )


class CountExplanationIn(Schema):
    lot = Text(required=True, **LOT)
    reason = fields.Enum(Reason, by_value=True, required=True)
    note = Text(required=True, shortest=1, longest=LONGEST_NOTE)


class CountGivenUpIn(Schema):
    reason = Text(required=True, shortest=1, longest=200)


class CountOut(Schema):
    number = fields.String()
    location = fields.String(attribute="location.code")
    cause = fields.Enum(CountCause, by_value=True)
    status = fields.Enum(CountStatus, by_value=True)
    planned_by = fields.String(attribute="planned_by.name")
    planned_at = Moment()
    approved_by = fields.String(attribute="approved_by.name", dump_default=None)


class CountsOut(Schema):
    items = fields.List(fields.Nested(CountOut))
    next = fields.String(allow_none=True)


class CountLineOut(Schema):
    """`expected` and `variance` are null while it may still be counted."""

    lot = fields.String(attribute="lot.number")
    makers_lot = fields.String(attribute="lot.lot_number")
    sku = fields.String(attribute="lot.variant.sku")
    counted = fields.Integer(attribute="last.units", dump_default=None)
    counted_by = fields.String(attribute="last.counted_by.name", dump_default=None)
    expected = fields.Integer(attribute="last.expected", dump_default=None)
    variance = fields.Integer()
    reason = fields.Enum(Reason, by_value=True)
    note = fields.String(allow_none=True)


class WholeCountOut(CountOut):
    lines = fields.List(fields.Nested(CountLineOut), attribute="sheet")

    @post_dump(pass_original=True)
    def _blind(self, told: dict[str, Any], count: Count, **_: object) -> dict[str, Any]:
        if count.blind:
            for line in told["lines"]:
                line["expected"] = line["variance"] = None
        return told


class CountDueQuery(Schema):
    location = Text(load_default=None, **LOCATION)


class CountDueOut(Schema):
    """`counted_on`: null where it never was; then it counts from its first receipt."""

    sku = fields.String(attribute="variant.sku")
    location = fields.String(attribute="location.code")
    lots = fields.Integer()
    class_ = fields.String(attribute="by_class.name", data_key="class")
    counted_on = fields.Date(allow_none=True)
    due_on = fields.Date()


class CountPlanOut(Schema):
    items = fields.List(fields.Nested(CountDueOut))


class AdjustmentsQuery(PageQuery):
    status = fields.Enum(AdjustmentStatus, by_value=True, load_default=None)


class AdjustmentIn(Schema):
    """`units` come in, or, negative, leave."""

    lot = Text(required=True, **LOT)
    location = Text(required=True, **LOCATION)
    units = Whole(least=-MOST_ADJUSTED, most=MOST_ADJUSTED, required=True)
    reason = fields.Enum(Reason, by_value=True, required=True)
    note = Text(required=True, shortest=1, longest=LONGEST_NOTE)


class AdjustmentOut(Schema):
    """`status` proposed: above the limit, it waits for a second person.

    `value_cents`: what the units sell for; null where nobody knows.
    """

    number = fields.String()
    lot = fields.String(attribute="lot.number")
    sku = fields.String(attribute="lot.variant.sku")
    location = fields.String(attribute="location.code")
    units = fields.Integer(attribute="delta")
    reason = fields.Enum(Reason, by_value=True)
    note = fields.String()
    value_cents = fields.Integer(allow_none=True)
    status = fields.Enum(AdjustmentStatus, by_value=True)
    proposed_by = fields.String(attribute="proposed_by.name")
    proposed_at = Moment()
    decided_by = fields.String(attribute="decided_by.name", dump_default=None)


class AdjustmentsOut(Schema):
    items = fields.List(fields.Nested(AdjustmentOut))
    next = fields.String(allow_none=True)
