"""The ledger of movements, and the deliveries that begin it."""

from __future__ import annotations

import uuid
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.core.db import Base, Word, one_of

MAX_RECEIVED_UNITS = 100_000  # on one line of a delivery; more is a typing error


class MovementKind(StrEnum):
    """Why units came, went, or were carried to another place."""

    RECEIVE = "receive"
    SHIP = "ship"
    COUNT_ADJUST = "count_adjust"
    DAMAGE = "damage"
    EXPIRE = "expire"
    RETURN_IN = "return_in"
    RETURN_TO_VENDOR = "return_to_vendor"
    DESTROY = "destroy"
    TREATMENT_USE = "treatment_use"
    TRANSFER = "transfer"
    QUARANTINE = "quarantine"
    RELEASE = "release"
    RECALL = "recall"


class Movement(Base):
    """A line of the ledger: units from one place to another. Append-only.

    NULL is outside the house: the maker, the client, the treatment, the bin. Number, balances,
    actor and time are the database's.
    """

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
        sa.UniqueConstraint(
            "kind",
            "reference_id",
            "lot_id",
            "from_id",
            name="movement_happens_once",
            postgresql_nulls_not_distinct=True,
        ),
        sa.CheckConstraint("seq > 1 OR previous = 0", name="ledger_begins_at_zero"),
        sa.CheckConstraint(
            "balance = previous + delta AND balance >= 0", name="balance_is_never_negative"
        ),
        sa.CheckConstraint("units > 0", name="movement_moves_something"),
        sa.CheckConstraint(
            "delta = units * ((to_id IS NOT NULL)::integer - (from_id IS NOT NULL)::integer)",
            name="movement_delta_is_its_legs",
        ),
        sa.CheckConstraint(
            "CASE WHEN kind IN ('receive', 'return_in') THEN from_id IS NULL AND to_id IS NOT NULL"
            " WHEN kind IN ('transfer', 'quarantine', 'release', 'recall')"
            " THEN from_id IS NOT NULL AND to_id IS NOT NULL AND from_id <> to_id"
            " WHEN kind = 'count_adjust' THEN (from_id IS NULL) <> (to_id IS NULL)"
            " ELSE from_id IS NOT NULL AND to_id IS NULL END",
            name="movement_goes_its_kinds_way",
        ),
        sa.CheckConstraint(one_of("kind", MovementKind), name="movement_kind_is_known"),
        sa.CheckConstraint("actor ~ '^(person|system):.'", name="movement_has_an_actor"),
        sa.Index("movements_at_idx", "at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(default=uuid.uuid4, unique=True)
    lot_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("lots.id"))
    # The trigger fills whatever says FetchedValue.
    seq: Mapped[int] = mapped_column(server_default=sa.FetchedValue())
    previous_seq: Mapped[int | None] = mapped_column(
        sa.Integer, sa.Computed("nullif(seq - 1, 0)", persisted=True)
    )
    kind: Mapped[MovementKind] = mapped_column(Word(MovementKind))
    units: Mapped[int]
    from_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("locations.id"))
    to_id: Mapped[uuid.UUID | None] = mapped_column(sa.ForeignKey("locations.id"))
    # What lies in both places afterwards.
    from_balance: Mapped[int | None] = mapped_column(server_default=sa.FetchedValue())
    to_balance: Mapped[int | None] = mapped_column(server_default=sa.FetchedValue())
    # What that does to the lot as a whole; positive comes in, 0 stays in the house.
    delta: Mapped[int] = mapped_column(server_default=sa.FetchedValue())
    previous: Mapped[int] = mapped_column(server_default=sa.FetchedValue())
    balance: Mapped[int] = mapped_column(server_default=sa.FetchedValue())
    reference_id: Mapped[uuid.UUID]  # the receipt line, order line, count … that moved it
    actor: Mapped[str] = mapped_column(server_default=sa.FetchedValue())
    at: Mapped[datetime] = mapped_column(server_default=sa.FetchedValue())


class ReceiptLine(Base):
    """What came in: the reference of a "receive" movement. Never changed."""

    __tablename__ = "receipt_lines"
    __table_args__ = (
        sa.CheckConstraint(
            f"units BETWEEN 1 AND {MAX_RECEIVED_UNITS}", name="received_units_are_sane"
        ),
        sa.CheckConstraint("unit_cost_cents BETWEEN 0 AND 10000000", name="unit_cost_is_sane"),
        sa.UniqueConstraint(
            "id", "receipt_id", "lot_id", "units", name="receipt_lines_arrival_key"
        ),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    receipt_id: Mapped[uuid.UUID] = mapped_column(index=True)
    lot_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("lots.id"))
    units: Mapped[int]
    unit_cost_cents: Mapped[int | None]  # what one unit cost; NULL where nobody knows
    received_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    received_at: Mapped[datetime] = mapped_column(server_default=sa.func.shop_now())
