"""A clinic whose clock moves on, run by the worker's own role."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask import Flask

from shop import create_app
from shop.core.clock import day_in, now
from shop.core.cluster import WORKER
from shop.core.db import act_as, db
from shop.replenishment import jobs, stopping
from shop.replenishment.jobs import Done
from shop.replenishment.models import AutoRefill
from shop.replenishment.states import RefillStatus
from tests.conftest import Database, config_for
from tests.replenishment.bank import Bank

Made = TypeVar("Made")
CLINIC = ZoneInfo("America/Los_Angeles")


@dataclass
class Clinic:
    """The shop as the web has it, and as the worker does."""

    app: Flask
    worker: Flask
    database: Database
    bank: Bank = field(default_factory=Bank)

    def made(self, make: Callable[[], Made]) -> Made:
        """Something that is committed; the session stays open for who looks at it."""
        act_as("system:test")
        thing = make()
        db.session.commit()
        return thing

    def travel(self, days: int) -> None:
        """So many days of the clinic's calendar: where its clocks change, not of 24 hours."""
        db.session.commit()
        here = now().astimezone(CLINIC)
        on = (here + timedelta(days=days)).astimezone(UTC) - here.astimezone(UTC)
        with self.database.as_role("aftercare_owner") as connection:
            connection.execute("UPDATE shop_clock SET time_offset = time_offset + %s", [on])

    def run(self, **bank: Any) -> Done:
        """The day's run, by the worker."""
        db.session.commit()
        provider = dataclasses.replace(self.bank, **bank)
        with self.worker.app_context():
            try:
                act_as("system:worker")
                return jobs.run(provider)  # type: ignore[arg-type]
            finally:
                db.session.rollback()
                db.session.remove()

    def days(self, days: int, **bank: Any) -> None:
        """So many days go by, each with its run."""
        for _ in range(days):
            self.travel(1)
            assert self.run(**bank).failed == 0

    @property
    def today(self) -> date:
        return day_in(CLINIC.key, now())


@pytest.fixture(scope="module")
def _apps(live: Database) -> Iterator[Clinic]:
    app = create_app(config_for(live))
    worker = create_app(config_for(live, database_url=live.url(WORKER)))
    yield Clinic(app, worker, live)
    for each in (app, worker):
        with each.app_context():
            db.session.remove()
            db.engine.dispose()


@pytest.fixture
def clinic(_apps: Clinic) -> Iterator[Clinic]:
    """The same for a module: every test has clients of its own, and later days."""
    with _apps.app.app_context():
        act_as("system:test")
        yield Clinic(_apps.app, _apps.worker, _apps.database)
        db.session.rollback()
        db.session.expunge_all()
        going = sa.select(AutoRefill).where(AutoRefill.status != RefillStatus.CANCELLED)
        for refill in db.session.scalars(going).all():
            stopping.cancel(refill, by=refill.client, at=now())
        db.session.commit()
        db.session.remove()
