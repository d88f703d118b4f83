"""Imports of register files, what became of their rows, and facts that become no product."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.catalog.states import IMPORT_ARROWS, ImportStatus
from shop.core.db import Base, Word, one_of, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key


class Outcome(StrEnum):
    """What became of a row of an imported file."""

    CREATED = "created"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    QUARANTINED = "quarantined"  # set aside, nothing of it was taken


class Import(Stateful, Base):
    """One file taken into the catalogue: how far it came, and what became of its rows."""

    machine = "import"
    __tablename__ = "imports"
    __table_args__ = (
        state_key("import"),
        sa.CheckConstraint("octet_length(sha256) = 32", name="import_is_hashed"),
        sa.CheckConstraint("size > 0", name="imported_file_is_not_empty"),
        sa.CheckConstraint(
            "rows_done BETWEEN 0 AND rows_total AND rows_before BETWEEN 0 AND rows_done",
            name="import_stays_within_its_file",
        ),
        sa.CheckConstraint(
            "created >= 0 AND changed >= 0 AND unchanged >= 0 AND quarantined >= 0"
            " AND created + changed + unchanged + quarantined = rows_done",
            name="import_adds_up",
        ),
        sa.CheckConstraint(
            "status <> 'done' OR rows_done = rows_total", name="done_import_is_whole"
        ),
        sa.CheckConstraint(
            "(ended_at IS NOT NULL) = (status IN ('done', 'failed', 'stopped'))",
            name="import_ends_once_it_is_over",
        ),
        sa.Index("imports_sha256_idx", "sha256"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    source: Mapped[str]  # which reader: a word of importing.SOURCES
    name: Mapped[str]  # the file's, as given
    sha256: Mapped[bytes]
    size: Mapped[int]  # bytes
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=sa.text("'{}'"))
    dry_run: Mapped[bool]
    by_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("people.id"))  # None: a shell
    status: Mapped[ImportStatus] = mapped_column(Word(ImportStatus))
    fence: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)  # of who carries it
    rows_total: Mapped[int]
    rows_done: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    rows_before: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)  # this run
    created: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    changed: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    unchanged: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    quarantined: Mapped[int] = mapped_column(server_default=sa.text("0"), default=0)
    error: Mapped[str] = mapped_column(server_default="", default="")  # why it failed
    asked_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]

    by: Mapped[Person | None] = relationship()

    @validates("status")
    def _along_an_arrow(self, _key: str, new: ImportStatus) -> ImportStatus:
        if new not in IMPORT_ARROWS[self.status]:
            raise WrongState(
                f"An import that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new

    @property
    def counts(self) -> dict[str, int]:
        """How many rows had each outcome, so far."""
        return {outcome.value: getattr(self, outcome.value) for outcome in Outcome}

    def seconds_to_go(self, at: datetime) -> float | None:
        """At the pace of this run; None while nothing can be said."""
        taken = self.rows_done - self.rows_before
        if self.status is not ImportStatus.RUNNING or self.started_at is None or not taken:
            return None
        pace = (at - self.started_at).total_seconds() / taken
        return round(pace * (self.rows_total - self.rows_done), 1)


class ImportRow(Base):
    """What became of one row of an imported file. Kept as it was written."""

    __tablename__ = "import_rows"
    __table_args__ = (
        sa.PrimaryKeyConstraint("import_id", "number"),
        sa.CheckConstraint(one_of("outcome", Outcome), name="row_outcome_is_known"),
        sa.CheckConstraint(
            "outcome <> 'quarantined' OR (cardinality(reasons) > 0 AND raw IS NOT NULL)",
            name="row_set_aside_says_why",
        ),
        sa.CheckConstraint("number > 0", name="rows_are_counted_from_one"),
        sa.Index("import_rows_outcome_idx", "import_id", "outcome", "number"),
    )

    import_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("imports.id"))
    number: Mapped[int]  # its line in the file
    key: Mapped[str]
    outcome: Mapped[Outcome] = mapped_column(Word(Outcome))
    reasons: Mapped[list[str]] = mapped_column(server_default=sa.text("'{}'"))
    raw: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))  # if set aside


class ImportPart(Base):
    """A piece of a file that waits for the worker. Removed once the import is over."""

    __tablename__ = "import_parts"
    __table_args__ = (
        sa.PrimaryKeyConstraint("import_id", "place"),
        sa.CheckConstraint(
            "octet_length(bytes) BETWEEN 1 AND 1048576", name="import_part_is_a_piece"
        ),
        sa.CheckConstraint("place >= 0", name="import_parts_are_counted_from_zero"),
    )

    import_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("imports.id"))
    place: Mapped[int]
    bytes: Mapped[bytes]


LARGEST_SHEET = 20 * 1024 * 1024  # bytes; what is larger goes in by the command line


class ImportSheet(Base):
    """A file that was handed in at a page and is looked at before any of it is taken.

    The same bytes are one sheet, whoever hands them in. It is forgotten some weeks later.
    """

    __tablename__ = "import_sheets"
    __table_args__ = (
        sa.UniqueConstraint("sha256", "source", name="import_sheets_are_one_per_file"),
        sa.CheckConstraint("sha256 = sha256(content)", name="sheet_is_what_its_hash_says"),
        sa.CheckConstraint(
            f"octet_length(content) BETWEEN 1 AND {LARGEST_SHEET}", name="sheet_is_small"
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    name: Mapped[str]  # the file's, as given
    source: Mapped[str]  # which reader: a word of importing.SOURCES
    sha256: Mapped[bytes]
    content: Mapped[bytes] = mapped_column(deferred=True)
    handed_in_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    handed_in_at: Mapped[datetime] = stamped()

    handed_in_by: Mapped[Person] = relationship()


class ImportProfile(Base):
    """How a supplier's sheet is read: our columns by theirs."""

    __tablename__ = "import_profiles"
    __table_args__ = (
        sa.CheckConstraint("name ~ '^[a-z0-9][a-z0-9-]{0,59}$'", name="profile_has_a_plain_name"),
    )

    name: Mapped[str] = mapped_column(primary_key=True)
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB)


class BeautyFact(Base):
    """A product of Open Beauty Facts (ODbL 1.0). Share-alike: it stays in a table of its own.

    No row of another table is made of it, and no export of the catalogue holds it.
    """

    __tablename__ = "beauty_facts"
    __table_args__ = (
        sa.CheckConstraint("code ~ '^([0-9]{8}|[0-9]{12,14})$'", name="beauty_fact_has_a_bar_code"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)  # GTIN-8, -12, -13 or -14
    name: Mapped[str]
    ingredients_text: Mapped[str]  # as entered
    ingredients: Mapped[list[str]]  # the text, split
