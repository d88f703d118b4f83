"""Corrections of stock with a reason: what was lost, broken, found, given away or expired."""

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
from shop.inventory.models.ledger import MovementKind
from shop.inventory.models.lots import Lot
from shop.inventory.models.places import Location
from shop.inventory.states import ADJUSTMENT_ARROWS, AdjustmentStatus

MOST_ADJUSTED = 100_000
LONGEST_NOTE = 500
LATER = sa.FetchedValue()  # filled in when its time has come


class Reason(StrEnum):
    """Why the shelf holds more or less than the ledger says."""

    DAMAGED = "damaged"
    EXPIRED = "expired"
    THEFT_OR_LOSS = "theft_or_loss"
    SAMPLE_GIVEN = "sample_given"
    FOUND = "found"
    DATA_ERROR = "data_error"

    @property
    def kind(self) -> MovementKind:
        """The kind of movement it is booked as."""
        return KINDS.get(self, MovementKind.COUNT_ADJUST)


KINDS = {Reason.DAMAGED: MovementKind.DAMAGE, Reason.EXPIRED: MovementKind.EXPIRE}
ADDS = frozenset({Reason.FOUND, Reason.DATA_ERROR})
TAKES = frozenset(Reason) - {Reason.FOUND}


class Adjustment(Stateful, Base):
    """Units of a lot come or go in one location, for a reason; a large one takes two persons."""

    machine = "adjustment"
    __tablename__ = "adjustments"
    __table_args__ = (
        state_key("adjustment"),
        sa.CheckConstraint(
            f"delta <> 0 AND abs(delta) <= {MOST_ADJUSTED}", name="adjusted_units_are_sane"
        ),
        sa.CheckConstraint(one_of("reason", Reason), name="adjustment_reason_is_known"),
        sa.CheckConstraint(
            "CASE reason WHEN 'found' THEN delta > 0 WHEN 'data_error' THEN true"
            " ELSE delta < 0 END",
            name="adjustment_goes_its_reasons_way",
        ),
        sa.CheckConstraint(
            f"char_length(note) BETWEEN 1 AND {LONGEST_NOTE}", name="adjustment_says_more"
        ),
        sa.CheckConstraint(
            "status <> 'booked' OR NOT large OR decided_by_id IS NOT NULL",
            name="large_adjustment_is_confirmed",
        ),
        sa.CheckConstraint(
            "decided_by_id <> proposed_by_id", name="adjustment_is_decided_by_another"
        ),
        sa.CheckConstraint(
            "CASE status WHEN 'proposed' THEN decided_by_id IS NULL"
            " WHEN 'declined' THEN decided_by_id IS NOT NULL ELSE true END",
            name="adjustment_is_decided_by_someone",
        ),
        sa.Index("adjustments_proposer_idx", "proposed_by_id", "proposed_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)
    lot_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("lots.id"), index=True)
    location_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("locations.id"))
    delta: Mapped[int]  # units; positive comes in
    reason: Mapped[Reason] = mapped_column(Word(Reason))
    note: Mapped[str]
    status: Mapped[AdjustmentStatus] = mapped_column(Word(AdjustmentStatus))
    proposed_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    decided_by_id: Mapped[uuid.UUID | None] = mapped_column(
        sa.ForeignKey("people.id"), server_default=LATER
    )
    # The trigger fills these: what the units would sell for, in cents (NULL: nobody knows), and
    # whether that or their number is above the limit.
    value_cents: Mapped[int | None] = mapped_column(sa.BigInteger, server_default=sa.FetchedValue())
    large: Mapped[bool] = mapped_column(server_default=sa.FetchedValue())
    proposed_at: Mapped[datetime] = stamped()

    lot: Mapped[Lot] = relationship()
    location: Mapped[Location] = relationship()
    proposed_by: Mapped[Person] = relationship(foreign_keys=[proposed_by_id])
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])

    @validates("status")
    def _along_an_arrow(self, _key: str, new: AdjustmentStatus) -> AdjustmentStatus:
        if new not in ADJUSTMENT_ARROWS[self.status]:
            raise WrongState(
                f"An adjustment that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new
