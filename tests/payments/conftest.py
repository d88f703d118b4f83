"""A database for the Stripe sandbox, the sandbox itself, and the gateway that talks to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import Flask
from werkzeug.test import Client

from shop.payments.gateway import CheckoutSession
from shop.payments.sandbox.app import create_app
from shop.payments.sandbox.in_process import Visitor, in_process
from shop.payments.sandbox.running import Sandbox
from shop.payments.stripe_gateway import StripeGateway

SECRET_KEY = "sk_test_sandbox"
WEBHOOK_SECRET = "whsec_sandbox"
NOBODY = 65534


@pytest.fixture(scope="session")
def sandbox_database_url() -> Iterator[str]:
    """A database whose role `aftercare_sandbox` owns the schema `stripe_sandbox`."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    folder = Path(tempfile.mkdtemp(prefix="aftercare-"))
    as_whom: dict[str, Any] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        os.chown(folder, NOBODY, NOBODY)
        as_whom = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    run = {"check": True, "cwd": folder, "stdout": subprocess.DEVNULL, **as_whom}
    data = str(folder / "data")
    subprocess.run(
        [binaries / "initdb", "-D", data, "-U", "owner", "-A", "trust", "-E", "UTF8", "-N"], **run
    )
    options = f"-c listen_addresses='' -k {folder} -c fsync=off"
    control = [binaries / "pg_ctl", "-D", data, "-w", "-l", str(folder / "log")]
    subprocess.run([*control, "-o", options, "start"], **run)
    try:
        with psycopg.connect(f"host={folder} user=owner dbname=postgres") as owner:
            owner.execute("CREATE ROLE aftercare_sandbox LOGIN")
            owner.execute("CREATE SCHEMA stripe_sandbox AUTHORIZATION aftercare_sandbox")
        yield f"postgresql://aftercare_sandbox@/postgres?host={folder}"
    finally:
        subprocess.run([*control, "-m", "immediate", "stop"], **run)
        shutil.rmtree(folder)


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
    with psycopg.connect(sandbox_database_url) as connection:
        connection.execute(
            "TRUNCATE stripe_sandbox.objects, stripe_sandbox.deliveries, stripe_sandbox.answers,"
            " stripe_sandbox.faults, stripe_sandbox.switches"
        )
    yield sandbox
    sandbox.close()


@pytest.fixture
def app(sandbox: Sandbox) -> Flask:
    return create_app(sandbox)


@pytest.fixture
def gateway(app: Flask) -> StripeGateway:
    return StripeGateway(SECRET_KEY, (WEBHOOK_SECRET,), transport=in_process(app))


@pytest.fixture
def visitor(app: Flask) -> Visitor:
    return Visitor(app)


@pytest.fixture
def browser(app: Flask) -> Client:
    """Bare HTTP, for what neither the library nor the page would send."""
    return app.test_client()


@dataclass
class Control:
    """The sandbox's own switches, over HTTP as a test of another process would use them."""

    client: Client

    def post(self, path: str, **body: Any) -> dict[str, Any]:
        answer = self.client.post(f"/_sandbox/{path}", json=body)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        read: dict[str, Any] = answer.get_json()
        return read

    def events(self, *, pending: bool = False) -> list[dict[str, Any]]:
        answer = self.client.get("/_sandbox/events", query_string={"pending": str(pending).lower()})
        items: list[dict[str, Any]] = answer.get_json()["items"]
        return items


@pytest.fixture
def control(browser: Client) -> Control:
    return Control(browser)


def open_session(
    gateway: StripeGateway, *, key: str = "open:1", amount_cents: int = 4800, minutes: int = 60
) -> CheckoutSession:
    return gateway.open_session(
        order_ref="A-7K2M9",
        amount_cents=amount_cents,
        success_url="http://localhost:8000/orders/A-7K2M9?session={CHECKOUT_SESSION_ID}",
        cancel_url="http://localhost:8000/cart",
        expires_at=datetime.now(UTC) + timedelta(minutes=minutes),
        key=key,
    )
