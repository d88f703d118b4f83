"""The ledger follows what is there. Promises in a lot that lacks units move to others first."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import date

from shop.core.db import db
from shop.inventory import moving, stock
from shop.inventory.errors import UnitsArePromised
from shop.inventory.models import Location, Lot, Movement, MovementKind


def make_room(
    lot: Lot,
    location: Location,
    units: int,
    *,
    today: date,
    sparing: Collection[uuid.UUID] = (),
    avoiding: Collection[uuid.UUID] = (),
) -> None:
    """Let other lots keep the promises of units that are about to leave, as far as they can.

    Those of `sparing` (reservation ids) last, and into no lot of `avoiding`. Before the lot is
    locked: promises are locked first.
    """
    db.session.refresh(lot)
    if location.sells and units > lot.free:
        stock.reallocate(lot, units - lot.free, today=today, sparing=sparing, avoiding=avoiding)


def correct(
    lot: Lot, location: Location, delta: int, *, kind: MovementKind, reference_id: uuid.UUID
) -> Movement:
    """Let `delta` units come (or, negative, go) in a location; `lot` is locked.

    Raises NotEnoughStock where the location holds fewer, UnitsArePromised where promises of the
    lot can be kept nowhere else.
    """
    if delta > 0:
        return moving.move(
            lot, delta, kind=kind, from_=None, to=location, reference_id=reference_id
        )
    units = -delta
    if location.sells and lot.free < units <= moving.lies(lot, location):
        raise UnitsArePromised(
            f"{units - max(lot.free, 0)} of these units of lot {lot.lot_number} are promised to"
            " orders, and no other lot can keep the promise. Cancel such an order or receive more,"
            " then try again.",
            lot=lot.number,
            wanted=units,
            available=max(lot.free, 0),
        )
    return moving.move(lot, units, kind=kind, from_=location, to=None, reference_id=reference_id)
