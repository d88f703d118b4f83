"""The regimen of a plan on the wire."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields, post_load, validate

from shop.config import Config
from shop.core.clock import day_in
from shop.prescriptions import following
from shop.prescriptions.paper import regimen_card
from shop.prescriptions.paper.clinic import Clinic
from shop.prescriptions.screening import compatibility
from shop.prescriptions.screening.facts import Slot as ScreenedSlot
from shop.treatments import instructing, regimens
from shop.treatments.instructing import Filed, Wanted
from shop.treatments.models import Plan
from shop.treatments.regimens import Layer, Slot, Step, Unit, Weekday
from shop.web.api import Schema, Text, Whole


class Amount(fields.Decimal):
    """g or mL of one use: above 0, at most three places."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(places=None, allow_nan=False, as_string=True, **kwargs)
        self.validators.append(self._is_sane)

    @staticmethod
    def _is_sane(value: Decimal) -> None:
        exponent = value.as_tuple().exponent
        if not (0 < value <= regimens.MOST) or not isinstance(exponent, int) or exponent < -3:
            raise ValidationError(f"Above 0, at most {regimens.MOST}, three places.")


class StepIn(Schema):
    """A weekly step has `days`; others are used `every` so many days. `until` is the day after."""

    sku = Text(required=True, shortest=1, longest=40)
    slot = fields.Enum(Slot, by_value=True, required=True)
    days = fields.List(
        fields.Enum(Weekday, by_value=True), load_default=list, validate=validate.Length(max=7)
    )
    every = Whole(least=1, most=regimens.MOST_SPARING, load_default=1)
    amount = Amount(load_default=None)
    unit = fields.Enum(Unit, by_value=True, load_default=Unit.GRAM)
    layer = fields.Enum(Layer, by_value=True, load_default=None)
    since = fields.Date(load_default=None)
    until = fields.Date(load_default=None)
    priming = fields.Boolean(load_default=False)  # a physician's order

    @post_load
    def as_wanted(self, given: dict[str, Any], **_: Any) -> Wanted:
        """The step as it is asked for."""
        return Wanted(**(given | {"days": tuple(given["days"])}))


class RegimenIn(Schema):
    """The whole of it; no steps: no home care."""

    steps = fields.List(
        fields.Nested(StepIn),
        required=True,
        validate=validate.Length(max=regimens.MOST_STEPS),
    )


class StepOut(Schema):
    """`lasts_days` of one pack in all of its steps; where it is not known, `lasts_why` says why."""

    sku = fields.String()
    product = fields.String()
    slot = fields.Enum(Slot, by_value=True)
    layer = fields.Enum(Layer, by_value=True)
    layer_by = fields.String()
    days = fields.List(fields.Enum(Weekday, by_value=True))
    every = fields.Integer()
    amount = fields.Decimal(as_string=True, allow_none=True)
    unit = fields.Enum(Unit, by_value=True)
    since = fields.Date(allow_none=True)
    until = fields.Date(allow_none=True)
    doctor_only = fields.Boolean()
    priming = fields.Boolean()
    frequency = fields.String()
    dose = fields.String()
    lasts_days = fields.Integer(allow_none=True)
    lasts_why = fields.String()
    paused = fields.String(allow_none=True)  # why it is left off today


class ConflictOut(Schema):
    """Two steps that a rule of screening speaks against; `text` for who reads it."""

    rule = fields.String()
    version = fields.Integer()
    severity = fields.String(attribute="severity.word")
    text = fields.String()
    fired_by = fields.List(fields.String())


class RegimenOut(Schema):
    """What the version says, in the order in which it is put on; conflicts as of today."""

    version = fields.Integer()
    steps = fields.List(fields.Nested(StepOut))
    conflicts = fields.List(fields.Nested(ConflictOut))


def regimen(plan: Plan, at: datetime, *, inside: bool) -> dict[str, Any]:
    """The regimen of a plan as RegimenOut shows it; `inside` for who treats."""
    steps = regimens.read(plan.version.content)
    packs = instructing.filed({one.sku for one in steps})
    lasts = regimens.supplies(steps, instructing.packs(steps))
    paused = _paused(plan, packs, at)
    hits = compatibility.conflicts(
        _used(steps, packs),
        states=frozenset({plan.state}),
        on=day_in(plan.zone, at),
    )
    return {
        "version": plan.version.number,
        "steps": [
            {name: getattr(one, name) for name in STEP}
            | {
                "lasts_days": lasts[one.sku].days,
                "lasts_why": lasts[one.sku].why,
                "paused": paused.get(one.sku),
            }
            for one in steps
        ],
        "conflicts": [
            {
                "rule": hit.rule,
                "version": hit.version,
                "severity": hit.severity,
                "text": hit.physician_text if inside else hit.client_text,
                "fired_by": hit.fired_by,
            }
            for hit in hits
        ],
    }


def card(plan: Plan, config: Config) -> bytes:
    """The card of its regimen, as it is printed. Raises Unavailable."""
    steps = regimens.read(plan.version.content)
    said = regimen_card.Card(
        client=plan.client.name,
        plan=plan.number,
        version=plan.version.number,
        written_on=day_in(plan.zone, plan.version.written_at),
        steps=steps,
        supplies=regimens.supplies(steps, instructing.packs(steps)),
        address=f"{config.base_url}/plan",
    )
    return regimen_card.draw(said, Clinic.of(config))


def _paused(plan: Plan, packs: Mapping[str, Filed], at: datetime) -> dict[str, str]:
    if not packs:
        return {}
    why = following.pauses(plan.client, {one.variant_id for one in packs.values()}, at=at)
    return {sku: why[one.variant_id] for sku, one in packs.items() if one.variant_id in why}


def _used(steps: Sequence[Step], packs: Mapping[str, Filed]) -> dict[UUID, frozenset[ScreenedSlot]]:
    """When each product is used, as screening knows it."""
    used: defaultdict[UUID, set[ScreenedSlot]] = defaultdict(set)
    for one in steps:
        used[packs[one.sku].product_id].add(ScreenedSlot(one.slot.value))
    return {product: frozenset(slots) for product, slots in used.items()}


STEP = tuple(StepOut._declared_fields.keys() - {"lasts_days", "lasts_why", "paused"})  # noqa: SLF001
