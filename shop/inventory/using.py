"""A session is performed, and the packs that it opened leave the shelf: one ledger for both.

Whole packs as they are sold: the ledger counts no millilitres. A pack is used when it is opened
for the treatment room, by the session it is opened for (docs/decisions/0026).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core.db import db, locked
from shop.inventory import moving, places
from shop.inventory.errors import LotNotUsable, NotEnoughStock
from shop.inventory.models import Location, LocationKind, Lot, MovementKind
from shop.inventory.picking import poured
from shop.treatments import performing
from shop.treatments.models import Performance, Session

Used = Sequence[tuple[Lot, int]]


def perform(
    session: Session,
    *,
    used: Used = (),
    performer: Person,
    performed_at: datetime,
    area: str | None = None,
    note: str | None = None,
    today: date,
    by: Person,
    at: datetime,
) -> Performance:
    """Write down that it was done (`performing.perform`), and take what was `used` off the shelf.

    Both or nothing. `today` is the clinic's day: a lot is used no longer than it is sold. Raises
    LotNotUsable, NotEnoughStock, and what `performing.perform` refuses.
    """
    done = performing.perform(
        session,
        performer=performer,
        performed_at=performed_at,
        area=area,
        note=note,
        by=by,
        at=at,
    )
    if used:
        _take(used, done, today)
    return done


def _take(used: Used, done: Performance, today: date) -> None:
    wanted = {lot.id: units for lot, units in used}
    if len(wanted) < len(used):
        raise LotNotUsable("Name each lot once.", fields={"used": ["A lot stands here twice."]})
    query = sa.select(Lot).where(Lot.id.in_(wanted)).order_by(Lot.id)
    shelf = list(db.session.scalars(locked(query, Lot)))
    opened = [(lot, _opened(lot, wanted[lot.id], today)) for lot in shelf]
    for lot, taken in opened:
        for place, units in taken:
            moving.move(
                lot,
                units,
                kind=MovementKind.TREATMENT_USE,
                from_=place,
                to=None,
                reference_id=done.id,
            )


def _opened(lot: Lot, units: int, today: date) -> list[tuple[Location, int]]:
    """Where the packs are taken from: the treatment rooms first, then what is free on a shelf."""
    if not lot.usable(today):
        why = "has expired" if lot.expires_on < today else f"is {lot.status.replace('_', ' ')}"
        raise LotNotUsable(
            f"Lot {lot.number} {why}: nothing of it is used.",
            lot=lot.number,
            fields={"used": [f"Lot {lot.number} {why}."]},
        )
    reach = list(_within_reach(lot))
    there = sum(can for _, can in reach)
    if not 1 <= units <= there:
        raise NotEnoughStock(
            f"Of lot {lot.number} {there} packs are free.",
            lot=lot.number,
            wanted=units,
            available=there,
            fields={"used": [f"Of lot {lot.number} {there} packs are free."]},
        )
    return list(poured(units, reach))


def _within_reach(lot: Lot) -> Iterator[tuple[Location, int]]:
    """What may be taken from each place; what is promised to orders is not there for others."""
    held = places.lying([lot.id])[lot.id]
    free = lot.free
    for kind in (LocationKind.BACK_BAR, LocationKind.RETAIL):
        for holding in (each for each in held if each.location.kind is kind):
            can = min(holding.on_hand, free) if holding.location.sells else holding.on_hand
            free -= can if holding.location.sells else 0
            yield holding.location, can
