"""Numbers run from 1 to n in each series and year, whatever is rolled back in between."""

from __future__ import annotations

import itertools
import json
import uuid
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.core.db import act_as, db
from tests.conftest import Database
from tests.invoices.builders import a_paid_order

ORDERS = 6
STEPS = st.lists(
    st.tuples(st.integers(0, ORDERS - 1), st.booleans(), st.booleans()), min_size=1, max_size=12
)


@pytest.fixture(scope="module")
def till(live: Database, live_app: Flask) -> Iterator[tuple[psycopg.Connection[Any], list[Any]]]:
    """The application's own login, and orders that are owed an invoice."""
    with live_app.app_context():
        act_as("system:test")
        orders = [a_paid_order() for _ in range(ORDERS)]
        owed = [(one.id, one.client_id, one.total_cents) for one in orders]
        db.session.remove()
    with live.as_role("aftercare_app") as connection:
        yield connection, owed
        connection.rollback()


def issue(connection: psycopg.Connection[Any], order: Any, year: int = 0) -> tuple[int, int]:
    order_id, client_id, cents = order
    line = {"cents": cents, "discount_cents": 0, "tax_cents": 0}
    body = json.dumps({"total_cents": cents, "shipping_cents": 0, "lines": [line]})
    found = connection.execute(
        "INSERT INTO papers (id, series, issued_on, order_id, client_id, total_cents, body)"
        " VALUES (%s, 'INV', (shop_now() AT TIME ZONE 'UTC')::date, %s, %s, %s, %s)"
        " RETURNING year, n",
        [uuid.uuid4(), order_id, client_id, cents, body],
    ).fetchone()
    assert found
    return found[0], found[1]


@given(STEPS)
@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_story_of_issuing_and_rolling_back_leaves_no_gap(till: Any, steps: Any) -> None:
    """Each step issues an order's invoice in a transaction within the story's, and keeps or undoes
    it; now and then an act that fails after it undoes two.
    """
    connection, owed = till
    kept: dict[int, int] = {}  # order → its number
    with connection.transaction(force_rollback=True):
        for place, keep, twice in steps:
            if place in kept:
                with pytest.raises(psycopg.errors.UniqueViolation), connection.transaction():
                    issue(connection, owed[place])
                continue
            also = next((n for n in range(ORDERS) if n not in kept and n != place), None)
            with connection.transaction(force_rollback=not keep):
                _, number = issue(connection, owed[place])
                if twice and not keep and also is not None:
                    assert issue(connection, owed[also])[1] == number + 1
            if keep:
                kept[place] = number
        assert list(kept.values()) == list(range(1, len(kept) + 1))
        told = connection.execute("SELECT n, previous_n FROM papers ORDER BY n").fetchall()
        assert told == [(n, n - 1 or None) for n in range(1, len(kept) + 1)]
        last = connection.execute("SELECT last FROM paper_counters").fetchall()
        assert last == ([(len(kept),)] if kept else [])


def test_a_year_begins_with_1(till: Any, live: Database) -> None:
    connection, owed = till
    numbers = []
    with live.as_role() as superuser:
        try:
            for order, years in zip(owed, itertools.chain([0], itertools.repeat(1)), strict=False):
                superuser.execute(
                    "UPDATE shop_clock SET time_offset = make_interval(years => %s)", [years]
                )
                superuser.commit()
                with connection.transaction():
                    numbers.append(issue(connection, order))
                if len(numbers) == 3:
                    break
        finally:
            superuser.execute("UPDATE shop_clock SET time_offset = interval '0'")
            superuser.commit()
    year = numbers[0][0]
    assert numbers == [(year, 1), (year + 1, 1), (year + 1, 2)]
