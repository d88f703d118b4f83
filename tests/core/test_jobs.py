"""Background work: it exists when its change was committed, and the worker's role may do it."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from shop import create_app
from shop.cli import periodic
from shop.core import jobs
from shop.core.cluster import WORKER
from shop.core.db import act_as, db
from shop.inventory.states import LotStatus
from shop.prescriptions.states import RequestStatus
from tests.builders import a_variant
from tests.conftest import Database, config_for
from tests.inventory.lots import a_lot
from tests.prescriptions.builders import a_draft


def queued(app: Flask) -> int:
    with app.app_context():
        query = sa.text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'")
        return int(db.session.scalar(query) or 0)


def test_a_job_is_there_exactly_when_its_change_is(live_app: Flask) -> None:
    before = queued(live_app)
    with live_app.app_context():
        act_as("system:test")
        jobs.defer("deliver_letter", letter_id=str(uuid.uuid4()))
        db.session.rollback()
    assert queued(live_app) == before
    with live_app.app_context():
        act_as("system:test")
        jobs.defer("deliver_letter", letter_id=str(uuid.uuid4()))
        db.session.commit()
    assert queued(live_app) == before + 1


@pytest.fixture
def worker(live: Database) -> Flask:
    """The application as the worker's role runs it."""
    return create_app(config_for(live, database_url=live.url(WORKER)))


@pytest.mark.parametrize("name", sorted(periodic()))
def test_the_workers_role_may_do_what_it_starts_by_itself(
    worker: Flask, live: Database, name: str
) -> None:
    """A missing privilege would leave orders stuck for ever."""
    with worker.app_context():
        act_as("system:test")
        jobs.defer(name)
        db.session.commit()
    jobs.drain(worker, live.url(WORKER))
    with live.as_role() as connection:
        states = connection.execute(
            "SELECT status::text FROM procrastinate_jobs WHERE task_name = %s", [name]
        ).fetchall()
    assert states == [("succeeded",)]
    with worker.app_context():
        db.session.remove()
        db.engine.dispose()


def test_what_ran_out_is_ended(worker: Flask, live_app: Flask, live: Database) -> None:
    with live_app.app_context():
        act_as("system:test")
        lot, draft = a_lot(a_variant()), a_draft()
        db.session.commit()
        ids = lot.id, draft.id
    with live.as_role("aftercare_owner") as connection:
        connection.execute("UPDATE shop_clock SET time_offset = %s", [timedelta(days=2_000)])
    for name in ("expire_lots", "expire_requests"):
        with worker.app_context():
            act_as("system:test")
            jobs.defer(name)
            db.session.commit()
    jobs.drain(worker, live.url(WORKER))
    with live.as_role() as connection:
        lots = connection.execute("SELECT status FROM lots WHERE id = %s", [ids[0]]).fetchone()
        requests = connection.execute(
            "SELECT status FROM approval_requests WHERE id = %s", [ids[1]]
        ).fetchone()
    assert (lots, requests) == ((LotStatus.EXPIRED,), (RequestStatus.EXPIRED,))
    with worker.app_context():
        db.session.remove()
        db.engine.dispose()


def statuses(live: Database) -> dict[int, tuple[str, int]]:
    with live.as_role() as connection:
        rows = connection.execute("SELECT id, status::text, attempts FROM procrastinate_jobs")
        return {row[0]: row[1:] for row in rows.fetchall()}


def held(live: Database, *, silent: timedelta | None, attempts: int = 0) -> int:
    """A job that a worker holds which was last heard of so long ago; None: which is forgotten."""
    with live.as_role() as connection:
        worker = None
        if silent is not None:
            [worker] = connection.execute(
                "INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - %s) RETURNING id",
                [silent],
            ).fetchone() or [None]
        [made] = connection.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name, status, worker_id, attempts)"
            " VALUES ('default', 'expire_lots', 'doing', %s, %s) RETURNING id",
            [worker, attempts],
        ).fetchone() or [0]
    return int(made)


def test_what_a_dead_worker_dropped_is_taken_up_again(
    worker: Flask, live_app: Flask, live: Database
) -> None:
    """F20, F21: for ever 'doing' would be money that never goes back."""
    dead = held(live, silent=jobs.SILENCE + timedelta(seconds=1))
    forgotten = held(live, silent=None)
    alive = held(live, silent=timedelta(seconds=20))
    deadly = held(live, silent=None, attempts=jobs.TRIES - 1)
    with worker.app_context():
        act_as("system:test")
        jobs.defer("take_up_dropped")
        db.session.commit()

    jobs.drain(worker, live.url(WORKER))

    found = statuses(live)
    assert found[dead] == found[forgotten] == ("succeeded", 2)
    assert found[alive] == ("doing", 0)
    assert found[deadly] == ("failed", jobs.TRIES)
    with worker.app_context():
        db.session.remove()
        db.engine.dispose()
