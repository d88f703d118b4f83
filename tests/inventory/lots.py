"""Lots with units in them: `a_lot(variant, units, **given)`; saved, not committed."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

from shop.catalog.models import Variant
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.inventory import locations
from shop.inventory.models import LocationKind, Lot, Movement, MovementKind, ReceiptLine
from shop.inventory.states import LotStatus
from tests.people import sam


def today() -> date:
    """The day of the tests: every test lot is good or bad by weeks, not by hours."""
    return now().date()


def a_lot(variant: Variant, units: int = 10, *, days: int = 365, **given: Any) -> Lot:
    """A lot that is available and expires `days` from today, with `units` received."""
    word = uuid.uuid4().hex[:8].upper()
    fields: dict[str, Any] = {
        "id": uuid.uuid4(),
        "number": f"L-{word}",
        "variant_id": variant.id,
        "lot_number": f"B{word}",
        "expires_on": today() + timedelta(days=days),
        "status": LotStatus.AVAILABLE,
    }
    lot = Lot(**(fields | given))
    db.session.add(lot)
    events.record(events.Kind.LOT_RECEIVED, lot, units=units)
    if units:
        db.session.flush()  # the delivery points at it
        a_delivery(lot, units)
    db.session.flush()  # the database keeps the heads
    db.session.refresh(lot)
    return lot


def a_delivery(lot: Lot, units: int) -> Movement:
    """More units of a lot, with the receipt line that brought them."""
    line = ReceiptLine(
        id=uuid.uuid4(),
        receipt_id=uuid.uuid4(),
        lot_id=lot.id,
        units=units,
        received_by_id=sam().id,
    )
    movement = Movement(
        id=uuid.uuid4(),
        lot_id=lot.id,
        kind=MovementKind.RECEIVE,
        units=units,
        to_id=locations.home(LocationKind.RETAIL).id,
        reference_id=line.id,
    )
    db.session.add_all([line, movement])
    db.session.flush()  # the database moves the head
    return movement
