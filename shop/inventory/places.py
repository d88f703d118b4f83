"""What lies where, what is on its way, what is open to be tried: for staff and the manager."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from shop.catalog.models import Variant
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.inventory.models import (
    Holding,
    Location,
    Lot,
    Movement,
    MovementKind,
    ShelfTester,
    Site,
    Transfer,
    TransferArrival,
    TransferLine,
)

NEWEST_FIRST = (Transfer.sent_at, Transfer.id)
_LOT = joinedload(ShelfTester.lot).joinedload(Lot.variant).joinedload(Variant.product)
_LINES = selectinload(Transfer.lines)
_WHOLE = (
    joinedload(Transfer.from_site),
    joinedload(Transfer.to_site),
    joinedload(Transfer.sent_by),
    _LINES.joinedload(TransferLine.lot).joinedload(Lot.variant).joinedload(Variant.product),
    _LINES.joinedload(TransferLine.origin),
    _LINES.selectinload(TransferLine.arrivals).joinedload(TransferArrival.by),
)


@dataclass(frozen=True)
class Place:
    """A place, and how many packs of how many lots lie in it."""

    location: Location
    units: int
    lots: int


def sites() -> list[Site]:
    """Every clinic, the open ones first."""
    order = (Site.closed_at.is_not(None), Site.code)
    return list(db.session.scalars(sa.select(Site).order_by(*order)))


def site(code: str, *, lock: bool = False) -> Site:
    """The clinic with this code. Raises NotFound."""
    query = sa.select(Site).where(Site.code == code)
    found = db.session.scalars(locked(query, Site) if lock else query).one_or_none()
    if found is None:
        raise NotFound(f"There is no clinic {code}.")
    return found


def place(code: str) -> Location:
    """The place with this code, locked. Raises NotFound."""
    query = sa.select(Location).where(Location.code == code)
    found = db.session.scalars(locked(query, Location)).one_or_none()
    if found is None:
        raise NotFound(f"There is no place {code}.")
    return found


def places() -> list[Place]:
    """Every place with what lies in it, by clinic; the open ones first."""
    units = sa.func.coalesce(sa.func.sum(Holding.on_hand), 0)
    lots = sa.func.count(Holding.lot_id).filter(Holding.on_hand > 0)
    held = (
        sa.select(Location.id, units.label("units"), lots.label("lots"))
        .outerjoin(Holding, Holding.location_id == Location.id)
        .group_by(Location.id)
        .subquery()
    )
    rows = db.session.execute(
        sa.select(Location, held.c.units, held.c.lots)
        .join(held, held.c.id == Location.id)
        .join(Location.site)
        .options(contains_eager(Location.site))
        .order_by(Site.code, Location.closed_at.is_not(None), Location.kind, Location.code)
    )
    return [Place(*row) for row in rows]


def lying(lots: Collection[uuid.UUID]) -> Mapping[uuid.UUID, list[Holding]]:
    """What of these lots lies where, by lot id, places by clinic and code. One statement."""
    found: dict[uuid.UUID, list[Holding]] = defaultdict(list)
    query = (
        sa.select(Holding)
        .join(Holding.location)
        .join(Location.site)
        .where(Holding.lot_id.in_(lots), Holding.on_hand > 0)
        .options(contains_eager(Holding.location).contains_eager(Location.site))
        .order_by(Site.code, Location.code)
        .execution_options(populate_existing=True)
    )
    for holding in db.session.scalars(query):
        found[holding.lot_id].append(holding)
    return found


def reached(reference_id: uuid.UUID) -> Location:
    """Where the transfer with this reference led."""
    query = (
        sa.select(Location)
        .join(Movement, Movement.to_id == Location.id)
        .where(Movement.reference_id == reference_id, Movement.kind == MovementKind.TRANSFER)
    )
    return db.session.scalars(query).one()


def transfers() -> sa.Select[Transfer]:
    """All of them, for a list."""
    return sa.select(Transfer).options(*_WHOLE)


def transfer(number: str, *, lock: bool = False) -> Transfer:
    """The transfer with this number, and all that became of it. Raises NotFound."""
    query = transfers().where(Transfer.number == number)
    found = db.session.scalars(locked(query, Transfer) if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no such transfer.")
    return found


def testers() -> list[ShelfTester]:
    """Those that clients may try, the first to be thrown away first."""
    query = sa.select(ShelfTester).where(ShelfTester.ended_at.is_(None)).options(_LOT)
    return list(db.session.scalars(query.order_by(ShelfTester.use_by, ShelfTester.number)))


def tester(number: str) -> ShelfTester:
    """One of them, locked after its lot, which changes with it. Raises NotFound."""
    lot_id = db.session.scalar(sa.select(ShelfTester.lot_id).where(ShelfTester.number == number))
    if lot_id is None:
        raise NotFound("There is no such tester.")
    db.session.scalars(locked(sa.select(Lot).where(Lot.id == lot_id), Lot)).one()
    query = sa.select(ShelfTester).where(ShelfTester.number == number).options(_LOT)
    return db.session.scalars(locked(query, ShelfTester)).one()
