"""What a session used up, on the wire."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from marshmallow import fields

from shop.inventory import queries
from shop.inventory.models import Lot
from shop.treatments.errors import PlanRefused
from shop.web.api import Moment, Schema, Text, Whole

MOST_LOTS, MOST_UNITS = 20, 100  # of one session
CHOSEN = "use."  # a lot's field in a form, before its number


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


def chosen(sent: Mapping[str, str]) -> list[dict[str, Any]]:
    """The lots that were chosen from the list of a form ("use.L-123" → packs), without the zeros.

    Raises PlanRefused.
    """
    numbers = {
        name.removeprefix(CHOSEN): units.strip()
        for name, units in sent.items()
        if name.startswith(CHOSEN) and units.strip() not in ("", "0")
    }
    return [{"lot": number, "units": _units(number, units)} for number, units in numbers.items()]


def typed(text: str) -> list[dict[str, Any]]:
    """What a form's field says: a lot on each line, and its packs where it is more than one.

    A lot that stands there several times, as scanned, counts each time. Raises PlanRefused.
    """
    found: Counter[str] = Counter()
    for line in filter(None, map(str.strip, text.splitlines())):
        number, _, units = line.partition(" ")
        found[number] += _units(line, units.strip() or "1")
    return [{"lot": number, "units": units} for number, units in found.items()]


def _units(said: str, units: str) -> int:
    if not (units.isascii() and units.isdecimal() and len(units) < 5):
        raise PlanRefused(
            "Some of what you typed cannot be used.",
            fields={"used": [f"“{said[:40]}”: write lot and packs, such as L-123 1."]},
        )
    return int(units)
