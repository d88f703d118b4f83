"""What runs out, auto-refills and their cycles, on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from marshmallow import fields, validate

from shop.orders.models import MAX_QUANTITY
from shop.orders.pricing import SHIPPING_METHODS
from shop.orders.schemas import LONGEST_SKU, AddressIn
from shop.replenishment.models import AutoRefill, RefillCycle
from shop.replenishment.states import CycleStatus, Obstacle, RefillStatus
from shop.replenishment.supplying import Supply
from shop.web.api import Cents, Moment, PageQuery, Schema, StrictBoolean, Text, Whole


class WantedIn(Schema):
    """What is sent again, where to, and by which saved card it is paid."""

    quantity = Whole(least=1, most=MAX_QUANTITY, load_default=1)
    shipping_address = fields.Nested(AddressIn, required=True)
    shipping_method = fields.String(required=True, validate=validate.OneOf(list(SHIPPING_METHODS)))
    card = fields.UUID(required=True)


class TermsIn(WantedIn):
    sku = Text(required=True, shortest=1, longest=LONGEST_SKU)


class YesIn(Schema):
    """Her yes: to the statement of this version, and to the total that she saw."""

    agreed = StrictBoolean(required=True)
    statement_version = Text(required=True, shortest=1, longest=20)
    expect_total_cents = Cents(required=True)


class AgreementIn(TermsIn, YesIn):
    """All of it at once."""


class ConsentIn(WantedIn, YesIn):
    """Other terms for an auto-refill that is there."""


class RemindersIn(Schema):
    wanted = StrictBoolean(required=True)


class TermsOut(Schema):
    """All that is material, before anybody agrees. `due_on`: about when it is charged first."""

    statement = fields.String()
    statement_version = fields.String()
    unit_price_cents = fields.Integer(attribute="unit_cents")
    shipping_cents = fields.Integer(attribute="totals.shipping_cents")
    tax_cents = fields.Integer(attribute="totals.tax_cents")
    total_cents = fields.Integer(attribute="totals.total_cents")
    due_on = fields.Date(attribute="due")


class SupplyOut(Schema):
    """A pack she was handed out last. `runs_out_on` is null where it is not known: `why` says so.

    `because`: why the day moved from `unmoved`, in the one sentence that all pages share. `held`: a
    pause holds now and nobody knows its end, so that it is that day at the earliest.
    """

    sku = fields.String()
    name = fields.String()
    handed_out_on = fields.Date(attribute="since")
    runs_out_on = fields.Date(allow_none=True)
    unmoved = fields.Date(attribute="run_out.unmoved", dump_default=None)
    because = fields.List(fields.String(), attribute="run_out.because", dump_default=[])
    held = fields.Boolean(attribute="run_out.held", dump_default=False)
    why = fields.String()


class ReasonOut(Schema):
    text = fields.String()
    remedy = fields.String(allow_none=True)


class CycleOut(Schema):
    """One time round. `act_on`: the day on which it is charged, or asked again."""

    number = fields.Integer()
    status = fields.Enum(CycleStatus, by_value=True)
    act_on = fields.Date()
    announced_for = fields.Date(attribute="notice.charge_on", dump_default=None)
    total_cents = fields.Integer(attribute="notice.total_cents", dump_default=None)
    rises = fields.Boolean(attribute="notice.rises", dump_default=False)
    order = fields.String(attribute="order.number", dump_default=None)
    obstacle = fields.Enum(Obstacle, by_value=True, allow_none=True)
    reasons = fields.Function(lambda cycle: ReasonOut(many=True).dump(reasons(cycle)))


class AutoRefillOut(Schema):
    """An auto-refill with what was agreed to last, and its latest cycles."""

    number = fields.String()
    sku = fields.String(attribute="variant.sku")
    product = fields.String(attribute="variant.product.name")
    status = fields.Enum(RefillStatus, by_value=True)
    quantity = fields.Integer(attribute="consent.quantity")
    agreed_total_cents = fields.Integer(attribute="consent.total_cents")
    shipping_method = fields.String(attribute="consent.shipping_method")
    card = fields.Function(lambda refill: refill.consent.card.last4)
    statement = fields.String(attribute="consent.statement")
    statement_version = fields.String(attribute="consent.statement_version")
    consented_at = Moment(attribute="consent.consented_at")
    cycles = fields.Function(lambda refill: CycleOut(many=True).dump(latest(refill)))


class RefillsOut(Schema):
    """What runs out when, and what is sent again by itself."""

    supplies = fields.List(fields.Nested(SupplyOut))
    auto_refills = fields.List(fields.Nested(AutoRefillOut))
    reminders = fields.Boolean()


class StuckOut(Schema):
    """A refill that waits, for who works here: nothing of anybody's health."""

    auto_refill = fields.String(attribute="auto_refill.number")
    client = fields.String(attribute="auto_refill.client.name")
    sku = fields.String(attribute="auto_refill.variant.sku")
    status = fields.Enum(CycleStatus, by_value=True)
    obstacle = fields.Enum(Obstacle, by_value=True, allow_none=True, attribute="waits_for")
    act_on = fields.Date()
    order = fields.String(attribute="order.number", dump_default=None)


class StuckPageOut(Schema):
    items = fields.List(fields.Nested(StuckOut))
    next = fields.String(allow_none=True)


class StuckQuery(PageQuery):
    """Nothing but which page."""


class Refills(NamedTuple):
    """What `RefillsOut` dumps."""

    supplies: Sequence[Supply]
    auto_refills: Sequence[AutoRefill]
    reminders: bool


def latest(refill: AutoRefill) -> list[RefillCycle]:
    """Her last cycles, newest first."""
    return list(reversed(refill.cycles[-6:]))


def reasons(cycle: RefillCycle) -> list[dict[str, Any]]:
    """What is against it, in the gate's own words. Raises sealed.NotOpened."""
    return cycle.reasons or []
