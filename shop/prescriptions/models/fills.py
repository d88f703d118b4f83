"""Fills: one use of a prescription by one order line."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.core.db import Base, Word, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.prescriptions.models.prescriptions import Prescription
from shop.prescriptions.states import FILL_ARROWS, FillStatus


class Fill(Stateful, Base):
    """One use of a prescription by one order line (FHIR MedicationDispense)."""

    machine = "fill"
    __tablename__ = "fills"
    __table_args__ = (
        state_key("fill"),
        sa.ForeignKeyConstraint(
            ["prescription_id", "client_id", "variant_id", "fills_allowed", "quantity"],
            [
                "prescriptions.id",
                "prescriptions.client_id",
                "prescriptions.variant_id",
                "prescriptions.fills_allowed",
                "prescriptions.quantity_per_fill",
            ],
            name="fill_is_on_its_prescriptions_terms",
        ),
        sa.ForeignKeyConstraint(
            ["prescription_id", "state"],
            ["prescription_states.prescription_id", "prescription_states.state"],
            name="fill_is_for_a_covered_state",
        ),
        # What an order line points at: its client, its variant, its state, its quantity.
        sa.UniqueConstraint(
            "id", "client_id", "variant_id", "state", "quantity", name="fills_terms_key"
        ),
        sa.CheckConstraint("number BETWEEN 1 AND fills_allowed", name="fill_within_allowance"),
        sa.CheckConstraint(
            "status NOT IN ('consumed', 'dispensed') OR consumed_at IS NOT NULL",
            name="consumed_at_some_time",
        ),
        sa.CheckConstraint(
            "(status = 'dispensed') = (dispensed_at IS NOT NULL)", name="dispensed_at_some_time"
        ),
        sa.CheckConstraint(
            "(status = 'released') = (released_at IS NOT NULL)", name="released_at_some_time"
        ),
        sa.Index(
            "fills_one_per_number",
            "prescription_id",
            "number",
            unique=True,
            postgresql_where=sa.text("status <> 'released'"),
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    prescription_id: Mapped[uuid.UUID]
    number: Mapped[int]
    client_id: Mapped[uuid.UUID]
    variant_id: Mapped[uuid.UUID]
    state: Mapped[str]
    quantity: Mapped[int]
    fills_allowed: Mapped[int]
    status: Mapped[FillStatus] = mapped_column(Word(FillStatus))
    reserved_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    consumed_at: Mapped[datetime | None] = stamped()
    dispensed_at: Mapped[datetime | None] = stamped()
    released_at: Mapped[datetime | None] = stamped()

    prescription: Mapped[Prescription] = relationship(
        foreign_keys="Fill.prescription_id",
        primaryjoin="Prescription.id == Fill.prescription_id",
        back_populates="fills",
    )

    @property
    def taken_at(self) -> datetime:
        """When it was paid for, or promised where it is not paid for yet."""
        return self.consumed_at or self.reserved_at

    @validates("status")
    def _along_an_arrow(self, _key: str, new: FillStatus) -> FillStatus:
        if new not in FILL_ARROWS[self.status]:
            raise WrongState(
                f"A fill that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new
