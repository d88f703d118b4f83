"""Where units lie: clinics, the places in them, and what of a lot lies in each."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship

from shop.core.db import Base, Word, one_of, stamped

PLACE_CODE = "^[A-Z][A-Z0-9-]{0,19}$"


class LocationKind(StrEnum):
    """What a place is for. Orders are filled from `retail` places of sites that fill orders."""

    RETAIL = "retail"
    BACK_BAR = "back_bar"
    QUARANTINE = "quarantine"
    RETURNS = "returns"
    TESTER = "tester"
    IN_TRANSIT = "in_transit"  # on the way to its site


class Site(Base):
    """A clinic with a shelf. What it is never changes; it may be renamed and closed."""

    __tablename__ = "sites"
    __table_args__ = (sa.CheckConstraint(f"code ~ '{PLACE_CODE}'", name="site_code_is_a_word"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    fills_orders: Mapped[bool]  # the shop promises and ships what lies on its retail places
    closed_at: Mapped[datetime | None] = stamped()


class Location(Base):
    """A place in a clinic: a bin of the shop shelf, the treatment rooms, the quarantine cage.

    What it is never changes; it may be renamed and closed.
    """

    __tablename__ = "locations"
    __table_args__ = (
        sa.CheckConstraint(f"code ~ '{PLACE_CODE}'", name="location_code_is_a_word"),
        sa.CheckConstraint(one_of("kind", LocationKind), name="location_kind_is_known"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    site_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("sites.id"))
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[LocationKind] = mapped_column(Word(LocationKind))
    closed_at: Mapped[datetime | None] = stamped()

    site: Mapped[Site] = relationship()

    @property
    def sells(self) -> bool:
        """Whether orders are filled from here."""
        return self.kind is LocationKind.RETAIL and self.site.fills_orders


class Holding(Base):
    """What of a lot lies in a place: a head of the ledger. Triggers keep it."""

    __tablename__ = "holdings"
    __table_args__ = (
        sa.PrimaryKeyConstraint("lot_id", "location_id"),
        sa.CheckConstraint("on_hand >= 0", name="holding_is_never_negative"),
    )

    lot_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("lots.id"))
    location_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("locations.id"), index=True)
    on_hand: Mapped[int]

    location: Mapped[Location] = relationship()
