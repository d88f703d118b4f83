"""Lots with units in them: `a_lot(variant, units, **given)`; saved, not committed."""

from __future__ import annotations

import uuid
from datetime import date, timedelta
from typing import Any

from shop.catalog.models import Variant
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.inventory.models import Lot, Movement, MovementKind
from shop.inventory.states import LotStatus


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
        db.session.flush()  # the movement points at it
        db.session.add(a_movement(lot, MovementKind.RECEIVE, units))
    db.session.flush()  # the database keeps the heads
    db.session.refresh(lot)
    return lot


def a_movement(lot: Lot, kind: MovementKind, delta: int) -> Movement:
    return Movement(
        id=uuid.uuid4(), lot_id=lot.id, kind=kind, delta=delta, reference_id=uuid.uuid4()
    )
