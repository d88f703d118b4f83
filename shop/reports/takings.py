"""What came and went in money, by the clinic's day: takings, fees, refunds, disputes, payouts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _

from shop.core.db import db
from shop.payments.models import MoneyMovement
from shop.reports.figures import Cell, Column, Figures, Unit
from shop.tills.models import Drawer, DrawerMove, MoneyMove
from shop.tills.states import DrawerStatus

COLUMNS = (
    Column("day", _("Day")),
    Column("takings_cents", _("Taken online"), Unit.CENTS),
    Column("payments", _("Payments"), Unit.COUNT),
    Column("refunds_cents", _("Sent back"), Unit.CENTS),
    Column("disputes_cents", _("Disputed"), Unit.CENTS),
    Column("fees_cents", _("Fees"), Unit.CENTS),
    Column("other_cents", _("Corrections"), Unit.CENTS),
    Column("net_cents", _("Left of it"), Unit.CENTS),
    Column("payouts_cents", _("Paid out to the bank"), Unit.CENTS),
    Column("desk_cents", _("Taken at the desk"), Unit.CENTS),
    Column("desk_back_cents", _("Given back at the desk"), Unit.CENTS),
)
SUMS = tuple(column.name for column in COLUMNS[1:])

DISPUTED = ("dispute", "dispute_reversal")
SENT_BACK = ("refund", "refund_failure")
PAID_OUT = ("payout", "payout_failure")
EXPLAINED = ("charge", "stripe_fee", *SENT_BACK, *PAID_OUT)

# What a source of money tells of a day: the column, and what is added to it.
Told = tuple[date, str, int]
Source = Callable[[datetime, datetime, str], Iterable[Told]]


def at_the_provider(since: datetime, until: datetime, zone: str) -> Iterable[Told]:
    """What moved on the account at the provider, as it was taken in."""
    day = sa.cast(sa.func.timezone(zone, MoneyMovement.created), sa.Date()).label("day")
    kind, category = MoneyMovement.kind, MoneyMovement.category
    amount, fee = MoneyMovement.amount_cents, MoneyMovement.fee_cents
    net = MoneyMovement.net_cents
    disputed, paid_out = category.in_(DISPUTED), kind.in_(PAID_OUT)

    def total(cents: Any, *those: sa.ColumnElement[bool]) -> Any:
        return sa.func.coalesce(sa.func.sum(cents).filter(*those), 0)

    rows = db.session.execute(
        sa.select(
            day,
            total(amount, kind == "charge"),
            sa.func.count().filter(kind == "charge"),
            total(amount, kind.in_(SENT_BACK)),
            total(amount, disputed),
            # What the provider keeps of each movement, and what it takes by itself.
            total(amount, kind == "stripe_fee") - total(fee, ~paid_out),
            total(amount, kind.not_in(EXPLAINED), ~disputed),
            total(net, ~paid_out),
            -total(net, paid_out),
        )
        .where(MoneyMovement.created >= since, MoneyMovement.created < until)
        .group_by(day)
    )
    for first, *cents in rows:
        for name, added in zip(SUMS, cents, strict=False):  # the desk's come from there
            yield first, name, int(added)


def at_the_desk(since: datetime, until: datetime, zone: str) -> Iterable[Told]:
    """What went into drawers and out of them; of a drawer that is open nobody is told before it was
    counted.
    """
    day = sa.cast(sa.func.timezone(zone, DrawerMove.moved_at), sa.Date())
    query = (
        sa.select(day, DrawerMove.kind, sa.func.sum(DrawerMove.cents))
        .join(Drawer, Drawer.id == DrawerMove.drawer_id)
        .where(
            DrawerMove.kind.in_(DESK),
            DrawerMove.moved_at >= since,
            DrawerMove.moved_at < until,
            Drawer.status != DrawerStatus.OPEN,
        )
        .group_by(day, DrawerMove.kind)
    )
    for at, kind, cents in db.session.execute(query):
        yield at, DESK[kind], int(cents)


DESK = {MoneyMove.TENDER: "desk_cents", MoneyMove.PAY_OUT: "desk_back_cents"}

# Each way in which money comes.
SOURCES: tuple[Source, ...] = (at_the_provider, at_the_desk)


def by_day(*, since: datetime, until: datetime, zone: str) -> Figures:
    """The days from `since` until, not including, `until` on which money moved, the last first.

    A day is the clinic's. What left is below zero; what was paid out counts apart, because it is
    the clinic's before and after. What is left of it is what is left at the provider; what the desk
    took lies in its drawers.
    """
    days: dict[date, dict[str, int]] = defaultdict(lambda: dict.fromkeys(SUMS, 0))
    for source in SOURCES:
        for day, name, cents in source(since, until, zone):
            days[day][name] += cents
    rows: list[tuple[Cell, ...]] = [
        (day.isoformat(), *(days[day][name] for name in SUMS)) for day in sorted(days, reverse=True)
    ]
    return Figures(columns=COLUMNS, rows=rows, drawn="takings_cents", notes=_notes(days.values()))


def _notes(days: Iterable[dict[str, int]]) -> list[str]:
    together = {name: sum(day[name] for day in days) for name in SUMS}
    said = {column.name: column.said(together[column.name]) for column in COLUMNS[1:]}
    told = db.session.scalar(sa.select(sa.func.max(MoneyMovement.taken_in_at)))
    return [
        (
            f"Together: {said['takings_cents']} taken in {said['payments']} payments,"
            f" {said['refunds_cents']} sent back, {said['fees_cents']} of fees,"
            f" {said['disputes_cents']} disputed; {said['net_cents']} left, and"
            f" {said['payouts_cents']} paid out to the bank. At the desk {said['desk_cents']} taken"
            f" and {said['desk_back_cents']} given back."
        ),
        "Fees of a payment that is sent back are not given back by the provider.",
        f"Taken in every ten minutes; the provider's last news came at {told:%Y-%m-%d %H:%M} UTC."
        if told
        else "Nothing was taken in from the provider so far.",
    ]
