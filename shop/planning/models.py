"""How long a delivery of a variant takes, and how much is kept for bad days."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.db import Base, stamped
from shop.planning.forecasting import Policy

LONGEST_LEAD = 180  # days
MOST_SAFETY = 90  # days


class StockPolicy(Base):
    """What a manager said of a variant; without a row `forecasting.Policy`'s defaults hold."""

    __tablename__ = "stock_policies"
    __table_args__ = (
        sa.CheckConstraint(f"lead_days BETWEEN 1 AND {LONGEST_LEAD}", name="lead_days_are_sane"),
        sa.CheckConstraint(f"safety_days BETWEEN 0 AND {MOST_SAFETY}", name="safety_days_are_sane"),
    )

    variant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("variants.id"), primary_key=True)
    lead_days: Mapped[int]
    safety_days: Mapped[int]
    set_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    set_at: Mapped[datetime] = stamped()

    variant: Mapped[Variant] = relationship()
    set_by: Mapped[Person] = relationship()

    @property
    def policy(self) -> Policy:
        return Policy(self.lead_days, self.safety_days)
