"""Take register files into the catalogue: idempotent, everything accounted for, or nothing done.

A file that cannot be read is refused whole, before anything is written. A row that cannot be used
is set aside with its reasons. What a person set by hand (publication, sale, prices, texts) is not
undone by a register that says what it said before.

Rows are read as a stream and taken in batch by batch, so that a file of any length costs the
memory of one batch. `run` does it in the caller's transaction; `loading` commits batch by batch.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog import beauty, listing, lnhpd, ndc, reading
from shop.catalog.filings import Unfit
from shop.catalog.mapping import read as read_mapping
from shop.catalog.models import Import, ImportRow
from shop.catalog.reading import NO_TEXT, Measured, Row
from shop.catalog.registers import Item, Register, register_of
from shop.catalog.report import Outcome, Report, RowReport, set_aside
from shop.catalog.states import ImportStatus
from shop.core import events
from shop.core.db import db, insert_many
from shop.core.errors import Refusal
from shop.core.events import Kind

SOURCES = (ndc.SOURCE, lnhpd.SOURCE, listing.SOURCE, beauty.SOURCE)
AT_ONCE = 500  # rows of a batch
WEIGHT_AT_ONCE = 8_000_000  # characters: a batch ends earlier where its rows are huge

Batch = list[tuple[Row, Item | RowReport]]


@dataclass(frozen=True)
class File:
    """A file that has been read to its end once: it is what it should be."""

    stream: IO[bytes]
    source: str
    name: str
    register: Register
    measured: Measured
    rows: int
    mapping: dict[str, Any]


def checked(
    stream: IO[bytes],
    source: str,
    *,
    name: str = "",
    mapping: object = None,
    most_bytes: int = reading.MOST_BYTES,
) -> File:
    """Read the whole file without taking anything of it.

    `mapping` is plain JSON, or nothing. Raises BadFile, FileTooLarge, BadMapping. `stream` can be
    read more than once, and stays the caller's.
    """
    stream.seek(0)
    measured = reading.measured(stream, most_bytes=most_bytes)
    columns = read_mapping(mapping) if mapping else None
    register = register_of(stream, source, columns)
    rows = reading.counted(register.rows(stream))
    kept = columns.as_json if columns else {}
    return File(stream, source, NO_TEXT.sub("", name)[:300], register, measured, rows, kept)


def run(
    stream: IO[bytes],
    source: str,
    *,
    by: Person | None,
    at: datetime,
    dry_run: bool = False,
    name: str = "",
) -> Report:
    """Import a file of `source`, a word of SOURCES, in the transaction of the caller.

    Everything or nothing: raises BadFile before anything is written. With `dry_run` nothing is
    left; the report is the true one either way. `by` None is the command line.
    """
    return take_whole(checked(stream, source, name=name), by=by, at=at, dry_run=dry_run)


def take_whole(file: File, *, by: Person | None, at: datetime, dry_run: bool = False) -> Report:
    """The same for a file that has been checked."""
    if dry_run:
        with db.session.begin_nested() as rehearsal:
            rows = [row for batch in batches(file) for row in take(file, batch, by=by, at=at)]
            rehearsal.rollback()
        return Report(_in_order(rows), dry_run=True)
    record = begun(file, by=by, at=at)
    rows = []
    for batch in batches(file):
        reports = take(file, batch, by=by, at=at)
        note(record, reports)
        rows += reports
    done(record, at=at)
    return Report(_in_order(rows), id=record.id)


def batches(file: File, *, skip: int = 0) -> Iterator[Batch]:
    """The rows of a file, read but not taken, some hundreds at a time.

    The first `skip` rows were taken before: of them only the keys are remembered, so that what
    stands twice in the file is found whatever was interrupted.
    """
    first: dict[str, int] = {}
    batch: Batch = []
    weight = 0
    for place, row in enumerate(file.register.rows(file.stream)):
        understood = _understood(file.register, row, first)
        if place < skip:
            continue
        batch.append((row, understood))
        weight += row.weight
        if len(batch) == AT_ONCE or weight >= WEIGHT_AT_ONCE:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch


class Ahead:
    """Batches, each read in a thread of its own once `begin` says that now is the time for it."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches = batches
        self._reader = ThreadPoolExecutor(1)
        self._next: Future[Batch | None] | None = None

    def begin(self) -> None:
        """Read on: we are about to wait for PostgreSQL anyway. Safe to repeat."""
        if self._next is None:
            self._next = self._reader.submit(next, self._batches, None)

    def __iter__(self) -> Iterator[Batch]:
        with self._reader:
            while True:
                self.begin()
                assert self._next is not None
                batch, self._next = self._next.result(), None
                if batch is None:
                    return
                yield batch


def take(file: File, batch: Batch, *, by: Person | None, at: datetime) -> list[RowReport]:
    """Bring the catalogue in line with a batch; what became of its rows, in their order."""
    fit = [(row, item) for row, item in batch if not isinstance(item, RowReport)]
    told = {item.row: item for _, item in batch if isinstance(item, RowReport)}
    with db.session.no_autoflush:
        told |= {report.row: report for report in _taken(file.register, fit, by, at)}
    return [told[row.number] for row, _ in batch]


def begun(file: File, *, by: Person | None, at: datetime) -> Import:
    """The record of an import that begins now."""
    record = recorded(file, ImportStatus.RUNNING, by=by, at=at)
    events.record(Kind.IMPORT_BEGUN, record, source=file.source, rows=file.rows)
    return record


def recorded(
    file: File, status: ImportStatus, *, by: Person | None, at: datetime, dry_run: bool = False
) -> Import:
    """A record of the file. Its event is the caller's to tell."""
    record = Import(
        id=uuid.uuid4(),
        source=file.source,
        name=file.name,
        sha256=file.measured.sha256,
        size=file.measured.size,
        mapping=file.mapping,
        dry_run=dry_run,
        by_id=by.id if by else None,
        status=status,
        rows_total=file.rows,
        started_at=at if status is ImportStatus.RUNNING else None,
        **dict.fromkeys(("fence", "rows_done", "rows_before"), 0),
        **dict.fromkeys((outcome.value for outcome in Outcome), 0),
    )
    db.session.add(record)
    db.session.flush()  # its rows and its parts point at it
    return record


def note(record: Import, reports: list[RowReport]) -> None:
    """Write down what became of these rows, and count them."""
    rows = [
        {
            "import_id": record.id,
            "number": report.row,
            "key": report.key,
            "outcome": report.outcome.value,
            "reasons": report.reasons,
            "raw": report.raw,
        }
        for report in reports
    ]
    db.session.execute(insert_many(ImportRow.__table__, rows))
    for report in reports:
        setattr(record, report.outcome.value, getattr(record, report.outcome.value) + 1)
    record.rows_done += len(reports)


def done(record: Import, *, at: datetime) -> None:
    """Every row is accounted for."""
    record.status = ImportStatus.DONE
    record.ended_at = at
    events.record(Kind.CATALOG_IMPORTED, record, source=record.source, **record.counts)
    db.session.flush()  # a refusal of the database belongs to this import, not to the commit


def _in_order(rows: list[RowReport]) -> list[RowReport]:
    return sorted(rows, key=lambda row: row.row)


def _understood(register: Register, row: Row, first: dict[str, int]) -> Item | RowReport:
    """What the row says, or that it is set aside. A key is good for one row of a file."""
    if row.faults:
        return set_aside(row, register.key, row.faults)
    try:
        item = register.read(row.cells)
    except Unfit as unfit:
        return set_aside(row, register.key, unfit.reasons)
    names = register.names(item)
    if twice := [name for name in names if name in first]:
        said = f"{twice[0]} stands in row {first[twice[0]]} already{register.once}"
        return set_aside(row, register.key, [said])
    first.update(dict.fromkeys(names, row.number))
    return item


def _taken(
    register: Register, rows: list[tuple[Row, Item]], by: Person | None, at: datetime
) -> list[RowReport]:
    """All of them together; where that is refused, in halves, down to the row that is refused.

    So a batch costs few statements, a bad row a few more, and each row is whole or not at all.
    """
    if not rows:
        return []
    try:
        with db.session.begin_nested(), events.together():
            taken = register.take(rows, by, at)
            db.session.flush()  # what the database refuses, it refuses of these rows
    except (Refusal, sa.exc.DBAPIError) as refusal:
        if not _is_of_a_row(refusal):
            raise
        if len(rows) == 1:
            return [set_aside(rows[0][0], register.key, [_why(refusal)])]
    else:
        return taken
    half = len(rows) // 2
    return _taken(register, rows[:half], by, at) + _taken(register, rows[half:], by, at)


def _is_of_a_row(refusal: Exception) -> bool:
    """Rather than of the moment: a value, a rule or a limit; not a lock or a lost connection."""
    state = getattr(getattr(refusal, "orig", None), "sqlstate", None) or ""
    return isinstance(refusal, Refusal) or state[:2] in ("22", "23", "54")


def _why(refusal: Exception) -> str:
    if isinstance(refusal, Refusal):
        fields = [f"{name}: {' '.join(texts)}" for name, texts in refusal.fields.items()]
        return "; ".join([refusal.text, *fields])
    diagnosis: Any = getattr(getattr(refusal, "orig", None), "diag", None)
    name = getattr(diagnosis, "constraint_name", None) or "a value it cannot hold"
    return f"row: the database refuses it ({name})"
