"""One sandbox at work: its settings, its store, its courier."""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import current_app

from shop.payments.sandbox.store import Store
from shop.payments.sandbox.webhooks import Courier, Send, over_the_network

EXTENSION = "stripe_sandbox"


@dataclass
class Sandbox:
    """All that a running sandbox holds. `open` it before use and `close` it afterwards."""

    database_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    webhook_secret: str = field(repr=False)
    webhook_url: str | None = None
    public_url: str = "http://127.0.0.1:4242"
    send: Send = over_the_network

    def __post_init__(self) -> None:
        if not self.secret_key.startswith("sk_test_"):
            raise ValueError("The sandbox's secret key must begin with sk_test_.")
        if not self.webhook_secret.startswith("whsec_"):
            raise ValueError("The sandbox's webhook secret must begin with whsec_.")
        self.store = Store(self.database_url)
        self.courier = Courier(
            self.store, url=self.webhook_url, secret=self.webhook_secret, send=self.send
        )

    def open(self) -> None:
        self.store.open()

    def close(self) -> None:
        self.courier.stop()
        self.store.close()


def here() -> Sandbox:
    """The sandbox that the current request came to."""
    sandbox = current_app.extensions[EXTENSION]
    assert isinstance(sandbox, Sandbox)
    return sandbox
