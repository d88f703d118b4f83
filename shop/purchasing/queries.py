"""What staff look up about what is bought. No client reads any of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import joinedload, selectinload

from shop.catalog.models import Variant
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.purchasing.models import (
    Arrival,
    PurchaseLine,
    PurchaseOrder,
    Receipt,
    Supplier,
)
from shop.purchasing.states import AWAITED, PurchaseStatus

_SHOWN = (
    selectinload(PurchaseOrder.supplier),
    selectinload(PurchaseOrder.drafted_by),
    selectinload(PurchaseOrder.lines).options(
        joinedload(PurchaseLine.variant).joinedload(Variant.product),
        selectinload(PurchaseLine.arrivals),
    ),
)
_WITH_RECEIPTS = selectinload(PurchaseOrder.receipts).options(
    selectinload(Receipt.received_by),
    selectinload(Receipt.arrivals).options(
        selectinload(Arrival.lot), selectinload(Arrival.variant)
    ),
)


def suppliers(*, active: bool | None = None) -> sa.Select[Supplier]:
    """All of them, by name, or those that take orders."""
    query = sa.select(Supplier)
    return query if active is None else query.where(Supplier.active == active)


def supplier(number: str, *, lock: bool = False) -> Supplier:
    """Raises NotFound."""
    query = sa.select(Supplier).where(Supplier.number == number)
    found = db.session.scalars(locked(query) if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no such supplier.")
    return found


def orders(*, status: PurchaseStatus | None = None) -> sa.Select[PurchaseOrder]:
    """All orders, or those in one state, with all that is shown of them."""
    query = sa.select(PurchaseOrder).options(*_SHOWN)
    return query if status is None else query.where(PurchaseOrder.status == status)


def order(number: str, *, lock: bool = False) -> PurchaseOrder:
    """One order with its lines and receipts, locked where it is changed. Raises NotFound."""
    query = orders().options(_WITH_RECEIPTS).where(PurchaseOrder.number == number)
    found = db.session.scalars(locked(query, PurchaseOrder) if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no such purchase order.")
    return found


def awaited(variants: Collection[UUID]) -> Mapping[UUID, int]:
    """Units that are ordered and not yet here, by variant id. One statement."""
    came = (
        sa.select(sa.func.coalesce(sa.func.sum(Arrival.units), 0))
        .where(Arrival.purchase_line_id == PurchaseLine.id, Arrival.damage.is_(None))
        .scalar_subquery()
    )
    rows = db.session.execute(
        sa.select(PurchaseLine.variant_id, sa.func.greatest(PurchaseLine.units - came, 0))
        .join(PurchaseOrder, PurchaseOrder.id == PurchaseLine.purchase_order_id)
        .where(PurchaseLine.variant_id.in_(variants), PurchaseOrder.status.in_(AWAITED))
    )
    units: dict[UUID, int] = defaultdict(int)
    for variant_id, short in rows:
        units[variant_id] += short
    return units


def last_bought(variants: Collection[UUID]) -> Mapping[UUID, PurchaseLine]:
    """The line by which each of these variants was last ordered: from whom, at which cost."""
    query = (
        sa.select(PurchaseLine)
        .join(PurchaseLine.order)
        .where(
            PurchaseLine.variant_id.in_(variants),
            PurchaseOrder.status.in_((*AWAITED, PurchaseStatus.CLOSED)),
        )
        .ext(distinct_on(PurchaseLine.variant_id))
        .order_by(PurchaseLine.variant_id, PurchaseOrder.drafted_at.desc(), PurchaseOrder.id.desc())
        .options(joinedload(PurchaseLine.order).joinedload(PurchaseOrder.supplier))
    )
    return {line.variant_id: line for line in db.session.scalars(query)}
