"""What is looked at before a lot is sold: the check of its packs, and the maker's certificates."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.core.db import Base, Word, one_of, stamped

LARGEST_CERTIFICATE = 5 * 1024 * 1024  # bytes


class LotCheck(Base):
    """One person looked at a lot in quarantine; another may release it on the strength of that.

    Of a state (`state_seq`) and of the units that were there (`ledger_seq`): whatever came in
    since was not looked at.
    """

    __tablename__ = "lot_checks"
    __table_args__ = (
        sa.UniqueConstraint(
            "lot_id", "state_seq", "ledger_seq", "checked_by_id", name="lot_is_checked_once_by_each"
        ),
        sa.CheckConstraint("released_by_id <> checked_by_id", name="lot_is_released_by_another"),
        sa.CheckConstraint(
            "(released_by_id IS NULL) = (released_at IS NULL)", name="released_check_says_when"
        ),
        sa.CheckConstraint("length(note) <= 200", name="check_note_is_short"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    lot_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("lots.id"))
    state_seq: Mapped[int] = stamped()  # the lot's
    ledger_seq: Mapped[int] = stamped()  # 0 where nothing had moved
    note: Mapped[str] = mapped_column(server_default="", default="")
    checked_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    checked_at: Mapped[datetime] = stamped()
    released_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=sa.FetchedValue()
    )
    released_at: Mapped[datetime | None] = stamped()

    checked_by: Mapped[Person] = relationship(foreign_keys=[checked_by_id])


class CertificateType(StrEnum):
    """What a file is, by its first bytes."""

    PDF = "application/pdf"
    PNG = "image/png"
    JPEG = "image/jpeg"


class LotCertificate(Base):
    """A certificate of analysis, or another paper of the maker about a lot. Kept as it came."""

    __tablename__ = "lot_certificates"
    __table_args__ = (
        sa.UniqueConstraint("lot_id", "sha256", name="lot_keeps_a_certificate_once"),
        sa.CheckConstraint(
            one_of("media_type", CertificateType), name="certificate_is_paper_or_picture"
        ),
        sa.CheckConstraint(
            f"octet_length(content) BETWEEN 1 AND {LARGEST_CERTIFICATE}",
            name="certificate_fits_in_5_mb",
        ),
        sa.CheckConstraint("sha256 = sha256(content)", name="certificate_is_what_it_was"),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 120", name="certificate_has_a_name"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    lot_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("lots.id"))
    name: Mapped[str]
    media_type: Mapped[CertificateType] = mapped_column(Word(CertificateType))
    sha256: Mapped[bytes]
    content: Mapped[bytes] = mapped_column(deferred=True)
    added_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    added_at: Mapped[datetime] = stamped()

    added_by: Mapped[Person] = relationship()
