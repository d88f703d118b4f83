"""Discounts on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marshmallow import fields, validate

from shop.catalog.models import LegalClass
from shop.core.rules import JURISDICTIONS
from shop.discounts import queries
from shop.discounts.models import (
    LONGEST_SOURCE,
    MOST_CENTS,
    MOST_MINIMUM,
    MOST_USES,
    TOUCHABLE,
    Discount,
    DiscountKind,
)
from shop.web.api import Cents, Moment, PageQuery, Schema, Text, Whole


def _touchable(**given: Any) -> fields.Enum[Any]:
    """A class that a discount may touch."""
    only = validate.OneOf(list(TOUCHABLE), error=f"One of {', '.join(TOUCHABLE)}.")
    return fields.Enum(LegalClass, by_value=True, validate=only, **given)


class DiscountIn(Schema):
    """`value`: percent, or cents off an order. `most_uses`: orders that may have it."""

    code = Text(required=True, shortest=4, longest=30)
    kind = fields.Enum(DiscountKind, by_value=True, required=True)
    value = Whole(required=True, least=1, most=MOST_CENTS)
    classes = fields.List(_touchable(), required=True, validate=validate.Length(min=1, max=10))
    # The names of the wire are words of Python.
    valid_from = Moment(data_key="from", load_default=None, allow_none=True)
    valid_until = Moment(data_key="until", load_default=None, allow_none=True)
    least_cents = Cents(load_default=0, most=MOST_MINIMUM)
    most_uses = Whole(required=True, least=1, most=MOST_USES)
    most_per_client = Whole(load_default=1, least=1, most=MOST_USES)


class DiscountOut(Schema):
    """`uses` stand, and took `given_cents` off; `returned` were given back by orders that ended."""

    number = fields.String()
    code = fields.String()
    kind = fields.Enum(DiscountKind, by_value=True)
    percent = fields.Integer(allow_none=True)
    cents = fields.Integer(allow_none=True)
    classes = fields.List(fields.String())
    least_cents = fields.Integer()
    most_uses = fields.Integer()
    most_per_client = fields.Integer()
    valid_from = Moment(data_key="from")
    valid_until = Moment(data_key="until", allow_none=True)
    made_by = fields.String(attribute="made_by.name")
    made_at = Moment()
    ended_at = Moment(allow_none=True)
    uses = fields.Integer()
    given_cents = fields.Integer()
    returned = fields.Integer()

    def dump(self, obj: Any, *, many: bool | None = None) -> Any:
        """With what they came to: one statement for all of them."""
        rows = list(obj) if many else [obj]
        came = queries.given([row.id for row in rows])
        told = [super(DiscountOut, self).dump(row, many=False) | _came(came, row) for row in rows]
        return told if many else told[0]


def _came(came: Mapping[Any, queries.Given], row: Discount) -> dict[str, int]:
    given = came[row.id]
    return {"uses": given.uses, "given_cents": given.cents, "returned": given.returned}


class DiscountsOut(Schema):
    items = fields.Method("_items")
    next = fields.String(allow_none=True)

    def _items(self, shown: Mapping[str, Any]) -> Any:
        return DiscountOut().dump(shown["items"], many=True)


class DiscountsQuery(PageQuery):
    """All discounts, the newest first."""


class DiscountUseOut(Schema):
    order = fields.String()
    number = fields.Integer(attribute="use.number")
    client_number = fields.Integer(attribute="use.client_number")
    cents = fields.Integer(attribute="use.cents")
    taken_at = Moment(attribute="use.taken_at")
    returned_at = Moment(attribute="use.returned_at", allow_none=True)


class DiscountUsesOut(Schema):
    items = fields.List(fields.Nested(DiscountUseOut))
    next = fields.String(allow_none=True)


class DiscountUsesQuery(PageQuery):
    """The uses of a discount, the newest first."""


class DiscountBarIn(Schema):
    """`jurisdiction` "US" is everywhere; `source` names the law, or says it is a house rule."""

    legal_class = _touchable(required=True)
    jurisdiction = fields.String(
        required=True,
        validate=validate.OneOf(
            sorted(JURISDICTIONS), error="Must be US or a two-letter US state, such as CA."
        ),
    )
    source = Text(required=True, shortest=1, longest=LONGEST_SOURCE)


class DiscountBarOut(Schema):
    id = fields.UUID()
    legal_class = fields.Enum(LegalClass, by_value=True)
    jurisdiction = fields.String()
    source = fields.String()
    barred_at = Moment()
    lifted_at = Moment(allow_none=True)


class DiscountBarsOut(Schema):
    """What no discount touches; `never` are the classes that no manager can open."""

    never = fields.List(fields.String())
    items = fields.List(fields.Nested(DiscountBarOut))
