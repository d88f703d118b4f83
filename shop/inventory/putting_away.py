"""Carrying packs from one shelf of a clinic to another: bins, treatment rooms."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core.db import db
from shop.inventory import moving
from shop.inventory.errors import WrongPlace
from shop.inventory.models import Location, LocationKind, Lot, Movement, MovementKind

SHELVES = (LocationKind.RETAIL, LocationKind.BACK_BAR)


def put_away(
    lot: Lot,
    units: int,
    *,
    from_: Location,
    to: Location,
    reference_id: uuid.UUID,
    by: Person,
    at: datetime,
) -> Movement:
    """Carry units of a (locked) lot; the movement is the whole record of it.

    What was carried with this `reference_id` before is not carried again. What is promised to
    orders stays where orders are filled. Raises WrongPlace, NotEnoughStock.
    """
    if carried := _carried(lot, reference_id):
        return carried
    for place in (from_, to):
        if place.kind not in SHELVES:
            raise WrongPlace(
                f"{place.name} is no shelf: packs come and go there in other ways.",
                place=place.code,
            )
    if from_.site_id != to.site_id:
        raise WrongPlace(f"{to.name} is in another clinic. Send a transfer.", place=to.code)
    return moving.move(
        lot, units, kind=MovementKind.TRANSFER, from_=from_, to=to, reference_id=reference_id
    )


def _carried(lot: Lot, reference_id: uuid.UUID) -> Movement | None:
    query = sa.select(Movement).where(
        Movement.lot_id == lot.id,
        Movement.kind == MovementKind.TRANSFER,
        Movement.reference_id == reference_id,
    )
    return db.session.scalars(query).first()
