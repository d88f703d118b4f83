"""What should never have been signed: one person says so, another decides."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.core.db import Base, stamped
from shop.core.sealed import Sealed
from shop.prescriptions.models.prescriptions import Prescription


class ErrorReport(Base):
    """A physician says that a prescription is for the wrong client or product.

    `confirmed` is None while it waits for a second person, then true (the prescription is entered
    in error) or false (it is not, and goes on as it was).
    """

    __tablename__ = "error_reports"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["prescription_id", "client_id"],
            ["prescriptions.id", "prescriptions.client_id"],
            name="error_is_in_a_prescription_of_this_client",
        ),
        sa.CheckConstraint("reported_by_id <> client_id", name="client_reports_no_error"),
        sa.CheckConstraint("decided_by_id <> client_id", name="client_decides_no_error"),
        sa.CheckConstraint(
            "NOT confirmed OR decided_by_id <> reported_by_id", name="error_is_confirmed_by_another"
        ),
        sa.CheckConstraint(
            "(confirmed IS NULL) = (decided_by_id IS NULL)"
            " AND (confirmed IS NULL) = (decided_at IS NULL)",
            name="error_is_decided_by_someone",
        ),
        sa.Index(
            "error_reports_one_live",
            "prescription_id",
            unique=True,
            postgresql_where=sa.text("confirmed IS NOT FALSE"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    prescription_id: Mapped[uuid.UUID]
    client_id: Mapped[uuid.UUID]
    reported_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    reported_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    reason_sealed: Mapped[bytes]
    decided_by_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("people.id"))
    decided_at: Mapped[datetime | None] = stamped()
    confirmed: Mapped[bool | None]

    reason = Sealed("reason_sealed")

    prescription: Mapped[Prescription] = relationship(
        foreign_keys="ErrorReport.prescription_id",
        primaryjoin="ErrorReport.prescription_id == Prescription.id",
        viewonly=True,
    )
    reported_by: Mapped[Person] = relationship(foreign_keys=[reported_by_id])
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])
