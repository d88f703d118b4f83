"""The manager's page of a period, and what of it is wrong."""

from __future__ import annotations

from datetime import date

import pytest
from flask import Flask

from shop.core.db import db
from shop.invoices import listing
from shop.invoices.errors import BadPeriod
from tests.accounts.test_api import somebody
from tests.invoices.builders import a_paid_order, issued, line_off, sent_back
from tests.people import alice, mona
from tests.prescriptions.test_pages import Reader

TODAY = date(2026, 11, 27)


@pytest.mark.parametrize(
    ("since", "until", "first", "last"),
    [
        (None, None, date(2026, 11, 1), TODAY),
        (None, date(2026, 3, 15), date(2026, 3, 1), date(2026, 3, 15)),
        (date(2026, 1, 1), None, date(2026, 1, 1), TODAY),
        (TODAY, TODAY, TODAY, TODAY),
    ],
)
def test_a_period(since: date | None, until: date | None, first: date, last: date) -> None:
    assert listing.period(since, until, today=TODAY) == (first, last)


@pytest.mark.parametrize(
    ("since", "until", "field"),
    [
        (date(2026, 2, 1), date(2026, 1, 31), "until"),
        (date(2026, 12, 1), None, "until"),
        (date(2020, 1, 1), TODAY, "since"),
    ],
)
def test_no_period(since: date | None, until: date | None, field: str) -> None:
    with pytest.raises(BadPeriod) as refused:
        listing.period(since, until, today=TODAY)
    assert list(refused.value.fields) == [field]


def test_the_page_shows_what_was_issued_and_what_it_comes_to(app: Flask) -> None:
    client, manager = somebody(alice), somebody(mona)
    order = a_paid_order(1, 1, client=client)
    papers = issued(order)
    line_off(order)
    sent_back(order)
    papers += issued(order)
    db.session.commit()
    numbers = [one.number for one in papers]
    sales = order.total_cents - order.lines[0].paid_cents
    names = [line.name for line in order.lines]
    reader = Reader(app, manager)
    page = reader.get("/papers")
    assert all(f"/papers/{number}" in page for number in numbers)
    assert f"${sales // 100}.{sales % 100:02d}" in page
    assert not any(name in page for name in names)
    only = reader.get("/papers?series=CN")
    assert [number in only for number in numbers] == [False, False, True]
    assert "Nothing was issued" in reader.get("/papers?since=2020-01-01&until=2020-01-02")
    reader.get("/papers?since=x")
    assert (reader.page.status_code, "Not a valid date" in reader.text) == (422, True)
