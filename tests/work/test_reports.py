"""A long report is made by the worker, found again, and ends once, even where its worker is killed."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from shop import create_app
from shop.accounts.models import Person
from shop.cli import periodic
from shop.core import jobs
from shop.core.cluster import WORKER
from shop.core.db import act_as, db
from shop.reports import filing
from shop.work.models import Work
from tests.builders import a_variant
from tests.conftest import Database, config_for
from tests.inventory.lots import a_lot
from tests.people import a_browser, mona

ROWS = 5


@pytest.fixture
def scene(
    live_app: Flask, live: Database, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[FlaskClient, Any, str]]:
    """Mona's browser, her id, and her form's token; what she asks for is too long to wait for."""
    monkeypatch.setattr(filing, "AT_ONCE", ROWS - 1)
    monkeypatch.setattr(filing, "PIECE", 1)
    with live_app.app_context():
        act_as("system:test")
        wanted = ROWS - (db.session.scalar(sa.text("SELECT count(*) FROM lots")) or 0)
        for _ in range(wanted):
            a_lot(a_variant(), 3)
        manager = mona()
        browser = a_browser(live_app, manager)
        manager_id = manager.id
    token = browser.get("/api/v1/me").json["csrf_token"]
    yield browser, manager_id, token
    with live.as_role() as connection:
        connection.execute("DELETE FROM jobs.procrastinate_jobs")
        connection.execute("UPDATE shop_clock SET time_offset = '0'")


@pytest.fixture(scope="module")
def worker(live: Database) -> Iterator[Flask]:
    app = create_app(config_for(live, database_url=live.url(WORKER)))
    yield app
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def drain(worker: Flask, live: Database) -> None:
    periodic()
    jobs.drain(worker, live.url(WORKER))


def asked_for(browser: FlaskClient, token: str) -> str:
    answer = browser.post("/reports/stock-value/files", data={"csrf_token": token})
    assert answer.status_code == 303
    where: str = answer.headers["Location"]
    assert where.startswith("/work/")
    return where


def test_a_long_report_is_made_by_the_worker_for_whoever_asked(
    scene: tuple[FlaskClient, Any, str], worker: Flask, live_app: Flask, live: Database
) -> None:
    browser, _, token = scene
    page = browser.get("/reports/stock-value")
    assert "Make the CSV file" in page.text
    refused = browser.get("/reports/stock-value/table.csv")
    assert refused.status_code == 422
    assert "Ask for it" in refused.text
    where = asked_for(browser, token)
    assert "Waiting" in browser.get(where).text
    assert browser.get(f"{where}/file").status_code == 410

    drain(worker, live)

    done = browser.get(where).text
    assert f"{ROWS} of {ROWS}" in done
    file = browser.get(f"{where}/file")
    assert file.status_code == 200
    assert file.headers["Content-Disposition"] == 'attachment; filename="stock-value.csv"'
    assert len(file.text.splitlines()) == ROWS + 1
    told = browser.get(f"/api/v1{where}").json
    assert (told["status"], told["done"], told["file"]["name"]) == (
        "done",
        ROWS,
        "stock-value.csv",
    )
    with live.as_role() as connection:
        [sealed] = connection.execute("SELECT content_sealed FROM work_files").fetchone() or [b""]
    assert b"sku" not in bytes(sealed)

    with live_app.app_context():
        act_as("system:test")
        other = a_browser(live_app, mona())
    assert other.get(where).status_code == 200  # a manager sees that it was made
    assert "for whoever asked" in other.get(where).text
    assert other.get(f"/api/v1{where}/file").status_code == 404

    with live.as_role() as connection:
        connection.execute("UPDATE shop_clock SET time_offset = %s", [timedelta(hours=25)])
    with live_app.app_context():  # her session ended meanwhile
        act_as("system:test")
        person = db.session.get_one(Person, scene[1])
        later = a_browser(live_app, person)
        jobs.defer("watch_over_work")
        db.session.commit()
    assert later.get(f"/api/v1{where}/file").status_code == 410
    drain(worker, live)
    gone = later.get(f"/api/v1{where}/file")
    assert (gone.status_code, gone.json["code"]) == (410, "work_file_gone")
    assert "removed" in later.get(where).text
    with live.as_role() as connection:
        assert connection.execute("SELECT count(*) FROM work_files").fetchone() == (0,)


def test_a_program_asks_for_it(
    scene: tuple[FlaskClient, Any, str], worker: Flask, live: Database
) -> None:
    browser, _, token = scene
    headers = {"X-CSRFToken": token}
    asked = browser.post(
        "/api/v1/reports/movements/files", json={"since": "2026-01-01"}, headers=headers
    )
    assert asked.status_code == 202
    assert asked.json["title"].startswith("Movements, 2026-01-01 to ")
    path = f"/api/v1/work/{asked.json['id']}"
    drain(worker, live)
    assert browser.get(path).json["status"] == "done"
    assert browser.get(f"{path}/file").status_code == 200
    for name, body, status in (
        ("gossip", {}, 404),
        ("movements", {"since": "no day"}, 422),
        ("movements", {"until": "2026-01-02", "since": "2026-02-01"}, 422),
    ):
        refused = browser.post(f"/api/v1/reports/{name}/files", json=body, headers=headers)
        assert refused.status_code == status
    page = browser.post("/reports/movements/files", data={"csrf_token": token, "since": "no day"})
    assert page.status_code == 422


def killed_at(live: Database, place: int) -> bool:
    """A worker in a process of its own, killed before its so many-th word about the work. Told: died."""
    child = os.fork()
    if child == 0:
        try:
            heard = 0

            def hear(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
                nonlocal heard
                if statement.startswith(("UPDATE works", "INSERT INTO work_files")):
                    heard += 1
                    if heard == place:
                        os.kill(os.getpid(), signal.SIGKILL)

            app = create_app(config_for(live, database_url=live.url(WORKER)))
            with app.app_context():
                sa.event.listen(db.engine, "before_cursor_execute", hear)
            jobs.drain(app, live.url(WORKER))
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


@pytest.mark.parametrize("place", [2, 4, 7, 8, 9])
def test_a_worker_killed_in_the_middle_leaves_work_that_is_found_again_and_ends_once(
    scene: tuple[FlaskClient, Any, str],
    worker: Flask,
    live_app: Flask,
    live: Database,
    place: int,
) -> None:
    browser, _, token = scene
    where = asked_for(browser, token)
    for app in (worker, live_app):
        with app.app_context():
            db.session.remove()
            db.engine.dispose()
    assert killed_at(live, place)

    left = browser.get(f"/api/v1{where}").json
    assert left["status"] == "running"
    assert left["done"] == max(0, min(place - 2, ROWS))
    with live.as_role() as connection:  # a minute goes by, for the shop and for the queue
        connection.execute("UPDATE shop_clock SET time_offset = '61 s'")
        connection.execute(
            "UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '61 s'"
        )
    with live_app.app_context():
        act_as("system:test")
        jobs.defer("watch_over_work")
        db.session.commit()
    with live.as_role() as connection:  # before the queue takes it up again
        held = connection.execute(
            "SELECT status::text FROM procrastinate_jobs WHERE task_name = 'make_report'"
        ).fetchall()
    assert held == [("doing",)]
    drain(worker, live)
    stopped = browser.get(where).text
    assert "Stopped" in stopped
    assert "interrupted" in stopped

    with live_app.app_context():
        act_as("system:test")
        jobs.defer("take_up_dropped")
        db.session.commit()
    drain(worker, live)
    drain(worker, live)

    told = browser.get(f"/api/v1{where}").json
    assert (told["status"], told["done"], told["total"]) == ("done", ROWS, ROWS)
    assert len(browser.get(f"{where}/file").text.splitlines()) == ROWS + 1
    with live_app.app_context():
        work = db.session.get_one(Work, told["id"])
        assert work.fence == 2
