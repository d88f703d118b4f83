"""Requests about the own record: a copy of it, with its files, and the end of an account."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.core.db import Base, Word, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.privacy.states import CLOSURE_ARROWS, EXPORT_ARROWS, ClosureStatus, ExportStatus

LATER = sa.FetchedValue()  # filled in when its time has come


class RecordExport(Stateful, Base):
    """A client asks for a copy of her record (45 CFR 164.524: within 30 days of asking).

    It is made file by file, lies sealed for seven days, and can be fetched once.
    """

    machine = "record_export"
    __tablename__ = "record_exports"
    __table_args__ = (
        state_key("record_export"),
        sa.CheckConstraint(
            "(status IN ('ready', 'fetched', 'lapsed')) = (ready_at IS NOT NULL)"
            " AND (ready_at IS NULL) = (ends_at IS NULL)",
            name="ready_export_has_a_last_day",
        ),
        sa.CheckConstraint(
            "(status IN ('fetched', 'lapsed')) = (ended_at IS NOT NULL)",
            name="ended_export_says_when",
        ),
        sa.CheckConstraint(
            "(status = 'fetched') = (proof_id IS NOT NULL)", name="fetched_export_names_its_proof"
        ),
        sa.CheckConstraint("parts_done BETWEEN 0 AND parts_total", name="export_progress_is_sane"),
        sa.Index("record_exports_client_idx", "client_id", "asked_at"),
        sa.Index(
            "one_export_at_a_time",
            "client_id",
            unique=True,
            postgresql_where=sa.text("status IN ('asked', 'ready', 'failed')"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    status: Mapped[ExportStatus] = mapped_column(Word(ExportStatus))
    asked_at: Mapped[datetime] = stamped()
    due_at: Mapped[datetime] = stamped()
    ready_at: Mapped[datetime | None] = stamped()
    ends_at: Mapped[datetime | None] = stamped()  # from then on it cannot be fetched
    ended_at: Mapped[datetime | None] = stamped()
    proof_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("auth_events.id"), server_default=LATER
    )
    parts_done: Mapped[int] = mapped_column(server_default=sa.text("0"))
    parts_total: Mapped[int] = mapped_column(server_default=sa.text("0"))

    client: Mapped[Person] = relationship()

    @validates("status")
    def _along_an_arrow(self, _key: str, new: ExportStatus) -> ExportStatus:
        if new not in EXPORT_ARROWS[self.status]:
            raise WrongState(
                f"An export that is {self.status} cannot become {new}.", status=self.status
            )
        return new


class ExportFile(Base):
    """A file of an export, sealed."""

    __tablename__ = "export_files"
    __table_args__ = (
        sa.UniqueConstraint("export_id", "name", name="export_files_name_key"),
        sa.CheckConstraint(
            "name ~ '^[a-z][A-Za-z0-9_-]*(/[A-Za-z0-9_-]+)?[.][a-z]+$'"
            " AND char_length(name) <= 120",
            name="export_file_has_a_plain_name",
        ),
        sa.CheckConstraint(
            "substring(content_sealed, 1, 1) = '\\x01' AND octet_length(content_sealed) >= 97",
            name="export_file_is_sealed",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    export_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("record_exports.id"))
    name: Mapped[str]
    content_sealed: Mapped[bytes]


class AccountClosure(Stateful, Base):
    """A client asks that her account ends: in seven days what may go goes, the rest is named."""

    machine = "account_closure"
    __tablename__ = "account_closures"
    __table_args__ = (
        state_key("account_closure"),
        sa.CheckConstraint(
            "(status = 'asked') = (ended_at IS NULL)", name="ended_closure_says_when"
        ),
        sa.CheckConstraint(
            "(status = 'done') = (kept IS NOT NULL)", name="done_closure_says_what_is_kept"
        ),
        sa.Index("account_closures_client_idx", "client_id", "asked_at"),
        sa.Index(
            "one_closure_at_a_time",
            "client_id",
            unique=True,
            postgresql_where=sa.text("status IN ('asked', 'done')"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    status: Mapped[ClosureStatus] = mapped_column(Word(ClosureStatus))
    asked_at: Mapped[datetime] = stamped()
    runs_from: Mapped[datetime] = stamped()  # until then she may take it back
    due_at: Mapped[datetime] = stamped()
    ended_at: Mapped[datetime | None] = stamped()
    # What stays: class → how many rows, and until when; no word of what is in them.
    kept: Mapped[dict[str, Any] | None] = mapped_column(server_default=LATER)

    client: Mapped[Person] = relationship()

    @validates("status")
    def _along_an_arrow(self, _key: str, new: ClosureStatus) -> ClosureStatus:
        if new not in CLOSURE_ARROWS[self.status]:
            raise WrongState(
                f"A closure that is {self.status} cannot become {new}.", status=self.status
            )
        return new


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {"record_export": EXPORT_ARROWS, "account_closure": CLOSURE_ARROWS}
