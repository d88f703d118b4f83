"""Which legal classes an order holds, for the question on which route it may be paid."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import sqlalchemy as sa

from shop.catalog.models import LegalClass, LegalClassRule, Variant
from shop.core.db import db
from shop.orders.models import Order, OrderLine
from shop.orders.states import LineStatus
from shop.prescriptions.gate import Decision


class Offered(Protocol):
    """Something with a pack, such as an offer or a line of a cart."""

    @property
    def variant(self) -> Variant: ...


def classes(decisions: Iterable[Decision], offers: Iterable[Offered]) -> set[LegalClass]:
    """What is wished for is, as filed and as the law of its state makes of it: both count."""
    ruled = {one.ruling.legal_class for one in decisions if one.ruling is not None}
    return {one.variant.legal_class for one in offers} | ruled


def classes_of(order: Order) -> set[LegalClass]:
    """As `classes`, of an order's live lines and the rules they were placed under."""
    live = sa.and_(OrderLine.order_id == order.id, OrderLine.status != LineStatus.CANCELLED)
    filed = (
        sa.select(Variant.legal_class)
        .join(OrderLine, OrderLine.variant_id == Variant.id)
        .where(live)
    )
    ruled = (
        sa.select(LegalClassRule.legal_class)
        .join(OrderLine, OrderLine.rule_id == LegalClassRule.id)
        .where(live)
    )
    return set(db.session.scalars(sa.union(filed, ruled)))
