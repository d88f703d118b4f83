"""What a decision leaves behind: the screening it rested on, and the signature with its key."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.core.db import Base, stamped
from shop.core.sealed import Sealed
from shop.prescriptions.models.prescriptions import Prescription
from shop.prescriptions.models.requests import ApprovalRequest


def _is_sealed(column: str, name: str) -> sa.CheckConstraint:
    """Version byte, key id, nonce and tag round at least one step of padded text."""
    return sa.CheckConstraint(
        f"substring({column}, 1, 1) = '\\x01' AND octet_length({column}) >= 97", name=name
    )


class Screening(Base):
    """What screening said of a request when it was decided, whichever way. Never changed.

    Of a signature and of a refusal alike: rules asked, hits, reasons to sign all the same
    (`recording.told` gives its shape).
    """

    __tablename__ = "screenings"
    __table_args__ = (
        sa.UniqueConstraint("request_id", name="screenings_one_per_request"),
        _is_sealed("checks_sealed", "checks_are_sealed"),
        sa.Index("screenings_time_idx", "screened_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    request_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("approval_requests.id"))
    checks_sealed: Mapped[bytes]
    screened_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())

    checks = Sealed("checks_sealed")

    request: Mapped[ApprovalRequest] = relationship()


class SigningKey(Base):
    """The public half of a key that signs between two moments; the private half is never here.

    It ends at `valid_until`, or sooner when it is retired. At any moment one key signs.
    """

    __tablename__ = "signing_keys"
    __table_args__ = (
        sa.UniqueConstraint("public_key", name="signing_keys_public_key_key"),
        # What a signature copies: the range as recorded; ending sooner is `retired_at`.
        sa.UniqueConstraint("id", "valid_from", "valid_until", name="signing_keys_terms_key"),
        sa.CheckConstraint("octet_length(public_key) = 32", name="public_key_is_ed25519"),
        sa.CheckConstraint("valid_from < valid_until", name="key_range_is_forward"),
        ExcludeConstraint(
            (
                sa.text(
                    "tstzrange(valid_from, GREATEST(valid_from, LEAST(valid_until, retired_at)))"
                ),
                "&&",
            ),
            using="gist",
            name="signing_keys_do_not_overlap",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    public_key: Mapped[bytes]  # raw, 32 bytes
    valid_from: Mapped[datetime]
    valid_until: Mapped[datetime]
    recorded_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    retired_at: Mapped[datetime | None] = stamped()

    @property
    def ends_at(self) -> datetime:
        """From then on it signs nothing."""
        return min(self.valid_until, self.retired_at or self.valid_until)

    def signs(self, at: datetime) -> bool:
        """Whether it may sign at that moment."""
        return self.valid_from <= at < self.ends_at


class Signature(Base):
    """What was signed, byte for byte, and the Ed25519 signature over it. Never changed.

    The moment and the key's range are truthful copies (composite keys), so one CHECK says that the
    key was valid when it signed.
    """

    __tablename__ = "signatures"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["prescription_id", "signed_at"],
            ["prescriptions.id", "prescriptions.signed_at"],
            name="signature_is_of_its_prescription",
        ),
        sa.ForeignKeyConstraint(
            ["key_id", "key_from", "key_until"],
            ["signing_keys.id", "signing_keys.valid_from", "signing_keys.valid_until"],
            name="key_is_as_it_was_recorded",
        ),
        sa.UniqueConstraint("prescription_id", name="signatures_one_per_prescription"),
        sa.CheckConstraint(
            "key_from <= signed_at AND signed_at < key_until", name="key_was_valid_when_signed"
        ),
        sa.CheckConstraint("octet_length(document_hash) = 32", name="document_is_hashed"),
        sa.CheckConstraint("octet_length(signature) = 64", name="signature_is_ed25519"),
        _is_sealed("document_sealed", "document_is_sealed"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    prescription_id: Mapped[uuid.UUID]
    signed_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    key_id: Mapped[uuid.UUID]
    key_from: Mapped[datetime]
    key_until: Mapped[datetime]
    document_sealed: Mapped[bytes]  # the canonical JSON that was signed (`documents.compose`)
    document_hash: Mapped[bytes]  # SHA-256 of it
    signature: Mapped[bytes]  # over the document's bytes

    document = Sealed("document_sealed")

    prescription: Mapped[Prescription] = relationship(
        foreign_keys="Signature.prescription_id",
        primaryjoin="Prescription.id == Signature.prescription_id",
    )
    key: Mapped[SigningKey] = relationship(
        foreign_keys="Signature.key_id", primaryjoin="SigningKey.id == Signature.key_id"
    )
