"""Suppliers, purchase orders and their lines, and what arrived of each line."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.db import Base, Citext, Word, stamped
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.inventory.models import MAX_RECEIVED_UNITS, Lot
from shop.purchasing.states import PURCHASE_ARROWS, PurchaseStatus

MOST_CENTS = 10_000_000  # of one unit
LONGEST_LEAD = 365  # days


class Supplier(Base):
    """Whom we buy from. `lead_days`: how long an order takes to arrive, as they say."""

    __tablename__ = "suppliers"
    __table_args__ = (
        sa.CheckConstraint("name = btrim(name) AND name <> ''", name="supplier_has_a_name"),
        sa.CheckConstraint(
            f"lead_days BETWEEN 0 AND {LONGEST_LEAD}", name="lead_time_is_within_a_year"
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)  # "SU-…"
    name: Mapped[str] = mapped_column(Citext(), unique=True)
    email: Mapped[str] = mapped_column(server_default="")
    phone: Mapped[str] = mapped_column(server_default="")
    account: Mapped[str] = mapped_column(server_default="")  # our number with them
    lead_days: Mapped[int]
    active: Mapped[bool] = mapped_column(server_default=sa.true(), default=True)
    added_at: Mapped[datetime] = stamped()


class PurchaseOrder(Stateful, Base):
    """What we ask a supplier for. Its lines are fixed once it is sent."""

    machine = "purchase_order"
    __tablename__ = "purchase_orders"
    __table_args__ = (
        state_key("purchase_order"),
        sa.CheckConstraint("length(note) <= 2000", name="purchase_note_is_short"),
        sa.Index("purchase_orders_supplier_idx", "supplier_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)  # "PO-…"
    supplier_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("suppliers.id"))
    status: Mapped[PurchaseStatus] = mapped_column(Word(PurchaseStatus))
    expected_on: Mapped[date | None]
    note: Mapped[str] = mapped_column(server_default="", default="")
    drafted_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    drafted_at: Mapped[datetime] = stamped()

    supplier: Mapped[Supplier] = relationship()
    drafted_by: Mapped[Person] = relationship()
    lines: Mapped[list[PurchaseLine]] = relationship(
        order_by="PurchaseLine.position", cascade="all, delete-orphan", back_populates="order"
    )
    receipts: Mapped[list[Receipt]] = relationship(order_by="Receipt.received_at", viewonly=True)

    @validates("status")
    def _along_an_arrow(self, _key: str, new: PurchaseStatus) -> PurchaseStatus:
        if new not in PURCHASE_ARROWS[self.status]:
            raise WrongState(
                f"A purchase order that is {self.status.replace('_', ' ')} cannot become "
                f"{new.replace('_', ' ')}.",
                status=self.status,
                wanted=new,
            )
        return new

    @property
    def total_cents(self) -> int:
        return sum(line.units * line.unit_cost_cents for line in self.lines)

    @property
    def arrived_whole(self) -> bool:
        """Of every line at least what was ordered came in, undamaged."""
        return all(line.received >= line.units for line in self.lines)


class PurchaseLine(Base):
    """So many units of a variant at a price. One line a variant."""

    __tablename__ = "purchase_lines"
    __table_args__ = (
        sa.UniqueConstraint("purchase_order_id", "variant_id", name="purchase_names_a_pack_once"),
        sa.UniqueConstraint("id", "purchase_order_id", "variant_id", name="purchase_lines_key"),
        sa.CheckConstraint(
            f"units BETWEEN 1 AND {MAX_RECEIVED_UNITS}", name="purchased_units_are_sane"
        ),
        sa.CheckConstraint(
            f"unit_cost_cents BETWEEN 0 AND {MOST_CENTS}", name="purchase_cost_is_sane"
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    purchase_order_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("purchase_orders.id"))
    variant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("variants.id"))
    position: Mapped[int]
    units: Mapped[int]
    unit_cost_cents: Mapped[int]

    order: Mapped[PurchaseOrder] = relationship(back_populates="lines")
    variant: Mapped[Variant] = relationship()
    arrivals: Mapped[list[Arrival]] = relationship(
        primaryjoin="PurchaseLine.id == foreign(Arrival.purchase_line_id)",
        order_by="Arrival.id",
        viewonly=True,
    )

    @property
    def received(self) -> int:
        """Units that came in and were booked."""
        return sum(each.units for each in self.arrivals if each.damage is None)

    @property
    def damaged(self) -> int:
        """Units that arrived and could not be booked."""
        return sum(each.units for each in self.arrivals if each.damage is not None)

    @property
    def short(self) -> int:
        """Units that are still owed; what came damaged is owed."""
        return max(self.units - self.received, 0)

    @property
    def over(self) -> int:
        """Units booked beyond what was ordered."""
        return max(self.received - self.units, 0)


class Receipt(Base):
    """A delivery against a purchase order: its id is the `receipt_id` of the lines booked."""

    __tablename__ = "receipts"
    __table_args__ = (
        sa.UniqueConstraint("id", "purchase_order_id", name="receipts_order_key"),
        sa.CheckConstraint("length(delivery_note) <= 60", name="delivery_note_is_a_number"),
        sa.Index("receipts_purchase_order_idx", "purchase_order_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    purchase_order_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("purchase_orders.id"))
    delivery_note: Mapped[str] = mapped_column(server_default="", default="")  # their number
    received_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    received_at: Mapped[datetime] = stamped()

    received_by: Mapped[Person] = relationship()
    arrivals: Mapped[list[Arrival]] = relationship(
        primaryjoin="Receipt.id == foreign(Arrival.receipt_id)",
        order_by="Arrival.id",
        viewonly=True,
    )


class Arrival(Base):
    """Units that arrived for a line of an order: booked into a lot, or damaged and booked nowhere.

    Kept. What was booked points at the receipt line that brought it into the ledger.
    """

    __tablename__ = "arrivals"
    __table_args__ = (
        sa.ForeignKeyConstraint(
            ["receipt_id", "purchase_order_id"],
            ["receipts.id", "receipts.purchase_order_id"],
            name="arrival_is_of_its_receipts_order",
        ),
        sa.ForeignKeyConstraint(
            ["purchase_line_id", "purchase_order_id", "variant_id"],
            [
                "purchase_lines.id",
                "purchase_lines.purchase_order_id",
                "purchase_lines.variant_id",
            ],
            name="arrival_is_of_a_line_of_its_order",
        ),
        sa.ForeignKeyConstraint(
            ["receipt_line_id", "receipt_id", "lot_id", "units"],
            [
                "receipt_lines.id",
                "receipt_lines.receipt_id",
                "receipt_lines.lot_id",
                "receipt_lines.units",
            ],
            name="arrival_is_what_was_booked",
        ),
        sa.ForeignKeyConstraint(
            ["lot_id", "variant_id"],
            ["lots.id", "lots.variant_id"],
            name="arrived_lot_is_of_the_variant_ordered",
        ),
        sa.UniqueConstraint("receipt_line_id", name="booked_units_arrive_once"),
        sa.CheckConstraint(
            f"units BETWEEN 1 AND {MAX_RECEIVED_UNITS}", name="arrived_units_are_sane"
        ),
        sa.CheckConstraint(
            "(receipt_line_id IS NULL) = (lot_id IS NULL)"
            " AND (lot_id IS NULL) = (damage IS NOT NULL)",
            name="arrival_is_booked_or_damaged",
        ),
        sa.CheckConstraint("length(damage) BETWEEN 1 AND 200", name="damage_is_described"),
        sa.Index("arrivals_purchase_line_idx", "purchase_line_id"),
        sa.Index("arrivals_receipt_idx", "receipt_id"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    receipt_id: Mapped[uuid.UUID]
    purchase_order_id: Mapped[uuid.UUID]
    purchase_line_id: Mapped[uuid.UUID]
    variant_id: Mapped[uuid.UUID]
    units: Mapped[int]
    receipt_line_id: Mapped[uuid.UUID | None]
    lot_id: Mapped[uuid.UUID | None]
    damage: Mapped[str | None]  # what was wrong with units that were not booked

    variant: Mapped[Variant] = relationship(
        primaryjoin="foreign(Arrival.variant_id) == Variant.id", viewonly=True
    )
    lot: Mapped[Lot | None] = relationship(
        primaryjoin="foreign(Arrival.lot_id) == Lot.id", viewonly=True
    )


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machine, for the test that compares it with the database."""
    return {"purchase_order": PURCHASE_ARROWS}
