"""What lots cost, as far as deliveries say, and what their packs are sold for."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from datetime import datetime

import sqlalchemy as sa

from shop.catalog.models import Price
from shop.core.db import db
from shop.inventory.models import ReceiptLine


def unit_costs(lots: Collection[uuid.UUID]) -> Mapping[uuid.UUID, int]:
    """Cents a unit, by lot id: the mean of its deliveries, weighted by their units.

    A lot of whose deliveries none names a cost is left out: it is not known, which is not 0.
    """
    cost = ReceiptLine.unit_cost_cents
    mean = sa.func.sum(ReceiptLine.units * cost) / sa.cast(
        sa.func.sum(ReceiptLine.units), sa.Numeric()
    )
    rows = db.session.execute(
        sa.select(ReceiptLine.lot_id, sa.cast(sa.func.round(mean), sa.Integer()))
        .where(ReceiptLine.lot_id.in_(lots), cost.is_not(None))
        .group_by(ReceiptLine.lot_id)
    )
    return dict(rows.all())


def prices(variants: Collection[uuid.UUID], *, at: datetime) -> Mapping[uuid.UUID, int]:
    """Cents a unit, by variant id, as listed at a moment; what has no price is left out."""
    rows = db.session.execute(
        sa.select(Price.variant_id, Price.cents).where(
            Price.variant_id.in_(variants),
            Price.valid_from <= at,
            sa.or_(Price.valid_until.is_(None), Price.valid_until > at),
        )
    )
    return dict(rows.all())
