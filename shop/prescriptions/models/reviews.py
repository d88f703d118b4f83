"""A physician has looked at what became known of a client's health after she signed."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.core.db import Base
from shop.core.sealed import Sealed
from shop.prescriptions.models.prescriptions import Prescription


def _is_sealed(column: str, name: str) -> sa.CheckConstraint:
    """Version byte, key id, nonce and tag round at least one step of padded text."""
    return sa.CheckConstraint(
        f"substring({column}, 1, 1) = '\\x01' AND octet_length({column}) >= 97", name=name
    )


class HealthReview(Base):
    """What she saw, and why the prescription goes on all the same. Never changed.

    `seen` is a list of {"rule", "fired_by"} (`rechecking.as_seen`); the same does not put the
    prescription on hold again.
    """

    __tablename__ = "health_reviews"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["prescription_id", "client_id"],
            ["prescriptions.id", "prescriptions.client_id"],
            name="health_review_is_of_a_prescription_of_this_client",
        ),
        sa.CheckConstraint("reviewed_by_id <> client_id", name="client_reviews_no_news"),
        _is_sealed("seen_sealed", "what_was_seen_is_sealed"),
        _is_sealed("reason_sealed", "reason_of_review_is_sealed"),
        sa.Index("health_reviews_prescription_idx", "prescription_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    prescription_id: Mapped[uuid.UUID]
    client_id: Mapped[uuid.UUID]
    reviewed_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    reviewed_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    seen_sealed: Mapped[bytes]
    reason_sealed: Mapped[bytes]

    seen = Sealed("seen_sealed")
    reason = Sealed("reason_sealed")

    prescription: Mapped[Prescription] = relationship(
        foreign_keys="HealthReview.prescription_id",
        primaryjoin="HealthReview.prescription_id == Prescription.id",
        viewonly=True,
    )
    reviewed_by: Mapped[Person] = relationship(foreign_keys=[reviewed_by_id])
