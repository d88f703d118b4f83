"""What was sold: orders by the moment they were paid, and what they came to."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from shop.core.db import db
from shop.orders.models import Order
from shop.reports.figures import Cell, Column, Figures, Unit
from shop.reports.periods import calendar


def by_period(*, since: datetime, until: datetime, zone: str) -> Figures:
    """Orders paid from `since` until, not including, `until`: how many, and their parts.

    An order counts as what it was when it was paid; what went back later is in the takings.
    """
    days = calendar(since, until, zone)
    sums: dict[date, list[int]] = defaultdict(lambda: [0] * 6)
    rows = db.session.execute(
        sa.select(
            Order.paid_at,
            Order.subtotal_cents - Order.discount_cents,
            Order.discount_cents,
            Order.shipping_cents,
            Order.tax_cents,
            Order.total_cents,
        ).where(Order.paid_at >= since, Order.paid_at < until)
    )
    for paid_at, *cents in rows:
        assert paid_at is not None  # it is within the time
        found = sums[days.of(paid_at)]
        found[0] += 1
        for place, each in enumerate(cents, 1):
            found[place] += each
    told: list[tuple[Cell, ...]] = [(each.isoformat(), *sums[each]) for each in days]
    return Figures(
        columns=(
            Column("begins", _("From"), Unit(days.period)),
            Column("orders", _("Orders"), Unit.COUNT),
            Column("goods_cents", _("Goods"), Unit.CENTS),
            Column("discount_cents", _("Discounts given"), Unit.CENTS),
            Column("shipping_cents", _("Shipping"), Unit.CENTS),
            Column("tax_cents", _("Tax"), Unit.CENTS),
            Column("total_cents", _("In all"), Unit.CENTS),
        ),
        rows=told if any(row[1] for row in told) else [],
        drawn="total_cents",
        over=("total_cents",),
        notes=(
            _("An order counts on the day it was paid, as it was then. Goods are after discounts."),
            _("What went back later is in the report of takings."),
        ),
    )
