"""Units promised to orders, and the lots that hold them."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.catalog.models import Variant
from shop.core.db import Base
from shop.inventory.models.lots import Lot


class Reservation(Base):
    """Units of a variant promised to one order line, until shipped or released."""

    __tablename__ = "reservations"
    __table_args__ = (
        sa.UniqueConstraint("id", "variant_id", "units", name="reservations_terms_key"),
        sa.UniqueConstraint("id", "variant_id", name="reservations_variant_key"),
        sa.CheckConstraint("units BETWEEN 1 AND 1000", name="reserved_units_are_sane"),
        sa.CheckConstraint(
            "released_at IS NULL OR shipped_at IS NULL", name="released_or_shipped_not_both"
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    variant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("variants.id"), index=True)
    units: Mapped[int]
    reserved_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    # Whatever is written here, a trigger puts its own clock's time.
    released_at: Mapped[datetime | None] = mapped_column(server_default=sa.FetchedValue())
    shipped_at: Mapped[datetime | None] = mapped_column(server_default=sa.FetchedValue())

    variant: Mapped[Variant] = relationship()
    parts: Mapped[list[ReservationPart]] = relationship(
        back_populates="reservation",
        foreign_keys="ReservationPart.reservation_id",
        primaryjoin="Reservation.id == ReservationPart.reservation_id",
    )

    @property
    def live(self) -> bool:
        """Still holding units."""
        return self.released_at is None and self.shipped_at is None


class ReservationPart(Base):
    """The units of a reservation held in one lot; ending it gives them back to the lot."""

    __tablename__ = "reservation_parts"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["lot_id", "variant_id"],
            ["lots.id", "lots.variant_id"],
            name="reserved_lot_is_of_the_variant",
        ),
        sa.ForeignKeyConstraint(
            ["reservation_id", "variant_id"],
            ["reservations.id", "reservations.variant_id"],
            name="part_is_of_the_reservations_variant",
        ),
        sa.CheckConstraint("units > 0", name="part_holds_something"),
        sa.Index(
            "reservation_parts_one_live",
            "reservation_id",
            "lot_id",
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.Index(
            "reservation_parts_live_idx", "lot_id", postgresql_where=sa.text("ended_at IS NULL")
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    reservation_id: Mapped[uuid.UUID] = mapped_column(index=True)
    lot_id: Mapped[uuid.UUID]
    variant_id: Mapped[uuid.UUID]
    units: Mapped[int]
    ended_at: Mapped[datetime | None] = mapped_column(server_default=sa.FetchedValue())

    reservation: Mapped[Reservation] = relationship(
        back_populates="parts",
        foreign_keys=[reservation_id],
        primaryjoin="Reservation.id == ReservationPart.reservation_id",
    )
    lot: Mapped[Lot] = relationship(
        foreign_keys="ReservationPart.lot_id", primaryjoin="Lot.id == ReservationPart.lot_id"
    )
