"""What every act at Stripe works with: the ledger, new ids, and telling of it by events."""

from __future__ import annotations

import secrets
import string
from dataclasses import dataclass

import stripe

from shop.payments.sandbox import objects
from shop.payments.sandbox.objects import Body
from shop.payments.sandbox.protocol import no_such
from shop.payments.sandbox.store import Kept, Ledger

API_VERSION = str(stripe.api_version)
LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Desk:
    """One call at work: the ledger it writes, and who asked."""

    ledger: Ledger
    public_url: str
    request_id: str | None = None
    key: str | None = None

    def tell(self, type: str, about: Body) -> None:
        """Write down an event, for the list of events and for the webhook."""
        event = self.ledger.add(
            objects.event(
                new_id("evt"),
                type=type,
                created=self.ledger.now(),
                about=about,
                api_version=API_VERSION,
                request={"id": self.request_id, "idempotency_key": self.key},
            )
        )
        self.ledger.expect_delivery(event, lost=self.ledger.take_loss(type))


def the(ledger: Ledger, kind: str, id: str) -> Kept:
    found = ledger.find(kind, id)
    if found is None:
        raise no_such(kind, id)
    return found


def intent_of(ledger: Ledger, session: Kept) -> Kept | None:
    """The session's intent, once a card was tried; in setup mode its setup intent, always."""
    fresh = the(ledger, "checkout.session", session.id)
    kind = "setup_intent" if fresh.body["mode"] == "setup" else "payment_intent"
    intent_id = fresh.body[kind]
    return None if intent_id is None else ledger.find(kind, intent_id)


def page_url(public_url: str, session_id: str) -> str:
    return f"{public_url}/c/pay/{session_id}"


def new_id(prefix: str, length: int = 24) -> str:
    return f"{prefix}_{random_letters(length)}"


def random_letters(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))
