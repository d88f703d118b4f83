"""What is on the shelf: lots, the ledger of their movements, and units promised to orders."""

from __future__ import annotations

import uuid
from datetime import date, datetime
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from shop.catalog.models import Variant
from shop.core.db import Base, Word, one_of
from shop.core.errors import WrongState
from shop.core.events import Stateful, state_key
from shop.inventory.states import LOT_ARROWS, LotStatus

MAX_RECEIVED_UNITS = 100_000  # on one line of a delivery; more is a typing error


class MovementKind(StrEnum):
    """Why units came or went."""

    RECEIVE = "receive"
    SHIP = "ship"
    COUNT_ADJUST = "count_adjust"
    DAMAGE = "damage"
    EXPIRE = "expire"
    RETURN_IN = "return_in"
    RETURN_TO_VENDOR = "return_to_vendor"
    DESTROY = "destroy"
    TREATMENT_USE = "treatment_use"


class Lot(Stateful, Base):
    """One batch of a variant (GS1 AI 10 and 17).

    `on_hand` and `reserved` are heads of the ledger and of the reservations: triggers keep them,
    the application may not.
    """

    machine = "lot"
    __tablename__ = "lots"
    __table_args__ = (
        state_key("lot"),
        sa.UniqueConstraint("variant_id", "lot_number", name="lots_makers_number_key"),
        sa.UniqueConstraint("id", "variant_id", name="lots_variant_key"),
        sa.ForeignKeyConstraint(
            ["id", "ledger_seq", "on_hand"],
            ["movements.lot_id", "movements.seq", "movements.balance"],
            name="lot_head_is_its_last_movement",
            deferrable=True,
            initially="DEFERRED",
            use_alter=True,
        ),
        sa.CheckConstraint(
            "on_hand >= 0 AND reserved >= 0 AND reserved <= on_hand",
            name="reserved_units_are_on_hand",
        ),
        sa.CheckConstraint("lot_number ~ '^[!-~]{1,20}$'", name="lot_number_fits_gs1"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str] = mapped_column(unique=True)  # ours: "L-…"
    variant_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("variants.id"))
    lot_number: Mapped[str]  # the maker's; at most 20 characters (GS1 AI 10)
    expires_on: Mapped[date]  # the last day it may be used (GS1 AI 17)
    status: Mapped[LotStatus] = mapped_column(Word(LotStatus))
    received_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
    # The triggers keep these three; the application may only read them.
    on_hand: Mapped[int] = mapped_column(server_default=sa.text("0"))
    reserved: Mapped[int] = mapped_column(server_default=sa.text("0"))
    ledger_seq: Mapped[int | None] = mapped_column(server_default=sa.FetchedValue())

    variant: Mapped[Variant] = relationship()

    @validates("status")
    def _along_an_arrow(self, _key: str, new: LotStatus) -> LotStatus:
        if new not in LOT_ARROWS[self.status]:
            raise WrongState(
                f"A lot that is {self.status} cannot become {new}.", status=self.status, wanted=new
            )
        return new

    @property
    def free(self) -> int:
        """Units on hand that are promised to nobody."""
        return self.on_hand - self.reserved

    def sellable(self, today: date) -> bool:
        """May be promised and shipped: released, and not expired."""
        return self.status is LotStatus.AVAILABLE and today <= self.expires_on


class Movement(Base):
    """A line of the ledger. Append-only; number, balance and time are the database's."""

    __tablename__ = "movements"
    __table_args__ = (
        sa.PrimaryKeyConstraint("lot_id", "seq"),
        sa.UniqueConstraint("lot_id", "seq", "balance", name="movements_balance_key"),
        sa.UniqueConstraint("id", "lot_id", name="movements_lot_key"),
        sa.ForeignKeyConstraint(
            ["lot_id", "previous_seq", "previous"],
            ["movements.lot_id", "movements.seq", "movements.balance"],
            name="movement_follows_the_one_before",
        ),
        sa.UniqueConstraint("kind", "reference_id", "lot_id", name="movement_happens_once"),
        sa.CheckConstraint("seq > 1 OR previous = 0", name="ledger_begins_at_zero"),
        sa.CheckConstraint(
            "balance = previous + delta AND balance >= 0", name="balance_is_never_negative"
        ),
        sa.CheckConstraint("delta <> 0", name="movement_moves_something"),
        sa.CheckConstraint(
            "(kind IN ('receive', 'return_in')) = (delta > 0) OR kind = 'count_adjust'",
            name="movement_goes_its_kinds_way",
        ),
        sa.CheckConstraint(one_of("kind", MovementKind), name="movement_kind_is_known"),
        sa.CheckConstraint("actor ~ '^(person|system):.'", name="movement_has_an_actor"),
    )

    id: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4, unique=True)
    lot_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("lots.id"))
    # The trigger fills whatever says FetchedValue.
    seq: Mapped[int] = mapped_column(server_default=sa.FetchedValue())
    previous_seq: Mapped[int | None] = mapped_column(
        sa.Integer, sa.Computed("nullif(seq - 1, 0)", persisted=True)
    )
    kind: Mapped[MovementKind] = mapped_column(Word(MovementKind))
    delta: Mapped[int]  # units; positive comes in
    previous: Mapped[int] = mapped_column(server_default=sa.FetchedValue())
    balance: Mapped[int] = mapped_column(server_default=sa.FetchedValue())
    reference_id: Mapped[uuid.UUID]  # the receipt line, order line, count … that moved it
    actor: Mapped[str] = mapped_column(server_default=sa.FetchedValue())
    at: Mapped[datetime] = mapped_column(server_default=sa.FetchedValue())


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


class ReceiptLine(Base):
    """What came in: the reference of a "receive" movement. Never changed."""

    __tablename__ = "receipt_lines"
    __table_args__ = (
        sa.CheckConstraint(
            f"units BETWEEN 1 AND {MAX_RECEIVED_UNITS}", name="received_units_are_sane"
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    receipt_id: Mapped[uuid.UUID] = mapped_column(index=True)
    lot_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("lots.id"))
    units: Mapped[int]
    received_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    received_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())


def arrows() -> dict[str, dict[Any, set[Any]]]:
    """This package's machines, for the test that compares them with the database."""
    return {"lot": LOT_ARROWS}
