"""What the clinic knows of a client's health, and who looked at it."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.charts import facts
from shop.charts.facts import SINGULAR, Fact, FactKind
from shop.core.db import Base, Word, one_of
from shop.core.sealed import Sealed

_ONE_STANDING = f"ended_at IS NULL AND kind IN ({', '.join(repr(one.value) for one in SINGULAR)})"


class Access(Base):
    """Somebody other than the client opened a part of her record. Committed before it is shown."""

    __tablename__ = "accesses"
    __table_args__ = (
        sa.CheckConstraint(
            "purpose IN ('treatment', 'payment', 'operations', 'patient_request')",
            name="access_purpose_is_known",
        ),
        sa.CheckConstraint("reader_id <> client_id", name="access_is_by_another"),
        sa.Index("accesses_client_idx", "client_id", "at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    reader_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    record: Mapped[str]  # "approval_request Q-…": which part was opened
    purpose: Mapped[str]
    at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    request_id: Mapped[str] = mapped_column(server_default="")

    reader: Mapped[Person] = relationship(foreign_keys=[reader_id])
    client: Mapped[Person] = relationship(foreign_keys=[client_id])


class Source(StrEnum):
    """In what role something was said; INTAKE is the client, by a questionnaire."""

    CLIENT = "client"
    PHYSICIAN = "physician"
    ESTHETICIAN = "esthetician"
    INTAKE = "intake"


class Ending(StrEnum):
    """Why an entry stands no more (FHIR clinicalStatus and verificationStatus)."""

    RESOLVED = "resolved"  # it was true
    SUPERSEDED = "superseded"  # it is said otherwise now
    ENTERED_IN_ERROR = "entered_in_error"  # it never was true


class ChartEntry(Base):
    """One fact of a client's health, as it was said: it ends, and is never changed or removed.

    Plain are its kind, its times and who said it. What was said is sealed.
    """

    __tablename__ = "chart_entries"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["supersedes_id", "client_id", "kind"],
            ["chart_entries.id", "chart_entries.client_id", "chart_entries.kind"],
            name="entry_supersedes_one_of_its_kind",
        ),
        sa.UniqueConstraint("id", "client_id", "kind", name="chart_entries_kind_key"),
        sa.UniqueConstraint("supersedes_id", name="chart_entries_one_successor"),
        sa.CheckConstraint(one_of("kind", FactKind), name="fact_kind_is_known"),
        sa.CheckConstraint(one_of("source", Source), name="entry_source_is_known"),
        sa.CheckConstraint(one_of("ending", Ending), name="entry_ending_is_known"),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_id IS NULL) AND (ended_at IS NULL) = (ending IS NULL)",
            name="entry_ended_by_someone",
        ),
        # Version byte, key id, nonce and tag round at least one step of padded text.
        sa.CheckConstraint(
            "substring(content_sealed, 1, 1) = '\\x01' AND octet_length(content_sealed) >= 97",
            name="entry_content_is_sealed",
        ),
        sa.Index(
            "chart_entries_one_standing",
            "client_id",
            "kind",
            unique=True,
            postgresql_where=sa.text(_ONE_STANDING),
        ),
        sa.Index("chart_entries_client_idx", "client_id", "stated_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    kind: Mapped[FactKind] = mapped_column(Word(FactKind))
    content_sealed: Mapped[bytes]
    source: Mapped[Source] = mapped_column(Word(Source))
    stated_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    # Both times are the database's: stamped under the lock on the client's chart.
    stated_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    supersedes_id: Mapped[uuid.UUID | None]
    ended_at: Mapped[datetime | None] = mapped_column(
        server_default=sa.FetchedValue(), server_onupdate=sa.FetchedValue()
    )
    ended_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=sa.FetchedValue()
    )
    ending: Mapped[Ending | None] = mapped_column(Word(Ending), server_default=sa.FetchedValue())

    content = Sealed("content_sealed")

    client: Mapped[Person] = relationship(foreign_keys=[client_id])
    stated_by: Mapped[Person] = relationship(foreign_keys=[stated_by_id])
    ended_by: Mapped[Person | None] = relationship(foreign_keys=[ended_by_id])

    @property
    def fact(self) -> Fact:
        """What was said. Raises sealed.NotOpened where its key is missing."""
        return facts.read(self.kind, self.content)

    def stood(self, at: datetime) -> bool:
        """It had been said by `at`, and had not ended yet."""
        return self.stated_at <= at and (self.ended_at is None or self.ended_at > at)

    @property
    def stands(self) -> bool:
        """Neither ended nor superseded."""
        return self.ending is None
