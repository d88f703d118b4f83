"""What takes the place of what: two prescriptions of one client for one pack."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.core.db import Base
from shop.prescriptions.models.prescriptions import Prescription


class Supersession(Base):
    """A prescription has taken the place of an earlier one (FHIR `priorPrescription`).

    From then on the earlier one gives no new fill. It is `superseded` as soon as nothing is under
    way of it: what was promised before is still sent.
    """

    __tablename__ = "supersessions"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["prescription_id", "client_id", "variant_id"],
            ["prescriptions.id", "prescriptions.client_id", "prescriptions.variant_id"],
            name="superseded_is_of_this_client_and_pack",
        ),
        sa.ForeignKeyConstraint(
            ["successor_id", "client_id", "variant_id"],
            ["prescriptions.id", "prescriptions.client_id", "prescriptions.variant_id"],
            name="successor_is_of_this_client_and_pack",
        ),
        sa.Index("supersessions_successor_idx", "successor_id"),
    )

    prescription_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    successor_id: Mapped[uuid.UUID]
    client_id: Mapped[uuid.UUID]
    variant_id: Mapped[uuid.UUID]
    superseded_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())

    prescription: Mapped[Prescription] = relationship(
        foreign_keys="Supersession.prescription_id",
        primaryjoin="Supersession.prescription_id == Prescription.id",
        viewonly=True,
    )
    successor: Mapped[Prescription] = relationship(
        foreign_keys="Supersession.successor_id",
        primaryjoin="Supersession.successor_id == Prescription.id",
        viewonly=True,
    )
