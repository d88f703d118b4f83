"""Units promised to orders, and units that leave. Lots are always locked in id order."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime

import sqlalchemy as sa

from shop.catalog.models import Variant
from shop.core.db import db, locked
from shop.core.errors import WrongState
from shop.inventory.errors import NotEnoughStock
from shop.inventory.heads import reread
from shop.inventory.models import Lot, Movement, MovementKind, Reservation, ReservationPart
from shop.inventory.picking import NOTHING, Pick, dealt, pick
from shop.inventory.states import LotStatus

NO_DATES: Mapping[uuid.UUID, date] = {}


def available(variant_ids: Collection[uuid.UUID], *, today: date) -> dict[uuid.UUID, int]:
    """Units that may still be promised, by variant id; 0 where there are none."""
    rows = db.session.execute(_FREE, {"variants": list(variant_ids), "today": today})
    return dict.fromkeys(variant_ids, 0) | dict(rows.all())


# Built once: every list and every order asks this.
_FREE = (
    sa.select(Lot.variant_id, sa.cast(sa.func.sum(Lot.on_hand - Lot.reserved), sa.Integer()))
    .where(
        Lot.variant_id == sa.any_(sa.bindparam("variants", type_=sa.ARRAY(sa.Uuid()))),
        Lot.status == LotStatus.AVAILABLE,
        Lot.expires_on >= sa.bindparam("today", type_=sa.Date()),
    )
    .group_by(Lot.variant_id)
)


def reserve(
    demand: Sequence[tuple[uuid.UUID, int]],
    *,
    today: date,
    lasting: Mapping[uuid.UUID, date] = NO_DATES,
) -> list[Reservation]:
    """Promise units: one reservation per entry (variant id, units), in the same order.

    Either everything or nothing; entries for one variant are added up before they are checked.
    `lasting` says, by variant id, the day of last use that the units must outlast.
    Raises NotEnoughStock (facts `sku`, `wanted`, `available`), for the first variant that is short.
    """
    wanted: Counter[uuid.UUID] = Counter()
    for variant_id, units in demand:
        wanted[variant_id] += units
    shelf = _shelf(wanted)
    hands: dict[uuid.UUID, list[list[Pick]]] = {}
    for variant_id, units in wanted.items():
        picks = _picked(
            shelf[variant_id], variant_id, units, today=today, lasting=lasting.get(variant_id)
        )
        shares = [share for entry, share in demand if entry == variant_id]
        hands[variant_id] = list(reversed(dealt(picks, shares)))
    made = [_promised(variant_id, units, hands[variant_id].pop()) for variant_id, units in demand]
    db.session.flush()  # the lots show what is promised
    reread(lot for lots in shelf.values() for lot in lots)
    return made


def release(reservations: Iterable[Reservation], *, at: datetime) -> None:
    """Give the units back to their lots. One that has ended already is left as it is."""
    live = [each for each in _locked(reservations) if each.live]
    _end_parts(live)
    for reservation in live:
        reservation.released_at = at
    db.session.flush()  # the database stamps its own time
    for reservation in live:
        db.session.refresh(reservation)


def preview(reservation: Reservation, *, today: date, lasting: date | None = None) -> list[Pick]:
    """The lots that `ship` would take from now, soonest expiry first. Changes nothing.

    Raises NotEnoughStock where the shelf no longer has the promised units in sellable lots.
    """
    query = sa.select(Lot).where(Lot.variant_id == reservation.variant_id).order_by(Lot.id)
    lots = db.session.scalars(query.execution_options(populate_existing=True))
    return _picked(
        lots,
        reservation.variant_id,
        reservation.units,
        today=today,
        lasting=lasting,
        own=_own(reservation),
    )


def ship(
    reservation: Reservation,
    *,
    reference_id: uuid.UUID,
    today: date,
    lasting: date | None = None,
) -> list[Movement]:
    """Let the promised units leave, from the lots that expire first now, and end the reservation.

    `reference_id` is the order line; shipping it again returns the movements of the first time.
    `lasting` is the day of last use that the units must outlast.
    Raises NotEnoughStock, and WrongState for a reservation that was released.
    """
    (reservation,) = _locked([reservation])
    if reservation.shipped_at is not None:
        return _shipped(reservation, reference_id)
    if reservation.released_at is not None:
        raise WrongState("The units of this line were given back.", status="released")
    shelf = _shelf([reservation.variant_id], holding=reservation)[reservation.variant_id]
    picks = _picked(
        shelf,
        reservation.variant_id,
        reservation.units,
        today=today,
        lasting=lasting,
        own=_own(reservation),
    )
    _end_parts([reservation])
    movements = [_leaving(each, reference_id) for each in picks]
    db.session.add_all(movements)
    reservation.shipped_at = sa.func.shop_now()
    db.session.flush()  # the database numbers the movements and stamps the time
    db.session.refresh(reservation)
    reread(shelf)
    return movements


def _shelf(
    variant_ids: Iterable[uuid.UUID], *, holding: Reservation | None = None
) -> dict[uuid.UUID, list[Lot]]:
    """The available lots of these variants, and those that hold units of a reservation, by variant.

    All are locked at once, in id order.
    """
    wanted = list(variant_ids)
    held = [] if holding is None else list(_own(holding))
    query = (
        sa.select(Lot)
        .where(
            sa.or_(
                sa.and_(Lot.variant_id.in_(wanted), Lot.status == LotStatus.AVAILABLE),
                Lot.id.in_(held),
            )
        )
        .order_by(Lot.id)
    )
    shelf: dict[uuid.UUID, list[Lot]] = {variant_id: [] for variant_id in wanted}
    for lot in db.session.scalars(locked(query, Lot)):
        shelf[lot.variant_id].append(lot)
    return shelf


def _picked(
    lots: Iterable[Lot],
    variant_id: uuid.UUID,
    units: int,
    *,
    today: date,
    lasting: date | None,
    own: Mapping[uuid.UUID, int] = NOTHING,
) -> list[Pick]:
    try:
        return pick(lots, units, today=today, lasting=lasting, own=own)
    except NotEnoughStock as short:
        sku = db.session.scalar(sa.select(Variant.sku).where(Variant.id == variant_id))
        raise NotEnoughStock(
            short.text, sku=sku, wanted=units, available=short.facts["available"]
        ) from None


def _promised(variant_id: uuid.UUID, units: int, hand: list[Pick]) -> Reservation:
    reservation = Reservation(id=uuid.uuid4(), variant_id=variant_id, units=units)
    reservation.parts = [
        ReservationPart(id=uuid.uuid4(), lot_id=lot_id, variant_id=variant_id, units=held)
        for lot_id, held in ((each.lot.id, each.units) for each in hand)
    ]
    db.session.add(reservation)
    return reservation


def _locked(reservations: Iterable[Reservation]) -> list[Reservation]:
    """The reservations, read afresh and locked in id order; their lots are locked after them."""
    query = (
        sa.select(Reservation)
        .where(Reservation.id.in_([each.id for each in reservations]))
        .order_by(Reservation.id)
    )
    return list(db.session.scalars(locked(query)))


def _own(reservation: Reservation) -> dict[uuid.UUID, int]:
    """The units it holds now, by lot id."""
    query = sa.select(ReservationPart.lot_id, ReservationPart.units).where(
        ReservationPart.reservation_id == reservation.id, ReservationPart.ended_at.is_(None)
    )
    return {row.lot_id: row.units for row in db.session.execute(query)}


def _end_parts(reservations: Sequence[Reservation]) -> None:
    """Give the units back to the lots, whatever the lots' status; the lots are locked first."""
    live = sa.and_(
        ReservationPart.reservation_id.in_([each.id for each in reservations]),
        ReservationPart.ended_at.is_(None),
    )
    holding = sa.select(ReservationPart.lot_id).where(live)
    query = sa.select(Lot).where(Lot.id.in_(holding)).order_by(Lot.id)
    lots = list(db.session.scalars(locked(query, Lot)))
    db.session.execute(
        sa.update(ReservationPart).where(live).values(ended_at=sa.func.shop_now()),
        execution_options={"synchronize_session": False},
    )
    for reservation in reservations:
        db.session.expire(reservation, ["parts"])
    reread(lots)


def _leaving(taken: Pick, reference_id: uuid.UUID) -> Movement:
    return Movement(
        id=uuid.uuid4(),
        lot_id=taken.lot.id,
        kind=MovementKind.SHIP,
        delta=-taken.units,
        reference_id=reference_id,
    )


def _shipped(reservation: Reservation, reference_id: uuid.UUID) -> list[Movement]:
    """What left the first time."""
    query = (
        sa.select(Movement)
        .join(Lot, Lot.id == Movement.lot_id)
        .where(
            Movement.kind == MovementKind.SHIP,
            Movement.reference_id == reference_id,
            Lot.variant_id == reservation.variant_id,
        )
        .order_by(Lot.expires_on, Lot.received_at, Lot.id)
    )
    movements = list(db.session.scalars(query))
    if sum(-movement.delta for movement in movements) != reservation.units:
        raise WrongState("These units left for another line.", status="shipped")
    return movements
