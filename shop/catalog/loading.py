"""Take in a large file batch by batch, each committed with its part of the report.

Killed anywhere, the import is taken up where the last commit left it: the same file, handed in
again or still waiting for the worker, goes on behind the rows that are done, and its report is the
one it would have had. Whoever takes an import up moves its fence; whoever carried it before finds
out at the next batch and leaves it. This module commits, because one transaction over a large file
would keep the catalogue locked and lose everything at the end.
"""

from __future__ import annotations

import gc
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO

import sqlalchemy as sa
import structlog

from shop.accounts.models import Person
from shop.catalog import importing, queries
from shop.catalog.errors import ImportTakenOver
from shop.catalog.importing import Ahead, Batch, File
from shop.catalog.models import Import, ImportPart
from shop.catalog.spool import Spool
from shop.catalog.states import ImportStatus
from shop.core import events, jobs
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Unavailable
from shop.core.events import Kind
from shop.work import carrying
from shop.work import queries as work
from shop.work.models import Work, WorkKind
from shop.work.progressing import noted
from shop.work.states import BROKEN_OFF, WorkStatus

JOB = "load_catalog"
TRIES = 5
PATIENCE = "30s"  # for whoever holds the catalogue: a batch takes about a second
PIECE = 1024 * 1024
# Serialization failure, deadlock, and whoever held the catalogue longer than our patience.
_AGAIN = {"40001", "40P01", "55P03", "57014"}

Progress = Callable[[int, int], None]  # rows done, rows of the file
log = structlog.get_logger()


def queue(file: File, *, by: Person | None, dry_run: bool = False) -> Import:
    """Hand a file in for the worker; the import of it that is not over, if there is one. No commit.

    The file waits in the database, in pieces: the worker may run on another machine, and what was
    promised to somebody is then kept, and backed up, like everything else.
    """
    record = _unfinished(file, dry_run=dry_run)
    waits = record is not None and bool(queries.parts_of(record.id))
    if record is not None and waits and record.status is not ImportStatus.FAILED:
        return record
    if record is None:
        record = _handed_in(file, by=by, dry_run=dry_run)
    if not waits:
        _keep(file.stream, record.id)
    _asked_again(record.id)
    jobs.defer(JOB, import_id=str(record.id))
    return record


def work_off(import_id: uuid.UUID) -> None:
    """Take in a file that was handed in. Commits. Safe to repeat: what is over waits no more."""
    record = queries.import_of(import_id)
    with tempfile.TemporaryFile() as stream:
        for place in queries.parts_of(import_id):
            stream.write(queries.part(import_id, place))
        if not stream.tell():
            return
        file = importing.checked(stream, record.source, name=record.name, mapping=record.mapping)
        try:
            if record.dry_run:
                _rehearse(record, file)
            else:
                _carry(record, file, lambda *_: None)
        except ImportTakenOver as gone:
            log.info("import_taken_over", import_id=str(import_id), why=gone.text)


def load(file: File, *, by: Person | None, progress: Progress) -> Import:
    """Take in a file now; an import of it that broke off is taken up. Commits.

    Raises ImportTakenOver where somebody else takes the file up, or stops it, meanwhile.
    """
    record = _unfinished(file, dry_run=False)
    return _carry(record or _handed_in(file, by=by, dry_run=False), file, progress)


def rehearse(file: File, reports: Spool, *, by: Person | None, progress: Progress) -> None:
    """What taking the file in would do, into `reports`. One transaction, of which nothing is left.

    One, not many: a row may rest on what an earlier row would have created.
    """
    try:
        _patiently()
        done = 0
        at = now()
        batches = Ahead(importing.batches(file))
        with _collecting_only_what_is_new():
            for batch in batches:
                batches.begin()
                reports.add(importing.take(file, batch, by=by, at=at))
                db.session.flush()
                done += len(batch)
                progress(done, file.rows)
    finally:
        db.session.rollback()


def stop(record: Import) -> Import:
    """Let it go no further. What is committed stays. Safe to repeat; no commit."""
    if record.status in (ImportStatus.QUEUED, ImportStatus.RUNNING):
        if (held := work.of_subject(record.id)) is not None:
            carrying.stop(held)
        _end(record, ImportStatus.STOPPED, Kind.IMPORT_STOPPED)
        _clear(record.id)
    return record


def _unfinished(file: File, *, dry_run: bool) -> Import | None:
    return queries.unfinished_import(
        file.measured.sha256, file.source, file.mapping, dry_run=dry_run
    )


def _handed_in(file: File, *, by: Person | None, dry_run: bool) -> Import:
    record = importing.recorded(file, ImportStatus.QUEUED, by=by, at=now(), dry_run=dry_run)
    events.record(Kind.IMPORT_QUEUED, record, source=file.source, rows=file.rows)
    carrying.ask(
        WorkKind.REHEARSAL if dry_run else WorkKind.IMPORT,
        file.name or file.source,
        by=by,
        subject_id=record.id,
        total=file.rows,
    )
    return record


def _asked_again(import_id: uuid.UUID) -> None:
    """Work that broke off waits again; there is none of what was begun before there was work."""
    held = work.of_subject(import_id)
    if held is not None and held.status in BROKEN_OFF:
        held.status = WorkStatus.WAITING


def _keep(stream: IO[bytes], import_id: uuid.UUID) -> None:
    stream.seek(0)
    for place, piece in enumerate(iter(lambda: stream.read(PIECE), b"")):
        db.session.execute(
            sa.insert(ImportPart), {"import_id": import_id, "place": place, "bytes": piece}
        )


def _carry(record: Import, file: File, progress: Progress) -> Import:
    import_id, fence, done = _taken_up(record.id)
    progress(done, file.rows)
    with _told_how_it_ended(import_id, fence), _collecting_only_what_is_new():
        batches = Ahead(importing.batches(file, skip=done))
        for batch in batches:
            _again_if_given_up(partial(_batch, import_id, fence, file, batch, batches.begin))
            done += len(batch)
            progress(done, file.rows)
        record = _held(import_id, fence)
        importing.done(record, at=now())
        _tell(import_id, done=record.rows_done, finished=True)
        _clear(import_id)
        db.session.commit()
    return record


def _tell(import_id: uuid.UUID, *, done: int, finished: bool = False) -> None:
    """The work of this import says the same, in the same commit."""
    held = work.of_subject(import_id)
    if held is None:
        return
    if held.status is not WorkStatus.RUNNING:  # a batch took so long that it was thought dead
        held = carrying.take_up(held.id, done=held.done) or held
    carrying.advance(held, held.fence, done=done - held.done)
    if finished:
        carrying.finish(held, held.fence)


def _batch(
    import_id: uuid.UUID, fence: int, file: File, batch: Batch, waits: Callable[[], None]
) -> None:
    _patiently()
    record = _held(import_id, fence)
    by = db.session.get(Person, record.by_id) if record.by_id else None
    importing.note(record, importing.take(file, batch, by=by, at=now()))
    _tell(import_id, done=record.rows_done)
    db.session.flush()
    waits()  # what was touched is made searchable by the commit, which takes a while
    db.session.commit()


def _rehearse(record: Import, file: File) -> None:
    import_id, fence, _ = _taken_up(record.id)
    by = db.session.get(Person, record.by_id) if record.by_id else None
    held = work.of_subject(import_id)

    def progress(done: int, rows: int) -> None:
        if held is not None:
            noted(held.id, held.fence, done=done, total=rows)

    with _told_how_it_ended(import_id, fence), Spool() as reports:
        rehearse(file, reports, by=by, progress=progress)
        record = _held(import_id, fence)
        for some in reports.in_pieces(importing.AT_ONCE):
            importing.note(record, some)
        importing.done(record, at=now())
        _tell(import_id, done=record.rows_done, finished=True)
        _clear(import_id)
        db.session.commit()


def _taken_up(import_id: uuid.UUID) -> tuple[uuid.UUID, int, int]:
    """Ours from now on: the import, our fence, and how many rows are done already."""
    _patiently()
    record = queries.import_of(import_id, lock=True)
    at = now()
    if record.status is not ImportStatus.RUNNING:
        record.status = ImportStatus.RUNNING
    record.fence += 1
    record.rows_before = record.rows_done
    record.started_at, record.ended_at, record.error = at, None, ""
    events.record(Kind.IMPORT_BEGUN, record, source=record.source, rows_done=record.rows_done)
    if (held := work.of_subject(import_id)) is not None:
        carrying.take_up(held.id, done=record.rows_done)
    db.session.commit()
    return record.id, record.fence, record.rows_done


def _held(import_id: uuid.UUID, fence: int) -> Import:
    """The record, locked. Raises ImportTakenOver where it is not ours any more."""
    record = queries.import_of(import_id, lock=True)
    if record.status is not ImportStatus.RUNNING or record.fence != fence:
        said = "It was stopped." if record.fence == fence else "Somebody else took this file up."
        raise ImportTakenOver(
            f"{said} {record.rows_done} of {record.rows_total} rows are done and stay.",
            import_id=str(import_id),
        )
    return record


@contextmanager
def _told_how_it_ended(import_id: uuid.UUID, fence: int) -> Iterator[None]:
    """Where it breaks off, the record says so, and why."""
    try:
        yield
    except ImportTakenOver:
        db.session.rollback()
        raise
    except BaseException as error:
        db.session.rollback()
        record = _held(import_id, fence)
        by_hand = isinstance(error, KeyboardInterrupt)
        status = ImportStatus.STOPPED if by_hand else ImportStatus.FAILED
        record.error = "" if by_hand else f"{type(error).__name__}"
        if (held := work.of_subject(import_id)) is not None:
            _broke_off(held, why=record.error)
        _end(record, status, Kind.IMPORT_STOPPED if by_hand else Kind.IMPORT_FAILED)
        db.session.commit()
        raise


def _broke_off(held: Work, *, why: str) -> None:
    if held.status is not WorkStatus.RUNNING:
        return
    if why:
        carrying.fail(held, held.fence, why=why)
    else:
        carrying.stop(held)


@contextmanager
def _collecting_only_what_is_new() -> Iterator[None]:
    """A batch makes so many objects that the whole program would be searched for garbage each time.

    Measured: a tenth of the process's time.
    """
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _end(record: Import, status: ImportStatus, kind: Kind) -> None:
    record.status, record.ended_at = status, now()
    events.record(kind, record, rows_done=record.rows_done, rows=record.rows_total)


def _clear(import_id: uuid.UUID) -> None:
    db.session.execute(sa.delete(ImportPart).where(ImportPart.import_id == import_id))


def _again_if_given_up(act: Callable[[], None]) -> None:
    """A batch that PostgreSQL gave up on is taken in again, whole; at most TRIES times."""
    for tried in range(1, TRIES + 1):
        try:
            act()
        except sa.exc.OperationalError as error:
            db.session.rollback()
            if getattr(error.orig, "sqlstate", None) not in _AGAIN:
                raise
            if tried == TRIES:
                raise Unavailable(
                    "Somebody else holds the catalogue. Import the file again; what is done stays."
                ) from error
            time.sleep(0.05 * 2**tried)
        else:
            return


def _patiently() -> None:
    """In this transaction we wait longer than a request may."""
    for name in ("lock_timeout", "statement_timeout"):
        db.session.execute(sa.select(sa.func.set_config(name, PATIENCE, sa.true())))
