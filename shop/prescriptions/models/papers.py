"""What was read, what was printed, and what was taken to another pharmacy: rows that stay."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.core.db import Base, Word, one_of, stamped


class LeafletAcknowledgement(Base):
    """A client has read the leaflet of a product, and that she may choose her pharmacy. Never
    changed; a new version of either is a new row.
    """

    __tablename__ = "leaflet_acknowledgements"
    __table_args__ = (
        sa.UniqueConstraint(
            "client_id",
            "product_id",
            "leaflet_version",
            "choice_version",
            name="leaflet_acknowledgements_once",
        ),
        sa.CheckConstraint(
            r"leaflet_version ~ '^[a-z-]+-[0-9]{4}-[0-9]+(\+[a-z-]+-[0-9]{4}-[0-9]+)*$'",
            name="leaflet_version_is_of_files",
        ),
        sa.CheckConstraint(
            "choice_version ~ '^[a-z-]+-[0-9]{4}-[0-9]+$'", name="choice_version_is_of_a_file"
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    client_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    product_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("products.id"))
    leaflet_version: Mapped[str]
    choice_version: Mapped[str]
    acknowledged_at: Mapped[datetime] = stamped()


class TakenAway(Base):
    """A prescription whose remaining fills the client took to another pharmacy, on paper."""

    __tablename__ = "prescriptions_taken_away"
    __table_args__ = (sa.CheckConstraint("fills BETWEEN 1 AND 12", name="something_was_taken"),)

    prescription_id: Mapped[uuid.UUID] = mapped_column(
        sa.ForeignKey("prescriptions.id"), primary_key=True
    )
    fills: Mapped[int]  # that were left, and are the paper's from then on
    taken_at: Mapped[datetime] = stamped()


class DocumentKind(StrEnum):
    """What is printed, and numbered from one for each subject."""

    PRESCRIPTION_RECORD = "prescription_record"  # the subject is a prescription
    WRITTEN_PRESCRIPTION = "written_prescription"  # the subject is a prescription
    DISPENSING_LABEL = "dispensing_label"  # the subject is a fill


class DocumentIssued(Base):
    """One print of a document: which facts it was made of, and the hash of its bytes."""

    __tablename__ = "documents_issued"
    __table_args__ = (
        sa.UniqueConstraint("kind", "subject_id", "number", name="documents_one_per_number"),
        sa.CheckConstraint(one_of("kind", DocumentKind), name="document_kind_is_known"),
        sa.CheckConstraint("octet_length(facts_hash) = 32", name="document_facts_are_hashed"),
        sa.CheckConstraint("octet_length(sha256) = 32", name="document_is_hashed"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    kind: Mapped[DocumentKind] = mapped_column(Word(DocumentKind))
    subject_id: Mapped[uuid.UUID]
    number: Mapped[int]
    facts_hash: Mapped[bytes]  # SHA-256 of the facts
    sha256: Mapped[bytes]  # of the PDF
    issued_on: Mapped[date]  # the clinic's day
    issued_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    issued_at: Mapped[datetime] = stamped()

    issued_by: Mapped[Person] = relationship()
