"""Large files: committed batch by batch, killed anywhere, taken up, and the same in the end."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

import shop.catalog.jobs  # noqa: F401  (a worker knows them)
from shop import create_app
from shop.catalog import importing, listing, loading, queries
from shop.catalog.errors import ImportTakenOver
from shop.catalog.models import Import, ImportPart, Outcome, Product
from shop.catalog.spool import Spool
from shop.catalog.states import ImportStatus
from shop.core import events, jobs
from shop.core.cluster import WORKER
from shop.core.db import act_as, db
from tests.catalog.rows import csv_of
from tests.conftest import Database, config_for

ROWS = 90


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importing, "AT_ONCE", 15)


def a_sheet(rows: int = ROWS, *, prefix: str = "S", cents: int = 1200) -> bytes:
    """Products with packs and prices; every ninth row is bad in one of three ways; packs alone."""
    empty = dict.fromkeys(listing.COLUMNS, "")
    made = []
    for number in range(rows):
        row = empty | {
            "source_key": f"{prefix}-{number}",
            "name": f"Cream {number}",
            "brand": f"House {number % 4}",
            "legal_class": "cosmetic",
            "ingredients": json.dumps([{"raw": f"Thing {number % 7}"}, {"raw": "Water"}]),
            "sku": f"{prefix}-{number}-30",
            "pack_name": "30 mL",
            "price_cents": str(cents + number),
            "for_sale": "true",
            "published": "true",
        }
        if number % 9 == 3:
            row |= {"legal_class": ("candy", "clinic_use", "rx")[number // 9 % 3]}
        if number % 9 == 5:
            row = empty | {"source_key": f"{prefix}-{number + 2}", "sku": f"{prefix}-{number}-60"}
            row |= {"pack_name": "60 mL", "price_cents": "99"}
        if number % 9 == 7:
            row |= {"ingredients": "["} if number % 2 else {"source_key": f"{prefix}-0"}
        made.append(row)
    return csv_of(*made, columns=listing.COLUMNS)


def checked(data: bytes) -> importing.File:
    return importing.checked(io.BytesIO(data), "csv", name="sheet.csv")


@contextmanager
def opened(database: Database, role: str | None = None) -> Iterator[Flask]:
    config = config_for(database)
    app = create_app(replace(config, database_url=database.url(role)) if role else config)
    with app.app_context():
        try:
            act_as("system:test")
            yield app
        finally:
            db.session.remove()
            db.engine.dispose()


CATALOGUE = """
SELECT p.source, p.source_key, p.slug, p.name, b.name, p.legal_class, p.doctor_only, p.flags,
    p.filed::text, p.published_at IS NOT NULL,
    ARRAY(SELECT (l.position, i.name, l.raw, l.active, l.percent)::text FROM product_ingredients l
          JOIN ingredient_names i ON i.id = l.name_id WHERE l.product_id = p.id ORDER BY 1),
    ARRAY(SELECT (v.sku, v.name, v.for_sale, v.legal_class,
                  ARRAY(SELECT cents FROM prices WHERE variant_id = v.id))::text
          FROM variants v WHERE v.product_id = p.id ORDER BY 1),
    ARRAY(SELECT (kind, seq, facts)::text FROM events WHERE subject_id = p.id ORDER BY seq)
FROM products p JOIN brands b ON b.id = p.brand_id ORDER BY 1, 2
"""
REPORT = """
SELECT r.number, r.key, r.outcome, r.reasons, r.raw::text, i.status, i.rows_total, i.rows_done,
    i.created, i.changed, i.unchanged, i.quarantined
FROM import_rows r JOIN imports i ON i.id = r.import_id ORDER BY 1
"""


def everything(database: Database) -> tuple[list[Any], list[Any]]:
    """The whole catalogue and the whole report, but for ids and times."""
    with database.as_role() as connection:
        return connection.execute(CATALOGUE).fetchall(), connection.execute(REPORT).fetchall()


def in_a_process(database: Database, data: bytes, *, dies_at: int | None = None) -> int:
    """Load in a process of its own, killed before its so many-th statement. Tells how many it sent.

    Past the last statement it is not killed.
    """
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _load_and_die(database, data, dies_at, writes)
        finally:
            os._exit(1)
    os.close(writes)
    _, status = os.waitpid(child, 0)
    with os.fdopen(reads) as told:
        said = told.read()
    if dies_at is None:
        assert os.waitstatus_to_exitcode(status) == 0
        return int(said)
    assert os.WTERMSIG(status) == signal.SIGKILL
    return dies_at


def _load_and_die(database: Database, data: bytes, dies_at: int | None, writes: int) -> None:
    sent = 0

    def count(*_: Any) -> None:
        nonlocal sent
        sent += 1
        if sent == dies_at:
            os.kill(os.getpid(), signal.SIGKILL)

    with opened(database):
        for moment in ("before_cursor_execute", "commit"):
            sa.event.listen(db.engine, moment, count)
        loading.load(checked(data), by=None, progress=lambda *_: None)
    os.write(writes, str(sent).encode())
    os._exit(0)


def test_killed_anywhere_and_run_again_it_is_as_if_nothing_had_happened(
    clone: Callable[[], Database],
) -> None:
    data, undisturbed = a_sheet(), clone()
    statements = in_a_process(undisturbed, data)
    catalogue, report = everything(undisturbed)
    assert len(report) == ROWS
    assert {row[2] for row in report} == {"created", "quarantined"}
    assert statements > 60

    for place in range(8, statements, statements // 9):
        killed = clone()
        in_a_process(killed, data, dies_at=place)
        in_a_process(killed, data)
        assert everything(killed) == (catalogue, report), f"killed before statement {place}"


def test_killed_again_and_again_it_still_comes_to_its_end(clone: Callable[[], Database]) -> None:
    data, undisturbed, killed = a_sheet(), clone(), clone()
    statements = in_a_process(undisturbed, data)

    deaths = 0
    with killed.as_role() as connection:
        connection.autocommit = True
        while deaths < 2:
            in_a_process(killed, data, dies_at=statements * 2 // 5)
            deaths += 1
        done = connection.execute("SELECT status, rows_done, fence FROM imports").fetchall()
    in_a_process(killed, data)

    ((status, rows_done, fence),) = done
    assert (status, fence) == ("running", deaths)
    assert 0 < rows_done < ROWS
    assert everything(killed) == everything(undisturbed)


@pytest.fixture
def shop_db(clone: Callable[[], Database]) -> Iterator[Database]:
    """A database with real commits, opened as the shop's own role."""
    database = clone()
    with opened(database):
        yield database


def test_the_same_file_again_is_all_unchanged(shop_db: Database) -> None:
    loading.load(checked(a_sheet()), by=None, progress=lambda *_: None)
    before, _ = everything(shop_db)

    again = loading.load(checked(a_sheet()), by=None, progress=lambda *_: None)

    assert again.status is ImportStatus.DONE
    assert (again.created, again.changed) == (0, 0)
    assert again.unchanged + again.quarantined == ROWS
    assert everything(shop_db)[0] == before


def test_a_rehearsal_tells_what_would_be_and_leaves_nothing(shop_db: Database) -> None:
    recorded = sa.select(sa.func.count()).select_from(events.Event)
    before = db.session.scalar(recorded)  # the clinic's key
    with Spool() as told:
        loading.rehearse(checked(a_sheet()), told, by=None, progress=lambda *_: None)
        rehearsed = [(row.row, row.outcome, row.reasons) for row in told]
    assert everything(shop_db) == ([], [])
    assert db.session.scalar(recorded) == before

    record = loading.load(checked(a_sheet()), by=None, progress=lambda *_: None)

    kept = queries.every_row_of(record.id)
    assert rehearsed == [(row.number, row.outcome, row.reasons) for row in kept]


def test_progress_is_told_after_each_batch(shop_db: Database) -> None:
    told: list[tuple[int, int]] = []

    loading.load(checked(a_sheet()), by=None, progress=lambda *so_far: told.append(so_far))

    assert told == [(done, ROWS) for done in range(0, ROWS + 1, 15)]


def test_who_takes_a_file_up_turns_the_other_away(shop_db: Database) -> None:
    data = a_sheet()
    taken_up: list[Import] = []

    def somebody_else(done: int, _total: int) -> None:
        if done == 30 and not taken_up:
            taken_up.append(loading.load(checked(data), by=None, progress=lambda *_: None))

    with pytest.raises(ImportTakenOver, match=r"(30|90) of 90"):
        loading.load(checked(data), by=None, progress=somebody_else)

    assert [record.status for record in taken_up] == [ImportStatus.DONE]
    assert len(everything(shop_db)[1]) == ROWS


def test_a_stopped_import_keeps_what_it_did_and_can_go_on(
    shop_db: Database, clone: Callable[[], Database]
) -> None:
    data, undisturbed = a_sheet(), clone()
    in_a_process(undisturbed, data)

    def stopped(done: int, _total: int) -> None:
        if done == 45:
            (record,) = db.session.scalars(sa.select(Import))
            loading.stop(record)
            db.session.commit()

    with pytest.raises(ImportTakenOver, match="It was stopped"):
        loading.load(checked(data), by=None, progress=stopped)
    (record,) = db.session.scalars(sa.select(Import))
    assert (record.status, record.rows_done) == (ImportStatus.STOPPED, 45)

    loading.load(checked(data), by=None, progress=lambda *_: None)
    assert everything(shop_db) == everything(undisturbed)


def test_what_breaks_off_says_so(shop_db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(importing, "note", broken)
    with pytest.raises(ZeroDivisionError):
        loading.load(checked(a_sheet()), by=None, progress=lambda *_: None)

    (record,) = db.session.scalars(sa.select(Import))
    assert (record.status, record.error, record.rows_done) == ("failed", "ZeroDivisionError", 0)
    assert everything(shop_db) == ([], [])


def test_two_files_at_once_wait_for_each_other(clone: Callable[[], Database]) -> None:
    database = clone()
    sheets = [a_sheet(), a_sheet(prefix="T"), a_sheet(cents=900)]
    ended: list[object] = []

    def loaded(app: Flask, data: bytes) -> None:
        with app.app_context():
            act_as("system:test")
            try:
                record = loading.load(checked(data), by=None, progress=lambda *_: None)
                ended.append(record.status)
            finally:
                db.session.remove()

    with opened(database) as app:
        threads = [threading.Thread(target=loaded, args=(app, data)) for data in sheets]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert ended == [ImportStatus.DONE] * 3
        totals = db.session.execute(sa.select(Import.rows_total, Import.rows_done)).all()
        assert totals == [(ROWS, ROWS)] * 3


def test_a_file_that_was_handed_in_is_taken_in_by_the_worker(
    clone: Callable[[], Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    database, undisturbed, data = clone(), clone(), a_sheet()
    in_a_process(undisturbed, data)
    monkeypatch.setattr(loading, "PIECE", 1000)
    with opened(database):
        record = loading.queue(checked(data), by=None)
        assert loading.queue(checked(data), by=None).id == record.id
        db.session.commit()
        assert record.status is ImportStatus.QUEUED
        pieces = db.session.scalar(sa.select(sa.func.count()).select_from(ImportPart))
        assert pieces == -(-len(data) // 1000)

    with opened(database, WORKER) as worker:
        jobs.drain(worker, database.url(WORKER))
        record = queries.import_of(record.id)
        assert (record.status, record.rows_done) == (ImportStatus.DONE, ROWS)
        assert queries.parts_of(record.id) == []
    assert everything(database) == everything(undisturbed)


def test_a_rehearsal_by_the_worker_leaves_its_report_only(clone: Callable[[], Database]) -> None:
    database, data = clone(), a_sheet()
    with opened(database):
        record = loading.queue(checked(data), by=None, dry_run=True)
        db.session.commit()

    with opened(database, WORKER):
        loading.work_off(record.id)
        record = queries.import_of(record.id)
        assert (record.status, record.rows_done) == (ImportStatus.DONE, ROWS)
        assert db.session.scalar(sa.select(sa.func.count(Product.id))) == 0
        assert len(list(queries.every_row_of(record.id))) == ROWS


def test_one_bad_row_costs_the_others_nothing(shop_db: Database) -> None:
    record = loading.load(checked(a_sheet()), by=None, progress=lambda *_: None)

    aside = {
        row.number: row.reasons for row in queries.every_row_of(record.id, Outcome.QUARANTINED)
    }
    assert aside[5] == [
        "legal_class: should be one of cosmetic, otc_drug, rx, rx_unapproved, clinic_use"
    ]
    assert record.created == ROWS - len(aside)
    assert {row.number for row in queries.every_row_of(record.id)} == set(range(2, ROWS + 2))
