"""Marking lots whose last day is over. Nothing waits for this: an expired lot is not sellable."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from shop.core.db import db, locked
from shop.core.events import Kind, record
from shop.inventory.models import Lot
from shop.inventory.states import LOT_ARROWS, LotStatus

AT_ONCE = 200  # lots in one transaction; call again until none is left
MAY_EXPIRE = [
    status for status, next_ in LOT_ARROWS.items() if status and LotStatus.EXPIRED in next_
]


def expire(*, today: date) -> list[Lot]:
    """Mark lots that expired before `today`, at most AT_ONCE of them. Safe to repeat."""
    query = (
        sa.select(Lot)
        .where(Lot.status.in_(MAY_EXPIRE), Lot.expires_on < today)
        .order_by(Lot.id)
        .limit(AT_ONCE)
    )
    lots = list(db.session.scalars(locked(query)))
    for lot in lots:
        lot.status = LotStatus.EXPIRED
        record(Kind.LOT_EXPIRED, lot, on_hand=lot.on_hand)
    return lots
