"""Take, use and give back fills. The caller holds the prescription's lock.

The database judges a second time: the trigger `fill_guard` refuses a fill of a prescription that
does not stand, and stamps the times after the lock.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from shop.core import events
from shop.core.db import db
from shop.core.errors import NotFound
from shop.core.events import Kind
from shop.prescriptions import superseding
from shop.prescriptions.errors import NoFillLeft
from shop.prescriptions.models import Fill, Prescription
from shop.prescriptions.states import FillStatus


def reserve(prescription_id: UUID, *, state: str, quantity: int, at: datetime) -> Fill:
    """Take the lowest free fill for a line that ships to `state`; `quantity` in units of the pack.

    Raises NoFillLeft. The gate has said yes; the database refuses whatever is not on the
    prescription's terms.
    """
    terms = db.session.execute(
        sa.select(
            Prescription.number,
            Prescription.client_id,
            Prescription.variant_id,
            Prescription.fills_allowed,
        ).where(Prescription.id == prescription_id)
    ).one_or_none()
    if terms is None:
        raise NotFound("There is no such prescription.")
    fill = Fill(
        prescription_id=prescription_id,
        number=_lowest_free(prescription_id, terms.number, terms.fills_allowed),
        client_id=terms.client_id,
        variant_id=terms.variant_id,
        state=state,
        quantity=quantity,
        fills_allowed=terms.fills_allowed,
        status=FillStatus.RESERVED,
    )
    db.session.add(fill)
    db.session.flush()  # the event needs fill.id, and the database may refuse here
    events.record(
        Kind.FILL_RESERVED, fill, prescription=terms.number, number=fill.number, state=state
    )
    return fill


def consume(fill: Fill, *, at: datetime) -> None:
    """The order is paid: the fill is used. Raises WrongState."""
    _move(fill, FillStatus.CONSUMED, Kind.FILL_CONSUMED)


def dispense(fill: Fill, *, at: datetime) -> None:
    """The parcel has left. Raises WrongState."""
    _move(fill, FillStatus.DISPENSED, Kind.FILL_DISPENSED)
    superseding.finish(fill.prescription_id, at=at)


def release(fill: Fill, *, at: datetime) -> None:
    """Nothing left the house: give the fill back. Raises WrongState once it is dispensed."""
    _move(fill, FillStatus.RELEASED, Kind.FILL_RELEASED)
    superseding.finish(fill.prescription_id, at=at)


def _lowest_free(prescription_id: UUID, number: str, allowed: int) -> int:
    taken = set(
        db.session.scalars(
            sa.select(Fill.number).where(
                Fill.prescription_id == prescription_id, Fill.status != FillStatus.RELEASED
            )
        )
    )
    for slot in range(1, allowed + 1):
        if slot not in taken:
            return slot
    raise NoFillLeft(
        "All fills of this prescription are used.", prescription=number, fills_allowed=allowed
    )


def _move(fill: Fill, status: FillStatus, kind: Kind) -> None:
    fill.status = status
    db.session.flush()  # the database checks the prescription and stamps the time
    events.record(kind, fill, number=fill.number)
