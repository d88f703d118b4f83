"""A session is performed, and the packs that it opened leave the shelf: one ledger for both.

Whole packs as they are sold: the ledger counts no millilitres. A pack is used when it is opened
for the treatment room, by the session it is opened for (docs/decisions/0026).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core.db import db, locked
from shop.inventory.errors import LotNotUsable, NotEnoughStock
from shop.inventory.heads import reread
from shop.inventory.models import Lot, Movement, MovementKind
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
    for lot in shelf:
        _refuse(lot, wanted[lot.id], today)
    for lot in shelf:
        db.session.add(
            Movement(
                id=uuid.uuid4(),
                lot_id=lot.id,
                kind=MovementKind.TREATMENT_USE,
                delta=-wanted[lot.id],
                reference_id=done.id,
            )
        )
    db.session.flush()  # the database numbers the movements and moves the heads
    reread(shelf)


def _refuse(lot: Lot, units: int, today: date) -> None:
    """What is promised to orders is not there for others."""
    if not lot.sellable(today):
        why = "has expired" if lot.expires_on < today else f"is {lot.status.replace('_', ' ')}"
        raise LotNotUsable(
            f"Lot {lot.number} {why}: nothing of it is used.",
            lot=lot.number,
            fields={"used": [f"Lot {lot.number} {why}."]},
        )
    if not 1 <= units <= lot.free:
        raise NotEnoughStock(
            f"Of lot {lot.number} {lot.free} packs are free.",
            lot=lot.number,
            wanted=units,
            available=lot.free,
            fields={"used": [f"Of lot {lot.number} {lot.free} packs are free."]},
        )
