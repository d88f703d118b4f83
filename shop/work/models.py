"""Long work, how far it is, and the file it made: what is left alone can be found again."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.core.db import Base, Word, one_of, stamped
from shop.core.errors import WrongState
from shop.work.states import OPEN, WORK_ARROWS, WorkStatus

LONGEST_TITLE = 300
# A worker says at least so often how far it is; one that says nothing for so long is dead.
SILENCE = timedelta(seconds=60)


class WorkKind(StrEnum):
    """What is done."""

    IMPORT = "import"
    REHEARSAL = "rehearsal"  # of an import: nothing of it is kept
    RECALL_LETTERS = "recall_letters"
    REPORT = "report"
    EXPORT = "export"


class Work(Base):
    """A piece of work that takes long: who asked for it, how far it is, and how it ended.

    `done` and `failed` count towards `total`, which is not known at first. No product of a client,
    nothing medical stands in `title`.
    """

    # Along arrows, yet without events: a step of progress is no history, and what came of it (an
    # import, a letter) has its own.
    machine: ClassVar[str] = "work"
    __tablename__ = "works"
    __table_args__ = (
        sa.CheckConstraint(one_of("kind", WorkKind), name="work_kind_is_known"),
        sa.CheckConstraint(
            f"length(title) BETWEEN 1 AND {LONGEST_TITLE}", name="work_says_what_it_is"
        ),
        sa.CheckConstraint(
            "done >= 0 AND failed >= 0 AND (total IS NULL OR done + failed <= total)",
            name="work_stays_within_its_total",
        ),
        sa.CheckConstraint(
            "status <> 'done' OR total IS NULL OR done + failed = total", name="done_work_is_whole"
        ),
        sa.CheckConstraint("status <> 'failed' OR error <> ''", name="failed_work_says_why"),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (status IN ('waiting', 'running'))",
            name="work_ends_once_it_is_over",
        ),
        sa.Index("works_asked_idx", "asked_by_id", "asked_at"),
        sa.Index("works_newest_idx", "asked_at", "id"),
        sa.Index("works_subject_idx", "subject_id"),
        sa.Index(
            "works_open_idx",
            "seen_at",
            postgresql_where=sa.text("status IN ('waiting', 'running')"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    kind: Mapped[WorkKind] = mapped_column(Word(WorkKind))
    title: Mapped[str]
    terms: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=sa.text("'{}'"))
    subject_id: Mapped[uuid.UUID | None]  # what it is about: an import, a recall
    asked_by_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("people.id"))  # None: shell
    status: Mapped[WorkStatus] = mapped_column(Word(WorkStatus))
    total: Mapped[int | None]
    done: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    failed: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    fence: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)  # of who carries it
    error: Mapped[str] = mapped_column(server_default="", default="")  # why it failed, in a word
    asked_at: Mapped[datetime] = stamped()
    began_at: Mapped[datetime | None] = stamped()
    seen_at: Mapped[datetime] = stamped()  # the last sign of life
    ended_at: Mapped[datetime | None] = stamped()

    asked_by: Mapped[Person | None] = relationship()
    file: Mapped[WorkFile | None] = relationship(back_populates="work", viewonly=True)

    @validates("status")
    def _along_an_arrow(self, _key: str, new: WorkStatus) -> WorkStatus:
        if new is not self.status and new not in WORK_ARROWS[self.status]:
            raise WrongState(
                f"Work that is {self.status} cannot become {new}.", status=self.status, wanted=new
            )
        return new

    @property
    def over(self) -> bool:
        """It goes on no more by itself."""
        return self.status not in OPEN

    @property
    def so_far(self) -> int:
        """What is behind it, done or failed."""
        return self.done + self.failed

    @property
    def percent(self) -> int | None:
        """How far it is; None while nobody knows how much there is."""
        if self.total is None:
            return None
        return 100 if not self.total else 100 * self.so_far // self.total

    def seconds_to_go(self, at: datetime) -> float | None:
        """At the pace so far; None while nothing can be said."""
        if self.status is not WorkStatus.RUNNING or not self.total or not self.so_far:
            return None
        if self.began_at is None:
            return None
        pace = (at - self.began_at).total_seconds() / self.so_far
        return round(pace * (self.total - self.so_far), 1)


class WorkFile(Base):
    """What a piece of work made, sealed: for whoever asked, for a day. Then it is removed."""

    __tablename__ = "work_files"
    __table_args__ = (
        sa.CheckConstraint(
            "name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$'", name="file_has_a_plain_name"
        ),
        sa.CheckConstraint("media_type = 'text/csv'", name="file_type_is_known"),
        sa.CheckConstraint(
            "octet_length(content_sealed) > 33 AND get_byte(content_sealed, 0) = 1",
            name="file_is_sealed",
        ),
    )

    work_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("works.id"), primary_key=True)
    name: Mapped[str]
    media_type: Mapped[str]
    content_sealed: Mapped[bytes] = mapped_column(deferred=True)
    made_at: Mapped[datetime] = stamped()
    expires_at: Mapped[datetime] = stamped()

    work: Mapped[Work] = relationship(back_populates="file", viewonly=True)


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machine, for the test that compares it with the database."""
    return {"work": WORK_ARROWS}
