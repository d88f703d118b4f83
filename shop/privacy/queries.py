"""Requests about the own record, for the client and for who answers for privacy."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop.accounts.models import Duty, DutyGrant, Person, Role
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.privacy.models import AccountClosure, ExportFile, RecordExport
from shop.privacy.states import OPEN, ClosureStatus, ExportStatus


def exports_of(reader: Person) -> list[RecordExport]:
    """The reader's own, the latest first."""
    query = sa.select(RecordExport).where(RecordExport.client_id == reader.id)
    return list(db.session.scalars(query.order_by(RecordExport.asked_at.desc(), RecordExport.id)))


def open_export(client: Person) -> RecordExport | None:
    """The one that is made, or waits."""
    query = sa.select(RecordExport).where(
        RecordExport.client_id == client.id, RecordExport.status.in_(OPEN)
    )
    return db.session.scalars(query).one_or_none()


def export_for(reader: Person, number: str, *, lock: bool = False) -> RecordExport:
    """One of the reader's own. Raises NotFound."""
    query = sa.select(RecordExport).where(
        RecordExport.number == number, RecordExport.client_id == reader.id
    )
    return _export(locked(query) if lock else query)


def export_to_see_to(reader: Person, number: str) -> RecordExport:
    """Anybody's, locked, for who answers for privacy. Raises NotFound."""
    _require_privacy(reader)
    return _export(locked(sa.select(RecordExport).where(RecordExport.number == number)))


def _export(query: sa.Select[RecordExport]) -> RecordExport:
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise NotFound("There is no such request.")
    return found


def locked_export(export_id: uuid.UUID) -> RecordExport:
    """For the job that makes it."""
    return db.session.scalars(
        locked(sa.select(RecordExport).where(RecordExport.id == export_id))
    ).one()


def overdue_exports(*, at: datetime) -> list[uuid.UUID]:
    """Those nobody fetched in time."""
    query = sa.select(RecordExport.id).where(
        RecordExport.status == ExportStatus.READY, RecordExport.ends_at <= at
    )
    return list(db.session.scalars(query.order_by(RecordExport.ends_at)))


def stuck_exports(*, since: datetime) -> list[uuid.UUID]:
    """Those that were asked for before `since`, or begun again, and are not made yet."""
    query = sa.select(RecordExport.id).where(
        RecordExport.status == ExportStatus.ASKED, RecordExport.asked_at < since
    )
    return list(db.session.scalars(query.order_by(RecordExport.asked_at)))


def files_of(export: RecordExport) -> list[ExportFile]:
    """Its files by name."""
    query = sa.select(ExportFile).where(ExportFile.export_id == export.id)
    return list(db.session.scalars(query.order_by(ExportFile.name)))


def closure_of(reader: Person) -> AccountClosure | None:
    """What the reader asked for last, if it was not taken back."""
    query = sa.select(AccountClosure).where(
        AccountClosure.client_id == reader.id,
        AccountClosure.status != ClosureStatus.WITHDRAWN,
    )
    return db.session.scalars(query).one_or_none()


def standing_closure(reader: Person, *, lock: bool = False) -> AccountClosure:
    """What the reader asked for and has not taken back. Raises NotFound."""
    query = sa.select(AccountClosure).where(
        AccountClosure.client_id == reader.id, AccountClosure.status == ClosureStatus.ASKED
    )
    found = db.session.scalars(locked(query) if lock else query).one_or_none()
    if found is None:
        raise NotFound("You have not asked for this.")
    return found


def locked_closure(closure_id: uuid.UUID) -> AccountClosure:
    """For the job that carries it out."""
    return db.session.scalars(
        locked(sa.select(AccountClosure).where(AccountClosure.id == closure_id))
    ).one()


def due_closures(*, at: datetime) -> list[uuid.UUID]:
    """Those whose seven days are over."""
    query = sa.select(AccountClosure.id).where(
        AccountClosure.status == ClosureStatus.ASKED, AccountClosure.runs_from <= at
    )
    return list(db.session.scalars(query.order_by(AccountClosure.runs_from, AccountClosure.id)))


def exports(reader: Person) -> sa.Select[RecordExport]:
    """Everybody's, for who answers for privacy. Raises NotFound for others."""
    _require_privacy(reader)
    return sa.select(RecordExport).options(joinedload(RecordExport.client))


def closures(reader: Person) -> sa.Select[AccountClosure]:
    """Everybody's, for who answers for privacy. Raises NotFound for others."""
    _require_privacy(reader)
    return sa.select(AccountClosure).options(joinedload(AccountClosure.client))


def answers_for_privacy(reader: Person) -> bool:
    """A manager, or whoever has the privacy officer's duty today."""
    if reader.role is Role.MANAGER:
        return True
    if reader.role is Role.CLIENT:
        return False
    today = sa.func.shop_now().op("AT TIME ZONE")("UTC").cast(sa.Date)
    held = sa.select(
        sa.exists().where(
            DutyGrant.person_id == reader.id,
            DutyGrant.duty == Duty.PRIVACY_OFFICER,
            DutyGrant.valid_from <= today,
            sa.or_(DutyGrant.valid_until.is_(None), DutyGrant.valid_until > today),
            sa.or_(DutyGrant.ended_on.is_(None), DutyGrant.ended_on > today),
        )
    )
    return bool(db.session.scalar(held))


def lock_person(client: Person) -> None:
    """Her requests one after the other; rows that point at her are not held up."""
    db.session.execute(
        sa.select(Person.id).where(Person.id == client.id).with_for_update(key_share=True)
    )


def _require_privacy(reader: Person) -> None:
    if not answers_for_privacy(reader):
        raise NotFound("This is for the manager and the privacy officer.")
