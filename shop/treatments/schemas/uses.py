"""What a session used up, on the wire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from marshmallow import fields

from shop.inventory import queries
from shop.inventory.models import Lot
from shop.treatments.errors import PlanRefused
from shop.web.api import Moment, Schema, Text, Whole

MOST_LOTS, MOST_UNITS = 20, 100  # of one session


class UseIn(Schema):
    """Whole packs of a lot, by our number of it ("L-…"), that were opened for the session."""

    lot = Text(required=True, shortest=1, longest=20)
    units = Whole(least=1, most=MOST_UNITS, required=True)


class UseOut(Schema):
    lot = fields.String(attribute="lot.number")
    lot_number = fields.String(attribute="lot.lot_number")
    expires_on = fields.Date(attribute="lot.expires_on")
    sku = fields.String(attribute="lot.variant.sku")
    product = fields.String(attribute="lot.variant.product.name")
    units = fields.Integer()


class LotUseOut(UseOut):
    """The same from the lot's side: for whom, in which plan, what and when."""

    client = fields.String(attribute="client.name")
    plan = fields.String(attribute="plan.number")
    procedure = fields.String(attribute="session.procedure")
    performed_at = Moment(attribute="performance.performed_at")


class LotUsesOut(Schema):
    items = fields.List(fields.Nested(LotUseOut))


def lots(given: Iterable[dict[str, Any]]) -> list[tuple[Lot, int]]:
    """The lots that UseIn names, with the packs of each. Raises PlanRefused for one unknown."""
    named = list(given)
    known = queries.lots({one["lot"] for one in named})
    unknown = sorted({one["lot"] for one in named} - known.keys())
    if unknown:
        raise PlanRefused(
            "Some of what you typed cannot be used.",
            fields={"used": [f"There is no lot {number}." for number in unknown]},
        )
    return [(known[one["lot"]], one["units"]) for one in named]


def typed(text: str) -> list[dict[str, Any]]:
    """What a form's field says: a lot and its packs on each line. Raises PlanRefused."""
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        number, _, units = line.partition(" ")
        if not (units.strip().isascii() and units.strip().isdecimal() and len(units) < 5):
            raise PlanRefused(
                "Some of what you typed cannot be used.",
                fields={"used": [f"“{line[:40]}”: write lot and packs, such as L-123 1."]},
            )
        found.append({"lot": number, "units": int(units)})
    return found
