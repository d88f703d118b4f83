"""Starts and stops the demo clinic's programs: database, Stripe sandbox, mail, worker, server.

DATABASE_URL (somebody who may create roles) and real STRIPE_* keys replace the stand-ins. All
that is kept lies in `.demo/`; Ctrl-C leaves nothing running.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql

from shop.core import migrating
from shop.core.cluster import APP, OWNER, SANDBOX, WORKER, ensure_database, ensure_roles
from shop.core.embedded_postgres import NoPostgres, die_with_the_parent, running
from shop.demo import mail, secrets, story

CHECKOUT = Path(__file__).parents[2]
HOME = CHECKOUT / ".demo"  # where the demo keeps everything, unless told otherwise
DATABASE = "aftercare_demo"
START_SECONDS = 60


class CannotStart(RuntimeError):
    """The demo cannot run here; the text says why and what to do."""


def run(port: int, home: Path = HOME) -> None:
    """Run until Ctrl-C or SIGTERM; everything is kept in `home`. Raises CannotStart."""
    began = time.monotonic()
    home.mkdir(parents=True, exist_ok=True)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        with contextlib.ExitStack() as clinic:
            clinic.enter_context(_only_one(home))
            environment = _settings(clinic, port, home)
            programs = started(clinic, environment, home, port)
            _say_hello(environment, home, time.monotonic() - began)
            _watch(programs, home)
    except KeyboardInterrupt:
        print("\nThe clinic is closed. `make demo` opens it again where you left it.")  # noqa: T201
    except NoPostgres as error:
        raise CannotStart(str(error)) from error


def _settings(clinic: contextlib.ExitStack, port: int, home: Path) -> dict[str, str]:
    """The environment of the demo's programs; what they need runs from here on."""
    _need_free(port)
    kept = secrets.of(home)
    smtp_port = _free_port(port + 2)
    clinic.enter_context(mail.caught(home / "mail", smtp_port))
    admin = os.environ.get("DATABASE_URL") or clinic.enter_context(running(home / "postgres")).url(
        "postgres"
    )
    ensure_roles(admin, kept)
    ensure_database(admin, DATABASE)
    owner = _as_role(admin, OWNER, kept)
    migrating.upgrade(owner)
    environment = {
        "DATABASE_URL": _as_role(admin, APP, kept),
        "WORKER_DATABASE_URL": _as_role(admin, WORKER, kept),
        "MIGRATION_DATABASE_URL": owner,
        "SANDBOX_DATABASE_URL": _as_role(admin, SANDBOX, kept),
        "BASE_URL": f"http://127.0.0.1:{port}",
        "SMTP_HOST": "127.0.0.1",
        "SMTP_PORT": str(smtp_port),
        "AFTERCARE_DEMO": "1",
        "SECRET_KEY": kept["SECRET_KEY"],
        "SEALED_KEYS": kept["SEALED_KEYS"],
        "SIGNING_KEYS": kept["SIGNING_KEYS"],
    }
    if os.environ.get("STRIPE_SECRET_KEY"):
        for name in ("STRIPE_SECRET_KEY", "STRIPE_WEBHOOK_SECRETS"):
            if not os.environ.get(name):
                raise CannotStart(f"With a real STRIPE_SECRET_KEY, set {name} too.")
            environment[name] = os.environ[name]
    else:
        environment["STRIPE_SECRET_KEY"] = kept["STRIPE_SECRET_KEY"]
        environment["STRIPE_WEBHOOK_SECRETS"] = kept["STRIPE_WEBHOOK_SECRETS"]
        environment["STRIPE_API_BASE"] = f"http://127.0.0.1:{_free_port(port + 1)}"
    _write_environment(environment, home)
    return environment


def started(
    clinic: contextlib.ExitStack, environment: dict[str, str], home: Path, port: int
) -> list[subprocess.Popen[bytes]]:
    """All programs, begun at once (each takes seconds to import what it needs), and the story told.

    They end with `clinic`. Raises CannotStart.
    """
    base_url, stripe = environment["BASE_URL"], environment.get("STRIPE_API_BASE")
    as_worker = environment | {"DATABASE_URL": environment["WORKER_DATABASE_URL"]}
    wanted = {
        "server": (
            environment,
            (
                f"-m granian --interface wsgi --host 127.0.0.1 --port {port}"
                " --workers 1 --blocking-threads 4 --no-ws wsgi:app"
            ),
        ),
        "worker": (as_worker, "-m flask worker"),
    }
    if stripe:
        wanted["sandbox"] = (
            environment,
            (
                f"-m shop.payments.sandbox --port {urlsplit(stripe).port}"
                f" --webhook-url {base_url}/webhooks/stripe"
            ),
        )
    programs = [
        clinic.enter_context(_program(name, tuple(arguments.split()), settings, home))
        for name, (settings, arguments) in wanted.items()
    ]
    for url in filter(None, (stripe and f"{stripe}/", f"{base_url}/readyz")):
        _wait_for(url, programs, home)
    if not _there_is("people", environment):
        _run(("demo-story",), environment, "The clinic's story could not be told")
    elif not _there_is("signing_keys", environment):  # a clinic of before there were any
        record = ("signing-keys", "new", "--from-environment")
        _run(record, environment, "The signing key could not be recorded")
    return programs


def _there_is(table: str, environment: Mapping[str, str]) -> bool:
    with psycopg.connect(environment["MIGRATION_DATABASE_URL"]) as connection:
        query = sql.SQL("SELECT FROM {} LIMIT 1").format(sql.Identifier(table))
        return connection.execute(query).rowcount > 0


def _run(command: Sequence[str], environment: Mapping[str, str], failed: str) -> None:
    """A `flask` command, in a program of its own, with an application of its own."""
    told = subprocess.run(
        [sys.executable, "-m", "flask", *command],
        cwd=CHECKOUT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if told.returncode:
        raise CannotStart(f"{failed}:\n{told.stderr[-3000:]}")


@contextlib.contextmanager
def _program(
    name: str, arguments: tuple[str, ...], environment: Mapping[str, str], home: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python program of ours, logging to `<home>/log/`. It ends with us, whatever happens."""
    (home / "log").mkdir(exist_ok=True)
    with (home / "log" / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=CHECKOUT,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            preexec_fn=die_with_the_parent,  # noqa: PLW1509
        )
    process.args = name
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        with contextlib.suppress(ProcessLookupError):  # what it started and left behind
            os.killpg(process.pid, signal.SIGKILL)


def _watch(programs: list[subprocess.Popen[bytes]], home: Path) -> None:
    """Until somebody stops us; a program that ends by itself ends the demo, and says so."""
    while True:
        _all_running(programs, home)
        time.sleep(0.5)


def _all_running(programs: list[subprocess.Popen[bytes]], home: Path) -> None:
    for program in programs:
        if program.poll() is not None:
            log = home / "log" / f"{program.args!s}.log"
            last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
            raise CannotStart(f"The {program.args!s} stopped. Its last words ({log}):\n{last}")


def _wait_for(url: str, programs: list[subprocess.Popen[bytes]], home: Path) -> None:
    """Until `url` answers anything below 500."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        _all_running(programs, home)
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310  (loopback)
        except urllib.error.HTTPError as answer:
            answer.close()
            if answer.code < 500:
                return
        except OSError:
            pass
        else:
            return
        if time.monotonic() > deadline:
            raise CannotStart(f"{url} does not answer. See {home / 'log'}.")
        time.sleep(0.05)


def _as_role(admin: str, role: str, passwords: Mapping[str, str]) -> str:
    """The admin's address, for another role and the demo's database."""
    parts = urlsplit(admin)
    where = parts.netloc.rpartition("@")[2]
    login = f"{role}:{quote(passwords[role], safe='')}@{where}"
    return parts._replace(netloc=login, path=f"/{DATABASE}").geturl()


def _write_environment(environment: Mapping[str, str], home: Path) -> None:
    """`set -a; . .demo/environment` lets `flask …` commands work on the demo's database."""
    kept = home / "environment"
    kept.touch(mode=0o600)
    kept.write_text("".join(f"{key}={shlex.quote(value)}\n" for key, value in environment.items()))


def _say_hello(environment: Mapping[str, str], home: Path, seconds: float) -> None:
    stripe = environment.get("STRIPE_API_BASE", "the real Stripe")
    print(  # noqa: T201
        f"""
Luminescence Aesthetic Medicine (demo) is open, after {seconds:.1f} s.

  {environment["BASE_URL"]}

  {story.SIGN_INS}
  The password of all is {story.PASSWORD}. Pay with card 4242 4242 4242 4242.

  Stripe  {stripe}
  Mail    {home / "mail"}
  Logs    {home / "log"}
  Shell   set -a; . .demo/environment   then e.g. .venv/bin/flask audit verify

Ctrl-C closes the clinic.""",
        flush=True,
    )


@contextlib.contextmanager
def _only_one(home: Path) -> Iterator[None]:
    with (home / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"This checkout's demo is already running. Stop it first, or delete {home}."
            ) from None
        yield


def _need_free(port: int) -> None:
    if not _is_free(port):
        raise CannotStart(f"Port {port} is taken. Choose another: PORT={port + 1000} make demo")


def _free_port(wanted: int) -> int:
    """`wanted`, so that pages stay where they were, else any."""
    if _is_free(wanted):
        return wanted
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
