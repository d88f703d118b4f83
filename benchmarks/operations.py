"""What is measured: each operation as its client does it, over HTTP."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import time
import uuid
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from benchmarks.load import Asking, WrongAnswer

ADDRESS = {
    "name": "Alice Moreno",
    "line1": "12 Alder Street",
    "city": "Oakland",
    "state": "CA",
    "postal_code": "94607",
    "country": "US",
}
ORDER = {"shipping_address": ADDRESS, "shipping_method": "standard"}
# As large as what the provider sends: its intent has 45 members.
EVENT = {
    "object": "event",
    "type": "payment_intent.succeeded",
    "livemode": False,
    "api_version": "2026-10-28.endive",
    "data": {"object": {"object": "payment_intent", "id": "pi_nobody", "filled": "x" * 1500}},
}
CARD = {"number": "4242 4242 4242 4242", "exp": "12/34", "cvc": "123", "name": "Alice Moreno"}


@dataclass(frozen=True)
class Buyer:
    """A client with a standing prescription for `cream`; `otc` is anybody's."""

    client_id: str
    token: str
    cream: str
    otc: str


@dataclass(frozen=True)
class Reading:
    """GET one address after another; each entry is all the requests of one operation."""

    pages: tuple[tuple[str, ...], ...]
    tokens: tuple[str, ...] = ()
    most: int | None = None

    def visit(self, client: Asking, n: int) -> None:
        token = self.tokens[n % len(self.tokens)] if self.tokens else None
        for path in self.pages[n % len(self.pages)]:
            client.ask("GET", path, token=token)


@dataclass(frozen=True)
class Placing:
    """Place the two lines that wait in a buyer's cart; each buyer does it once a round."""

    buyers: tuple[Buyer, ...]

    @property
    def most(self) -> int:
        return len(self.buyers)

    def visit(self, client: Asking, n: int) -> None:
        placed(client, self.buyers[n])


@dataclass(frozen=True)
class Checkout:
    """Fill the cart, place, begin to pay, pay on the sandbox's page. The webhook does the rest."""

    buyers: tuple[Buyer, ...]

    @property
    def most(self) -> int:
        return len(self.buyers)

    def visit(self, client: Asking, n: int) -> None:
        buyer = self.buyers[n]
        for sku in (buyer.otc, buyer.cream):
            client.ask("PUT", f"/api/v1/cart/lines/{sku}", token=buyer.token, json={"quantity": 1})
        number = json.loads(placed(client, buyer))["number"]
        begun = client.ask(
            "POST", f"/api/v1/orders/{number}/payment", token=buyer.token, key=uuid.uuid4().hex
        )
        pay(json.loads(begun)["url"])


@dataclass(frozen=True)
class Hearing:
    """The provider tells of a payment, signed; every event is a new one."""

    secret: str
    most: int | None = None

    def visit(self, client: Asking, n: int) -> None:
        at = int(time.time())
        event = {**EVENT, "id": f"evt_{uuid.uuid4().hex}", "created": at}
        body = json.dumps(event, indent=2).encode()
        signed = hmac.new(self.secret.encode(), b"%d.%b" % (at, body), hashlib.sha256).hexdigest()
        client.ask("POST", "/webhooks/stripe", body=body, signature=f"t={at},v1={signed}")


@dataclass(frozen=True)
class Bare:
    """The same number of requests to the bare view that answers with the same bytes."""

    names: tuple[str, ...]
    most: int | None = None

    def visit(self, client: Asking, n: int) -> None:
        for name in self.names:
            client.ask("GET", f"/{name}")


def placed(client: Asking, buyer: Buyer) -> bytes:
    """The order that the cart became."""
    return client.ask("POST", "/api/v1/orders", token=buyer.token, json=ORDER, key=uuid.uuid4().hex)


def pay(url: str) -> None:
    """Type a card on the provider's page and press the button."""
    page = urlsplit(url)
    connection = http.client.HTTPConnection(page.hostname or "", page.port, timeout=60)
    try:
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", page.path, urlencode(CARD), form)
        if (answer := connection.getresponse()).status != 303:
            raise WrongAnswer(f"{url}: {answer.status}")
    finally:
        connection.close()
