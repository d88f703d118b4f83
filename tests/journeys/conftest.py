"""A whole clinic for a journey: the real catalogue, the cast, the Stripe sandbox, caught mail."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from flask import Flask
from flask.testing import FlaskClient

from shop import create_app
from shop.cli import periodic
from shop.core import jobs
from shop.core.cluster import WORKER
from shop.core.db import act_as, db
from shop.payments.sandbox.app import create_app as create_sandbox
from shop.payments.sandbox.in_process import Visitor, in_process
from shop.payments.sandbox.running import Sandbox
from shop.payments.stripe_gateway import StripeGateway
from tests import people
from tests.conftest import Database, FreshClient, config_for
from tests.payments.conftest import emptied
from tests.ports import a_free_port

SECRET_KEY = "sk_test_journey"
WEBHOOK_SECRET = "whsec_test_shop"


@dataclass
class Post:
    """Letters as they arrived."""

    letters: list[EmailMessage] = field(default_factory=list)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.letters.append(message_from_bytes(envelope.original_content, policy=policy.default))
        return "250 OK"

    def subjects(self, to: str) -> list[str]:
        return [str(letter["Subject"]) for letter in self.letters if to in str(letter["To"])]


@dataclass
class Clinic:
    """Everything a journey needs at hand."""

    app: Flask
    worker: Flask
    database: Database
    sandbox: Sandbox
    visitor: Visitor
    sandbox_client: FlaskClient
    post: Post
    tokens: dict[str, str] = field(default_factory=dict)
    keys: int = 0

    def call(self, who: str, method: str, path: str, **kwargs: Any) -> Any:
        """An API call as `who` (a mail address); every unsafe one with a fresh key."""
        self.keys += 1
        headers = {"Idempotency-Key": f"journey-{self.keys}", **kwargs.pop("headers", {})}
        if who:
            headers["Authorization"] = f"Bearer {self.token(who)}"
        client = self.app.test_client()
        return client.open(f"/api/v1{path}", method=method, headers=headers, **kwargs)

    def token(self, who: str) -> str:
        if who not in self.tokens:
            answer = self.app.test_client().post(
                "/api/v1/tokens",
                json={"email": who, "password": people.PASSWORD, "name": "journey"},
            )
            assert answer.status_code == 201, answer.text
            self.tokens[who] = answer.json["token"]
        return self.tokens[who]

    def pending(self) -> list[dict[str, Any]]:
        """The provider's events that were not delivered yet, oldest first."""
        answer = self.sandbox_client.get("/_sandbox/events", query_string={"pending": "true"})
        items: list[dict[str, Any]] = answer.get_json()["items"]
        return items

    def work(self) -> None:
        """Let the worker do all that is due, as its own role."""
        periodic()  # imported: the worker knows its jobs
        jobs.drain(self.worker, self.database.url(WORKER))

    def travel(self, time: timedelta) -> None:
        """Move the shop's clock forward."""
        with self.database.as_role("aftercare_owner") as connection:
            connection.execute("UPDATE shop_clock SET time_offset = time_offset + %s", [time])

    def deliver(self, event_id: str) -> str:
        """Bring one webhook event to the shop; what it answered."""
        return self.sandbox.courier.deliver(event_id)


@pytest.fixture(scope="module")
def clinic(live: Database, sandbox_database_url: str) -> Iterator[Clinic]:
    """The clinic on a database of the module's own; webhooks wait until a test delivers them."""
    post = Post()
    controller = Controller(post, hostname="127.0.0.1", port=a_free_port())
    controller.start()
    shop: dict[str, Flask] = {}

    def send(_url: str, body: bytes, headers: dict[str, str]) -> int:
        client = shop["app"].test_client()
        return client.post("/webhooks/stripe", data=body, headers=headers).status_code

    sandbox = Sandbox(
        database_url=sandbox_database_url,
        secret_key=SECRET_KEY,
        webhook_secret=WEBHOOK_SECRET,
        webhook_url="http://localhost/webhooks/stripe",
        send=send,
    )
    sandbox.open()
    emptied(sandbox_database_url)
    sandbox_app = create_sandbox(sandbox)
    gateway = StripeGateway(SECRET_KEY, (WEBHOOK_SECRET,), transport=in_process(sandbox_app))
    app = create_app(config_for(live, smtp_port=controller.port), gateway=gateway)
    app.test_client_class = FreshClient
    shop["app"] = app
    with app.app_context():
        act_as("system:test")
        _cast()
        db.session.commit()
    worker = create_app(
        config_for(live, smtp_port=controller.port, database_url=live.url(WORKER)), gateway=gateway
    )
    yield Clinic(app, worker, live, sandbox, Visitor(sandbox_app), sandbox_app.test_client(), post)
    sandbox.close()
    controller.stop()
    for each in (app, worker):
        with each.app_context():
            db.session.remove()
            db.engine.dispose()


def _cast() -> None:
    from shop.accounts import passwords
    from shop.core.clock import now

    known = {"password_hash": passwords.hash_of(people.PASSWORD), "email_confirmed_at": now()}
    people.alice(email="alice@example.test", **known)
    people.bob(email="bob@example.test", **known)
    people.dr_chen(email="dr.chen@example.test", **known)
    people.sam(email="sam@example.test", **known)
    people.mona(email="mona@example.test", **known)
