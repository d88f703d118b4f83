"""What staff look up about the shelf. No client reads any of it."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager, joinedload

from shop.accounts.models import Person
from shop.catalog.models import Product, Variant
from shop.core import events
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.inventory import explaining, places
from shop.inventory.explaining import Reason, Why
from shop.inventory.models import (
    Holding,
    Location,
    LocationKind,
    Lot,
    Movement,
    MovementKind,
    sellable_on,
)
from shop.inventory.states import LotStatus
from shop.treatments.models import Performance, Plan, Session

GONE = (LotStatus.RETURNED, LotStatus.DESTROYED)


@dataclass(frozen=True)
class Shelf:
    """A variant and its lots, soonest expiry first; lots that are empty or gone are left out."""

    variant: Variant
    lots: list[Lot]
    free: int  # units that may be promised today
    why: Mapping[uuid.UUID, list[Reason]]  # what can be sold of each lot, and what not, by lot id

    @property
    def on_hand(self) -> int:
        return sum(lot.on_hand for lot in self.lots)

    @property
    def reserved(self) -> int:
        return sum(lot.reserved for lot in self.lots)

    @property
    def reasons(self) -> dict[Why, int]:
        """Units by what stands against selling them."""
        return explaining.summed(reason for lot in self.lots for reason in self.why[lot.id])


@dataclass(frozen=True)
class Happening:
    """A line of a lot's history: something that was done, or units that came or went."""

    at: datetime
    what: str  # an event's or a movement's kind
    by: str  # a person's name, or "system"
    units: int | None
    balance: int | None
    note: str


@dataclass(frozen=True)
class Use:
    """Packs of a lot that were opened for a session: whose, what was done and when."""

    lot: Lot
    units: int
    performance: Performance
    session: Session
    plan: Plan
    client: Person


def stocked(
    *, sku: str | None, low: int | None, expiring: int | None, today: date
) -> sa.Select[Variant]:
    """The variants on the board: for sale, or with a lot.

    `low`: at most so many units may be promised. `expiring`: units expire within so many days.
    """
    query = (
        sa.select(Variant)
        .join(Variant.product)
        .options(contains_eager(Variant.product).joinedload(Product.brand))
        .where(sa.or_(Variant.for_sale, _has_lot()))
    )
    if sku is not None:
        query = query.where(Variant.sku == sku)
    if low is not None:
        query = query.where(_free(today) <= low)
    if expiring is not None:
        soon = Lot.expires_on <= today + timedelta(days=expiring)
        query = query.where(_has_lot(Lot.on_hand > 0, soon))
    return query


def shelves(variants: list[Variant], *, today: date) -> list[Shelf]:
    """The lots of these variants, in the variants' order; two statements."""
    ids = [variant.id for variant in variants]
    lots: dict[uuid.UUID, list[Lot]] = {variant_id: [] for variant_id in ids}
    query = (
        sa.select(Lot)
        .where(Lot.variant_id.in_(ids), Lot.on_hand > 0, Lot.status.not_in(GONE))
        .order_by(Lot.expires_on, Lot.received_at, Lot.id)
    )
    for lot in db.session.scalars(query):
        lots[lot.variant_id].append(lot)
    all_lots = [lot for found in lots.values() for lot in found]
    held = places.lying([lot.id for lot in all_lots]) if all_lots else {}
    why = {lot.id: explaining.explain(lot, held.get(lot.id, ()), today=today) for lot in all_lots}
    return [
        Shelf(
            variant,
            lots[variant.id],
            sum(lot.free for lot in lots[variant.id] if lot.sellable(today)),
            {lot.id: why[lot.id] for lot in lots[variant.id]},
        )
        for variant in variants
    ]


def lot(number: str, *, lock: bool = False) -> Lot:
    """The lot with our number; `lock` for whoever will change it. Raises NotFound."""
    query = sa.select(Lot).where(Lot.number == number)
    found = db.session.scalars(locked(query, Lot) if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no lot with this number.")
    return found


def movements(lot: Lot) -> list[Movement]:
    """The ledger of a lot, oldest first."""
    query = sa.select(Movement).where(Movement.lot_id == lot.id).order_by(Movement.seq)
    return list(db.session.scalars(query))


def uses_of(lot: Lot) -> list[Use]:
    """The sessions that packs of a lot were opened for, oldest first: whom a recall concerns.

    Who shows it writes down whose records were opened.
    """
    return list(_uses(Movement.lot_id == lot.id))


def in_treatment_rooms(*, today: date) -> Sequence[tuple[Lot, int]]:
    """What lies in the treatment rooms and may be used, by name: lots with their packs there.

    50 at most; a fixed number of statements.
    """
    there = sa.func.sum(Holding.on_hand)
    query = (
        sa.select(Lot, there)
        .join(Holding, Holding.lot_id == Lot.id)
        .join(Location, Location.id == Holding.location_id)
        .join(Variant, Variant.id == Lot.variant_id)
        .join(Product, Product.id == Variant.product_id)
        .where(Location.kind == LocationKind.BACK_BAR, Holding.on_hand > 0, Lot.expires_on >= today)
        .group_by(Lot.id, Product.name)
        .order_by(Product.name, Lot.expires_on, Lot.id)
        .options(joinedload(Lot.variant).joinedload(Variant.product))
        .limit(50)
    )
    return [(lot, units) for lot, units in db.session.execute(query) if lot.usable(today)]


def used_in(sessions: Collection[uuid.UUID]) -> Mapping[uuid.UUID, list[Use]]:
    """What was used in each of these sessions that used anything. One statement."""
    found: dict[uuid.UUID, list[Use]] = defaultdict(list)
    for use in _uses(Performance.session_id.in_(sessions)):
        found[use.session.id].append(use)
    return found


def _uses(*where: sa.ColumnElement[bool]) -> Iterator[Use]:
    rows = db.session.execute(
        sa.select(Lot, Movement.units, Performance, Session, Plan, Person)
        .join(Movement, Movement.lot_id == Lot.id)
        .join(Performance, Performance.id == Movement.reference_id)
        .join(Session, Session.id == Performance.session_id)
        .join(Plan, Plan.id == Session.plan_id)
        .join(Person, Person.id == Session.client_id)
        .where(Movement.kind == MovementKind.TREATMENT_USE, *where)
        .options(joinedload(Lot.variant).joinedload(Variant.product))
        .order_by(Performance.performed_at, Lot.number)
    )
    return (Use(*row) for row in rows)


def lots(numbers: Collection[str]) -> dict[str, Lot]:
    """The lots with these numbers of ours, by number; one that is not there is left out."""
    query = sa.select(Lot).where(Lot.number.in_(numbers))
    return {lot.number: lot for lot in db.session.scalars(query)}


def history(lot: Lot) -> list[Happening]:
    """What was done to a lot and what moved, oldest first."""
    told, moved = events.of(lot.id), movements(lot)
    names = _names({each.actor for each in told} | {each.actor for each in moved})
    happened = [
        Happening(
            each.at, each.kind, names[each.actor], None, None, str(each.facts.get("reason", ""))
        )
        for each in told
    ] + [
        Happening(each.at, each.kind.value, names[each.actor], each.delta, each.balance, "")
        for each in moved
    ]
    return sorted(happened, key=lambda each: each.at)


def _names(actors: set[str]) -> dict[str, str]:
    people = {actor: _person_id(actor) for actor in actors}
    ids = [person_id for person_id in people.values() if person_id]
    rows = db.session.execute(sa.select(Person.id, Person.name).where(Person.id.in_(ids)))
    known: dict[Any, str] = {row.id: row.name for row in rows}
    return {actor: known.get(people[actor], "system") for actor in actors}


def _person_id(actor: str) -> uuid.UUID | None:
    kind, _, name = actor.partition(":")
    try:
        return uuid.UUID(name) if kind == "person" else None
    except ValueError:
        return None


def _has_lot(*also: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
    return sa.exists().where(Lot.variant_id == Variant.id, Lot.status.not_in(GONE), *also)


def _free(today: date) -> sa.ColumnElement[int]:
    units = sa.func.coalesce(sa.func.sum(Lot.on_shelf - Lot.reserved), 0)
    return (
        sa.select(units)
        .where(
            Lot.variant_id == Variant.id,
            sellable_on(today),
        )
        .scalar_subquery()
    )
