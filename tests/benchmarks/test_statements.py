"""How many statements a hot route sends: a number that nobody changes without noticing.

BEGIN, COMMIT and ROLLBACK are not among them. Who makes a route cheaper lowers its number here.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from benchmarks.operations import ORDER
from shop.accounts import tokens
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.prescriptions import inquiring, reviewing
from tests.builders import a_cream, a_product, a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import a_cart, paid
from tests.people import alice, dr_chen
from tests.prescriptions.builders import a_prescription, a_request

# The ruling comes with the pack; placing sends one more, which keeps the rules as they are.
LIST, SEARCH, PRODUCT, GATE, CASE, PLACE = 2, 2, 10, 18, 11, 44
CHART, RECHECK = 16, 12  # with nothing to look at; with prescriptions and orders to look at


@contextmanager
def sent(app: Flask) -> Iterator[list[str]]:
    """The statements that the application sends meanwhile."""
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        statements.append(statement)

    with app.app_context():
        engine = db.engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


def count(app: Flask, method: str, path: str, token: str = "", **given: Any) -> int:
    """How many statements one request sends, once the application has warmed up."""
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    with sent(app) as statements:
        answer = app.test_client().open(f"/api/v1{path}", method=method, headers=headers, **given)
    assert answer.status_code in (200, 201), answer.text
    return len(statements)


@pytest.fixture(scope="module")
def shelves(live_app: Flask) -> Iterator[str]:
    """Some products on offer; the slug of one."""
    with live_app.app_context():
        act_as("system:test")
        for number in range(3):
            for _pack in range(number + 1):
                a_lot(a_variant(a_product(name=f"Mineral cream {number}", category="cream")), 5)
        product = a_product(name="Mineral serum", category="cream")
        a_lot(a_variant(product), 5)
        db.session.commit()
        yield product.slug


def test_a_list(live_app: Flask, shelves: str) -> None:
    count(live_app, "GET", "/products")  # the first look at a version reads catalogue and cards

    assert count(live_app, "GET", "/products?category=cream") == LIST


def test_a_search(live_app: Flask, shelves: str) -> None:
    count(live_app, "GET", "/products")  # the first look at a version reads the catalogue
    first = count(live_app, "GET", "/products?q=mineral+cream")

    assert first <= SEARCH + 1  # words that this worker was not asked before
    assert count(live_app, "GET", "/products?q=mineral+cream") == SEARCH


def test_a_product(live_app: Flask, shelves: str) -> None:
    assert count(live_app, "GET", f"/products/{shelves}") == PRODUCT


def test_the_gates_answer(live_app: Flask) -> None:
    with live_app.app_context():
        act_as("system:test")
        client, cream = alice(), a_cream()
        a_prescription(client, cream)
        slug, token = cream.product.slug, a_token(client)
        db.session.commit()

    assert count(live_app, "GET", f"/products/{slug}/gate", token) == GATE


def test_a_physicians_case(live_app: Flask) -> None:
    with live_app.app_context():
        act_as("system:test")
        number, token = a_request().number, a_token(dr_chen())
        db.session.commit()

    assert count(live_app, "GET", f"/approval-requests/{number}", token) == CASE


def test_a_case_with_questions_and_answers_costs_no_more(live_app: Flask) -> None:
    with live_app.app_context():
        act_as("system:test")
        request, chen = a_request(), dr_chen()
        for turn in range(3):
            reviewing.claim(request, by=chen, at=now())
            inquiring.inquire(request, f"Question {turn}?", by=chen, at=now())
            anew = {"goal": f"Goal {turn}."}
            inquiring.reply(request, "So.", answers=anew, by=request.client, at=now())
        number, token = request.number, a_token(chen)
        db.session.commit()

    assert count(live_app, "GET", f"/approval-requests/{number}", token) == CASE


def test_placing(live_app: Flask) -> None:
    """Two lines, one of them with a prescription."""
    with live_app.app_context():
        act_as("system:test")
        client, soap, cream = alice(), a_variant(), a_cream()
        a_lot(soap, 5), a_lot(cream, 5)
        a_prescription(client, cream)
        a_cart(client, {soap: 1, cream: 1})
        token = a_token(client)
        db.session.commit()

    assert count(live_app, "POST", "/orders", token, json=ORDER) == PLACE


def test_saying_something_of_ones_health(live_app: Flask) -> None:
    """As many with three prescriptions and orders to look at as with one."""
    fact = {"fitzpatrick": {"phototype": "III"}}
    with live_app.app_context():
        act_as("system:test")
        clients = [alice() for _ in "abc"]
        for client, many in zip(clients, (0, 1, 3), strict=True):
            for cream in [a_cream() for _ in range(many)]:
                a_lot(cream, 5)
                a_prescription(client, cream)
                paid(client, {cream: 1})
        secrets = [a_token(client) for client in clients]
        db.session.commit()

    sent = [count(live_app, "POST", "/me/chart", one, json=fact) for one in secrets]
    assert sent == [CHART, CHART + RECHECK, CHART + RECHECK]


def a_token(person: Any) -> str:
    """Of somebody who was seen just now, so that no request notes it."""
    token, secret = tokens.issue(person, name="test", scopes=None, at=now())
    token.used_at = now()
    return secret
