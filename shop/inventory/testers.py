"""A pack is opened for clients to try, and thrown away when its time is over."""

from __future__ import annotations

import uuid
from datetime import date, datetime

from shop.accounts.models import Person
from shop.core import events, numbers
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.inventory import locations, moving, places
from shop.inventory.errors import NoTester
from shop.inventory.models import Location, LocationKind, Lot, MovementKind, ShelfTester


def open_tester(
    lot: Lot, *, origin: Location, months: int, by: Person, at: datetime, today: date
) -> ShelfTester:
    """Open one pack of a (locked) lot today; `months` is the label's period after opening.

    Nothing that is prescribed is tried. Raises NoTester, NotEnoughStock, WrongPlace.
    """
    variant = lot.variant
    if variant.doctor_only or variant.legal_class.prescription_only:
        raise NoTester("Nobody tries what is prescribed.", lot=lot.number)
    if not lot.usable(today):
        raise NoTester("This lot is not on sale, or has expired.", lot=lot.number)
    tester = ShelfTester(
        id=uuid.uuid4(),
        number=numbers.fresh("TS"),
        lot_id=lot.id,
        opened_on=today,
        months_after_opening=months,
        opened_by_id=by.id,
    )
    db.session.add(tester)
    db.session.flush()  # the movement points at it
    moving.move(
        lot,
        1,
        kind=MovementKind.TRANSFER,
        from_=origin,
        to=locations.home(LocationKind.TESTER),
        reference_id=tester.id,
    )
    events.record(Kind.TESTER_OPENED, tester, lot=lot.number)
    db.session.refresh(tester)  # until when it is good, the database says
    return tester


def end(tester: ShelfTester, *, reason: str, by: Person, at: datetime) -> None:
    """Throw a (locked) tester away; its lot is locked, too. Raises WrongState."""
    if tester.ended_at is not None:
        raise WrongState("This tester was thrown away already.", status="ended")
    moving.move(
        tester.lot,
        1,
        kind=MovementKind.DESTROY,
        from_=places.reached(tester.id),
        to=None,
        reference_id=tester.id,
    )
    tester.ended_at, tester.ended_by_id, tester.reason = at, by.id, reason
    events.record(Kind.TESTER_ENDED, tester, reason=reason)
    db.session.flush()  # the database stamps when
    db.session.refresh(tester)
