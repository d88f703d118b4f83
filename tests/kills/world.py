"""A shop that can be killed: its database, the provider as a process of its own, and a victim."""

from __future__ import annotations

import base64
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import requests
import sqlalchemy as sa
from flask import Flask

from shop.accounts import passwords, tokens
from shop.accounts.models import Person
from shop.config import Config
from shop.core import jobs
from shop.core.clock import now
from shop.core.cluster import WORKER
from shop.core.db import act_as, db
from shop.orders.models import Order
from shop.payments.sandbox.webhooks import signed
from tests import people
from tests.builders import a_cream, a_variant
from tests.conftest import Database
from tests.inventory.lots import a_lot
from tests.kills.history import CARD, Asked, Json
from tests.kills.serving import answered, start_periodic
from tests.orders.things import a_cart, packed
from tests.prescriptions.builders import a_claimed_request, a_request, read_the_leaflet

ROOT = Path(__file__).parents[2]
SETTINGS = (
    "database_url worker_database_url secret_key sealed_keys signing_keys"
    " stripe_secret_key stripe_webhook_secrets stripe_api_base base_url smtp_host smtp_port testing demo argon2"
)
PATIENCE = 30  # seconds: for a fact that must come, never for one that may


def until(fact: Callable[[], Any], *, within: float = PATIENCE, what: str = "") -> Any:
    """Ask until there is an answer that is true, and answer with it. Fails after `within` s."""
    deadline = time.monotonic() + within
    while not (found := fact()):
        assert time.monotonic() < deadline, f"It never came: {what or fact}"
        time.sleep(0.01)
    return found


class Victim:
    """The process that forks a child for each command; its words are lines of JSON."""

    def __init__(self, config: Config, log: Path) -> None:
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.kills.victim"],
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
            )
        self.log = log
        self._say({name: getattr(config, name) for name in SETTINGS.split()})

    def do(self, **command: Any) -> Json:
        """What a child did: `answer`, `signal` it died of, places it `passed` if it lived."""
        report = self._say(command)
        assert "error" not in report, report["error"]
        return report

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(timeout=PATIENCE)

    def _say(self, words: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, self.log.read_text()[-4000:]
        return json.loads(line)


@dataclass
class Case:
    """One client on the road, from the request that waits for a signature to the parcel."""

    client: str  # token
    request: str
    acts: dict[str, Asked] = field(default_factory=dict)

    @property
    def order(self) -> str:
        number: str = (self.acts["place"].acknowledged or {})["number"]
        return number

    @property
    def page(self) -> str:
        url: str = (self.acts["begin"].acknowledged or {})["url"]
        return url


@dataclass
class World:
    """Everything at hand: the shop's tables, the provider's, the cast, and the victim."""

    app: Flask  # the shop's other web process, which nobody kills: the test's own
    worker: Flask  # and the other worker
    database: Database
    bank_url: str
    bank_database_url: str
    victim: Victim | None
    webhook_secret: str
    physician: str = ""
    packer: str = ""
    numbers: Iterator[int] = field(default_factory=itertools.count)
    history: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        # One connection each: signing in to PostgreSQL costs more than a request.
        self.superuser = psycopg.connect(
            self.database.url(), options="-csearch_path=public,jobs", autocommit=True
        )
        self.bank_clerk = psycopg.connect(self.bank_database_url, autocommit=True)

    @contextmanager
    def shop(self) -> Iterator[psycopg.Connection[Any]]:
        """A superuser's look at the shop's tables."""
        yield self.superuser

    @contextmanager
    def bank(self) -> Iterator[psycopg.Connection[Any]]:
        yield self.bank_clerk

    def reconnect(self) -> None:
        """The server was killed under the connection."""
        self.superuser.close()
        self.superuser = psycopg.connect(
            self.database.url(), options="-csearch_path=public,jobs", autocommit=True
        )

    def victim_said(self) -> str:
        """What the victims logged."""
        assert self.victim is not None
        return self.victim.log.read_text()

    def close(self) -> None:
        if self.victim is not None:
            self.victim.close()
        self.superuser.close()
        self.bank_clerk.close()

    def key(self, act: str) -> str:
        return f"{act}-{next(self.numbers)}"

    def cast(self) -> None:
        """Dr Chen, Sam, a cream and a sunscreen on the shelf."""
        with self.app.app_context():
            act_as("system:test")
            known = {"password_hash": passwords.hash_of(people.PASSWORD)}
            chen, sam = people.dr_chen(**known), people.sam()
            self._sam = sam.id
            self._chen, self._cream, self._otc = chen.id, a_cream(), a_variant()
            a_lot(self._cream, 100_000)
            a_lot(self._otc, 100_000)
            self.physician, self.packer = _token(chen), _token(sam)
            db.session.commit()
            self._cream_id, self._otc_id = self._cream.id, self._otc.id
            self.cream_sku, self.otc_sku = self._cream.sku, self._otc.sku

    def clients(self, many: int) -> list[str]:
        """Tokens of new clients."""
        with self.app.app_context():
            act_as("system:test")
            made = [_token(people.alice()) for _ in range(many)]
            db.session.commit()
            return made

    def paid(self) -> list[str]:
        """The numbers of orders that wait to be shipped."""
        with self.shop() as connection:
            rows = connection.execute("SELECT number FROM orders WHERE status = 'paid'")
            return [row[0] for row in rows.fetchall()]

    def packed(self, number: str) -> None:
        """What an order waits for is picked and labelled; nobody is killed over it."""
        with self.app.app_context():
            act_as("system:test")
            order = db.session.scalars(sa.select(Order).where(Order.number == number)).one()
            packed(order, by=db.session.get_one(Person, self._sam))
            db.session.commit()

    def cases(self, many: int, *, claimed: bool = True) -> list[Case]:
        """Clients with both in the cart, who asked for the cream; Dr Chen holds the requests."""
        from shop.catalog.models import Variant

        made = []
        with self.app.app_context():
            act_as("system:test")
            chen = db.session.get_one(Person, self._chen)
            cream, otc = (
                db.session.get_one(Variant, one) for one in (self._cream_id, self._otc_id)
            )
            for _ in range(many):
                client = people.alice()
                read_the_leaflet(client, cream)
                if claimed:
                    request = a_claimed_request(client, cream, by=chen)
                    a_cart(client, {cream: 1, otc: 2})
                else:
                    request = a_request(client, cream)
                made.append(Case(_token(client), request.number))
                db.session.commit()
        return made

    def terms(self) -> Json:
        return {
            "quantity_per_fill": 1,
            "fills": 2,
            "days_supply": 30,
            "directions": "A pea-sized amount in the evening.",
            "indication": "Acne vulgaris",
            "examination": {"mode": "in_person", "date": self.today().isoformat()},
        }

    def today(self) -> date:
        with self.shop() as connection:
            [moment] = connection.execute("SELECT shop_now()").fetchone() or [None]
        assert moment is not None
        return moment.date()

    def ask(self, asked: Asked, **how: Any) -> Json:
        """Send an act once, to a victim if told how it dies; what was told before is history."""
        if asked not in self.history:
            self.history.append(asked)
        report = self.did(asked.command, **how)
        if "answer" in report:
            asked.answers.append(report["answer"])
        return report

    def did(self, command: Json, **how: Any) -> Json:
        """A command, served by a victim if told how it dies, else by whom nobody kills."""
        if how:
            assert self.victim is not None
            return self.victim.do(**command, **how)
        if command["do"] == "work":
            jobs.drain(self.worker, self.database.url(WORKER))
            return {}
        return {"answer": answered(self.app, command)}

    def work(self, **how: Any) -> Json:
        """The worker does what is due."""
        return self.did({"do": "work"}, **how)

    def insist(self, asked: Asked, *, must: bool = True) -> Json:
        """Ask under the same key until there is an answer; the body of the yes, or of the no."""

        def over() -> bool:
            self.ask(asked)
            return asked.over

        if not asked.over:
            until(over, what=f"an answer to {asked.act} {asked.key}: {asked.answers[-1:]}")
        assert asked.acknowledged or not must, asked.answers
        return asked.acknowledged or asked.refused or {}

    def sign_in_afresh(self) -> None:
        fresh = Asked(
            "fresh",
            self.physician,
            "POST",
            "/api/v1/session/fresh",
            self.key("fresh"),
            {"password": people.PASSWORD},
        )
        report = self.did(fresh.command)
        assert report["answer"]["status"] == 200, report

    def pay(self, case: Case) -> None:
        """The client types her card on the provider's page."""
        answer = requests.post(
            case.page, data=CARD, allow_redirects=False, timeout=PATIENCE, proxies={"http": ""}
        )
        assert answer.status_code == 303, answer.text

    def events_about(self, number: str) -> list[Json]:
        """The provider's events about an order, as they go over the wire, oldest first."""
        with self.bank() as connection:
            rows = connection.execute(
                "SELECT body FROM stripe_sandbox.objects WHERE kind = 'event'"
                " AND body->'data'->'object'->'metadata'->>'order_ref' = %s ORDER BY seq",
                [number],
            ).fetchall()
        return [row[0] for row in rows]

    def deliver(self, event: Json, **how: Any) -> Json:
        """Bring an event to the webhook, signed now."""
        with self.shop() as connection:
            [moment] = connection.execute("SELECT extract(epoch FROM shop_now())").fetchone() or [0]
        body, signature = signed(event, secret=self.webhook_secret, at=int(moment))
        command = {
            "do": "ask",
            "method": "POST",
            "path": "/webhooks/stripe",
            "headers": {"Content-Type": "application/json", "Stripe-Signature": signature},
            "body": base64.b64encode(body).decode(),
        }
        return self.did(command, **how)

    def travel(self, time: timedelta) -> None:
        """Let time pass for the shop, the provider, and the queue, whose clock is the server's."""
        self.control("clock", advance=int(time.total_seconds()))
        with self.shop() as connection:
            connection.execute("UPDATE shop_clock SET time_offset = time_offset + %s", [time])
            connection.execute(
                "UPDATE jobs.procrastinate_workers SET last_heartbeat = last_heartbeat - %s",
                [time],
            )
            connection.execute(
                "UPDATE jobs.procrastinate_jobs SET scheduled_at = scheduled_at - %s"
                " WHERE status = 'todo'",
                [time],
            )

    def control(self, switch: str, /, **body: Any) -> Json:
        """Turn one of the sandbox's switches."""
        answer = requests.post(
            f"{self.bank_url}/_sandbox/{switch}",
            json=body,
            timeout=PATIENCE,
            proxies={"http": ""},
        )
        assert answer.status_code == 200, answer.text
        told: Json = answer.json()
        return told

    def minutes_pass(self, minutes: int = 2) -> None:
        """Time passes, and the worker has its turn, as production starts it."""
        self.travel(timedelta(minutes=minutes))
        start_periodic(self.worker)
        self.work()  # until nothing is due, so also what this turn took up again


def _token(person: Person) -> str:
    _, secret = tokens.issue(person, name="kills", scopes=None, at=now())
    return secret
