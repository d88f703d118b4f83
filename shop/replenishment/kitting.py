"""The kit of a client's plan, read from the rows; and into her cart with one click."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop.accounts.models import Person
from shop.catalog import queries as catalog
from shop.catalog.concerns import Concern
from shop.catalog.models import (
    ActiveClass,
    Ingredient,
    IngredientName,
    Product,
    ProductIngredient,
    Variant,
)
from shop.core.clock import day_in
from shop.core.db import db
from shop.inventory import stock
from shop.orders import cart as carts
from shop.orders.models import Cart, OrderLine
from shop.orders.states import GONE, LIVE
from shop.prescriptions import asking
from shop.prescriptions.asking import Stage
from shop.prescriptions.gate import Answer, Decision, Wish
from shop.prescriptions.models import Prescription
from shop.prescriptions.states import PrescriptionStatus
from shop.replenishment import kits, supplying
from shop.replenishment.kits import Asks, Item, Kit, Need, Offer, Treated, Way
from shop.treatments import asked, permitting, regimens
from shop.treatments import queries as treatments
from shop.treatments.models import Plan, Session
from shop.treatments.states import AHEAD, PlanStatus
from shop.treatments.windows import SUBJECTS

MOST = 6  # packs that are thought of for one need
WAYS: Mapping[Answer, Way] = {
    Answer.OPEN: Way.CART,
    Answer.NEEDS_REQUEST: Way.ASK,
    Answer.NEEDS_CLIENT_ACTION: Way.ACTION,
    Answer.HOLD_UNTIL: Way.LATER,
    Answer.BLOCKED: Way.CLOSED,
}
ON_ITS_WAY = LIVE - GONE


@dataclass(frozen=True, eq=False)  # conditions cannot be compared
class Shelf:
    """What this client is shown (`seen`), and what of it can be promised today, as conditions.

    `teased`: she asks a physician, whatever the gate says. `Product` and `Variant` are in them.
    """

    seen: sa.ColumnElement[bool]
    stocked: sa.ColumnElement[bool] = field(default_factory=sa.true)
    teased: sa.ColumnElement[bool] = field(default_factory=sa.false)


def kit_of(plan: Plan, shelf: Shelf, *, at: datetime) -> Kit:
    """What her plan needs now. Changes nothing. As many statements however long her home
    care is, and one more for each class of active that is needed.

    Windows are those of all her plans together. Raises sealed.NotOpened.
    """
    client, today = plan.client, day_in(plan.zone, at)
    now = kits.phase(_treated(plan), today=today)
    (said,) = asked.of_each([(client, at)], subjects=SUBJECTS)
    asks = [Asks(one, said.titled(one)) for one in said.intervals]
    steps = _steps(plan, today)
    needed = kits.needs(
        now,
        asks if plan.status is PlanStatus.ACTIVE or now else (),
        _as_needs(steps),
        at=at,
    )
    offers = _offers(client, _packs(needed, shelf), plan, shelf, at=at)
    held = treatments.held_for_report(client.id)
    return kits.choose(needed, offers, asks, now=now, held=held, at=at)


def put(cart: Cart, kit: Kit) -> list[Item]:
    """All that is ready as lines of the (locked) cart; a line that is there stays as it is.

    Safe to repeat. Raises NotForSale.
    """
    there = {line.variant.sku for line in cart.lines}
    fresh = [one for one in kit.ready if one.offer.sku not in there]
    query = sa.select(Variant).where(Variant.sku.in_([one.offer.sku for one in fresh]))
    found = {one.sku: one for one in db.session.scalars(query)}
    for one in fresh:
        carts.put(cart, found[one.offer.sku], one.offer.quantity)
    return fresh


def _treated(plan: Plan) -> list[Treated]:
    """Its sessions that were done, and of a plan that runs those that are ahead."""
    return [
        _as_treated(one, plan.zone)
        for one in plan.sessions
        if one.performance or (one.status in AHEAD and plan.status is PlanStatus.ACTIVE)
    ]


def _as_treated(session: Session, zone: str) -> Treated:
    procedure = permitting.procedure_of(session.procedure)
    return Treated(
        name=procedure.name,
        on=day_in(zone, session.performed_at or session.starts_at),
        done=session.performance is not None,
        downtime=procedure.downtime[1],
        signs=procedure.signs,
    )


def _steps(plan: Plan, today: date) -> list[regimens.Step]:
    """Those that a running plan asks for now or within the next days."""
    if plan.status is not PlanStatus.ACTIVE:
        return []
    return [
        one
        for one in regimens.read(plan.version.content)
        if (one.since is None or one.since <= today + kits.NEAR)
        and (one.until is None or today < one.until)
    ]


def _as_needs(steps: Sequence[regimens.Step]) -> list[Need]:
    """Each pack of her home care once, with all its times."""
    times: defaultdict[str, list[str]] = defaultdict(list)
    for one in steps:
        times[one.sku].append(one.frequency)
    names = {one.sku: one.product for one in steps}
    return [
        Need(f"Part of your home care: {' and '.join(each)}.", sku=sku, called=names[sku])
        for sku, each in times.items()
    ]


def _packs(needed: Sequence[Need], shelf: Shelf) -> dict[str, list[Variant]]:
    """The packs that would serve each need, by its key. One statement, and one for each class."""
    named = _for_sale(shelf).where(Variant.sku.in_([need.sku for need in needed]))
    found = {pack.sku: [pack] for pack in db.session.scalars(named)}
    for need in needed:
        if need.subject in set(ActiveClass):  # a word of conduct is nothing we sell
            found[need.key] = list(db.session.scalars(_with_class(need, shelf)))
    return found


def _for_sale(shelf: Shelf) -> sa.Select[Variant]:
    return (
        sa.select(Variant)
        .join(Product, Product.id == Variant.product_id)
        .where(Variant.for_sale, Product.published_at.is_not(None), shelf.seen)
        .options(joinedload(Variant.product))
    )


def _with_class(need: Need, shelf: Shelf) -> sa.Select[Variant]:
    """Packs with an active of this class, those meant for treated skin first."""
    holds = sa.exists().where(
        ProductIngredient.product_id == Product.id,
        ProductIngredient.active,
        IngredientName.id == ProductIngredient.name_id,
        Ingredient.id == IngredientName.ingredient_id,
        Ingredient.active_class == need.subject,
    )
    meant = sa.literal(Concern.POST_PROCEDURE.value) == sa.any_(Product.concerns)
    return (
        _for_sale(shelf)
        .where(holds, Variant.doctor_only if need.ordered else shelf.stocked)
        .order_by(~meant, Variant.doctor_only, Product.name, Variant.sku)
        .limit(MOST)
    )


def _offers(
    client: Person,
    packs: Mapping[str, Sequence[Variant]],
    plan: Plan,
    shelf: Shelf,
    *,
    at: datetime,
) -> dict[str, list[Offer]]:
    """Every pack as the gate answers for it, by the need it would serve."""
    every = {pack.id: pack for each in packs.values() for pack in each}
    if not every:
        return {}
    units = _units(client, every)
    answers = _answers(client, every, units, at=at)
    subjects = catalog.active_classes(Variant.id, every.keys())
    lasting = _lasting(client, every, plan, at)
    teased = set(
        db.session.scalars(
            sa.select(Variant.id)
            .join(Product, Product.id == Variant.product_id)
            .where(Variant.id.in_(every), shelf.teased)
        )
    )
    in_cart = {line.variant_id for line in carts.cart_of(client).lines}

    def offer(pack: Variant) -> Offer:
        answer = answers[pack.id]
        way = Way.ASK if pack.id in teased and answer.open else WAYS[answer.answer]
        return Offer(
            sku=pack.sku,
            quantity=units[pack.id],
            name=f"{pack.product.name}, {pack.name}",
            slug=pack.product.slug,
            subjects=frozenset[str](subjects.get(pack.id, ())),
            way=Way.HAVE if pack.id in lasting else way,
            said=answer.sentence,
            doctor_only=pack.doctor_only,
            lasts_until=lasting.get(pack.id),
            in_cart=pack.id in in_cart,
        )

    return {key: [offer(pack) for pack in each] for key, each in packs.items()}


def _units(client: Person, packs: Mapping[UUID, Variant]) -> dict[UUID, int]:
    """How many at a time: what she was prescribed, else one."""
    rows = db.session.execute(
        sa.select(Prescription.variant_id, Prescription.quantity_per_fill)
        .where(
            Prescription.client_id == client.id,
            Prescription.variant_id.in_(packs),
            Prescription.status == PrescriptionStatus.ACTIVE,
        )
        .order_by(Prescription.signed_at, Prescription.id)
    )
    return dict.fromkeys(packs, 1) | {row.variant_id: row.quantity_per_fill for row in rows}


def _answers(
    client: Person, packs: Mapping[UUID, Variant], units: Mapping[UUID, int], *, at: datetime
) -> dict[UUID, Decision]:
    free = stock.available(list(packs), today=at.astimezone(UTC).date())
    decisions = asking.ask(
        client,
        [Wish(one.id, one.sku, units[one.id]) for one in packs.values()],
        ship_to_state=None,
        at=at,
        stage=Stage.CART,
        out_of_stock=[key for key in packs if free[key] < units[key]],
    )
    return {one.wish.variant_id: one for one in decisions}


def _lasting(
    client: Person, packs: Collection[UUID], plan: Plan, at: datetime
) -> dict[UUID, date | None]:
    """Until when what she has lasts, where that is ahead; None for what is on its way to her."""
    on_its_way = sa.select(OrderLine.variant_id).where(
        OrderLine.client_id == client.id,
        OrderLine.variant_id.in_(packs),
        OrderLine.status.in_(ON_ITS_WAY),
    )
    found = dict.fromkeys(db.session.scalars(on_its_way))
    today = day_in(plan.zone, at)
    for supply in supplying.of_client(client, at=at, zone=plan.zone):
        until = supply.runs_out_on
        if supply.variant_id in packs and until is not None and today < until:
            found[supply.variant_id] = until
    return found
