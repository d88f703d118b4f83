"""The manager's reports of the shelf, from rows to pages."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shop.core.clock import now
from shop.core.db import db
from shop.inventory import moving, testers
from shop.inventory.models import Lot, MovementKind, ReceiptLine
from shop.reports import ledger, punctuality, stock
from shop.reports.naming import REPORTS
from tests.builders import a_variant
from tests.inventory.clinics import the_shelf
from tests.inventory.lots import a_lot, today
from tests.orders.things import leave, paid
from tests.people import a_browser, alice, mona, sam


def lately() -> dict[str, Any]:
    return {"since": now() - timedelta(hours=1), "until": now() + timedelta(hours=1)}


def lose(lot: Lot, units: int, kind: MovementKind) -> None:
    """As whoever acts."""
    moving.move(lot, units, kind=kind, from_=the_shelf(), to=None, reference_id=uuid.uuid4())


@pytest.mark.usefixtures("app")
def test_stock_is_worth_what_it_cost_where_that_is_known_and_what_it_is_sold_for() -> None:
    soap, serum = a_variant(cents=1_000), a_variant(cents=5_000)
    a_lot(soap, 3)
    a_lot(soap, 4, days=-9)
    a_lot(serum, 2)
    figures = stock.value(at=now())
    assert [(row[0], *row[2:]) for row in figures.rows] == [
        (serum.sku, 2, None, 2, 10_000),
        (soap.sku, 7, None, 7, 7_000),
    ]
    assert "of 9 packs none says it" in figures.notes[0]


@pytest.mark.usefixtures("app")
def test_what_a_lot_cost_is_the_mean_of_its_deliveries() -> None:
    lot = a_lot(a_variant(cents=1_000), 0)
    for units, cents in ((4, 250), (2, 400)):
        line = ReceiptLine(
            id=uuid.uuid4(),
            receipt_id=uuid.uuid4(),
            lot_id=lot.id,
            units=units,
            unit_cost_cents=cents,
            received_by_id=sam().id,
        )
        db.session.add(line)
        moving.move(
            lot, units, kind=MovementKind.RECEIVE, from_=None, to=the_shelf(), reference_id=line.id
        )
    (row,) = stock.value(at=now()).rows
    assert row[2:] == (6, 6 * 300, 0, 6_000)
    assert "for every pack" in stock.value(at=now()).notes[0]


@pytest.mark.usefixtures("app")
def test_every_pack_stands_in_the_stretch_in_which_it_expires() -> None:
    soap = a_variant(cents=1_000)
    for units, days in ((1, -1), (2, 0), (3, 30), (4, 31), (5, 90), (6, 180), (7, 181)):
        a_lot(soap, units, days=days)
    figures = stock.exposure(at=now(), today=today())
    assert [(row[0], row[1], row[2], row[5]) for row in figures.rows] == [
        ("expired", 1, 1, 1_000),
        ("within 30 days", 2, 5, 5_000),
        ("within 60 days", 1, 4, 4_000),
        ("within 90 days", 1, 5, 5_000),
        ("within 180 days", 1, 6, 6_000),
        ("after 180 days", 1, 7, 7_000),
    ]


@pytest.mark.usefixtures("app")
def test_movements_tell_what_came_what_went_and_what_was_only_carried() -> None:
    lot = a_lot(a_variant(), 10)
    lose(lot, 3, MovementKind.DESTROY)
    testers.open_tester(lot, origin=the_shelf(), months=6, by=sam(), at=now(), today=today())
    figures = ledger.movements(**lately())
    assert sorted(figures.rows) == [
        ("carried elsewhere", 1, 0, 0, 1),
        ("destroyed", 1, 0, 3, 0),
        ("received", 1, 10, 0, 0),
    ]
    before = now() - timedelta(days=9)
    assert ledger.movements(since=before, until=before + timedelta(days=1)).rows == []


def test_shrinkage_stands_beside_who_booked_it(app: Flask) -> None:
    lot, clerk = a_lot(a_variant(cents=1_000), 20), sam()
    db.session.commit()
    db.session.info["actor"] = f"person:{clerk.id}"
    lose(lot, 2, MovementKind.DESTROY)
    lose(lot, 1, MovementKind.DESTROY)
    db.session.commit()
    db.session.info["actor"] = "system:worker"
    lose(lot, 4, MovementKind.RETURN_TO_VENDOR)  # no loss: it is credited
    lose(lot, 1, MovementKind.DESTROY)
    db.session.commit()
    assert ledger.shrinkage(**lately()).rows == [
        (clerk.name, 0, 0, 0, 3, 3, 0, 3_000),
        ("system:worker", 0, 0, 0, 1, 1, 0, 1_000),
    ]


@pytest.mark.usefixtures("app")
def test_the_service_level_counts_orders_whose_last_parcel_left_in_time() -> None:
    soap = a_variant()
    a_lot(soap, 20)
    orders = [paid(alice(), {soap: 1}) for _ in range(3)]
    for order in orders[:2]:
        leave(order)
    figures = punctuality.level(**lately())
    assert figures.rows == [
        ("within 1 day", 2, 67),
        ("within 2 days", 2, 67),
        ("within 3 days", 2, 67),
        ("after 3 days", 0, 0),
        ("not all has left", 1, 33),
    ]


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """Mona's, with something on the shelf."""
    a_lot(a_variant(), 5)
    return a_browser(app, mona())


@pytest.mark.parametrize("name", REPORTS)
def test_each_is_a_page_with_table_and_file(browser: FlaskClient, name: str) -> None:
    page = browser.get(f"/reports/{name}")
    assert page.status_code == 200
    assert str(REPORTS[name].title) in page.text
    file = browser.get(f"/reports/{name}/table.csv")
    assert (file.status_code, file.mimetype) == (200, "text/csv")
    answer = browser.get(f"/api/v1/reports/{name}").json
    names = [column["name"] for column in answer["columns"]]
    assert file.text.splitlines()[0] == ",".join(names)
    assert all(list(row) == names for row in answer["rows"])
    if name == "stock-value":
        assert "<svg" in page.text
        assert len(answer["rows"]) == len(file.text.splitlines()) - 1 == 1


def test_a_time_that_is_none_is_named(browser: FlaskClient) -> None:
    for query in ("since=2026-02-30", "since=2026-03-02&until=2026-03-01", "until=1999-01-01"):
        assert browser.get(f"/reports/movements?{query}").status_code == 422
        assert browser.get(f"/reports/movements/table.csv?{query}").status_code == 422
        answer = browser.get(f"/api/v1/reports/movements?{query}")
        assert answer.status_code == 422
        assert set(answer.json["errors"]) <= {"since", "until"}
    assert browser.get("/reports/gossip").status_code == 404
