"""A database of the module's own, whose clock and worker the tests hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from shop import create_app
from shop.cli import periodic
from shop.core import jobs
from shop.core.cluster import WORKER
from shop.core.db import act_as, db
from tests.conftest import Database, config_for


@dataclass
class Clinic:
    """The shop, its worker, and its clock."""

    app: Flask
    worker: Flask
    database: Database

    def work(self) -> None:
        """Let the worker do what is due, as its own role."""
        periodic()  # imported: the worker knows its jobs
        jobs.drain(self.worker, self.database.url(WORKER))

    def tend(self) -> None:
        """Let it look after privacy requests, as it does every hour."""
        with self.app.app_context():
            act_as("system:test")
            jobs.defer("tend_privacy_requests")
            db.session.commit()
            db.session.remove()
        self.work()

    def travel(self, time: timedelta) -> None:
        """Move the shop's clock forward."""
        with self.database.as_role("aftercare_owner") as connection:
            connection.execute("UPDATE shop_clock SET time_offset = time_offset + %s", [time])

    def rows(self, statement: str, *values: Any) -> list[tuple[Any, ...]]:
        """What the database holds, as its superuser sees it."""
        with self.database.as_role() as connection:
            return connection.execute(statement, values).fetchall()


@pytest.fixture(scope="module")
def clinic(live: Database, live_app: Flask) -> Iterator[Clinic]:
    worker = create_app(config_for(live, database_url=live.url(WORKER)))
    yield Clinic(live_app, worker, live)
    with worker.app_context():
        db.session.remove()
        db.engine.dispose()
