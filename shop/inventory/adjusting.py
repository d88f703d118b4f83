"""Units that were lost, broken, found, given away or expired: a correction with its reason.

A small one is booked at once. A large one waits until a second person confirms it; nothing moves
before. What has expired or is held can always leave this way, never by a sale; what is recalled
leaves by its recall.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core import numbers
from shop.core.db import db, locked
from shop.core.errors import WrongState
from shop.core.events import Kind, record
from shop.inventory import correcting, moving
from shop.inventory.errors import AdjustmentRefused, SecondPersonNeeded
from shop.inventory.models import Adjustment, Location, LocationKind, Lot, Reason
from shop.inventory.models.adjustments import ADDS, LONGEST_NOTE, MOST_ADJUSTED, TAKES
from shop.inventory.states import AdjustmentStatus, LotStatus

LOST = frozenset({Reason.THEFT_OR_LOSS, Reason.DATA_ERROR})  # facts, also of a recalled lot
WATCHED = frozenset({LocationKind.IN_TRANSIT, LocationKind.TESTER})  # only their rows fetch units


def adjust(
    lot: Lot,
    location: Location,
    delta: int,
    *,
    reason: Reason,
    note: str,
    today: date,
    by: Person,
    at: datetime,
) -> Adjustment:
    """Let `delta` units come (or, negative, go) in a location; the lot is locked here.

    Answers with one that is booked or, above the limit, waits for a second person. What somebody
    adjusted of the same variant within a day counts together. Raises AdjustmentRefused,
    NotEnoughStock, UnitsArePromised.
    """
    _refuse(lot, location, delta, reason, note, today)
    if not _large(lot, delta, by):
        _room_for(lot, location, delta, today)
    lot = _locked(lot)
    made = Adjustment(
        id=uuid.uuid4(),
        number=numbers.fresh("ADJ"),
        lot=lot,
        location=location,
        delta=delta,
        reason=reason,
        note=note.strip(),
        status=AdjustmentStatus.PROPOSED,
        proposed_by_id=by.id,
    )
    db.session.add(made)
    record(Kind.ADJUSTMENT_PROPOSED, made, lot=lot.number, units=delta, reason=reason)
    db.session.flush()  # the database says whether it is large
    db.session.refresh(made, ["large", "value_cents", "proposed_at"])
    if not made.large:
        _book(made, lot)
    return made


def confirm(adjustment: Adjustment, *, today: date, by: Person, at: datetime) -> None:
    """The second person agrees, and the units move; `adjustment` is locked.

    Raises WrongState, SecondPersonNeeded, NotEnoughStock, UnitsArePromised.
    """
    _decide(adjustment, by)
    if (
        adjustment.delta < 0
        and adjustment.lot.status is LotStatus.RECALLED
        and adjustment.reason not in LOST
    ):
        raise WrongState("This lot was recalled since: its units leave by the recall.")
    _room_for(adjustment.lot, adjustment.location, adjustment.delta, today)
    _book(adjustment, _locked(adjustment.lot), decided_by=by)


def decline(adjustment: Adjustment, *, by: Person, at: datetime) -> None:
    """The second person does not agree: nothing moves. Raises WrongState, SecondPersonNeeded."""
    _decide(adjustment, by)
    adjustment.status, adjustment.decided_by = AdjustmentStatus.DECLINED, by
    record(Kind.ADJUSTMENT_DECLINED, adjustment)
    db.session.flush()


def _refuse(
    lot: Lot, location: Location, delta: int, reason: Reason, note: str, today: date
) -> None:
    if not delta or abs(delta) > MOST_ADJUSTED:
        raise _wrong("units", f"Enter 1 to {MOST_ADJUSTED:,} units.")
    if reason not in (ADDS if delta > 0 else TAKES):
        way = "come in" if delta > 0 else "leave"
        raise _wrong("reason", f"No units {way} as {reason.replace('_', ' ')}.")
    if not 1 <= len(note.strip()) <= LONGEST_NOTE:
        raise _wrong("note", f"Say in up to {LONGEST_NOTE} characters what happened.")
    if delta > 0:
        _refuse_coming(location)
    else:
        _refuse_leaving(lot, reason, today)
        if (held := moving.lies(lot, location)) < -delta:
            raise _wrong("units", f"{location.name} holds {held} of this lot.")


def _refuse_coming(location: Location) -> None:
    if location.kind in WATCHED:
        raise _wrong("location", f"Nothing is found in {location.name}: put it on a shelf first.")


def _refuse_leaving(lot: Lot, reason: Reason, today: date) -> None:
    if reason is Reason.EXPIRED and lot.status is not LotStatus.EXPIRED and today <= lot.expires_on:
        raise _wrong("reason", f"Lot {lot.lot_number} is good until {lot.expires_on}.")
    if lot.status is LotStatus.RECALLED and reason not in LOST:
        raise _wrong("reason", "This lot is recalled: its units leave by the recall.")
    prescribed = lot.variant.doctor_only or lot.variant.legal_class.prescription_only
    if reason is Reason.SAMPLE_GIVEN and (prescribed or not lot.usable(today)):
        raise _wrong("reason", "Nothing of this lot is given away.")


def _decide(adjustment: Adjustment, by: Person) -> None:
    if adjustment.status is not AdjustmentStatus.PROPOSED:
        raise WrongState(
            f"This adjustment is {adjustment.status} already.", status=adjustment.status
        )
    if by.id == adjustment.proposed_by_id:
        raise SecondPersonNeeded("Somebody else decides what you proposed.")


def _large(lot: Lot, delta: int, by: Person) -> bool:
    """Whether it takes a second person; the database's own judgement."""
    asked = sa.func.adjustment_is_large(by.id, lot.variant_id, abs(delta))
    return bool(db.session.scalar(sa.select(asked)))


def _room_for(lot: Lot, location: Location, delta: int, today: date) -> None:
    if delta < 0:
        correcting.make_room(lot, location, -delta, today=today)


def _locked(lot: Lot) -> Lot:
    """The lot, locked before anything points at it: no two wait for each other."""
    return db.session.scalars(locked(sa.select(Lot).where(Lot.id == lot.id), Lot)).one()


def _book(adjustment: Adjustment, lot: Lot, *, decided_by: Person | None = None) -> None:
    adjustment.status, adjustment.decided_by = AdjustmentStatus.BOOKED, decided_by
    record(Kind.ADJUSTMENT_BOOKED, adjustment)
    db.session.flush()  # the movement is judged by it
    correcting.correct(
        lot,
        adjustment.location,
        adjustment.delta,
        kind=adjustment.reason.kind,
        reference_id=adjustment.id,
    )


def _wrong(field: str, text: str) -> AdjustmentRefused:
    return AdjustmentRefused(text, fields={field: [text]})
