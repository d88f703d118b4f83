"""The test harness: one private PostgreSQL per run, and two kinds of database for tests.

`app` (with `session`) rolls every test back to a savepoint: for ordinary verbs and pages.
`live` gives a module its own clone of the migrated template, with real commits: for the gate,
attacks, journeys, jobs and races.
"""

from __future__ import annotations

import base64
import contextlib
import gc
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from flask import Flask, has_app_context
from flask.testing import FlaskClient
from psycopg import sql
from psycopg.conninfo import make_conninfo
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from shop import create_app
from shop.config import Config
from shop.core import migrating
from shop.core.cluster import APP, OWNER, ROLES, SANDBOX, WORKER, ensure_database, ensure_roles
from shop.core.db import db
from shop.core.embedded_postgres import running
from tests import keys, order, permissions

PASSWORD = "for-tests-only"
# Tests leave much behind that is held until they end: looked for seldom, it costs a tenth less.
gc.set_threshold(100_000, 50, 100)
TEMPLATE = "aftercare_template"


_compile_builder = Rule._compile_builder


def _compiled_when_needed(rule: Rule, append_unknown: bool = True) -> Callable[..., Any]:
    """What makes a rule's addresses: two functions a rule, written and compiled in Python.

    Tests make some five hundred applications of 680 rules each, and ask each for few addresses.
    """
    made: list[Callable[..., Any]] = []

    def build(rule: Rule, **values: Any) -> Any:
        if not made:
            made.append(_compile_builder(rule, append_unknown))
        return made[0](rule, **values)

    return build


Rule._compile_builder = _compiled_when_needed  # type: ignore[method-assign]


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """What is imported and collected stays to the end: the garbage collector never looks at it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: order.place(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """For `--dist loadfile`; whoever asks for another way gets it."""
    return order.Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


@dataclass(frozen=True)
class Database:
    """A database of the test server, with an address for each role."""

    admin: str
    name: str

    def url(self, role: str | None = None) -> str:
        """The address for `role`; the superuser's without one."""
        base = psycopg.conninfo.conninfo_to_dict(self.admin)
        user, password = (role, PASSWORD) if role else (base["user"], base.get("password", ""))
        where = f"?host={base['host']}&port={base.get('port', 5432)}"
        return f"postgresql://{user}:{password}@/{self.name}{where}"

    @property
    def owner(self) -> str:
        return self.url(OWNER)

    def as_role(self, role: str | None = None) -> psycopg.Connection[Any]:
        """A plain connection: for direct SQL."""
        return psycopg.connect(self.url(role), options="-csearch_path=public,jobs")


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The address of a superuser of a PostgreSQL that tests may fill: DATABASE_URL, or our own."""
    if given := os.environ.get("TEST_DATABASE_URL"):
        yield given
        return
    home = _home()
    try:
        with running(home, durable=False) as cluster:
            yield cluster.url("postgres")
    finally:
        shutil.rmtree(home, ignore_errors=True)


MEMORY, ROOM = Path("/dev/shm"), 4 * 2**30  # where files are kept in memory, and how much we want


def _home() -> Path:
    """A place for the server of this process: in memory where there is room.

    A clone is 1,300 files. On a disk, making and removing them is four times the work.
    """
    if MEMORY.is_dir():
        for left in MEMORY.glob("aftercare-tests-*"):  # by a run that was killed outright
            if not Path(f"/proc/{left.name.rpartition('-')[2]}").exists():
                shutil.rmtree(left, ignore_errors=True)
        words = Path("/proc/meminfo").read_text().split()
        available = int(words[words.index("MemAvailable:") + 1]) * 1024
        if min(shutil.disk_usage(MEMORY).free, available) > ROOM and os.access(MEMORY, os.W_OK):
            return MEMORY / f"aftercare-tests-{os.getpid()}"
    return Path(__file__).parents[1] / ".test" / f"postgres-{os.getpid()}"


@pytest.fixture(scope="session")
def template(server: str) -> Database:
    """A migrated database that others are cloned from."""
    with psycopg.connect(server) as connection:
        quickly = "-cscram_iterations=1" if connection.info.server_version >= 160_000 else ""
    # A thousandth of the work for whoever signs in, some thousand times.
    ensure_roles(make_conninfo(server, options=quickly), dict.fromkeys(ROLES, PASSWORD))
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}")
    ensure_database(server, TEMPLATE)
    database = Database(server, TEMPLATE)
    migrating.upgrade(database.owner)
    with database.as_role() as connection:
        keys.recorded(connection)
        permissions.recorded(connection)
    return database


@pytest.fixture(scope="session")
def clone(template: Database) -> Any:
    """A function that clones the template; the clones go with the server."""

    def made() -> Database:
        name = f"aftercare_test_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(template.admin, autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy").format(
                    sql.Identifier(name), sql.Identifier(TEMPLATE), sql.Identifier(OWNER)
                )
            )
        return Database(template.admin, name)

    return made


def config_for(database: Database, **given: Any) -> Config:
    """Settings for a test's application."""
    settings: dict[str, Any] = {
        "database_url": database.url(APP),
        "worker_database_url": database.url(WORKER),
        "secret_key": "for-tests-only-for-tests-only-for-tests-only",
        "sealed_keys": "1:" + base64.b64encode(bytes(range(32))).decode(),
        "signing_keys": keys.SIGNING_KEYS,
        "stripe_secret_key": "sk_test_shop",
        "stripe_webhook_secrets": ("whsec_test_shop",),
        "stripe_api_base": None,
        "base_url": "http://localhost",
        "smtp_host": "127.0.0.1",
        "smtp_port": 1,
        "testing": True,
        "demo": True,
        "argon2": {"time_cost": 1, "memory_cost": 8, "parallelism": 1},
    }
    return Config(**(settings | given))


class FreshClient(FlaskClient):
    """Every request gets a context of its own, as in production: nothing leaks into the next."""

    def open(self, *args: Any, **kwargs: Any) -> Any:
        if has_app_context():
            db.session.remove()
        with self.application.app_context():  # or `g`, and who is signed in, would be shared
            return super().open(*args, **kwargs)


@pytest.fixture(scope="session")
def _shared_app(clone: Any) -> Iterator[Flask]:
    app = create_app(config_for(clone()))
    app.test_client_class = FreshClient
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.fixture
def app(_shared_app: Flask) -> Iterator[Flask]:
    """The application on a database where every test is undone.

    Deferred constraints are checked at every commit, as a real commit would.
    """
    with undone(_shared_app):
        db.session.info["actor"] = "system:test"
        yield _shared_app


@contextlib.contextmanager
def undone(app: Flask) -> Iterator[sa.Connection]:
    """Within its context, an application whose every session is a savepoint of this connection.

    In the end it is rolled back.
    """
    with app.app_context():
        engine = db.engine
        connection = engine.connect()
        outer = connection.begin()
        engines = db._app_engines[app]
        engines[None] = connection  # type: ignore[assignment]
        db.session.remove()
        db.session.configure(join_transaction_mode="create_savepoint")
        sa.event.listen(Session, "before_commit", _check_deferred)
        try:
            yield connection
        finally:
            sa.event.remove(Session, "before_commit", _check_deferred)
            db.session.remove()
            outer.rollback()
            connection.close()
            engines[None] = engine


def _check_deferred(session: Session) -> None:
    if session.in_nested_transaction():
        return  # a savepoint is released, and nothing is judged yet
    session.flush()
    session.connection().exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")
    session.connection().exec_driver_sql("SET CONSTRAINTS ALL DEFERRED")


@pytest.fixture(scope="module")
def live(clone: Any) -> Iterator[Database]:
    """A database of the module's own, with real commits."""
    database: Database = clone()
    yield database
    with psycopg.connect(database.admin, autocommit=True) as connection:
        connection.execute(
            sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.name))
        )


@pytest.fixture(scope="module")
def live_app(live: Database) -> Iterator[Flask]:
    """The application on the module's own database."""
    app = create_app(config_for(live))
    app.test_client_class = FreshClient
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


@pytest.fixture(scope="session")
def sandbox_database_url(server: str, template: Database) -> str:
    """Where the Stripe sandbox keeps its state."""
    database = Database(server, "aftercare_sandbox_test")
    ensure_database(server, database.name)
    return database.url(SANDBOX)
