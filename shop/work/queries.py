"""Who sees which work: whoever asked for it, and the manager."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop.accounts.models import Person, Role
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.core.sealed import unseal
from shop.work.errors import FileGone
from shop.work.models import Work, WorkFile, WorkKind
from shop.work.states import OPEN, WorkStatus

NEWEST_FIRST = (Work.asked_at, Work.id)


def works(reader: Person, *, status: WorkStatus | None = None) -> sa.Select[Work]:
    """What the reader may see of it."""
    query = sa.select(Work).options(joinedload(Work.asked_by), joinedload(Work.file))
    if status is not None:
        query = query.where(Work.status == status)
    return query.where(_seen_by(reader))


def work_for(reader: Person, work_id: uuid.UUID) -> Work:
    """One of them, as it stands now. Raises NotFound."""
    query = works(reader).where(Work.id == work_id).execution_options(populate_existing=True)
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise NotFound("There is no such work.")
    return found


def file_for(reader: Person, work_id: uuid.UUID, *, at: datetime) -> tuple[WorkFile, bytes]:
    """The file and what is in it, for whoever asked, nobody else. Raises NotFound, FileGone."""
    work = work_for(reader, work_id)
    if work.asked_by_id != reader.id:
        raise NotFound("There is no such file. Ask for the report yourself.")
    file = db.session.get(WorkFile, work.id, populate_existing=True)
    if file is None and not (work.kind is WorkKind.REPORT and work.status is WorkStatus.DONE):
        raise NotFound("There is no file of this work.")
    if file is None or file.expires_at <= at:
        raise FileGone("The file was kept for a day. Ask for it again.")
    sealed = db.session.scalars(
        sa.select(WorkFile.content_sealed).where(WorkFile.work_id == work.id)
    ).one()
    place = {"table": WorkFile.__tablename__, "row": work.id, "column": "content_sealed"}
    return file, unseal(bytes(sealed), **place)  # type: ignore[arg-type]


def open_for(reader: Person) -> int:
    """How many pieces the reader asked for wait or run."""
    query = sa.select(sa.func.count()).where(
        Work.asked_by_id == reader.id, Work.status.in_(list(OPEN))
    )
    return db.session.scalar(query) or 0


def locked_work(work_id: uuid.UUID) -> Work:
    """It, locked: no reader, for whoever carries it. Raises NotFound."""
    query = locked(sa.select(Work).where(Work.id == work_id))
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise NotFound("There is no such work.")
    return found


def of_subject(subject_id: uuid.UUID) -> Work | None:
    """The newest work about this, if there is any; no reader, for whoever carries it."""
    query = sa.select(Work).where(Work.subject_id == subject_id).order_by(Work.asked_at.desc())
    return db.session.scalars(query.limit(1)).one_or_none()


def _seen_by(reader: Person) -> sa.ColumnElement[bool]:
    return sa.true() if reader.role is Role.MANAGER else Work.asked_by_id == reader.id
