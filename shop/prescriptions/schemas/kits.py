"""The aftercare kit of a plan on the wire."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from marshmallow import fields

from shop.replenishment.kits import Item, Kit, Phase, Way
from shop.web.api import Schema


class KitItemOut(Schema):
    """A pack of the kit; `way` is how it comes to her, `said` the gate's answer."""

    sku = fields.String(attribute="offer.sku")
    name = fields.String(attribute="offer.name")
    quantity = fields.Integer(attribute="offer.quantity")
    way = fields.Enum(Way, by_value=True, attribute="offer.way")
    said = fields.String(attribute="offer.said")
    doctor_only = fields.Boolean(attribute="offer.doctor_only")
    lasts_until = fields.Date(attribute="offer.lasts_until", allow_none=True)
    in_cart = fields.Boolean(attribute="offer.in_cart")
    whys = fields.List(fields.String())


class RestOut(Schema):
    """A pack that is not to be used now; `returns` is the first day on which it is again."""

    name = fields.String()
    said = fields.List(fields.String())
    returns = fields.Date(allow_none=True)


class KitOut(Schema):
    """What the plan's phase needs now; `unmet` is what nothing of the shop serves."""

    phase = fields.Enum(Phase, by_value=True, allow_none=True)
    items = fields.List(fields.Nested(KitItemOut))
    resting = fields.List(fields.Nested(RestOut))
    unmet = fields.List(fields.String())


class KitPutOut(Schema):
    """The packs that were put into the cart; none where all was there."""

    put = fields.List(fields.String())


def shown_kit(kit: Kit) -> dict[str, Any]:
    """A kit as KitOut shows it."""
    return {
        "phase": kit.now and kit.now.phase,
        "items": kit.items,
        "resting": kit.resting,
        "unmet": [need.sentence for need in kit.unmet],
    }


def put_out(items: Iterable[Item]) -> dict[str, Any]:
    """What was put, as KitPutOut shows it."""
    return {"put": [one.offer.sku for one in items]}
