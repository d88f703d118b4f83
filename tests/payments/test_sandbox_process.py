"""The sandbox as a program: it serves this machine, remembers, loses answers, and ends."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import requests

from shop.payments import stripe_gateway
from shop.payments.gateway import Unknown
from shop.payments.sandbox.running import Sandbox
from shop.payments.stripe_gateway import StripeGateway

from .conftest import SECRET_KEY, WEBHOOK_SECRET, open_session


def free_port() -> int:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        port: int = line.getsockname()[1]
        return port


def command(database_url: str, port: int, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "shop.payments.sandbox", "--port", str(port)),
        *("--database-url", database_url, "--secret-key", SECRET_KEY),
        *("--webhook-secret", WEBHOOK_SECRET, *more),
    ]


@contextmanager
def running(database_url: str, port: int, *more: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command(database_url, port, *more), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == f"Stripe sandbox: http://127.0.0.1:{port}\n"
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def emptied(sandbox: Sandbox, sandbox_database_url: str) -> str:
    """The address of the sandbox's database, with nothing in it."""
    assert sandbox.store is not None
    return sandbox_database_url


def test_it_remembers_over_a_restart_and_loses_an_answer_for_real(
    emptied: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")  # of no use for one's own machine
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    gateway = StripeGateway(SECRET_KEY, (WEBHOOK_SECRET,), api_base=base)

    with running(emptied, port):
        opened = open_session(gateway)
        fault = {"mode": "dropped_after", "method": "POST"}
        direct = {"http": ""}
        set_up = requests.post(f"{base}/_sandbox/faults", json=fault, timeout=10, proxies=direct)
        assert set_up.status_code == 200
        with pytest.raises(Unknown):
            open_session(gateway, key="open:2")
        since = opened.expires_at.replace(year=2020)
        assert len(list(gateway.sessions_since(since))) == 2

    other_port = free_port()
    with running(emptied, other_port):
        moved = StripeGateway(SECRET_KEY, (), api_base=f"http://127.0.0.1:{other_port}")
        again = moved.session(opened.id)
        assert again.url == f"http://127.0.0.1:{other_port}/c/pay/{opened.id}"


def test_it_hangs_until_its_caller_gives_up(emptied: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an answer, before and after the effect; the same key then tells."""
    monkeypatch.setattr(stripe_gateway, "READ_SECONDS", 0.5)
    port = free_port()
    gateway = StripeGateway(SECRET_KEY, (WEBHOOK_SECRET,), api_base=f"http://127.0.0.1:{port}")
    since = datetime.now(UTC) - timedelta(hours=1)

    with running(emptied, port):
        for made, mode in enumerate(("timeout_before", "timeout_after")):
            requests.post(
                f"http://127.0.0.1:{port}/_sandbox/faults",
                json={"mode": mode, "method": "POST"},
                timeout=10,
                proxies={"http": ""},
            )
            began = time.monotonic()
            with pytest.raises(Unknown):
                open_session(gateway, key="open:1" if mode == "timeout_before" else "open:2")
            assert 0.5 <= time.monotonic() - began < 5
            assert len(list(gateway.sessions_since(since))) == made
            open_session(gateway, key="open:2")
            assert len(list(gateway.sessions_since(since))) == 1


def test_events_reach_a_webhook_by_themselves(emptied: str) -> None:
    arrived = threading.Event()

    class Shop(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(204)
            self.end_headers()
            if "v1=" in self.headers["Stripe-Signature"]:
                arrived.set()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    shop = HTTPServer(("127.0.0.1", 0), Shop)
    serving = threading.Thread(target=shop.serve_forever)
    serving.start()
    port = free_port()
    url = f"http://127.0.0.1:{shop.server_port}/webhooks/stripe"
    try:
        with running(emptied, port, "--webhook-url", url):
            answer = requests.post(
                f"http://127.0.0.1:{port}/v1/customers",
                headers={"Authorization": f"Bearer {SECRET_KEY}"},
                timeout=10,
            )
            assert answer.status_code == 200
            assert arrived.wait(timeout=30)
    finally:
        shop.shutdown()
        serving.join()
        shop.server_close()


def test_secrets_may_come_from_the_environment(emptied: str) -> None:
    port = free_port()
    environment = {
        **os.environ,
        "SANDBOX_DATABASE_URL": emptied,
        "STRIPE_SECRET_KEY": SECRET_KEY,
        "STRIPE_WEBHOOK_SECRETS": f"{WEBHOOK_SECRET},whsec_old",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "shop.payments.sandbox", "--port", str(port)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == f"Stripe sandbox: http://127.0.0.1:{port}\n"
        base = f"http://127.0.0.1:{port}"
        assert open_session(StripeGateway(SECRET_KEY, (), api_base=base)).id
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


REFUSED = {
    "another host": ["--host", "0.0.0.0"],
    "a live key": ["--secret-key", "sk_live_1"],
    "an odd secret": ["--webhook-secret", "secret"],
    "no database": ["--database-url", "postgresql://nobody@127.0.0.1:1/none"],
    "an odd database": ["--database-url", "nothing"],
    "a port too high": ["--port", "70000"],
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_does_not_start_with_wrong_settings_and_says_why(case: str, emptied: str) -> None:
    ended = subprocess.run(
        [*command(emptied, free_port()), *REFUSED[case]],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ended.returncode == 2
    assert ended.stderr.strip()
    assert "Traceback" not in ended.stderr


def test_it_does_not_start_on_a_port_in_use(emptied: str) -> None:
    with socket.socket() as line:
        line.bind(("127.0.0.1", 0))
        line.listen()
        ended = subprocess.run(
            command(emptied, line.getsockname()[1]),
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )

    assert ended.returncode == 2
    assert "cannot be used" in ended.stderr
    assert "Traceback" not in ended.stderr
