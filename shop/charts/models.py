"""What the clinic knows of a client's health, and who looked at it."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.core.db import Base


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
