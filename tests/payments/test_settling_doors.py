"""Paying over HTTP: the client's way, the provider's way, and who is not let in."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import stripe
from flask import Flask
from flask.testing import FlaskClient

from shop import create_app
from shop.accounts.models import Person
from shop.core import jobs
from shop.core.clock import now
from shop.core.cluster import WORKER
from shop.core.db import act_as, db
from shop.orders import cancelling
from shop.orders.models import Order
from shop.payments import jobs as payment_jobs
from shop.payments import queries
from shop.payments.gateway import Gateway
from shop.payments.models import ProviderEvent
from shop.payments.sandbox.in_process import Visitor
from shop.payments.webhook import LONGEST
from tests.accounts.test_access import a_session, a_token
from tests.conftest import Database, FreshClient, config_for
from tests.payments.conftest import WEBHOOK_SECRET, Control, Inbox
from tests.payments.orders_to_pay import an_order, how
from tests.people import alice, bob


@pytest.fixture
def shop(live: Database, gateway: Gateway) -> Iterator[Flask]:
    """The shop on the module's own database, with the sandbox as its bank."""
    app = create_app(config_for(live), gateway=gateway)
    app.test_client_class = FreshClient
    with app.app_context():
        act_as("system:test")
        yield app
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def client(shop: Flask) -> Person:
    somebody = alice()
    db.session.commit()
    return somebody


@pytest.fixture
def order(client: Person) -> Order:
    return an_order(client)


@pytest.fixture
def program(client: Person) -> dict[str, str]:
    """The headers of the client's own program."""
    return a_token(client, ["shop", "read"]) | {"Idempotency-Key": "pay-1"}


def pay(shop: Flask, order: Order, headers: dict[str, str]) -> Any:
    return shop.test_client().post(f"/api/v1/orders/{order.number}/payment", headers=headers)


def test_the_client_gets_the_providers_page(
    shop: Flask, order: Order, program: dict[str, str], visitor: Visitor
) -> None:
    answer = pay(shop, order, program)

    assert answer.status_code == 200
    assert answer.json["status"] == "open"
    assert visitor.look(answer.json["url"]).status == 200


def test_the_same_key_gets_the_same_answer(
    shop: Flask, order: Order, program: dict[str, str], control: Control
) -> None:
    first, again = pay(shop, order, program), pay(shop, order, program)

    assert first.status_code == 200, first.text
    assert again.data == first.data
    assert again.headers["Idempotent-Replayed"] == "true"
    other = pay(shop, order, program | {"Idempotency-Key": "pay-2"})
    assert other.json["url"] == first.json["url"]


def test_a_payment_needs_a_key(shop: Flask, order: Order, program: dict[str, str]) -> None:
    del program["Idempotency-Key"]
    answer = pay(shop, order, program)

    assert (answer.status_code, answer.json["code"]) == (422, "idempotency_key_required")
    assert how(order) == ("awaiting_payment", [])


def test_nobody_pays_for_anothers_order(shop: Flask, order: Order) -> None:
    stranger = a_token(bob(), ["shop"]) | {"Idempotency-Key": "x"}

    assert pay(shop, order, stranger).status_code == 404
    assert pay(shop, order, {"Idempotency-Key": "x"}).status_code == 401
    assert how(order) == ("awaiting_payment", [])


def test_a_provider_that_is_away_is_told_and_tried_again(
    shop: Flask, order: Order, program: dict[str, str], control: Control
) -> None:
    control.post("faults", mode="429", method="POST", path="/v1/checkout/sessions")

    answer = pay(shop, order, program)

    assert (answer.status_code, answer.json["code"]) == (503, "payment_provider_away")
    assert answer.headers["Retry-After"] == "60"
    assert how(order) == ("awaiting_payment", ["created"])


def paid_on_the_page(shop: Flask, order: Order, program: dict[str, str], visitor: Visitor) -> None:
    assert visitor.pay(pay(shop, order, program).json["url"]).status == 303


def test_the_webhook_pays_the_order(
    shop: Flask,
    live: Database,
    order: Order,
    program: dict[str, str],
    visitor: Visitor,
    sandbox: Any,
    inbox: Inbox,
) -> None:
    paid_on_the_page(shop, order, program, visitor)
    sandbox.courier.deliver_due()
    knocked = [hear(shop, body, header).status_code for body, header in inbox.taken[::-1] * 2]
    assert set(knocked) == {200}
    assert how(order) == ("awaiting_payment", ["open"])

    db.session.remove()
    jobs.drain(shop, live.url(WORKER))

    act_as("system:test")
    assert how(order) == ("paid", ["succeeded"])
    assert db.session.scalar(sa.select(sa.func.count()).select_from(ProviderEvent)) == len(
        inbox.taken
    )


def hear(shop: Flask, body: bytes, header: str) -> Any:
    return shop.test_client().post(
        "/webhooks/stripe", data=body, headers={"Stripe-Signature": header}
    )


def signed(body: bytes, secret: str = WEBHOOK_SECRET, *, at: int = 0) -> str:
    return stripe.WebhookSignature.generate_signature_header(
        body.decode(), secret, int(time.time()) + at
    )


BODY = b'{"id": "evt_1", "object": "event"}'
FORGED: dict[str, tuple[bytes, str]] = {
    "no signature": (BODY, ""),
    "another secret": (BODY, signed(BODY, "whsec_other")),
    "too old": (BODY, signed(BODY, at=-600)),
    "too early": (BODY, signed(BODY, at=600)),
    "cut short": (BODY[:-1], signed(BODY)),
    "signed, and not an event": (b"[]", signed(b"[]")),
    "signed, and not JSON": (b"hello", signed(b"hello")),
}


@pytest.mark.parametrize("case", FORGED)
def test_a_forged_word_is_refused_and_leaves_nothing(case: str, shop: Flask) -> None:
    """T40."""
    body, header = FORGED[case]
    before = db.session.scalar(sa.select(sa.func.count()).select_from(ProviderEvent))

    assert hear(shop, body, header).status_code == 400

    after = db.session.scalar(sa.select(sa.func.count()).select_from(ProviderEvent))
    assert after == before


@pytest.mark.parametrize("size", [LONGEST + 1, 10 * 1024 * 1024])
def test_a_long_word_is_not_read(size: int, shop: Flask) -> None:
    body = b"x" * size
    assert hear(shop, body, signed(b"x")).status_code == 413


@pytest.fixture
def browser_of(shop: Flask, client: Person) -> FlaskClient:
    session, _ = a_session(shop, client)
    return session


def test_back_from_the_page_the_bank_is_asked(
    shop: Flask,
    order: Order,
    program: dict[str, str],
    visitor: Visitor,
    browser_of: FlaskClient,
) -> None:
    pay(shop, order, program)
    waiting = browser_of.get(f"/orders/{order.number}/paid")
    assert waiting.status_code == 200
    assert "waiting for the bank" in waiting.text

    paid_on_the_page(shop, order, program, visitor)
    assert "Paid. Thank you." in browser_of.get(f"/orders/{order.number}/paid").text
    act_as("system:test")
    assert how(order) == ("paid", ["succeeded"])


def test_back_from_the_page_while_the_bank_is_away(
    shop: Flask,
    order: Order,
    program: dict[str, str],
    browser_of: FlaskClient,
    control: Control,
) -> None:
    pay(shop, order, program)
    control.post("faults", mode="dropped_before", times=3)

    page = browser_of.get(f"/orders/{order.number}/paid")

    assert page.status_code == 200
    assert "waiting for the bank" in page.text


def test_the_button_leads_to_the_providers_page(
    shop: Flask, order: Order, browser_of: FlaskClient
) -> None:
    form = browser_of.get(f"/orders/{order.number}/paid").text
    token = form.split('name="csrf_token" value="')[-1].split('"')[0]

    led = browser_of.post(f"/orders/{order.number}/payment", data={"csrf_token": token})

    assert led.status_code == 303
    assert "/c/pay/cs_test_" in led.headers["Location"]


def test_the_end_of_a_paid_order_sends_its_money_back(
    shop: Flask,
    live: Database,
    order: Order,
    client: Person,
    program: dict[str, str],
    visitor: Visitor,
    browser_of: FlaskClient,
) -> None:
    paid_on_the_page(shop, order, program, visitor)
    browser_of.get(f"/orders/{order.number}/paid")
    act_as("system:test")
    cancelling.cancel(queries.locked_order(order.id), reason="changed_mind", by=client, at=now())
    db.session.commit()
    db.session.remove()

    jobs.drain(shop, live.url(WORKER))

    act_as("system:test")
    [payment] = queries.payments_of(order.id)
    assert payment.refunded_cents == order.total_cents
    assert how(order) == ("cancelled", ["succeeded"])


def test_the_worker_knows_its_rounds() -> None:
    assert set(payment_jobs.PERIODIC) <= set(jobs.queue.tasks)
