"""The measured world: its databases and programs, started here and ended here."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
from aiosmtpd.controller import Controller

from shop.core import migrating
from shop.core.cluster import APP, OWNER, SANDBOX, WORKER, ensure_database, ensure_roles
from shop.core.embedded_postgres import Cluster, die_with_the_parent, running
from shop.demo import secrets

CHECKOUT = Path(__file__).parents[1]
DATABASE = "aftercare_bench"
START_SECONDS = 60
SERVER = "-m granian --interface wsgi --host 127.0.0.1 --workers 2"  # what `make serve` says


@dataclass(frozen=True)
class World:
    """What runs. `programs` are process ids: server, worker, bare, sandbox and the databases."""

    home: Path
    shop: Cluster
    environment: dict[str, str]
    programs: dict[str, int]
    port: int
    bare_port: int

    def admin(self) -> psycopg.Connection[tuple[object, ...]]:
        """The shop's database, as its superuser."""
        return psycopg.connect(self.shop.url(DATABASE), autocommit=True)

    def url(self, role: str) -> str:
        """The shop's database, as one of its roles."""
        return self.shop.url(DATABASE, role=role, password=secrets.of(self.home)[role])


@contextlib.contextmanager
def made(home: Path) -> Iterator[World]:
    """Databases, migrated and empty, and all programs, in `home`; nothing is left running."""
    kept = secrets.of(home)
    with contextlib.ExitStack() as stack:
        shop = stack.enter_context(_watched_postgres(home / "postgres"))
        stripe = stack.enter_context(running(home / "sandbox"))
        for cluster in (shop, stripe):
            ensure_roles(cluster.url("postgres"), kept)
            ensure_database(cluster.url("postgres"), DATABASE)
        with psycopg.connect(shop.url(DATABASE), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
        migrating.upgrade(shop.url(DATABASE, role=OWNER, password=kept[OWNER]))
        ports = _free_ports(4)
        environment = _environment(shop, stripe, kept, ports)
        (home / "bare").mkdir()
        stack.enter_context(_letterbox(ports[3]))
        programs = _programs(stack, environment, home, ports)
        yield World(
            home,
            shop,
            environment,
            programs | {"postgres": shop.process.pid, "sandbox_postgres": stripe.process.pid},
            ports[0],
            ports[1],
        )


@contextlib.contextmanager
def _watched_postgres(home: Path) -> Iterator[Cluster]:
    """Durable, and counting its statements: that needs a setting and a second start."""
    with running(home) as cluster:
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
    with running(home) as cluster:
        yield cluster


def _environment(
    shop: Cluster, stripe: Cluster, kept: Mapping[str, str], ports: list[int]
) -> dict[str, str]:
    def url(cluster: Cluster, role: str) -> str:
        return cluster.url(DATABASE, role=role, password=kept[role])

    return {
        "DATABASE_URL": url(shop, APP),
        "WORKER_DATABASE_URL": url(shop, WORKER),
        "SANDBOX_DATABASE_URL": url(stripe, SANDBOX),
        "BASE_URL": f"http://127.0.0.1:{ports[0]}",
        "STRIPE_API_BASE": f"http://127.0.0.1:{ports[2]}",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(ports[3]),
        **{
            name: kept[name]
            for name in (
                "SECRET_KEY",
                "SEALED_KEYS",
                "SIGNING_KEYS",
                "STRIPE_SECRET_KEY",
                "STRIPE_WEBHOOK_SECRETS",
            )
        },
    }


def _programs(
    stack: contextlib.ExitStack, environment: Mapping[str, str], home: Path, ports: list[int]
) -> dict[str, int]:
    as_worker = {"DATABASE_URL": environment["WORKER_DATABASE_URL"]}
    bare = {"BARE_ANSWERS": str(home / "bare")}
    sandbox = (
        f"-m shop.payments.sandbox --port {ports[2]}"
        f" --webhook-url {environment['BASE_URL']}/webhooks/stripe"
    )
    wanted = {
        "server": ({}, f"{SERVER} --port {ports[0]} wsgi:app"),
        "bare": (bare, f"{SERVER} --port {ports[1]} benchmarks.bare:app"),
        "sandbox": ({}, sandbox),
        "worker": (as_worker, "-m flask worker"),
    }
    programs = {
        name: stack.enter_context(_program(name, arguments, {**environment, **more}, home))
        for name, (more, arguments) in wanted.items()
    }
    for port, path in ((ports[0], "readyz"), (ports[1], "none"), (ports[2], "")):
        _wait_for(f"http://127.0.0.1:{port}/{path}", programs, home)
    return {name: process.pid for name, process in programs.items()}


@contextlib.contextmanager
def _program(
    name: str, arguments: str, environment: Mapping[str, str], home: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python program of ours, logging to `home`. It ends with us, whatever happens."""
    with (home / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments.split()],
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=die_with_the_parent,  # noqa: PLW1509
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with contextlib.suppress(ProcessLookupError):  # what it started and left behind
            os.killpg(process.pid, signal.SIGKILL)


class _Letterbox:
    """Takes every letter, and throws it away."""

    async def handle_DATA(self, server: object, session: object, envelope: object) -> str:  # noqa: N802
        return "250 Kept"


@contextlib.contextmanager
def _letterbox(port: int) -> Iterator[None]:
    controller = Controller(_Letterbox(), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        yield
    finally:
        controller.stop()


def _wait_for(url: str, programs: Mapping[str, subprocess.Popen[bytes]], home: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        for name, process in programs.items():
            if process.poll() is not None:
                raise RuntimeError(f"The {name} stopped. See {home / name}.log.")
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except urllib.error.HTTPError as answer:
            answer.close()
            if answer.code < 500:
                return
        except OSError:
            pass
        else:
            return
        time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer. See {home}.")


def _free_ports(count: int) -> list[int]:
    """Different ones: all are held until the last is known."""
    probes = [socket.socket() for _ in range(count)]
    try:
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
    finally:
        for probe in probes:
            probe.close()
