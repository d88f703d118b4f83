"""A picker does not find what the ledger has in a place: other lots are taken, somebody counts."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.inventory import correcting, counting, locations, moving
from shop.inventory.errors import NotEnoughStock
from shop.inventory.models import CountCause, Location, LocationKind, Lot, MovementKind
from shop.orders import judging, queries
from shop.orders.errors import WrongLot
from shop.orders.models import Order, OrderLine, Shortage


def report(
    order: Order, sku: str, *, lot_number: str, place: str, units: int, by: Person, at: datetime
) -> Shortage:
    """Write down that so many units of a lot are not in their place, and take them off sale.

    What orders are promised of the lot moves to other lots as far as these reach, the newest
    promise first. The ledger has the units in quarantine until a count says what became of them;
    those that stay promised, because no other lot has them, stay where they are.
    Raises NotPaid, MoneyGone, NotInOrder, LineNotReady, WrongLot, NotFound (no such place), and
    NotEnoughStock.
    """
    order = queries.locked_order(order.id)
    judging.insist_paid(order)
    line = queries.waiting_line(order, sku)
    lot, bin_ = _lot(line, lot_number), locations.location(place)
    found = queries.picked_from(lot)
    correcting.make_room(lot, bin_, units, today=judging.day(at), sparing=found)
    _refuse_unknown(lot, bin_, units)
    said = Shortage(
        id=uuid4(), order_line_id=line.id, lot=lot, location=bin_, units=units, said_by=by
    )
    db.session.add(said)
    db.session.flush()  # the movement points at it
    apart, cage = min(units, lot.free), locations.home(LocationKind.QUARANTINE)
    if apart:
        moving.move(
            lot,
            apart,
            kind=MovementKind.QUARANTINE,
            from_=bin_,
            to=cage,
            reference_id=said.id,
        )
    for counted in (bin_, cage) if apart else (bin_,):
        counting.ask(lot, counted, cause=CountCause.SHORT_PICK, by=by, at=at)
    events.record(
        Kind.LOT_SHORT, lot, units=units, set_apart=apart, place=bin_.code, order=order.number
    )
    return said


def _lot(line: OrderLine, lot_number: str) -> Lot:
    query = sa.select(Lot).where(Lot.variant_id == line.variant_id, Lot.lot_number == lot_number)
    lot = db.session.scalar(query)
    if lot is None:
        text = f"No lot {lot_number} of {line.sku} was ever received."
        raise WrongLot(text, sku=line.sku, lot=lot_number, fields={"lot_number": [text]})
    return lot


def _refuse_unknown(lot: Lot, place: Location, units: int) -> None:
    """What was picked already was found. Nothing more can lack than the ledger has there."""
    found = queries.aside([lot.variant_id]).get((lot.id, place.id), 0)
    there = moving.lies(lot, place) - found
    if not place.sells or not 1 <= units <= there:
        text = f"Of lot {lot.lot_number} {max(there, 0)} are to lie in {place.name}, not {units}."
        raise NotEnoughStock(
            text, lot=lot.number, wanted=units, available=there, fields={"units": [text]}
        )
