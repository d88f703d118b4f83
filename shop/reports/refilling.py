"""Whether what was prescribed for longer is ordered again about when it runs out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from shop.core.db import db
from shop.orders.models import Order, OrderLine
from shop.orders.states import GONE, LineStatus
from shop.prescriptions.models import Fill, Prescription
from shop.prescriptions.states import PrescriptionStatus
from shop.reports.figures import Cell, Column, Figures, Unit, share
from shop.reports.periods import Period, calendar

GRACE = 7  # days after the run-out within which an order is in time


@dataclass(frozen=True)
class Ended:
    """A fill that ran out: when, whether another could follow it, and when one was ordered."""

    ran_out_on: date
    ordered_on: date | None

    def in_time(self) -> bool:
        return self.ordered_on is not None and self.ordered_on <= self.ran_out_on + timedelta(
            days=GRACE
        )


def adherence(*, since: datetime, until: datetime, at: datetime, zone: str) -> Figures:
    """By month of the run-out: fills after which another was allowed, and how many were followed.

    The run-out is the day it left plus the days it was prescribed to last. Fills that ran out less
    than GRACE days ago, and were not followed yet, are left out: nobody is late yet.
    """
    months = calendar(since, until, zone, Period.MONTH)
    clinic = ZoneInfo(zone)
    today = at.astimezone(clinic).date()
    counts: dict[date, list[int]] = defaultdict(lambda: [0, 0, 0])
    for one in _ended(clinic):
        if not months.first <= one.ran_out_on <= months.last:
            continue
        if one.ordered_on is None and today <= one.ran_out_on + timedelta(days=GRACE):
            continue
        found = counts[Period.MONTH.begins(one.ran_out_on)]
        found[0] += 1
        found[1] += one.in_time()
        found[2] += one.ordered_on is None
    told: list[tuple[Cell, ...]] = []
    for month in months:
        due, in_time, never = counts[month]
        told.append(
            (month.isoformat(), due, in_time, share(in_time, due), due - in_time - never, never)
        )
    return Figures(
        columns=(
            Column("month", _("Month of the run-out"), Unit.MONTH),
            Column("ran_out", _("Ran out, another allowed"), Unit.COUNT),
            Column("in_time", _("Ordered in time"), Unit.COUNT),
            Column("percent", _("In time"), Unit.PERCENT),
            Column("later", _("Ordered later"), Unit.COUNT),
            Column("never", _("Not ordered"), Unit.COUNT),
        ),
        rows=told if any(row[1] for row in told) else [],
        drawn="percent",
        over=("percent",),
        notes=(
            _(
                "In time: the next order of the same pack, at most %(days)s days after it ran"
                " out. Days on which it was not to be used are not known here.",
                days=GRACE,
            ),
        ),
    )


def _ended(zone: ZoneInfo) -> Iterator[Ended]:
    """Every fill that left, after which the prescription allowed another on the day it ran out."""
    orders: dict[tuple[UUID, UUID], list[tuple[datetime, UUID]]] = defaultdict(list)
    for row in db.session.execute(_lines()):
        orders[row.client_id, row.variant_id].append((row.placed_at, row.id))
    fills: dict[UUID, list[Any]] = defaultdict(list)
    for row in db.session.execute(_fills()):
        fills[row.prescription_id].append(row)
    for lines in fills.values():
        for place, row in enumerate(lines, 1):
            ran_out_on = row.shipped_at.astimezone(zone).date() + timedelta(days=row.days_supply)
            over = row.valid_until.astimezone(zone).date() <= ran_out_on
            if place >= row.fills_allowed or over:
                continue
            later = orders[row.client_id, row.variant_id]
            yield Ended(ran_out_on, _next(later, row, zone))


def _next(orders: Iterable[tuple[datetime, UUID]], row: Any, zone: ZoneInfo) -> date | None:
    after = [placed for placed, line in orders if line != row.id and placed > row.placed_at]
    return min(after).astimezone(zone).date() if after else None


def _lines() -> sa.Select[*tuple[Any, ...]]:
    """Every order of something on prescription that was not cancelled, by client and pack."""
    return (
        sa.select(OrderLine.id, OrderLine.client_id, OrderLine.variant_id, Order.placed_at)
        .join(Order, Order.id == OrderLine.order_id)
        .where(OrderLine.fill_id.is_not(None), OrderLine.status != LineStatus.CANCELLED)
    )


def _fills() -> sa.Select[*tuple[Any, ...]]:
    """Fills that left and whose prescription was not ended by hand, in their order."""
    ended = (
        PrescriptionStatus.REVOKED,
        PrescriptionStatus.SUPERSEDED,
        PrescriptionStatus.ENTERED_IN_ERROR,
    )
    return (
        sa.select(
            OrderLine.id,
            OrderLine.client_id,
            OrderLine.variant_id,
            OrderLine.shipped_at,
            Order.placed_at,
            Fill.prescription_id,
            Prescription.days_supply,
            Prescription.fills_allowed,
            Prescription.valid_until,
        )
        .join(Order, Order.id == OrderLine.order_id)
        .join(Fill, Fill.id == OrderLine.fill_id)
        .join(Prescription, Prescription.id == Fill.prescription_id)
        .where(
            OrderLine.shipped_at.is_not(None),
            OrderLine.status.in_(GONE),
            Prescription.status.not_in(ended),
        )
        .order_by(Fill.prescription_id, OrderLine.shipped_at, OrderLine.id)
    )
