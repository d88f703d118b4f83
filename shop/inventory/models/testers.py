"""Opened packs that clients may try: since when, and until when they are good."""

from __future__ import annotations

import uuid
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.accounts.models import Person
from shop.core.db import Base, stamped
from shop.inventory.models.lots import Lot

MONTHS_OPEN = (1, 36)  # what labels bear


class ShelfTester(Base):
    """One opened pack of a lot. `use_by`, the last day it may be tried, is the database's:
    the months of the label after opening, and never past the lot's expiry.
    """

    __tablename__ = "testers"
    __table_args__ = (
        sa.CheckConstraint(
            "months_after_opening BETWEEN 1 AND 36", name="period_after_opening_is_sane"
        ),
        sa.CheckConstraint("use_by >= opened_on", name="tester_is_opened_while_it_is_good"),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_id IS NULL) AND (ended_at IS NULL) = (reason IS NULL)",
            name="tester_is_ended_by_someone",
        ),
        sa.CheckConstraint("length(reason) BETWEEN 1 AND 200", name="tester_ends_for_a_reason"),
        sa.Index("testers_out_idx", "use_by", postgresql_where=sa.text("ended_at IS NULL")),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)  # "TS-…", written on the pack
    lot_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("lots.id"), index=True)
    opened_on: Mapped[date]  # the clinic's day
    months_after_opening: Mapped[int]  # the open jar on the label (Reg. (EC) 1223/2009, Art. 19)
    use_by: Mapped[date] = mapped_column(server_default=sa.FetchedValue())
    opened_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    opened_at: Mapped[datetime] = stamped()
    ended_at: Mapped[datetime | None] = stamped()
    ended_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=sa.FetchedValue()
    )
    # Why it was thrown away.
    reason: Mapped[str | None] = mapped_column(server_default=sa.FetchedValue())

    lot: Mapped[Lot] = relationship()
    opened_by: Mapped[Person] = relationship(foreign_keys=[opened_by_id])
    ended_by: Mapped[Person | None] = relationship(foreign_keys=[ended_by_id])
