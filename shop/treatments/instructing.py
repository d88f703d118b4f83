"""The regimen of a plan is said anew: its next version."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop.accounts.models import Person, Role
from shop.catalog.models import Product, Variant
from shop.catalog.states import ShopStatus
from shop.core import events
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.treatments import regimens, versioning
from shop.treatments.errors import OutsideScope, PlanRefused
from shop.treatments.models import Plan
from shop.treatments.regimens import LEAST, MOST, MOST_STEPS, Layer, Slot, Step, Unit, Weekday
from shop.treatments.states import ENDED


@dataclass(frozen=True)
class Wanted:
    """A step as somebody asks for it; see `regimens.Step`. Without `layer` a rule finds it."""

    sku: str
    slot: Slot
    days: tuple[Weekday, ...] = ()
    every: int = 1
    amount: Decimal | None = None
    unit: Unit = Unit.GRAM
    layer: Layer | None = None
    since: date | None = None
    until: date | None = None
    priming: bool = False


KEPT = ("sku", "slot", "days", "every", "amount", "unit", "since", "until", "priming")


def instruct(plan: Plan, steps: Sequence[Wanted], *, by: Person, at: datetime) -> None:
    """Say the whole regimen anew.

    A physician says what primes skin, and, once a plan is started, what it has of doctor-only
    packs. A step lets nobody buy anything: the gate asks for a prescription as ever. Raises
    WrongState, PlanRefused, OutsideScope.
    """
    if plan.status in ENDED:
        raise WrongState(f"A plan that is {plan.status} is not changed.", status=plan.status)
    if len(steps) > MOST_STEPS:
        raise _wrong("steps", f"A regimen has {MOST_STEPS} steps at most.")
    packs = variants({one.sku for one in steps})
    said = [_step(number, one, packs) for number, one in enumerate(steps)]
    _refuse_twice(said)
    if by.role is not Role.PHYSICIAN:
        _require_same_ordered(plan, said)
    versioning.write(plan, goal=plan.goal, regimen=regimens.ordered(said), by=by)
    events.record(Kind.PLAN_CHANGED, plan, version=plan.version.number)


def wanted(step: Step) -> Wanted:
    """A step that is said, to be said again. A layer that a rule found is found anew."""
    chosen = step.layer if step.layer_by == regimens.CHOSEN else None
    again = {name: getattr(step, name) for name in KEPT}
    return Wanted(layer=chosen, **again)


def variants(skus: Collection[str]) -> dict[str, Variant]:
    """The published packs among these, with their products. One query and what it loads."""
    query = (
        sa.select(Variant)
        .join(Variant.product)
        .where(Variant.sku.in_(skus), Product.status == ShopStatus.PUBLISHED)
        .options(joinedload(Variant.product).selectinload(Product.ingredients))
        .options(joinedload(Variant.product).joinedload(Product.brand))
    )
    return {one.sku: one for one in db.session.scalars(query).unique()}


def packs(steps: Sequence[Step]) -> dict[str, regimens.Pack]:
    """What is in the packs of these steps, as it is filed today."""
    query = sa.select(Variant.sku, Variant.net_content, Variant.net_unit).where(
        Variant.sku.in_({one.sku for one in steps})
    )
    return {
        row.sku: regimens.Pack(row.net_content, row.net_unit) for row in db.session.execute(query)
    }


class Filed(NamedTuple):
    """A pack of the catalogue, and whose it is."""

    variant_id: UUID
    product_id: UUID


def filed(skus: Collection[str]) -> dict[str, Filed]:
    """The packs by these SKUs."""
    query = sa.select(Variant.sku, Variant.id, Variant.product_id).where(Variant.sku.in_(skus))
    return {row.sku: Filed(row.id, row.product_id) for row in db.session.execute(query)}


def _step(number: int, one: Wanted, packs: dict[str, Variant]) -> Step:
    row = f"steps.{number}."
    pack = packs.get(one.sku)
    if pack is None:
        raise _wrong(f"{row}sku", f"There is no pack {one.sku[:40]!r} in the shop.")
    _refuse_times(one, row)
    if one.amount is not None and not LEAST <= one.amount <= MOST:
        raise _wrong(f"{row}amount", f"One use takes {LEAST} to {MOST} {one.unit}.")
    product = pack.product
    found, rule = regimens.layer_of(
        form=product.dosage_form,
        category=product.category,
        name=product.name,
        active=pack.doctor_only or any(line.active for line in product.ingredients),
    )
    return Step(
        sku=one.sku,
        product=f"{product.name}, {pack.name}",
        slot=one.slot,
        layer=one.layer or found,
        layer_by=regimens.CHOSEN if one.layer else rule,
        days=tuple(day for day in Weekday if day in one.days),
        every=one.every,
        amount=one.amount,
        unit=one.unit,
        since=one.since,
        until=one.until,
        doctor_only=pack.doctor_only,
        priming=one.priming,
    )


def _refuse_times(one: Wanted, row: str) -> None:
    weekly = one.slot is Slot.WEEKLY
    if weekly != bool(one.days):
        text = "Name the days of the week." if weekly else "Goes with a weekly step only."
        raise _wrong(f"{row}days", text)
    if not 1 <= one.every <= regimens.MOST_SPARING or (weekly and one.every != 1):
        raise _wrong(f"{row}every", "Every 1 to 7 days, in the morning or evening.")
    if one.since and one.until and one.until <= one.since:
        raise _wrong(f"{row}until", "Ends after it begins.")


def _refuse_twice(steps: Sequence[Step]) -> None:
    seen: set[tuple[str, Slot]] = set()
    for number, one in enumerate(steps):
        if (one.sku, one.slot) in seen:
            raise _wrong(f"steps.{number}.sku", f"Stands twice: {one.product}, {one.slot}.")
        seen.add((one.sku, one.slot))


def _require_same_ordered(plan: Plan, said: Sequence[Step]) -> None:
    """What only a physician orders is as it was before."""

    def ordered(steps: Sequence[Step]) -> set[Step]:
        started = plan.start is not None
        return {one for one in steps if one.priming or (started and one.doctor_only)}

    changed = ordered(regimens.read(plan.version.content)) ^ ordered(said)
    if changed:
        raise OutsideScope(
            "A physician says what primes skin, and what a started plan has of doctor-only"
            " products.",
            skus=sorted({one.sku for one in changed}),
        )


def _wrong(name: str, text: str) -> PlanRefused:
    return PlanRefused("This regimen cannot be written down as it is.", fields={name: [text]})
