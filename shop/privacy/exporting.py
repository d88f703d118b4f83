"""A client asks for a copy of her record: it is made file by file, fetched once, or lapses."""

from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from shop.accounts.models import AuthEvent, Person, Role
from shop.core import events, jobs, numbers, sealed
from shop.core.db import db
from shop.core.errors import NotAllowed
from shop.core.events import Kind
from shop.privacy import queries
from shop.privacy.errors import ExportNotReady, ExportUnderWay
from shop.privacy.models import ExportFile, RecordExport
from shop.privacy.states import OPEN, ExportStatus

LARGEST = 200 * 1024 * 1024  # bytes of all files: what is larger a person hands over


def ask(client: Person, *, by: Person, at: datetime) -> RecordExport:
    """Ask for a copy; its making is queued. Raises NotAllowed, ExportUnderWay."""
    if by.id != client.id or client.role is not Role.CLIENT:
        raise NotAllowed("A client asks for her own record.")
    queries.lock_person(client)
    before = queries.open_export(client)
    if before is not None:
        raise ExportUnderWay(
            "A copy is under way already. Fetch it, or wait until its last day.",
            number=before.number,
        )
    export = RecordExport(
        id=uuid.uuid4(),
        number=numbers.fresh("X"),
        client_id=client.id,
        status=ExportStatus.ASKED,
    )
    db.session.add(export)
    events.record(Kind.EXPORT_ASKED, export)
    db.session.flush()
    _make(export)
    return export


def begin_again(export: RecordExport, *, by: Person, at: datetime) -> None:
    """What failed is made from its beginning; by the client, or who answers for privacy.

    The export is locked. Raises WrongState.
    """
    export.status = ExportStatus.ASKED
    export.parts_done = 0
    events.record(Kind.EXPORT_BEGUN_AGAIN, export)
    db.session.flush()
    forget(export)
    _make(export)


def add(export: RecordExport, files: Iterable[tuple[str, bytes]]) -> None:
    """Keep the files of one part of a (locked) export, sealed, and count the part as done."""
    for name, content in files:
        key = uuid.uuid4()
        closed = sealed.seal(content, table="export_files", row=key, column="content_sealed")
        db.session.add(ExportFile(id=key, export_id=export.id, name=name, content_sealed=closed))
    export.parts_done += 1
    db.session.flush()


def ready(export: RecordExport, *, at: datetime) -> None:
    """All is there: it waits for its client for seven days. The export is locked."""
    export.status = ExportStatus.READY
    events.record(Kind.EXPORT_READY, export)
    db.session.flush()
    db.session.refresh(export)


def fail(export: RecordExport, *, at: datetime) -> None:
    """It could not be made; a person has to look. The export is locked."""
    export.status = ExportStatus.FAILED
    events.record(Kind.EXPORT_FAILED, export)
    db.session.flush()
    forget(export)


def fetch(export: RecordExport, *, by: Person, proof: AuthEvent, at: datetime) -> bytes:
    """The files as one ZIP, once; `proof` is a fresh sign-in of the client. The export is locked.

    Whatever becomes of the answer on its way, it is gone from here. Raises NotAllowed,
    ExportNotReady.
    """
    if by.id != export.client_id:
        raise NotAllowed("Only its client fetches it.")
    over = export.ends_at is not None and export.ends_at <= at
    if export.status is not ExportStatus.READY or over:
        raise ExportNotReady(
            "This copy cannot be fetched now. Ask for a new one.", status=export.status.value
        )
    packed = pack(queries.files_of(export))
    export.status, export.proof_id = ExportStatus.FETCHED, proof.id
    events.record(Kind.EXPORT_FETCHED, export)
    db.session.flush()
    forget(export)
    return packed


def lapse(export: RecordExport, *, at: datetime) -> None:
    """Nobody came in time: its files go. The export is locked."""
    export.status = ExportStatus.LAPSED
    events.record(Kind.EXPORT_LAPSED, export)
    db.session.flush()
    forget(export)


def forget(export: RecordExport) -> None:
    """Take its files away."""
    db.session.execute(sa.delete(ExportFile).where(ExportFile.export_id == export.id))


def is_open(export: RecordExport) -> bool:
    """Under way, or waiting for its client."""
    return export.status in OPEN


def pack(files: Iterable[ExportFile]) -> bytes:
    """The files, opened, in one ZIP."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for one in files:
            archive.writestr(zipfile.ZipInfo(one.name), opened(one), zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def opened(one: ExportFile) -> bytes:
    """What a file holds. Raises sealed.NotOpened."""
    return sealed.unseal(
        bytes(one.content_sealed), table="export_files", row=one.id, column="content_sealed"
    )


def _make(export: RecordExport) -> None:
    jobs.defer("make_export", export_id=str(export.id))
