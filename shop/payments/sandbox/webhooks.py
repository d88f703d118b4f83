"""Carries events to the shop's webhook, signed, again and again until they are taken."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable

import psycopg
import psycopg_pool
import requests
import stripe

from shop.payments.sandbox.objects import Body
from shop.payments.sandbox.store import Kept, Store

# url, body, headers -> the status of the answer. Raises OSError when there was none.
Send = Callable[[str, bytes, dict[str, str]], int]

LEASE_SECONDS = 60
LONGEST_PAUSE = 60 * 60
GIVE_UP_AFTER = 3 * 24 * 60 * 60
LOOK_EVERY = 1.0
TIMEOUT = (3.0, 20.0)


def over_the_network(url: str, body: bytes, headers: dict[str, str]) -> int:
    with requests.Session() as direct:
        direct.trust_env = False  # the webhook is on this machine; a proxy cannot reach it
        answer = direct.post(
            url, data=body, headers=headers, timeout=TIMEOUT, allow_redirects=False
        )
    return answer.status_code


class NoSuchEvent(LookupError):
    """There is no event of that id."""


class Courier:
    """Delivers events; on its own as a thread when started, or one by one when asked."""

    def __init__(
        self, store: Store, *, url: str | None, secret: str, send: Send = over_the_network
    ) -> None:
        self._store = store
        self._url = url
        self._secret = secret
        self.send = send
        self._stop = threading.Event()
        self._news = threading.Event()
        self._thread = threading.Thread(target=self._run, name="courier", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it; what it is carrying is carried to the end."""
        self.stop_soon()
        self.ended()

    def stop_soon(self) -> None:
        self._stop.set()
        self._news.set()

    def ended(self, *, within: float | None = None) -> bool:
        """Whether the thread is at its end, after waiting for that as long as told."""
        if self._thread.ident is not None:
            self._thread.join(within)
        return not self._thread.is_alive()

    def wake(self) -> None:
        """There is something new to carry."""
        self._news.set()

    def deliver(self, event_id: str, *, signed_at: int | None = None) -> str:
        """Send one event now, whether sent before or not; answers with the status or the failure.

        `signed_at` puts another time in the signature than that of this machine's clock.
        Raises NoSuchEvent.
        """
        with self._store.reading() as ledger:
            event = ledger.find("event", event_id)
            if event is None:
                raise NoSuchEvent(event_id)
        answer = self._sent(event, signed_at)
        with self._store.writing() as ledger:
            delivery = ledger.delivery(event_id)
            next_at = None if taken(answer) or delivery is None else delivery["next_at"]
            ledger.record_delivery(event_id, answer=answer, next_at=next_at)
        return answer

    def deliver_due(self) -> int:
        """Send every event that is due, oldest first, unless held; tells how many were sent."""
        sent = 0
        while not self._stop.is_set() and self._deliver_next():
            sent += 1
        return sent

    def _deliver_next(self) -> bool:
        with self._store.writing() as ledger:
            if self._url is None or ledger.switch("held"):
                return False
            lease = ledger.lease_delivery(seconds=LEASE_SECONDS)
            event = None if lease is None else ledger.find("event", lease["event_id"])
        if lease is None or event is None:
            return False
        answer = self._sent(event, None)
        with self._store.writing() as ledger:
            again = next_try(event.body["created"], lease["attempts"], ledger.now())
            ledger.record_delivery(
                event.id, answer=answer, next_at=None if taken(answer) else again
            )
        return True

    def _sent(self, event: Kept, signed_at: int | None) -> str:
        if self._url is None:
            return "no webhook url"
        body, header = signed(event.body, secret=self._secret, at=signed_at or int(time.time()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": header,
            "User-Agent": "Stripe/1.0 (sandbox)",
        }
        try:
            return str(self.send(self._url, body, headers))
        except OSError as error:  # requests' errors are OSErrors too
            return type(error).__name__

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.deliver_due()
            except (psycopg.Error, psycopg_pool.PoolTimeout):
                # The database is away; whatever was leased becomes due again by itself.
                self._stop.wait(LOOK_EVERY)
            self._news.wait(LOOK_EVERY)
            self._news.clear()


def signed(event: Body, *, secret: str, at: int) -> tuple[bytes, str]:
    """An event's body on the wire, and its `Stripe-Signature`."""
    text = json.dumps({**event, "pending_webhooks": 1}, indent=2, ensure_ascii=False)
    header = stripe.WebhookSignature.generate_signature_header(text, secret, at)
    return text.encode(), header


def taken(answer: str) -> bool:
    return answer.startswith("2")


def next_try(created: int, attempts: int, now: int) -> int | None:
    """When to try again: the pause doubles up to an hour, and ends three days after the event."""
    pause = min(LONGEST_PAUSE, 2 ** min(attempts, 12))
    return now + pause if now + pause <= created + GIVE_UP_AFTER else None
