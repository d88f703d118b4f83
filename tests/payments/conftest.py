"""The Stripe sandbox in this process, and the gateway that talks to it."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask import Flask
from flask.testing import FlaskClient

from shop.payments.gateway import Card, CheckoutSession, Intent, SetupPage
from shop.payments.sandbox import cards
from shop.payments.sandbox.app import create_app
from shop.payments.sandbox.in_process import Visitor, in_process
from shop.payments.sandbox.running import Sandbox
from shop.payments.stripe_gateway import StripeGateway

SECRET_KEY = "sk_test_sand-box"
WEBHOOK_SECRET = "whsec_sandbox"


@dataclass
class Inbox:
    """The shop's end of the webhook: takes everything, or answers as it is told."""

    taken: list[tuple[bytes, str]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    def send(self, _url: str, body: bytes, headers: dict[str, str]) -> int:
        status = self.answers.pop(0) if self.answers else 200
        if status == 0:
            raise ConnectionRefusedError
        self.taken.append((body, headers["Stripe-Signature"]))
        return status


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def sandbox(sandbox_database_url: str, inbox: Inbox) -> Iterator[Sandbox]:
    """An empty sandbox whose webhooks land in `inbox` when a test lets them go."""
    sandbox = Sandbox(
        database_url=sandbox_database_url,
        secret_key=SECRET_KEY,
        webhook_secret=WEBHOOK_SECRET,
        webhook_url="http://127.0.0.1:8000/webhooks/stripe",
        send=inbox.send,
    )
    sandbox.open()
    emptied(sandbox_database_url)
    yield sandbox
    sandbox.close()


def emptied(sandbox_database_url: str) -> None:
    """Forget what other tests left in the sandbox."""
    with psycopg.connect(sandbox_database_url) as connection:
        connection.execute(
            "TRUNCATE stripe_sandbox.objects, stripe_sandbox.deliveries, stripe_sandbox.answers,"
            " stripe_sandbox.faults, stripe_sandbox.losses, stripe_sandbox.switches"
        )


@pytest.fixture
def sandbox_app(sandbox: Sandbox) -> Flask:
    return create_app(sandbox)


@pytest.fixture
def gateway(sandbox_app: Flask) -> StripeGateway:
    return StripeGateway(SECRET_KEY, (WEBHOOK_SECRET,), transport=in_process(sandbox_app))


@pytest.fixture
def visitor(sandbox_app: Flask) -> Visitor:
    return Visitor(sandbox_app)


@pytest.fixture
def browser(sandbox_app: Flask) -> FlaskClient:
    """Bare HTTP, for what neither the library nor the page would send."""
    return sandbox_app.test_client()


@dataclass
class Control:
    """The sandbox's own switches, over HTTP as a test of another process would use them."""

    client: FlaskClient

    def post(self, path: str, /, **body: Any) -> dict[str, Any]:
        answer = self.client.post(f"/_sandbox/{path}", json=body)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        read: dict[str, Any] = answer.get_json()
        return read

    def events(self, *, pending: bool = False) -> list[dict[str, Any]]:
        answer = self.client.get("/_sandbox/events", query_string={"pending": str(pending).lower()})
        items: list[dict[str, Any]] = answer.get_json()["items"]
        return items


@pytest.fixture
def control(browser: FlaskClient) -> Control:
    return Control(browser)


@functools.lru_cache(maxsize=1)
def started(gateway: StripeGateway) -> datetime:
    """When a test first used its gateway: the same for calls that repeat one another."""
    return datetime.now(UTC)


def open_session(
    gateway: StripeGateway,
    *,
    key: str = "open:1",
    amount_cents: int = 4800,
    minutes: int = 60,
    setup_ref: str | None = None,
) -> CheckoutSession:
    return gateway.open_session(
        order_ref="A-7K2M9",
        amount_cents=amount_cents,
        success_url="http://localhost:8000/orders/A-7K2M9?session={CHECKOUT_SESSION_ID}",
        cancel_url="http://localhost:8000/cart",
        expires_at=started(gateway) + timedelta(minutes=minutes),
        key=key,
        setup_ref=setup_ref,
    )


def open_setup(gateway: StripeGateway, *, key: str, setup_ref: str = "setup") -> SetupPage:
    return gateway.open_setup(
        setup_ref=setup_ref,
        success_url="http://localhost:8000/account/cards/saved",
        cancel_url="http://localhost:8000/account/cards",
        expires_at=started(gateway) + timedelta(hours=1),
        key=key,
    )


def saved_method(gateway: StripeGateway, visitor: Visitor, *, number: str = cards.PAYS) -> Card:
    """A card that somebody has just saved at the provider, having said yes to the bank."""
    page = open_setup(gateway, key=f"setup:{number}")
    assert page.url is not None
    visitor.pay(page.url, number=number)
    if number in {cards.ALWAYS_ASKS, cards.ASKS_TO_AUTHENTICATE}:
        visitor.authenticate(page.url, authorise=True)
    saved = gateway.page(page.id)
    assert isinstance(saved, SetupPage)
    assert saved.saved_by is not None
    method_id = gateway.method_saved(saved.saved_by)
    assert method_id is not None
    return gateway.card(method_id)


def charged(gateway: StripeGateway, card: Card, *, key: str | None = None) -> Intent:
    assert card.customer_id is not None
    return gateway.charge_card(
        order_ref="A-7K2M9",
        payment_ref="payment",
        amount_cents=4800,
        customer_id=card.customer_id,
        method_id=card.id,
        key=key or f"charge:{card.id}",
    )


def paid_intent(gateway: StripeGateway, visitor: Visitor, *, number: str = cards.PAYS) -> str:
    """The id of an intent that has just been paid, 48 dollars."""
    session = open_session(gateway)
    assert session.url is not None
    assert visitor.pay(session.url, number=number).status == 303
    intent_id = gateway.session(session.id).intent_id
    assert intent_id is not None
    return intent_id
