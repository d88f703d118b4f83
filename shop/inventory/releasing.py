"""Letting a lot be sold, and keeping it back. Units promised from it stay promised."""

from __future__ import annotations

from datetime import datetime
from uuid import uuid5

from shop.accounts.models import Person
from shop.core.events import Kind, record
from shop.inventory import locations, moving
from shop.inventory.errors import LotExpired
from shop.inventory.models import LocationKind, Lot, MovementKind
from shop.inventory.states import LotStatus


def release(lot: Lot, *, by: Person, at: datetime) -> None:
    """Put a lot on sale that was in quarantine or on hold; `lot` is locked.

    What of it was kept apart is put on the shelf.

    Raises LotExpired (by the day in UTC: at most some hours early) and WrongState.
    """
    if lot.expires_on < at.date():
        raise LotExpired(
            "This lot has expired and cannot be sold. Set it aside for destruction.",
            expires_on=lot.expires_on.isoformat(),
        )
    lot.status = LotStatus.AVAILABLE
    record(Kind.LOT_RELEASED, lot, role=by.role.value)
    apart = locations.home(LocationKind.QUARANTINE)
    if units := moving.lies(lot, apart):
        moving.move(
            lot,
            units,
            kind=MovementKind.RELEASE,
            from_=apart,
            to=locations.home(LocationKind.RETAIL),
            reference_id=uuid5(lot.id, f"release {lot.state_seq}"),
        )


def quarantine(lot: Lot, *, reason: str, by: Person, at: datetime) -> None:
    """Take a lot off sale until it is checked; `lot` is locked. Raises WrongState."""
    lot.status = LotStatus.QUARANTINE
    record(Kind.LOT_QUARANTINED, lot, reason=reason, role=by.role.value)


def hold(lot: Lot, *, reason: str, by: Person, at: datetime) -> None:
    """Stop the sale of a lot for now; `lot` is locked. Raises WrongState."""
    lot.status = LotStatus.ON_HOLD
    record(Kind.LOT_HELD, lot, reason=reason, role=by.role.value)
