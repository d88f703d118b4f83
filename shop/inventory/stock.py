"""Units promised to orders, and units that leave. Lots are always locked in id order."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa

from shop.catalog.models import Variant
from shop.core.db import db, locked
from shop.core.errors import WrongState
from shop.inventory import moving, places
from shop.inventory.errors import NotEnoughStock
from shop.inventory.heads import reread
from shop.inventory.models import (
    Location,
    Lot,
    Movement,
    MovementKind,
    Reservation,
    ReservationPart,
    sellable_on,
)
from shop.inventory.picking import NOTHING, Pick, dealt, pick, placed
from shop.inventory.states import LotStatus

Aside = Mapping[tuple[uuid.UUID, uuid.UUID], int]  # units by lot id and place id
NOWHERE: Aside = {}
Lying = Mapping[uuid.UUID, Sequence[tuple[Location, int]]]


def available(variant_ids: Collection[uuid.UUID], *, today: date) -> dict[uuid.UUID, int]:
    """Units that may still be promised, by variant id; 0 where there are none."""
    rows = db.session.execute(_FREE, {"variants": list(variant_ids), "today": today})
    return dict.fromkeys(variant_ids, 0) | dict(rows.all())


# Built once: every list and every order asks this.
_FREE = (
    sa.select(Lot.variant_id, sa.cast(sa.func.sum(Lot.on_shelf - Lot.reserved), sa.Integer()))
    .where(
        Lot.variant_id == sa.any_(sa.bindparam("variants", type_=sa.ARRAY(sa.Uuid()))),
        sellable_on(sa.bindparam("today", type_=sa.Date())),
    )
    .group_by(Lot.variant_id)
)


def reserve(
    demand: Sequence[tuple[uuid.UUID, int]],
    *,
    today: date,
) -> list[Reservation]:
    """Promise units: one reservation per entry (variant id, units), in the same order.

    Either everything or nothing; entries for one variant are added up before they are checked.
    Raises NotEnoughStock (facts `sku`, `wanted`, `available`), for the first variant that is short.
    """
    wanted: Counter[uuid.UUID] = Counter()
    for variant_id, units in demand:
        wanted[variant_id] += units
    shelf = _shelf(wanted)
    hands: dict[uuid.UUID, list[list[Pick]]] = {}
    for variant_id, units in wanted.items():
        picks = _chosen(shelf[variant_id], variant_id, units, today=today)
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


@dataclass(frozen=True)
class Due:
    """A promise that is about to be picked; `taken` of it lies aside already, units by lot id."""

    reservation: Reservation
    taken: Mapping[uuid.UUID, int] = field(default_factory=dict)

    @property
    def units(self) -> int:
        """What is still to be taken."""
        return self.reservation.units - sum(self.taken.values())


def previews(
    dues: Sequence[Due], *, today: date, aside: Aside = NOWHERE
) -> list[list[Pick] | NotEnoughStock]:
    """The lots and places that each promise would take now, soonest expiry first.

    One after the other: no unit is told twice. Changes nothing; where the shelf no longer has the
    units in sellable lots, it says so in place of them.

    `aside`: by lot and place, the units that lie there by the ledger and were picked for whomever.
    """
    held = _holds([due.reservation for due in dues])
    lots = _lots({due.reservation.variant_id for due in dues})
    lying = _lying(lot for shelf in lots.values() for lot in shelf)
    gone = Counter(aside)
    moved: Counter[uuid.UUID] = Counter()  # how many more are free in a lot than it says
    told: list[list[Pick] | NotEnoughStock] = []
    for due in dues:
        own = held[due.reservation.id]
        own.subtract(due.taken)
        moved.update(own)
        try:
            shelf = lots[due.reservation.variant_id]
            picks = _picked(shelf, due, today=today, own=moved)
        except NotEnoughStock as short:
            moved.subtract(own)  # what is promised stays
            told.append(short)
            continue
        located = placed(picks, _left(lying, gone))
        if (there := sum(each.units for each in located)) < due.units:
            moved.subtract(own)
            told.append(_taken_aside(due, there))
            continue
        moved.subtract({each.lot.id: each.units for each in picks})
        gone.update({_spot(each): each.units for each in located})
        told.append(located)
    return told


def ship(
    reservation: Reservation,
    *,
    reference_id: uuid.UUID,
    today: date,
    picks: Sequence[Pick] = (),
) -> list[Movement]:
    """Let the promised units leave, and end the reservation.

    These are the `picks`, all of them, where some were made; else the lots that expire first now.

    `reference_id` is the order line; shipping it again returns the movements of the first time.
    Raises NotEnoughStock, and WrongState for a reservation that was released.
    """
    (reservation,) = _locked([reservation])
    if reservation.shipped_at is not None:
        return _shipped(reservation, reference_id)
    if reservation.released_at is not None:
        raise WrongState("The units of this line were given back.", status="released")
    shelf = _shelf([reservation.variant_id], holding=reservation)[reservation.variant_id]
    own = _own(reservation)
    if picks:
        _refuse_gone(picks, own, today)
    else:
        chosen = _picked(shelf, Due(reservation), today=today, own=own)
        picks = placed(chosen, _lying(each.lot for each in chosen))
    _end_parts([reservation])
    movements = [_leaving(each, reference_id) for each in picks]
    db.session.add_all(movements)
    reservation.shipped_at = sa.func.shop_now()
    db.session.flush()  # the database numbers the movements and stamps the time
    db.session.refresh(reservation)
    reread(shelf)
    return movements


def reallocate(
    lot: Lot,
    units: int,
    *,
    today: date,
    sparing: Collection[uuid.UUID] = (),
    avoiding: Collection[uuid.UUID] = (),
) -> int:
    """Move promises of `units` out of this lot, as far as other sellable lots reach.

    The newest promise goes first, those of `sparing` (reservation ids) last; none goes to a lot
    of `avoiding` (lot ids). Returns how many units this lot still has to keep for orders.
    Call it before the lot is locked: it locks the promises, then all lots of the variant.
    """
    held = sa.select(ReservationPart.reservation_id).where(
        ReservationPart.lot_id == lot.id, ReservationPart.ended_at.is_(None)
    )
    promises = sa.select(Reservation).where(Reservation.id.in_(held)).order_by(Reservation.id)
    newest = sorted(
        db.session.scalars(locked(promises)),
        key=lambda each: (each.id not in sparing, each.reserved_at, each.id),
        reverse=True,
    )
    shelf = _shelf([lot.variant_id], also=[lot.id])[lot.variant_id]
    shunned = {lot.id, *avoiding}
    others = [each for each in shelf if each.id not in shunned and each.sellable(today)]
    for reservation in newest:
        own = _own(reservation)
        wanted = min(units, own.get(lot.id, 0), sum(each.free for each in others))
        if wanted > 0:
            picks = pick(others, wanted, today=today)
            _rehold(reservation, own, lot, picks)
            reread(shelf)
            units -= wanted
    return lot.reserved


def settle(reservation: Reservation, picks: Iterable[Pick]) -> None:
    """Hold exactly the units of these picks: what was taken for one is promised to nobody else.

    They are as many as are promised. The caller has locked the lots (`orders.ending.hold_lots`).
    """
    holds: Counter[uuid.UUID] = Counter()
    for each in picks:
        holds[each.lot.id] += each.units
    own = _own(reservation)
    if holds != own:
        _hold_as(reservation, own, holds)
        reread(lot for shelf in _lots([reservation.variant_id]).values() for lot in shelf)


def _rehold(
    reservation: Reservation, own: Mapping[uuid.UUID, int], lot: Lot, picks: Iterable[Pick]
) -> None:
    """Hold what was picked in place of as many units of `lot`; the shelf is locked."""
    holds = Counter(own)
    for each in picks:
        holds[each.lot.id] += each.units
        holds[lot.id] -= each.units
    _hold_as(reservation, own, holds)


def _hold_as(
    reservation: Reservation, own: Mapping[uuid.UUID, int], holds: Mapping[uuid.UUID, int]
) -> None:
    changed = [lot_id for lot_id in {*own, *holds} if own.get(lot_id) != holds.get(lot_id)]
    db.session.execute(
        sa.update(ReservationPart)
        .where(
            ReservationPart.reservation_id == reservation.id,
            ReservationPart.lot_id.in_(changed),
            ReservationPart.ended_at.is_(None),
        )
        .values(ended_at=sa.func.shop_now()),
        execution_options={"synchronize_session": False},
    )
    db.session.add_all(
        ReservationPart(
            id=uuid.uuid4(),
            reservation_id=reservation.id,
            lot_id=lot_id,
            variant_id=reservation.variant_id,
            units=holds[lot_id],
        )
        for lot_id in changed
        if holds.get(lot_id, 0) > 0
    )
    db.session.flush()  # the lots show what is promised
    db.session.expire(reservation, ["parts"])


def _shelf(
    variant_ids: Iterable[uuid.UUID],
    *,
    holding: Reservation | None = None,
    also: Sequence[uuid.UUID] = (),
) -> dict[uuid.UUID, list[Lot]]:
    """The available lots of these variants, those that hold units of a reservation, and `also`.

    By variant; all are locked at once, in id order.
    """
    wanted = list(variant_ids)
    held = [*also, *(() if holding is None else _own(holding))]
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
    due: Due,
    *,
    today: date,
    own: Mapping[uuid.UUID, int] = NOTHING,
) -> list[Pick]:
    """The lots for what is due; none where nothing is."""
    if due.units == 0:
        return []
    return _chosen(lots, due.reservation.variant_id, due.units, today=today, own=own)


def _chosen(
    lots: Iterable[Lot],
    variant_id: uuid.UUID,
    units: int,
    *,
    today: date,
    own: Mapping[uuid.UUID, int] = NOTHING,
) -> list[Pick]:
    try:
        return pick(lots, units, today=today, own=own)
    except NotEnoughStock as short:
        sku = db.session.scalar(sa.select(Variant.sku).where(Variant.id == variant_id))
        raise NotEnoughStock(
            short.text, sku=sku, wanted=units, available=short.facts["available"]
        ) from None


def _taken_aside(due: Due, there: int) -> NotEnoughStock:
    """They are in their place by the ledger, and picked for what no longer needs them."""
    return NotEnoughStock(
        "Some of it was picked for an order that no longer needs it. Put that back first.",
        wanted=due.units,
        available=there,
    )


def _refuse_gone(picks: Sequence[Pick], own: Mapping[uuid.UUID, int], today: date) -> None:
    """What was picked may still be sent, and is nobody else's."""
    wanted: Counter[uuid.UUID] = Counter()
    for each in picks:
        wanted[each.lot.id] += each.units
    for lot in {each.lot for each in picks}:
        free = lot.free + own.get(lot.id, 0) if lot.sellable(today) else 0
        if wanted[lot.id] > free:
            raise NotEnoughStock(
                f"Of lot {lot.lot_number} {free} can be sent now, and {wanted[lot.id]} were"
                " picked. Put them back and pick again.",
                lot=lot.number,
                wanted=wanted[lot.id],
                available=free,
            )
    for each in picks:
        assert each.location is not None  # it was picked from somewhere
        if (there := moving.lies(each.lot, each.location)) < each.units:
            raise NotEnoughStock(
                f"{there} of lot {each.lot.lot_number} lie in {each.location.name} by the ledger,"
                f" and {each.units} were picked there. Put them back and pick again.",
                lot=each.lot.number,
                wanted=each.units,
                available=there,
            )


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


def _holds(reservations: Iterable[Reservation]) -> dict[uuid.UUID, Counter[uuid.UUID]]:
    """The units each holds now, by lot id; one statement."""
    held: dict[uuid.UUID, Counter[uuid.UUID]] = {each.id: Counter() for each in reservations}
    query = sa.select(ReservationPart).where(
        ReservationPart.reservation_id.in_(held), ReservationPart.ended_at.is_(None)
    )
    for part in db.session.scalars(query.execution_options(populate_existing=True)):
        held[part.reservation_id][part.lot_id] = part.units
    return held


def _lots(variant_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, list[Lot]]:
    """Every lot of these variants, as it is now, by variant."""
    query = sa.select(Lot).where(Lot.variant_id.in_(variant_ids)).order_by(Lot.id)
    lots: dict[uuid.UUID, list[Lot]] = {variant_id: [] for variant_id in variant_ids}
    for lot in db.session.scalars(query.execution_options(populate_existing=True)):
        lots[lot.variant_id].append(lot)
    return lots


def _spot(each: Pick) -> tuple[uuid.UUID, uuid.UUID]:
    assert each.location is not None  # what was `placed`
    return each.lot.id, each.location.id


def _left(lying: Lying, gone: Mapping[tuple[uuid.UUID, uuid.UUID], int]) -> Lying:
    """What still lies there."""
    return {
        lot_id: [(place, units - gone.get((lot_id, place.id), 0)) for place, units in places]
        for lot_id, places in lying.items()
    }


def _lying(lots: Iterable[Lot]) -> Lying:
    """What of these lots lies where orders are filled from, by lot id, places by their codes."""
    return {
        lot_id: [(each.location, each.on_hand) for each in held if each.location.sells]
        for lot_id, held in places.lying([lot.id for lot in lots]).items()
    }


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
        units=taken.units,
        from_id=taken.location.id if taken.location else None,
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
    if sum(movement.units for movement in movements) != reservation.units:
        raise WrongState("These units left for another line.", status="shipped")
    return movements
