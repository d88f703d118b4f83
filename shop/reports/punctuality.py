"""How fast what was paid for left."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from shop.core.db import db
from shop.orders.models import Order, OrderLine, Shortage
from shop.orders.states import GONE, LineStatus, OrderStatus
from shop.reports.figures import Cell, Column, Figures, Unit, share

PROMISES = (1, 2, 3)  # days


def level(*, since: datetime, until: datetime) -> Figures:
    """Of orders paid from `since` until, not including, `until`: how long until all had left.

    A day is 24 hours. Lines that were cancelled are not waited for; an order without others, or
    that was cancelled itself, is left out.
    """
    waiting = sa.func.count().filter(OrderLine.status.not_in(GONE))
    last = sa.func.max(OrderLine.shipped_at)
    orders = db.session.execute(
        sa.select(Order.paid_at, last.label("left_at"), waiting.label("waiting"))
        .join(OrderLine, OrderLine.order_id == Order.id)
        .where(
            Order.paid_at >= since,
            Order.paid_at < until,
            Order.status.in_((OrderStatus.PAID, OrderStatus.CLOSED)),
            OrderLine.status != LineStatus.CANCELLED,
        )
        .group_by(Order.id, Order.paid_at)
    ).all()
    took = [one.left_at - one.paid_at for one in orders if not one.waiting]
    rows: list[tuple[Cell, ...]] = []
    for days in PROMISES:
        there = sum(each <= timedelta(days=days) for each in took)
        name = f"within {days} day{'s' if days > 1 else ''}"
        rows.append((name, there, share(there, len(orders))))
    late = sum(each > timedelta(days=PROMISES[-1]) for each in took)
    rows.append((f"after {PROMISES[-1]} days", late, share(late, len(orders))))
    still = len(orders) - len(took)
    rows.append(("not all has left", still, share(still, len(orders))))
    short = db.session.scalar(
        sa.select(sa.func.count()).where(Shortage.said_at >= since, Shortage.said_at < until)
    )
    note = (
        f"{len(orders)} orders were paid in this time. A day is 24 hours from payment to the last"
        " parcel; within 2 days counts those within 1, too."
    )
    return Figures(
        columns=(
            Column("left", _("All had left")),
            Column("orders", _("Orders"), Unit.COUNT),
            Column("percent", _("Of those paid"), Unit.PERCENT),
        ),
        rows=rows,
        drawn="orders",
        notes=(note, f"Pickers came short {short} times."),
    )
