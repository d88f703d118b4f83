"""Letting a lot be sold, and keeping it back. Units promised from it stay promised."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid4, uuid5

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Event, Kind, record
from shop.inventory import locations, moving, places
from shop.inventory.errors import LotExpired, NotChecked, NotCounted
from shop.inventory.models import (
    Count,
    CountCause,
    CountLine,
    LocationKind,
    Lot,
    LotCheck,
    Movement,
    MovementKind,
)
from shop.inventory.states import CountStatus, LotStatus

COMES_IN = (MovementKind.RECEIVE, MovementKind.RETURN_IN)


def check(lot: Lot, *, note: str = "", by: Person, at: datetime) -> LotCheck:
    """Say that the packs of a lot in quarantine are what the papers say; `lot` is locked.

    Another person may release it then, as long as no more of it comes in. Said twice by one
    person, it is said once. Raises WrongState.
    """
    if lot.status is not LotStatus.QUARANTINE:
        raise WrongState(
            f"A lot is checked in quarantine; this one is {lot.status.replace('_', ' ')}.",
            status=lot.status,
        )
    if said := next((one for one in checks(lot) if one.checked_by_id == by.id), None):
        return said
    seen = LotCheck(id=uuid4(), lot_id=lot.id, checked_by_id=by.id, note=note)
    db.session.add(seen)
    db.session.flush()  # the database says of which units
    record(Kind.LOT_CHECKED, lot, role=by.role.value, reason=note)
    return seen


def checks(lot: Lot) -> list[LotCheck]:
    """What was looked at of a lot as it is now: in this quarantine, with all units that came in."""
    came = (
        sa.select(sa.func.coalesce(sa.func.max(Movement.seq), 0))
        .where(Movement.lot_id == lot.id, Movement.kind.in_(COMES_IN))
        .scalar_subquery()
    )
    entered = (
        sa.select(sa.func.max(Event.seq))
        .where(Event.subject_id == lot.id, Event.to_state != Event.from_state)
        .scalar_subquery()
    )
    query = (
        sa.select(LotCheck)
        .where(
            LotCheck.lot_id == lot.id, LotCheck.state_seq >= entered, LotCheck.ledger_seq >= came
        )
        .order_by(LotCheck.checked_at, LotCheck.id)
    )
    return list(db.session.scalars(query))


def release(lot: Lot, *, by: Person, at: datetime) -> None:
    """Put a lot on sale that was in quarantine or on hold; `lot` is locked.

    What of it was kept apart is put on the shelf. Prescription-only units leave quarantine by two:
    somebody else has checked them as they are now.

    Raises LotExpired (by the day in UTC: at most some hours early), NotChecked, NotCounted and
    WrongState.
    """
    if lot.expires_on < at.date():
        raise LotExpired(
            "This lot has expired and cannot be sold. Set it aside for destruction.",
            expires_on=lot.expires_on.isoformat(),
        )
    was = lot.status
    if was is LotStatus.QUARANTINE:
        _refuse_uncounted(lot)
        if lot.variant.legal_class.prescription_only:
            _released_by(lot, by)
    lot.status = LotStatus.AVAILABLE
    record(Kind.LOT_RELEASED, lot, role=by.role.value)
    if was is LotStatus.QUARANTINE:  # of a lot on hold it lies there for another reason
        _put_on_the_shelf(lot)


def _put_on_the_shelf(lot: Lot) -> None:
    """What of it is kept apart, in whichever clinic."""
    for holding in places.lying([lot.id])[lot.id]:
        if holding.location.kind is LocationKind.QUARANTINE:
            moving.move(
                lot,
                holding.on_hand,
                kind=MovementKind.RELEASE,
                from_=holding.location,
                to=locations.shelf_of(holding.location.site_id),
                reference_id=uuid5(lot.id, f"release {lot.state_seq}"),
            )


def _refuse_uncounted(lot: Lot) -> None:
    """Units that a picker did not find are in quarantine by the ledger until they are counted."""
    query = sa.select(Count.number).where(
        Count.location.has(kind=LocationKind.QUARANTINE),
        Count.cause == CountCause.SHORT_PICK,
        Count.status.not_in((CountStatus.POSTED, CountStatus.CANCELLED)),
        Count.lines.any(CountLine.lot_id == lot.id),
    )
    if number := db.session.scalar(query.limit(1)):
        raise NotCounted(
            f"Of this lot something is missing. Count it first: {number}.",
            lot=lot.number,
            count=number,
        )


def _released_by(lot: Lot, by: Person) -> None:
    """Write on the check of somebody else who released by it."""
    seen = checks(lot)
    others = [one for one in seen if one.checked_by_id != by.id]
    if not others:
        first = (
            "You checked this lot yourself: somebody else releases it."
            if seen
            else "Somebody checks this lot first; then somebody else releases it."
        )
        raise NotChecked(first, lot=lot.number)
    others[0].released_by_id = by.id
    db.session.flush()  # PostgreSQL asks for it when the lot's status changes


def quarantine(lot: Lot, *, reason: str, by: Person, at: datetime) -> None:
    """Take a lot off sale until it is checked; `lot` is locked. Raises WrongState."""
    lot.status = LotStatus.QUARANTINE
    record(Kind.LOT_QUARANTINED, lot, reason=reason, role=by.role.value)


def hold(lot: Lot, *, reason: str, by: Person, at: datetime) -> None:
    """Stop the sale of a lot for now; `lot` is locked. Raises WrongState."""
    lot.status = LotStatus.ON_HOLD
    record(Kind.LOT_HELD, lot, reason=reason, role=by.role.value)
