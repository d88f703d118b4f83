"""Packs on their way from one clinic to another: what was sent, what arrived, what did not."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.core.db import Base, Word, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.inventory.models.lots import Lot
from shop.inventory.models.places import Location, Site
from shop.inventory.states import TRANSFER_ARROWS, TransferStatus


class Transfer(Stateful, Base):
    """A consignment between two clinics. Its packs keep their lots."""

    machine = "transfer"
    __tablename__ = "transfers"
    __table_args__ = (
        state_key("transfer"),
        sa.CheckConstraint("from_site_id <> to_site_id", name="transfer_goes_elsewhere"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)  # "T-…"
    from_site_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("sites.id"))
    to_site_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("sites.id"))
    status: Mapped[TransferStatus] = mapped_column(Word(TransferStatus))
    sent_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    sent_at: Mapped[datetime] = stamped()

    from_site: Mapped[Site] = relationship(foreign_keys=[from_site_id])
    to_site: Mapped[Site] = relationship(foreign_keys=[to_site_id])
    sent_by: Mapped[Person] = relationship()
    lines: Mapped[list[TransferLine]] = relationship(
        order_by="TransferLine.id", back_populates="transfer"
    )

    @validates("status")
    def _along_an_arrow(self, _key: str, new: TransferStatus) -> TransferStatus:
        if new not in TRANSFER_ARROWS[self.status]:
            raise WrongState(
                f"A transfer that is {self.status} cannot become {new}.",
                status=self.status,
                wanted=new,
            )
        return new

    @property
    def missing(self) -> int:
        """Units that have not arrived and were not given up."""
        return sum(line.missing for line in self.lines)


class TransferLine(Base):
    """Units of a lot that left a place: the reference of a "transfer" movement. Never changed."""

    __tablename__ = "transfer_lines"
    __table_args__ = (
        sa.UniqueConstraint("transfer_id", "lot_id", "from_id", name="transfer_names_a_lot_once"),
        sa.CheckConstraint("units > 0", name="transfer_line_sends_something"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    transfer_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("transfers.id"))
    lot_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("lots.id"), index=True)
    from_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("locations.id"))
    units: Mapped[int]

    transfer: Mapped[Transfer] = relationship(back_populates="lines")
    lot: Mapped[Lot] = relationship()
    origin: Mapped[Location] = relationship()
    arrivals: Mapped[list[TransferArrival]] = relationship(
        order_by="TransferArrival.at", back_populates="line"
    )

    @property
    def arrived(self) -> int:
        return sum(each.units for each in self.arrivals if each.to_id is not None)

    @property
    def lost(self) -> int:
        return sum(each.units for each in self.arrivals if each.to_id is None)

    @property
    def missing(self) -> int:
        return self.units - self.arrived - self.lost


class TransferArrival(Base):
    """Units of a line that arrived in a place, or, with none, were given up. Never changed."""

    __tablename__ = "transfer_arrivals"
    __table_args__ = (sa.CheckConstraint("units > 0", name="transfer_arrival_is_of_something"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    line_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("transfer_lines.id"), index=True)
    to_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("locations.id"))
    units: Mapped[int]
    by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    at: Mapped[datetime] = stamped()

    line: Mapped[TransferLine] = relationship(back_populates="arrivals")
    by: Mapped[Person] = relationship()
