"""What a manager asks for: sales, waits, reasons, recalls, refills, expiry; worked by hand."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop import reactions
from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core import events
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.notifications.models import Letter
from shop.orders.models import Order
from shop.prescriptions import reviewing
from shop.prescriptions.reviewing import RefusalReason
from shop.recalls.models import Recall
from shop.reports import deciding, drawing, periods, recalling, refilling, sales, stock
from shop.reports.figures import lasting
from shop.reports.periods import Period
from tests.builders import a_cream, a_variant
from tests.conftest import Database
from tests.inventory.lots import a_lot
from tests.orders.things import leave, paid
from tests.people import alice, bob, dr_chen
from tests.prescriptions.builders import a_prescription, a_request
from tests.recalls.builders import a_notified_recall, a_recall


def test_periods_are_days_weeks_from_monday_or_months_of_the_clinic() -> None:
    since = datetime(2026, 12, 30, 8, tzinfo=UTC)  # midnight in California
    until = datetime(2027, 1, 6, 8, tzinfo=UTC)
    days = periods.calendar(since, until, "America/Los_Angeles")
    assert days.period is Period.DAY
    assert next(iter(days)) == date(2026, 12, 30)
    assert list(days)[-1] == date(2027, 1, 5)
    assert days.of(until - timedelta(seconds=1)) == date(2027, 1, 5)
    weeks = periods.calendar(since, until, "America/Los_Angeles", Period.WEEK)
    assert list(weeks) == [date(2026, 12, 28), date(2027, 1, 4)]
    months = periods.calendar(since, until + timedelta(days=300), "UTC")
    assert months.period is Period.MONTH
    assert list(months)[:3] == [date(2026, 12, 1), date(2027, 1, 1), date(2027, 2, 1)]


def test_ranks_are_waits_that_somebody_had() -> None:
    assert deciding.rank([1, 2, 3, 4, 100], 50) == 3
    assert deciding.rank([1, 2, 3, 4, 100], 90) == 100
    assert deciding.rank([1, 2, 3, 4], 50) == 2
    assert deciding.rank(list(range(1, 11)), 90) == 9
    assert deciding.rank([7], 90) == 7
    assert deciding.rank([], 50) is None


def test_lengths_are_said_in_two_units() -> None:
    said = [lasting(each) for each in (0, 59, 60, 200, 1_440, 3_060)]
    assert said == ["0 min", "59 min", "1 h", "3 h 20 min", "1 d", "2 d 3 h"]


def test_columns_stand_on_a_round_grid_and_what_is_not_known_has_none() -> None:
    plot = drawing.plot([[100, None, 250]])
    assert plot is not None
    assert [value for value, _y in plot.grid] == [0, 100, 200, 300]
    assert [(one.place, one.value) for one in plot.columns] == [(0, 100), (2, 250)]
    full = drawing.HIGH - drawing.BELOW - drawing.TOP
    assert [one.height for one in plot.columns] == [
        round(full / 3, 1),
        round(full * 250 / 300, 1),
    ]
    assert all(one.y + one.height == pytest.approx(plot.floor, abs=0.11) for one in plot.columns)
    assert drawing.plot([[0, None]]) is None
    dollars = drawing.plot([[12_345]], step=100)
    assert dollars is not None
    assert all(value % 100 == 0 for value, _y in dollars.grid)
    assert dollars.grid[-1][0] >= 12_345
    many = drawing.plot([[1] * 52, [2] * 52])
    assert many is not None
    assert len(many.names) <= drawing.NAMED
    assert max(one.x + one.width for one in many.columns) <= drawing.BROAD


@pytest.mark.usefixtures("app")
def test_sales_are_of_the_day_they_were_paid() -> None:
    soap = a_variant(cents=1_000)
    a_lot(soap, 20)
    one, two = paid(alice(), {soap: 2}), paid(bob(), {soap: 1})
    until = now() + timedelta(hours=1)
    figures = sales.by_period(since=until - timedelta(days=3), until=until, zone="UTC")
    (row,) = [row for row in figures.rows if row[1]]
    extra = (
        one.shipping_cents + two.shipping_cents,
        one.tax_cents + two.tax_cents,
    )
    assert row[1:] == (2, 3_000, 0, *extra, 3_000 + sum(extra))
    assert len(figures.rows) in (3, 4)  # every day, those without a sale, too
    before = sales.by_period(
        since=until - timedelta(days=9), until=until - timedelta(days=5), zone="UTC"
    )
    assert before.rows == []


@pytest.mark.usefixtures("app")
def test_expiry_is_told_by_month_and_what_is_past_in_none() -> None:
    soap = a_variant(cents=1_000)
    today = date(2027, 1, 15)
    for day, units in (
        (date(2027, 1, 14), 1),  # expired yesterday
        (date(2027, 1, 15), 2),
        (date(2027, 1, 31), 3),
        (date(2027, 3, 1), 4),
        (date(2028, 12, 31), 5),
        (date(2029, 1, 1), 6),  # beyond two years
    ):
        a_lot(soap, units, expires_on=day)
    figures = stock.by_month(at=now(), today=today)
    found = {row[0]: row[1:] for row in figures.rows}
    assert len(found) == 24
    assert found["2027-01-01"] == (2, 5, None, 5, 5_000)
    assert found["2027-02-01"] == (0, 0, 0, 0, 0)
    assert found["2027-03-01"] == (1, 4, None, 4, 4_000)
    assert found["2028-12-01"] == (1, 5, None, 5, 5_000)
    assert "6 packs, $60.00" in str(figures.notes[0])


@pytest.mark.usefixtures("app")
def test_a_recall_lasts_until_its_last_first_letter() -> None:
    soap = a_variant(cents=1_000)
    lot = a_lot(soap, 9)
    for client in (alice(), bob()):
        leave(paid(client, {soap: 1}))
    waits, over = a_notified_recall(a_lot(a_variant())), a_notified_recall(lot)
    drill = a_recall(a_lot(a_variant()), drill=True)
    for recall in (waits, over):
        reactions.react(subject_id=str(recall.id), seq=events.of(recall.id)[-1].seq)
    letters = list(db.session.scalars(sa.select(Letter).where(Letter.subject_id == over.id)))
    assert len(letters) == 2
    span = {"since": now() - timedelta(hours=1), "until": now() + timedelta(hours=1)}

    def told(recall: Recall) -> tuple[Any, ...]:
        return next(row for row in recalling.minutes(**span).rows if row[0] == recall.number)

    letters[0].tries, letters[0].sent_at = 1, over.opened_at + timedelta(minutes=12)
    db.session.flush()
    assert told(over)[1:] == ("recall", 2, 1, 0, 0, None)  # one letter still waits
    letters[1].tries, letters[1].sent_at = 1, over.opened_at + timedelta(minutes=25, seconds=59)
    db.session.flush()
    assert told(over)[1:] == ("recall", 2, 2, 0, 0, 25)
    assert told(waits)[2:4] == (0, 0)
    assert told(waits)[-1] is None
    assert told(drill)[1] == "drill"


@pytest.fixture(scope="module")
def travel(live: Database) -> Any:
    def by(**time: float) -> None:
        db.session.commit()
        with live.as_role("aftercare_owner") as connection:
            connection.execute(
                "UPDATE shop_clock SET time_offset = time_offset + %s", [timedelta(**time)]
            )
        db.session.expire_all()

    return by


@pytest.fixture
def house(live_app: Flask, travel: Any) -> Iterator[None]:
    """A Monday at nine, far enough from what other tests of the module have done."""
    with live_app.app_context():
        act_as("system:test")
        today = now()
        monday = (today + timedelta(days=7 - today.weekday())).replace(hour=9, minute=0, second=0)
        travel(seconds=(monday - today).total_seconds())
        yield
        db.session.rollback()


def _decide(waits: dict[float, str], travel: Any) -> None:
    """Requests handed in together, each decided after so many minutes."""
    physician = dr_chen()
    asked = {minutes: a_request(alice()) for minutes in waits}
    db.session.commit()
    gone = 0.0
    for minutes, how in sorted(waits.items()):
        travel(minutes=minutes - gone)
        gone = minutes
        request = asked[minutes]
        reviewing.claim(request, by=physician, at=now())
        reviewing.refuse(
            request, reason=RefusalReason(how), message="Not now.", by=physician, at=now()
        )
        db.session.commit()


@pytest.mark.usefixtures("house")
def test_waits_for_a_physician_are_counted_by_week(travel: Any) -> None:
    begun = now()
    _decide(
        {
            60: "contraindicated",
            120: "contraindicated",
            180: "exam_required",
            600: "contraindicated",
            1_800: "minor",
        },
        travel,
    )
    span = {"since": begun, "until": now() + timedelta(minutes=1)}
    (week,) = deciding.times(**span, zone="UTC").rows
    assert week == (begun.date().isoformat(), 5, 180, 1_800, 80)
    assert deciding.reasons(**span).rows == [
        ("Not safe with what she told", 3, 60, 3, 0),
        ("An examination comes first", 1, 20, 1, 0),
        ("Under age", 1, 20, 1, 0),
    ]
    later = {"since": now() + timedelta(minutes=2), "until": now() + timedelta(days=1)}
    assert deciding.times(**later, zone="UTC").rows == []


def _fill(client: Person, cream: Variant) -> Order:
    order = paid(client, {cream: 1})
    leave(order)
    db.session.commit()
    return order


@pytest.mark.usefixtures("house")
def test_refills_in_time_late_and_never(travel: Any) -> None:
    cream, physician = a_cream(), dr_chen()
    a_lot(cream, 20, days=700)
    early, late, never, last = (alice() for _ in range(4))
    for client in (early, late, never):
        a_prescription(client, cream, by=physician)
    a_prescription(last, cream, by=physician, fills=1)
    db.session.commit()
    first = now().date()
    for client in (early, late, never, last):
        _fill(client, cream)
    ran_out = first + timedelta(days=30)

    travel(days=33)
    _fill(early, cream)
    until = now() + timedelta(days=1)
    span = {"since": now() - timedelta(days=40), "until": until}
    figures = refilling.adherence(**span, at=now(), zone="UTC")
    month = ran_out.replace(day=1).isoformat()
    assert [row for row in figures.rows if row[0] == month] == [(month, 1, 1, 100, 0, 0)]

    travel(days=12)  # 45 days: late for one, never for another
    _fill(late, cream)
    figures = refilling.adherence(**span, at=now(), zone="UTC")
    assert [row for row in figures.rows if row[0] == month] == [(month, 3, 1, 33, 1, 1)]
