"""What was promised from recalled lots: other lots keep the promise, or the order waits."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from uuid import UUID

import sqlalchemy as sa

from shop.core.db import db
from shop.inventory import stock
from shop.inventory.models import Lot
from shop.inventory.states import LotStatus
from shop.orders import stranding
from shop.orders.stranding import Stranded
from shop.recalls.models import Recall, RecallLot


def promising(recall: Recall) -> list[UUID]:
    """Its lots that are still promised to somebody, in id order."""
    query = (
        sa.select(Lot.id)
        .join(RecallLot, RecallLot.lot_id == Lot.id)
        .where(
            RecallLot.recall_id == recall.id,
            Lot.status == LotStatus.RECALLED,
            Lot.reserved > 0,
        )
        .order_by(Lot.id)
    )
    return list(db.session.scalars(query))


def reallocate(lot_id: UUID, *, today: date) -> int:
    """Let other lots keep what this one promised; how many units it still has to keep."""
    lot = db.session.get_one(Lot, lot_id, populate_existing=True)
    return stock.reallocate(lot, lot.reserved, today=today)


def strand(recall: Recall, *, at: datetime) -> Iterator[Stranded]:
    """Take from one order after another what its lots still promise; commit after each."""
    lots = promising(recall)
    for order_id in stranding.holding(lots):
        yield stranding.strand(order_id, lots, reason=stranding.RECALLED, at=at)
