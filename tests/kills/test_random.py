"""Real programs under load, killed at random: web workers, the job worker, PostgreSQL itself."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
import requests

from shop import create_app
from shop.core import migrating
from shop.core.cluster import ROLES, ensure_database, ensure_roles
from shop.core.db import db
from shop.demo import mail
from shop.payments.stripe_gateway import StripeGateway
from tests import keys, people, permissions
from tests.conftest import PASSWORD, Database, FreshClient, config_for
from tests.invariants import broken, unfinished
from tests.kills import history, judging, load
from tests.kills.conftest import a_bank
from tests.kills.programs import Granian, Postgres, Program, durable_postgres
from tests.kills.world import ROOT, World, until
from tests.payments.conftest import SECRET_KEY, WEBHOOK_SECRET
from tests.ports import a_free_port
from tests.regime import KILL_SHARDS, KILLS_EACH, POSTGRES_KILLS, SEED, SOAK, counted

THREADS = 4 if SOAK else 2
CASES = 200 if SOAK else 30
MOST_ANSWERS = 12 if SOAK else 5  # between two blows
TIME = 90  # seconds, for what must come while programs come and go


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[Postgres]:
    with durable_postgres(ROOT / ".test" / f"{tmp_path.name}-{os.getpid()}") as server:
        yield server


@pytest.fixture
def bank_database_url(server: str, template: Database) -> str:
    """A shard ends with the provider's clock an hour ahead."""
    return a_bank(server)


@pytest.mark.parametrize("shard", range(KILL_SHARDS))
def test_it_survives_being_killed(
    postgres: Postgres, bank_database_url: str, tmp_path: Path, shard: int
) -> None:
    """F1, F2, F10, F11, F25; L4: nothing acknowledged is lost, every effect is there once."""
    ensure_roles(postgres.url, dict.fromkeys(ROLES, PASSWORD))
    ensure_database(postgres.url, "aftercare_kills")
    database = Database(postgres.url, "aftercare_kills")
    migrating.upgrade(database.owner)
    with database.as_role() as superuser:
        keys.recorded(superuser)
        permissions.recorded(superuser)
    with contextlib.ExitStack() as programs:
        house = House(database, postgres, bank_database_url, tmp_path, programs, SEED + shard)
        began = time.monotonic()
        figures = Nemesis(house).strikes()
        took = time.monotonic() - began
        acts = house.close_the_door()
        recovered(house.world, house.bank_url, acts)
        judged(house.world, acts)
        yes = sum(1 for act in acts if act.acknowledged)
        answers = sum(len(act.answers) for act in acts)
        counted(
            "kills: real programs under load",
            **figures,
            acts=len(acts),
            acknowledged=yes,
            answers=answers,
            seconds=round(took),
            lost=0,
            violations=0,
        )


class House:
    """Everything that runs: the provider, the mail, the server, the worker, and the clients."""

    def __init__(
        self,
        database: Database,
        postgres: Postgres,
        bank_database_url: str,
        home: Path,
        programs: contextlib.ExitStack,
        seed: int,
    ) -> None:
        self.seed = seed
        self.postgres, self.home, self.programs = postgres, home, programs
        web, bank, post = a_free_port(), a_free_port(), a_free_port()
        self.base, self.bank_url = f"http://127.0.0.1:{web}", f"http://127.0.0.1:{bank}"
        programs.enter_context(mail.caught(home / "mail", post))
        self.config = config_for(
            database,
            stripe_secret_key=SECRET_KEY,
            stripe_webhook_secrets=(WEBHOOK_SECRET,),
            stripe_api_base=self.bank_url,
            base_url=self.base,
            smtp_port=post,
        )
        self._started(database, bank_database_url, web, bank)
        self._peopled(database, bank_database_url)
        self._opened()

    def _started(self, database: Database, bank_database_url: str, web: int, bank: int) -> None:
        config = self.config
        environment = {
            "PYTHONPATH": str(ROOT),
            "DATABASE_URL": config.database_url,
            "WORKER_DATABASE_URL": config.worker_database_url,
            "SECRET_KEY": config.secret_key,
            "SEALED_KEYS": config.sealed_keys,
            "SIGNING_KEYS": config.signing_keys,
            "STRIPE_SECRET_KEY": SECRET_KEY,
            "STRIPE_WEBHOOK_SECRETS": WEBHOOK_SECRET,
            "STRIPE_API_BASE": self.bank_url,
            "BASE_URL": self.base,
            "SMTP_HOST": config.smtp_host,
            "SMTP_PORT": str(config.smtp_port),
            "AFTERCARE_DEMO": "1",
        }
        as_worker = environment | {"DATABASE_URL": config.worker_database_url}
        as_bank = environment | {"SANDBOX_DATABASE_URL": bank_database_url}
        serve = f"-m granian --interface wsgi --host 127.0.0.1 --port {web} --workers 2"
        self.web = Granian(
            "server", f"{serve} --respawn-failed-workers --no-ws wsgi:app", environment, self.home
        )
        self.worker = Program("worker", "-m flask worker", as_worker, self.home)
        hook = f"--webhook-url {self.base}/webhooks/stripe"
        bank_program = Program(
            "sandbox", f"-m shop.payments.sandbox --port {bank} {hook}", as_bank, self.home
        )
        for each in (self.web, self.worker, bank_program):
            self.programs.callback(each.stop)

    def _peopled(self, database: Database, bank_database_url: str) -> None:
        gateway = StripeGateway(SECRET_KEY, (WEBHOOK_SECRET,), api_base=self.bank_url)
        app, worker = (
            create_app(replace(self.config, database_url=url), gateway=gateway)
            for url in (self.config.database_url, self.config.worker_database_url)
        )
        app.test_client_class = FreshClient
        until(lambda: answers(f"{self.bank_url}/"), within=TIME, what="the provider")
        self.world = World(
            app, worker, database, self.bank_url, bank_database_url, None, WEBHOOK_SECRET
        )
        self.programs.callback(self.world.close)
        for each in (app, worker):
            self.programs.callback(_let_go, each)
        self.world.cast()
        self.cases = [
            [case.client, case.request] for case in self.world.cases(CASES, claimed=False)
        ]
        self.clients = self.world.clients(THREADS)

    def _opened(self) -> None:
        """The clients come once the door is open."""
        until(lambda: answers(f"{self.base}/readyz"), within=TIME, what="the shop")
        self.history, self._stop = self.home / "history", self.home / "stop"
        self.history.touch()
        self._read, self._answers = 0, 0
        self._clients = subprocess.Popen(
            [sys.executable, "-m", "tests.kills.load"],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdin=subprocess.PIPE,
            text=True,
        )
        told = {
            "base": self.base,
            "seed": self.seed,
            "threads": THREADS,
            "history": str(self.history),
            "stop": str(self._stop),
            "cases": self.cases,
            "clients": self.clients,
            "physician": self.world.physician,
            "packer": self.world.packer,
            "password": people.PASSWORD,
            "terms": self.world.terms(),
            "otc": self.world.otc_sku,
            "cream": self.world.cream_sku,
        }
        assert self._clients.stdin is not None
        self._clients.stdin.write(json.dumps(told) + "\n")
        self._clients.stdin.close()
        self.programs.callback(self._clients.wait)
        self.programs.callback(self._clients.kill)

    def answers(self) -> int:
        """How many answers clients have had."""
        with self.history.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._read += len(whole)
        self._answers += whole.count(b'"answer":')
        return self._answers

    def close_the_door(self) -> list[history.Asked]:
        """Everybody goes; what they asked and were told."""
        self._stop.touch()
        assert self._clients.wait(timeout=TIME) == 0
        until(lambda: self.web.keep_up() or answers(f"{self.base}/readyz"), within=TIME)
        self.worker.stop()
        self.world.reconnect()
        return load.read(self.history)


def _let_go(app: Any) -> None:
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2, proxies={"http": ""}).status_code < 500
    except requests.RequestException:
        return False


class Nemesis:
    """Strikes as the shard's seed says: whom, and after how many more answers."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.random = Random(house.seed)
        self.jobs_seen = 0

    def strikes(self) -> dict[str, int]:
        blows = (
            ["web process"] * KILLS_EACH + ["worker"] * KILLS_EACH + ["PostgreSQL"] * POSTGRES_KILLS
        )
        self.random.shuffle(blows)
        for number, blow in enumerate(blows):
            self.wait_for_work(self.random.randint(1, MOST_ANSWERS), f"blow {number}: {blow}")
            if blow == "web process":
                self.house.web.kill_a_worker()
            elif blow == "worker":
                self.wait_for_a_job()
                self.house.worker.kill()
            else:
                self.house.postgres.kill()
                self.house.postgres.start()
        return {blow: blows.count(blow) for blow in sorted(set(blows))}

    def wait_for_work(self, answers: int, what: str) -> None:
        """Until clients have had so many more answers: nobody is struck while nothing moves."""
        wanted = self.house.answers() + answers

        def moved() -> bool:
            self.house.web.keep_up()
            self.house.worker.keep_up()
            return self.house.answers() >= wanted

        until(
            moved,
            within=TIME,
            what=f"{answers} more answers before {what} (seed {self.house.seed})",
        )

    def wait_for_a_job(self) -> None:
        """Until this worker has begun one more job than any before it."""

        def begun() -> bool:
            self.house.web.keep_up()
            self.house.worker.keep_up()
            with contextlib.suppress(psycopg.OperationalError):
                with self.house.world.database.as_role() as connection:
                    row = connection.execute(
                        "SELECT coalesce(max(id), 0) FROM procrastinate_events"
                        " WHERE type = 'started'"
                    ).fetchone()
                    last = row[0] if row else 0
                    if last > self.jobs_seen:
                        self.jobs_seen = last
                        return True
            return False

        until(begun, within=TIME, what=f"a job for the worker (seed {self.house.seed})")


def recovered(world: World, bank_url: str, acts: list[history.Asked]) -> None:
    """Everybody comes back, and time passes: leases run out, pages close, the rest is sent."""
    world.minutes_pass()
    for act in acts:
        if not act.over:
            world.insist(act, must=False)
    world.control("clock", advance=3600)
    until(
        lambda: world.control("delivery", due=True) and not pending(bank_url),
        within=TIME,
        what="the provider's events to be taken",
    )
    world.work()
    world.minutes_pass()
    for number in world.paid():
        world.packed(number)
        parcel = history.shipping(world.packer, world.key("late"), number)
        acts.append(parcel)
        world.insist(parcel)
    for minutes in (2, 30, 60, 60, 120):
        world.minutes_pass(minutes)


def pending(bank_url: str) -> int:
    answer = requests.get(f"{bank_url}/_sandbox/state", timeout=TIME, proxies={"http": ""})
    waiting: int = answer.json()["pending_events"]
    return waiting


def judged(world: World, acts: list[history.Asked]) -> None:
    """What any judge can say; a failure is played again with AFTERCARE_SEED."""
    with world.shop() as shop, world.bank() as bank:
        verdicts = {
            "broken": broken(shop),
            "unfinished": unfinished(shop),
            "not ended": judging.not_ended(shop),
            "open": judging.open_acts(acts),
            "lost": judging.lost(shop, acts),
            "told differently": judging.told_differently(acts),
            "unasked": judging.unasked(shop, acts),
            "at the provider": judging.at_the_provider(shop, bank),
        }
    assert {rule: found for rule, found in verdicts.items() if found} == {}, f"seed {SEED}"
    agreed = world.app.test_cli_runner().invoke(args=["reconcile"])
    assert agreed.exit_code == 0, agreed.output
