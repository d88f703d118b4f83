"""Proof that the shelf is what the ledger and the promises say. Trusts no head and no trigger."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from shop.core.db import db
from shop.inventory.models import (
    Adjustment,
    Count,
    CountEntry,
    CountLine,
    Holding,
    Location,
    Lot,
    Movement,
    MovementKind,
    ReceiptLine,
    Reservation,
    ReservationPart,
)
from shop.inventory.states import AdjustmentStatus, CountStatus

AT_ONCE = 2_000


@dataclass(frozen=True)
class Break:
    """A place where the shelf is not what was written: a lot's number or a reservation's id."""

    place: str
    why: str


def verify() -> Iterator[Break]:
    """Add everything up again, here, and report what does not fit. Changes nothing."""
    yield from _ledgers()
    yield from _places()
    yield from _promises()
    yield from _deliveries()
    yield from _corrections()


def _ledgers() -> Iterator[Break]:
    """Per lot: an unbroken chain of balances, and the head is its end."""
    held = _held_by_lot()
    rows = db.session.execute(
        sa.select(
            Lot.id,
            Lot.number,
            Lot.on_hand,
            Lot.reserved,
            Lot.ledger_seq,
            Movement.seq,
            Movement.previous,
            Movement.delta,
            Movement.balance,
        )
        .outerjoin(Movement, Movement.lot_id == Lot.id)
        .order_by(Lot.id, Movement.seq)
    ).yield_per(AT_ONCE)
    for _, lines in groupby(rows, key=lambda row: row.id):
        ledger = list(lines)
        lot = ledger[0]
        movements = [row for row in ledger if row.seq is not None]
        yield from (Break(lot.number, why) for why in _chain(movements))
        yield from (Break(lot.number, why) for why in _head(lot, movements, held.get(lot.id, 0)))


def _chain(movements: list[Any]) -> Iterator[str]:
    """The first thing wrong with a ledger, if any."""
    balance = 0
    for number, row in enumerate(movements, start=1):
        if row.seq != number:
            yield f"movement {number} is missing"
            return
        if row.previous != balance:
            yield f"movement {number} does not follow the one before"
            return
        balance += row.delta
        if row.balance != balance:
            yield f"the balance of movement {number} is not the sum of the ledger"
            return
        if balance < 0:
            yield f"the balance of movement {number} is below zero"
            return


def _places() -> Iterator[Break]:
    """Per lot and place: what came less what went is what lies there, at every step and now."""
    held: dict[uuid.UUID, dict[uuid.UUID, int]] = defaultdict(dict)
    for holding in db.session.execute(
        sa.select(Holding.lot_id, Holding.location_id, Holding.on_hand)
    ):
        held[holding.lot_id][holding.location_id] = holding.on_hand
    places = {one.id: one for one in db.session.scalars(sa.select(Location))}
    rows = db.session.execute(
        sa.select(
            Lot.id,
            Lot.number,
            Lot.on_shelf,
            Movement.seq,
            Movement.units,
            Movement.from_id,
            Movement.to_id,
            Movement.from_balance,
            Movement.to_balance,
        )
        .outerjoin(Movement, Movement.lot_id == Lot.id)
        .order_by(Lot.id, Movement.seq)
    ).yield_per(AT_ONCE)
    for _, lines in groupby(rows, key=lambda row: row.id):
        ledger = list(lines)
        lot = ledger[0]
        lying: Counter[uuid.UUID] = Counter()
        moved = [row for row in ledger if row.seq is not None]
        yield from (Break(lot.number, why) for why in _carried(moved, lying))
        shown = held.pop(lot.id, {})
        for place in sorted(set(lying) | set(shown)):
            if lying[place] != shown.get(place, 0):
                yield Break(
                    lot.number,
                    f"{shown.get(place, 0)} lie in {places[place].code}, but what was moved"
                    f" there adds up to {lying[place]}",
                )
        on_shelf = sum(units for place, units in lying.items() if places[place].sells)
        if lot.on_shelf != on_shelf:
            yield Break(
                lot.number,
                f"{lot.on_shelf} on the shelf, but {on_shelf} lie where orders are filled",
            )


def _carried(movements: list[Any], lying: Counter[uuid.UUID]) -> Iterator[str]:
    """Carry everything once more, into `lying`; the first movement that is not what it says."""
    for row in movements:
        legs = ((row.from_id, -row.units, row.from_balance), (row.to_id, row.units, row.to_balance))
        for place, units, told in legs:
            if place is not None:
                lying[place] += units
                if lying[place] != told:
                    yield f"movement {row.seq} tells {told} where {lying[place]} lie"
                    return


def _head(lot: Any, movements: list[Any], held: int) -> Iterator[str]:
    total = sum(row.delta for row in movements)
    last = movements[-1].seq if movements else None
    if lot.on_hand != total:
        yield f"{lot.on_hand} on hand, but the movements add up to {total}"
    if lot.ledger_seq != last:
        yield f"its last movement is {last}, but it shows {lot.ledger_seq}"
    if lot.reserved != held:
        yield f"{lot.reserved} reserved, but live reservations hold {held}"
    if held > total:
        yield f"{held} promised, but only {total} there"


def _held_by_lot() -> dict[uuid.UUID, int]:
    rows = db.session.execute(
        sa.select(ReservationPart.lot_id, sa.func.sum(ReservationPart.units))
        .where(ReservationPart.ended_at.is_(None))
        .group_by(ReservationPart.lot_id)
    )
    return {lot_id: int(units) for lot_id, units in rows}


def _promises() -> Iterator[Break]:
    """A live reservation holds its units in lots of its variant; one that ended holds none."""
    live = ReservationPart.ended_at.is_(None)
    held = sa.func.coalesce(sa.func.sum(ReservationPart.units).filter(live), 0)
    strangers = sa.func.count().filter(Lot.variant_id != Reservation.variant_id)
    rows = db.session.execute(
        sa.select(Reservation, held, strangers)
        .outerjoin(ReservationPart, ReservationPart.reservation_id == Reservation.id)
        .outerjoin(Lot, Lot.id == ReservationPart.lot_id)
        .group_by(Reservation.id)
        .order_by(Reservation.id)
    ).yield_per(AT_ONCE)
    for reservation, units, others in rows:
        place = f"reservation {reservation.id}"
        due = reservation.units if reservation.live else 0
        if units != due:
            yield Break(place, f"it holds {units} units and should hold {due}")
        if others:
            yield Break(place, "it holds units of another variant")
    orphans = sa.select(ReservationPart.id).where(
        ~sa.exists().where(Reservation.id == ReservationPart.reservation_id)
    )
    for part_id in db.session.scalars(orphans):
        yield Break(f"part {part_id}", "its reservation is missing")


def _deliveries() -> Iterator[Break]:
    """What a delivery says came in is what the ledger received, line by line."""
    rows = db.session.execute(
        sa.select(ReceiptLine.id, ReceiptLine.units, Movement.delta)
        .outerjoin(
            Movement,
            sa.and_(
                Movement.reference_id == ReceiptLine.id,
                Movement.lot_id == ReceiptLine.lot_id,
                Movement.kind == MovementKind.RECEIVE,
            ),
        )
        .where(Movement.delta.is_distinct_from(ReceiptLine.units))
        .order_by(ReceiptLine.id)
    )
    for line_id, units, delta in rows:
        received = "nothing" if delta is None else delta
        yield Break(f"receipt line {line_id}", f"{units} came in, the ledger received {received}")
    unbacked = (
        sa.select(Lot.number, Movement.seq)
        .join(Lot, Lot.id == Movement.lot_id)
        .where(
            Movement.kind == MovementKind.RECEIVE,
            ~sa.exists().where(ReceiptLine.id == Movement.reference_id),
        )
        .order_by(Lot.number, Movement.seq)
    )
    for number, seq in db.session.execute(unbacked):
        yield Break(number, f"movement {seq} received units that no delivery brought")


CORRECTIONS = (MovementKind.COUNT_ADJUST, MovementKind.DAMAGE, MovementKind.EXPIRE)


def _corrections() -> Iterator[Break]:
    """What was lost, found, broken or expired moved as a booked adjustment or posted count says."""
    entry = CountEntry.units - CountEntry.expected
    last = (
        sa.select(entry)
        .where(CountEntry.line_id == CountLine.id)
        .order_by(CountEntry.number.desc())
        .limit(1)
        .correlate(CountLine)
        .scalar_subquery()
    )
    told = sa.union_all(
        sa.select(Adjustment.id, Adjustment.lot_id, Adjustment.delta).where(
            Adjustment.status == AdjustmentStatus.BOOKED
        ),
        sa.select(CountLine.id, CountLine.lot_id, last)
        .join(Count, Count.id == CountLine.count_id)
        .where(Count.status == CountStatus.POSTED, last != 0),
    ).subquery()
    moved = (
        sa.select(Movement.reference_id, Movement.lot_id, Movement.seq, Movement.delta)
        .where(Movement.kind.in_(CORRECTIONS))
        .subquery()
    )
    same = sa.and_(
        told.c.id == moved.c.reference_id,
        told.c.lot_id == moved.c.lot_id,
        told.c.delta == moved.c.delta,
    )
    rows = db.session.execute(
        sa.select(Lot.number, moved.c.seq, told.c.delta)
        .select_from(moved.join(told, same, full=True))
        .join(Lot, Lot.id == sa.func.coalesce(moved.c.lot_id, told.c.lot_id))
        .where(sa.or_(told.c.id.is_(None), moved.c.reference_id.is_(None)))
        .order_by(Lot.number, moved.c.seq)
    )
    for number, seq, delta in rows:
        if seq is None:
            yield Break(number, f"a correction by {delta} did not move anything")
        else:
            yield Break(number, f"movement {seq} corrects what no count or adjustment says")
