"""Carry units of a lot from one place to another, or out of the house: one line of the ledger."""

from __future__ import annotations

import uuid

import sqlalchemy as sa

from shop.core.db import db
from shop.inventory.errors import NotEnoughStock, WrongPlace
from shop.inventory.heads import reread
from shop.inventory.models import Holding, Location, LocationKind, Lot, Movement, MovementKind

L, M = LocationKind, MovementKind
# From and to which kinds of place a movement leads, where that is limited; the function
# `movement_leads` of the database says the same.
WAYS: dict[MovementKind, tuple[frozenset[LocationKind] | None, frozenset[LocationKind] | None]] = {
    M.RETURN_IN: (None, frozenset({L.RETURNS})),
    M.TREATMENT_USE: (frozenset({L.RETAIL, L.BACK_BAR}), None),
    M.TRANSFER: (
        frozenset({L.RETAIL, L.BACK_BAR, L.IN_TRANSIT}),
        frozenset({L.RETAIL, L.BACK_BAR, L.IN_TRANSIT, L.TESTER}),
    ),
    M.QUARANTINE: (None, frozenset({L.QUARANTINE})),
    M.RECALL: (None, frozenset({L.QUARANTINE})),
    M.RELEASE: (frozenset({L.QUARANTINE, L.RETURNS}), frozenset({L.RETAIL, L.BACK_BAR})),
}


def move(
    lot: Lot,
    units: int,
    *,
    kind: MovementKind,
    from_: Location | None,
    to: Location | None,
    reference_id: uuid.UUID,
) -> Movement:
    """Write the movement; None is outside the house. The caller has locked the lot.

    Units that are promised to orders stay on the shelf (`stock.reallocate` moves promises first).
    Raises NotEnoughStock and WrongPlace.
    """
    _refuse_ways(kind, from_, to)
    if from_ is not None:
        _refuse_units(lot, units, from_, to)
    movement = Movement(
        id=uuid.uuid4(),
        lot_id=lot.id,
        kind=kind,
        units=units,
        from_id=from_.id if from_ else None,
        to_id=to.id if to else None,
        reference_id=reference_id,
    )
    db.session.add(movement)
    db.session.flush()  # the database numbers it and moves the heads
    reread([lot])
    return movement


def lies(lot: Lot, place: Location) -> int:
    """Units of a lot in a place."""
    query = sa.select(Holding.on_hand).where(
        Holding.lot_id == lot.id, Holding.location_id == place.id
    )
    return db.session.scalar(query) or 0


def _refuse_ways(kind: MovementKind, from_: Location | None, to: Location | None) -> None:
    froms, tos = WAYS.get(kind, (None, None))
    if from_ is not None and froms is not None and from_.kind not in froms:
        raise WrongPlace(
            f"Nothing is moved as {kind.replace('_', ' ')} from {from_.name}.", place=from_.code
        )
    if to is not None and tos is not None and to.kind not in tos:
        raise WrongPlace(
            f"Nothing is moved as {kind.replace('_', ' ')} to {to.name}.", place=to.code
        )
    if to is not None and to.closed_at is not None:
        raise WrongPlace(f"{to.name} is closed. Choose another place.", place=to.code)
    if from_ is to:
        raise WrongPlace("Units are moved from one place to another.", place=None)


def _refuse_units(lot: Lot, units: int, from_: Location, to: Location | None) -> None:
    there = lies(lot, from_)
    if from_.sells and not (to is not None and to.sells):
        there = min(there, lot.free)
    if not 1 <= units <= there:
        raise NotEnoughStock(
            f"{there} of lot {lot.lot_number} can leave {from_.name}; what is promised to orders"
            " stays.",
            lot=lot.number,
            place=from_.code,
            wanted=units,
            available=there,
        )
