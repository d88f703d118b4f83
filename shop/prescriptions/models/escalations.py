"""Escalations: a request has waited too long, and somebody more is called."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.core.db import Base
from shop.prescriptions.models.requests import ApprovalRequest


class Escalation(Base):
    """One step for one request: 1 calls a second physician, 2 the medical director. Kept."""

    __tablename__ = "escalations"
    __table_args__ = (
        sa.UniqueConstraint("request_id", "step", name="escalations_once_per_step"),
        sa.CheckConstraint("step IN (1, 2)", name="escalation_step_is_known"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    request_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("approval_requests.id"))
    step: Mapped[int]
    called_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("people.id"))  # None: nobody
    at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())

    request: Mapped[ApprovalRequest] = relationship(back_populates="escalations")
    called: Mapped[Person | None] = relationship(foreign_keys=[called_id])
