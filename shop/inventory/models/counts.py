"""Counts of a location: what is counted, what was found each time, and why it differs."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.core.db import Base, Word, one_of, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.inventory.models.adjustments import ADDS, TAKES, Reason
from shop.inventory.models.lots import Lot
from shop.inventory.models.places import Location
from shop.inventory.states import COUNT_ARROWS, CountStatus

MOST_COUNTED = 1_000_000  # of one lot in one place; more is a typing error
LATER = sa.FetchedValue()  # filled in when its time has come


class CountCause(StrEnum):
    """Why a place is counted."""

    CYCLE = "cycle"  # its time has come (`count_plan`)
    ASKED = "asked"
    SHORT_PICK = "short_pick"  # somebody did not find what should be there


class Count(Stateful, Base):
    """Somebody looks at what is really in a location. Each line is a lot; many may count."""

    machine = "count"
    __tablename__ = "counts"
    __table_args__ = (
        state_key("count"),
        sa.CheckConstraint(one_of("cause", CountCause), name="count_cause_is_known"),
        sa.CheckConstraint(
            "(status IN ('approved', 'posted')) = (approved_by_id IS NOT NULL)",
            name="approved_count_says_by_whom",
        ),
        sa.Index("counts_location_idx", "location_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    location_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("locations.id"))
    cause: Mapped[CountCause] = mapped_column(Word(CountCause))
    status: Mapped[CountStatus] = mapped_column(Word(CountStatus))
    planned_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    planned_at: Mapped[datetime] = stamped()
    approved_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=LATER
    )

    location: Mapped[Location] = relationship()
    planned_by: Mapped[Person] = relationship(foreign_keys=[planned_by_id])
    approved_by: Mapped[Person | None] = relationship(foreign_keys=[approved_by_id])
    lines: Mapped[list[CountLine]] = relationship(back_populates="count")

    @validates("status")
    def _along_an_arrow(self, _key: str, new: CountStatus) -> CountStatus:
        if new not in COUNT_ARROWS[self.status]:
            raise WrongState(
                f"A count that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new

    @property
    def sheet(self) -> list[CountLine]:
        """The lines as they are walked: by SKU, then by the maker's number."""
        return sorted(self.lines, key=lambda line: (line.lot.variant.sku, line.lot.lot_number))

    @property
    def varying(self) -> list[CountLine]:
        """The lines that differ, so far."""
        return [line for line in self.sheet if line.variance]

    @property
    def blind(self) -> bool:
        """Nobody is shown what is expected while it may still be counted."""
        return self.status in (CountStatus.PLANNED, CountStatus.COUNTING)


class CountLine(Base):
    """A lot that is counted. `reason` and `note` say why it differs, once that is looked into."""

    __tablename__ = "count_lines"
    __table_args__ = (
        sa.UniqueConstraint("count_id", "lot_id", name="count_lines_lot_key"),
        sa.CheckConstraint(one_of("reason", Reason), name="count_line_reason_is_known"),
        sa.CheckConstraint(
            "(reason IS NULL) = (note IS NULL) AND char_length(note) BETWEEN 1 AND 500",
            name="count_line_reason_has_its_note",
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    count_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("counts.id"))
    lot_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("lots.id"), index=True)
    reason: Mapped[Reason | None] = mapped_column(Word(Reason), server_default=LATER)
    note: Mapped[str | None] = mapped_column(server_default=LATER)

    count: Mapped[Count] = relationship(back_populates="lines")
    lot: Mapped[Lot] = relationship()
    entries: Mapped[list[CountEntry]] = relationship(
        order_by="CountEntry.number", back_populates="line"
    )

    @property
    def last(self) -> CountEntry | None:
        """What was found the last time; earlier times are kept beside it."""
        return self.entries[-1] if self.entries else None

    @property
    def variance(self) -> int:
        """Units found over what should have been there; negative where some lack."""
        return self.last.units - self.last.expected if self.last else 0

    @property
    def explained(self) -> bool:
        """Somebody said why, and it is a reason for this way: counted again, it may be another."""
        return self.reason in (ADDS if self.variance > 0 else TAKES)


class CountEntry(Base):
    """So many were found. A trigger adds what should be there, and how far the ledger was."""

    __tablename__ = "count_entries"
    __table_args__ = (
        sa.UniqueConstraint("line_id", "number", name="count_entries_number_key"),
        sa.CheckConstraint(f"units BETWEEN 0 AND {MOST_COUNTED}", name="counted_units_are_sane"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    line_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("count_lines.id"))
    units: Mapped[int]
    counted_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    # The trigger fills these, the lot being locked.
    number: Mapped[int] = mapped_column(server_default=sa.FetchedValue())
    expected: Mapped[int] = mapped_column(server_default=sa.FetchedValue())
    ledger_seq: Mapped[int] = mapped_column(server_default=sa.FetchedValue())
    counted_at: Mapped[datetime] = stamped()

    line: Mapped[CountLine] = relationship(back_populates="entries")
    counted_by: Mapped[Person] = relationship()
