"""The access log: who opened which client's record for what purpose. Reading it is recorded, too.

A record is named by its kind and number, its client by her name; nothing of what stands in it is
here. (45 CFR 164.312(b), 164.528.)
"""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from flask_babel import lazy_gettext as _
from sqlalchemy.orm import joinedload

from shop.accounts.models import Person, Role
from shop.catalog.listing import guarded
from shop.charts import reading
from shop.charts.models import Access
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind

MOST_WRITTEN = 10_000  # rows of a file
NEWEST_FIRST = (Access.at, Access.id)
PURPOSES = {
    reading.TREATMENT: _("Treatment"),
    reading.PAYMENT: _("Payment"),
    reading.OPERATIONS: _("Running the clinic"),
    reading.PATIENT_REQUEST: _("The client asked"),
}
COLUMNS = ("at", "reader", "role", "client", "record", "purpose")


def accesses(
    *,
    since: datetime,
    until: datetime,
    reader_id: uuid.UUID | None = None,
    clients: Collection[uuid.UUID] | None = None,
    purpose: str | None = None,
) -> sa.Select[Access]:
    """Openings from `since` until, not including, `until`; of each filter None is all."""
    query = (
        sa.select(Access)
        .where(Access.at >= since, Access.at < until)
        .options(joinedload(Access.reader), joinedload(Access.client))
    )
    if reader_id is not None:
        query = query.where(Access.reader_id == reader_id)
    if clients is not None:
        query = query.where(Access.client_id.in_(clients))
    if purpose is not None:
        query = query.where(Access.purpose == purpose)
    return query


def clients_named(text: str) -> list[Person]:
    """Clients by their whole mail address or name; nobody where nobody is called so."""
    text = text.strip()
    called = sa.or_(Person.email == text, sa.func.lower(Person.name) == text.lower())
    query = sa.select(Person).where(Person.role == Role.CLIENT, called)
    return list(db.session.scalars(query.order_by(Person.id).limit(20)))


def note_reading(
    reader: Person,
    *,
    since: datetime,
    until: datetime,
    clients: Collection[Person],
    as_file: bool,
) -> None:
    """Write down that the log is read, and in the record of each client it was narrowed to.

    The edge commits before it shows anything.
    """
    for client in clients:
        reading.open_record(reader, client, record="access_log", purpose=reading.OPERATIONS)
    events.record(
        Kind.ACCESS_LOG_READ,
        reader,
        since=since.isoformat(),
        until=until.isoformat(),
        clients=len(clients),
        as_file=as_file,
    )
    db.session.flush()


def written(found: Iterable[Access]) -> Iterator[str]:
    """The log as CSV (RFC 4180), line by line; a spreadsheet runs nothing of it."""
    yield _line(COLUMNS)
    for one in found:
        yield _line(
            (
                one.at.isoformat().replace("+00:00", "Z"),
                one.reader.name,
                one.reader.role.value,
                one.client.name,
                one.record,
                one.purpose,
            )
        )


def _line(cells: Iterable[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([guarded(cell) for cell in cells])
    return line.getvalue()


def part(record: str) -> tuple[Any, str]:
    """ "approval_request Q-…": its kind in words, and its number."""
    kind, _space, number = record.partition(" ")
    return PARTS.get(kind, kind.replace("_", " ").capitalize()), number


PARTS = {
    "access_log": _("Access log"),
    "explanation": _("Why she may or may not"),
    "lot": _("Lot, and who got it"),
    "paper": _("Paper"),
    "readiness": _("Readiness"),
    "recall": _("Recall"),
    "approval_request": _("Request"),
    "chart": _("Chart"),
    "prescription": _("Prescription"),
    "plan": _("Treatment plan"),
    "reaction": _("Reaction"),
}
