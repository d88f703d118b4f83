"""What clients asked and what they were told: the half of the truth that lies outside the shop."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

ADDRESS = {
    "name": "Alice Moreno",
    "line1": "12 Grove St",
    "city": "Oakland",
    "state": "CA",
    "postal_code": "94607",
}
CARD = {"number": "4242424242424242", "exp": "12 / 49", "cvc": "123", "name": "Alice Moreno"}
PASSING = {429, 502, 503, 504}  # try again: nothing is decided


@dataclass
class Asked:
    """One act of a client: the same request under the same key, until there is an answer."""

    act: str
    who: str  # a token
    method: str
    path: str
    key: str
    body: Json | None = None
    answers: list[Json] = field(default_factory=list)

    @property
    def acknowledged(self) -> Json | None:
        """What the client was told when it was told yes."""
        return next((one["json"] for one in self.answers if 200 <= one["status"] < 300), None)

    @property
    def refused(self) -> Json | None:
        """The answer that ended it with a no."""
        last = self.answers[-1] if self.answers else None
        return last if last and last["status"] >= 400 and last["status"] not in PASSING else None

    @property
    def over(self) -> bool:
        return self.acknowledged is not None or self.refused is not None

    @property
    def headers(self) -> dict[str, str]:
        return {
            "Authorization": f"Bearer {self.who}",
            "Idempotency-Key": self.key,
            "Content-Type": "application/json",
        }

    @property
    def sent(self) -> bytes | None:
        return None if self.body is None else json.dumps(self.body).encode()

    @property
    def command(self) -> Json:
        """The request, for a victim."""
        body = None if self.sent is None else base64.b64encode(self.sent).decode()
        return {
            "do": "ask",
            "method": self.method,
            "path": self.path,
            "headers": self.headers,
            "body": body,
        }


def placing(who: str, key: str, address: Json, skus: list[str] | None = None) -> Asked:
    body: Json = {"shipping_address": address, "shipping_method": "standard"}
    if skus is not None:
        body["lines"] = skus
    return Asked("place", who, "POST", "/api/v1/orders", key, body)


def beginning(who: str, key: str, number: str) -> Asked:
    return Asked("begin", who, "POST", f"/api/v1/orders/{number}/payment", key)


def shipping(who: str, key: str, number: str) -> Asked:
    parcel = {"carrier": "UPS", "tracking": "1Z999AA10123456784"}
    return Asked("ship", who, "POST", f"/api/v1/orders/{number}/shipments", key, parcel)


def cancelling(who: str, key: str, number: str) -> Asked:
    return Asked("cancel", who, "POST", f"/api/v1/orders/{number}/cancellation", key)


def signing(who: str, key: str, number: str, terms: Json) -> Asked:
    return Asked("sign", who, "POST", f"/api/v1/approval-requests/{number}/signature", key, terms)
