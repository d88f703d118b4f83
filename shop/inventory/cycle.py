"""The cycle plan: what sells for most is counted most often (ABC), place by place."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop.accounts.models import Person
from shop.catalog.models import Price, Variant
from shop.core.db import db
from shop.inventory import counting
from shop.inventory.models import (
    Count,
    CountCause,
    CountEntry,
    CountLine,
    Holding,
    Location,
    LocationKind,
    Lot,
    Movement,
    MovementKind,
)
from shop.inventory.states import CountStatus

LOOKS_BACK = timedelta(days=365)


@dataclass(frozen=True)
class CountClass:
    """Variants that together make up the sales to `share` per cent, counted every so many days."""

    name: str
    share: int
    days: int


CLASSES = (CountClass("A", 80, 30), CountClass("B", 95, 90), CountClass("C", 100, 180))


@dataclass(frozen=True)
class Due:
    """A variant in a location: when it is to be counted, and when it was last."""

    variant: Variant
    location: Location
    lots: int
    by_class: CountClass
    counted_on: date | None
    due_on: date


def classed(sold_cents: Mapping[uuid.UUID, int]) -> dict[uuid.UUID, CountClass]:
    """The class of each variant by what was sold of it, in cents. What sold nothing is C. Pure."""
    total, before, found = sum(sold_cents.values()), 0, {}
    for variant_id, cents in sorted(sold_cents.items(), key=lambda each: (-each[1], each[0])):
        reached = (each for each in CLASSES if cents and before * 100 < total * each.share)
        found[variant_id] = next(reached, CLASSES[-1])
        before += cents
    return found


def plan(*, at: datetime, location: Location | None = None) -> list[Due]:
    """Whatever lies somewhere, soonest due first; two statements.

    What was never counted counts as counted when it was first received.
    """
    rows = list(db.session.execute(_lying(location)))
    sold = {row.Variant.id: 0 for row in rows} | _sold(at - LOOKS_BACK)
    classes = classed(sold)
    found = [_due(row, classes[row.Variant.id]) for row in rows]
    return sorted(found, key=lambda due: (due.due_on, due.variant.sku, due.location.code))


def plan_due(location: Location, *, today: date, by: Person, at: datetime) -> Count:
    """Plan to count what is due in a location. Raises CountRefused where nothing is."""
    due = [one.variant.id for one in plan(at=at, location=location) if one.due_on <= today]
    query = (
        sa.select(Lot)
        .join(Holding, Holding.lot_id == Lot.id)
        .where(Holding.location_id == location.id, Holding.on_hand > 0, Lot.variant_id.in_(due))
        .order_by(Lot.id)
        .limit(counting.MOST_LINES)
    )
    lots = list(db.session.scalars(query))
    return counting.plan(location, lots, cause=CountCause.CYCLE, by=by, at=at)


def _lying(
    location: Location | None,
) -> sa.Select[Variant, Location, int, datetime, datetime]:
    counted = (
        sa.select(sa.func.max(CountEntry.counted_at))
        .join(CountLine, CountLine.id == CountEntry.line_id)
        .join(Count, Count.id == CountLine.count_id)
        .join(Lot, Lot.id == CountLine.lot_id)
        .where(
            Count.status == CountStatus.POSTED,
            Count.location_id == Location.id,
            Lot.variant_id == Variant.id,
        )
        .correlate(Location, Variant)
        .scalar_subquery()
    )
    query = (
        sa.select(
            Variant,
            Location,
            sa.func.count().label("lots"),
            sa.func.min(Lot.received_at).label("received_at"),
            counted.label("counted_at"),
        )
        .join(Lot, Lot.variant_id == Variant.id)
        .join(Holding, Holding.lot_id == Lot.id)
        .join(Location, Location.id == Holding.location_id)
        .where(Holding.on_hand > 0, Location.kind != LocationKind.IN_TRANSIT)
        .group_by(Variant.id, Location.id)
        .options(joinedload(Variant.product))
    )
    return query if location is None else query.where(Location.id == location.id)


def _sold(since: datetime) -> dict[uuid.UUID, int]:
    """What was shipped since, at the price of the day, in cents by variant id."""
    shipped = (
        sa.select(Lot.variant_id, sa.func.sum(Movement.units).label("units"))
        .join(Lot, Lot.id == Movement.lot_id)
        .where(Movement.kind == MovementKind.SHIP, Movement.at >= since)
        .group_by(Lot.variant_id)
        .subquery()
    )
    price = (
        sa.select(Price.cents)
        .where(Price.variant_id == shipped.c.variant_id, Price.valid_from <= sa.func.shop_now())
        .order_by(Price.valid_from.desc())
        .limit(1)
        .scalar_subquery()
    )
    rows = db.session.execute(sa.select(shipped.c.variant_id, shipped.c.units * price))
    return {variant_id: int(cents or 0) for variant_id, cents in rows}


def _due(row: Any, by_class: CountClass) -> Due:
    since = row.counted_at or row.received_at
    return Due(
        row.Variant,
        row.Location,
        row.lots,
        by_class,
        row.counted_at.date() if row.counted_at else None,
        since.date() + timedelta(days=by_class.days),
    )
