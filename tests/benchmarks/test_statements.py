"""How many statements a hot route sends: a number that nobody changes without noticing.

BEGIN, COMMIT and ROLLBACK are not among them. Who makes a route cheaper lowers its number here.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from benchmarks.operations import ORDER
from shop.accounts import tokens
from shop.accounts.models import Person
from shop.charts import charting
from shop.charts.facts import Allergy
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.prescriptions import escalating, inquiring, referring, reviewing
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.referring import ReferralReason
from shop.prescriptions.reviewing import RefusalReason
from shop.prescriptions.screening.risk import Risk
from tests.builders import a_cream, a_product, a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import a_cart, paid
from tests.people import a_browser, alice, dr_chen
from tests.prescriptions.builders import (
    a_claimed_request,
    a_prescription,
    a_request,
    an_examination,
)
from tests.prescriptions.test_batching import a_renewal as renewed
from tests.prescriptions.test_checking import (
    a_formula,
    a_substance,
    asked,
    claimed,
    hydroquinone,
    sulfite,
    tretinoin,
)
from tests.prescriptions.test_declining import tazarotene
from tests.treatments.builders import an_active_plan

# The ruling comes with the pack; placing sends one more, which keeps the rules as they are, one
# for what belongs to the order it tells of, and one that asks which classes may be paid online.
LIST, SEARCH, PRODUCT, GATE, PLACE = 2, 2, 10, 18, 46
# A case as the API tells it, with its history, and as the page shows it; never more than MOST.
CASE, PAGE, MOST = 9, 8, 12
DESK = 11
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


def looked_at(app: Flask, browser: FlaskClient, path: str) -> int:
    """How many statements a page sends, those that find who asks and note it among them.

    The clinic's look is not: a process asks for it every 15 seconds, whatever the page.
    """
    assert browser.get("/words").status_code == 200
    with sent(app) as statements:
        answer = browser.get(path)
    assert answer.status_code == 200, answer.text
    return len(statements)


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


# --- a physician's case --------------------------------------------------------------------------


def plain(chen: Person) -> ApprovalRequest:
    return a_request()


def talked_about(chen: Person) -> ApprovalRequest:
    """Three questions, each answered, and with another answer."""
    request = a_request()
    for turn in range(3):
        reviewing.claim(request, by=chen, at=now())
        inquiring.inquire(request, f"Question {turn}?", by=chen, at=now())
        anew = {"goal": f"Goal {turn}."}
        inquiring.reply(request, "So.", answers=anew, by=request.client, at=now())
    return request


def long_in_care(chen: Person) -> ApprovalRequest:
    """Of a client with prescriptions, visits and allergies, who asks for several substances."""
    client = alice()
    for _ in range(3):
        a_prescription(client, by=chen)
        an_examination(client, by=chen)
    for name in ("NIACINAMIDE", "PANTHENOL", "ALLANTOIN"):
        a_substance(name)
        charting.state(client, Allergy(name), by=client, at=now())
    return asked(client, a_formula(tretinoin(), hydroquinone(), sulfite()))


def approved(chen: Person) -> ApprovalRequest:
    return a_prescription(by=chen).request


def offered(chen: Person) -> ApprovalRequest:
    """Another pack than she asked for, which she has not taken."""
    return a_prescription(by=chen, sku=a_cream().sku).request


def refused(chen: Person) -> ApprovalRequest:
    request = a_claimed_request(by=chen)
    reviewing.refuse(request, reason=RefusalReason.MINOR, message="No.", by=chen, at=now())
    return request


def referred(chen: Person) -> ApprovalRequest:
    request = a_claimed_request(by=chen)
    why = ReferralReason.EXAM_REQUIRED
    referring.refer(request, reason=why, message="Come and see us.", by=chen, at=now())
    return request


CASES: dict[str, Callable[[Person], ApprovalRequest]] = {
    "plain": plain,
    "questions and answers": talked_about,
    "long in care": long_in_care,
}
DECIDED = {"approved": approved, "offered": offered, "refused": refused, "referred": referred}


@pytest.mark.parametrize("case", CASES)
def test_a_physicians_case_costs_the_same_whatever_it_holds(live_app: Flask, case: str) -> None:
    with live_app.app_context():
        act_as("system:test")
        chen = dr_chen()
        number = CASES[case](chen).number
        token, browser = a_token(chen), a_browser(live_app, chen)

    assert count(live_app, "GET", f"/approval-requests/{number}", token) == CASE
    assert looked_at(live_app, browser, f"/review/{number}") == PAGE


def test_a_case_of_a_client_in_treatment_costs_two_more(live_app: Flask) -> None:
    """Her sessions, and the rules of their windows."""
    with live_app.app_context():
        act_as("system:test")
        chen, request = dr_chen(), a_request()
        an_active_plan(request.client, chen=chen)
        token, browser = a_token(chen), a_browser(live_app, chen)
        number = request.number

    assert count(live_app, "GET", f"/approval-requests/{number}", token) == CASE + 2
    assert looked_at(live_app, browser, f"/review/{number}") == PAGE + 2


@pytest.mark.parametrize("case", DECIDED)
def test_a_case_that_nobody_decides_any_more_costs_less(live_app: Flask, case: str) -> None:
    with live_app.app_context():
        act_as("system:test")
        chen = dr_chen()
        number = DECIDED[case](chen).number
        token, browser = a_token(chen), a_browser(live_app, chen)

    assert count(live_app, "GET", f"/approval-requests/{number}", token) <= MOST
    assert looked_at(live_app, browser, f"/review/{number}") < PAGE


def test_in_her_hands_it_costs_one_more_for_what_she_signed_or_what_was_taken(
    live_app: Flask,
) -> None:
    """What she signed last of the product; of a renewal the fills of what it renews."""
    with live_app.app_context():
        act_as("system:test")
        chen = dr_chen()
        first, renewal = a_claimed_request(by=chen).number, renewed(a_cream(), chen)
        reviewing.claim(renewal, by=chen, at=now())
        again, browser = renewal.number, a_browser(live_app, chen)

    assert looked_at(live_app, browser, f"/review/{first}") == PAGE + 1
    assert looked_at(live_app, browser, f"/review/{again}") == PAGE + 1


def test_the_dearest_case(live_app: Flask) -> None:
    """Declined by a rule before, with allergies that nobody has read, in her hands, another pack
    thought of.
    """
    with live_app.app_context():
        act_as("system:test")
        client, chen, other, pack = alice(), dr_chen(), a_cream(), a_formula(tazarotene())
        asked(client, pack, pregnancy="pregnant")
        request = claimed(client, pack, chen, has_allergies=True, allergies="Nickel and latex.")
        assert request.risk == Risk.HIGH
        number, sku = request.number, other.sku
        token, browser = a_token(chen), a_browser(live_app, chen)

    assert count(live_app, "GET", f"/approval-requests/{number}", token) <= MOST
    assert looked_at(live_app, browser, f"/review/{number}?sku={sku}") == MOST


def test_the_desk_costs_the_same_for_one_and_for_many(live_app: Flask) -> None:
    """Of Nevada, where nothing else waits."""
    with live_app.app_context():
        act_as("system:test")
        chen, ruiz = dr_chen(states=("NV",)), dr_chen(states=("NV",))
        a_late_renewal(ruiz)
        browser = a_browser(live_app, chen)
    assert looked_at(live_app, browser, "/review") == DESK

    with live_app.app_context():
        act_as("system:test")
        ruiz = db.session.get_one(Person, ruiz.id)
        for _ in range(9):
            a_late_renewal(ruiz)
        db.session.commit()
    assert looked_at(live_app, browser, "/review") == DESK


def a_late_renewal(by: Person) -> None:
    """Hers, and in her hands; others were called to it."""
    request = renewed(a_cream(), by, alice(state="NV"))
    request.due_at = now() - timedelta(days=30)
    db.session.flush()
    assert len(escalating.escalate(request.id, at=now())) == 2
    reviewing.claim(request, by=by, at=now())


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
