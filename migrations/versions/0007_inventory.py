"""Lots, the ledger, reservations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lots",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("lot_number", sa.Text(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("on_hand", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reserved", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("ledger_seq", sa.Integer(), nullable=True),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("lot_number ~ '^[!-~]{1,20}$'", name=op.f("lot_number_fits_gs1")),
        sa.CheckConstraint(
            "on_hand >= 0 AND reserved >= 0 AND reserved <= on_hand",
            name=op.f("reserved_units_are_on_hand"),
        ),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="lot_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(["variant_id"], ["variants.id"], name=op.f("lots_variant_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("lots_pkey")),
        sa.UniqueConstraint("id", "variant_id", name="lots_variant_key"),
        sa.UniqueConstraint("number", name=op.f("lots_number_key")),
        sa.UniqueConstraint("variant_id", "lot_number", name="lots_makers_number_key"),
    )
    op.create_table(
        "reservations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column(
            "reserved_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "released_at IS NULL OR shipped_at IS NULL", name=op.f("released_or_shipped_not_both")
        ),
        sa.CheckConstraint("units BETWEEN 1 AND 1000", name=op.f("reserved_units_are_sane")),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variants.id"], name=op.f("reservations_variant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("reservations_pkey")),
        sa.UniqueConstraint("id", "variant_id", "units", name="reservations_terms_key"),
    )
    op.create_index(
        op.f("reservations_variant_id_idx"), "reservations", ["variant_id"], unique=False
    )
    op.create_table(
        "movements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column(
            "previous_seq",
            sa.Integer(),
            sa.Computed("nullif(seq - 1, 0)", persisted=True),
            nullable=True,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("delta", sa.Integer(), nullable=False),
        sa.Column("previous", sa.Integer(), nullable=False),
        sa.Column("balance", sa.Integer(), nullable=False),
        sa.Column("reference_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind IN ('receive', 'return_in')) = (delta > 0) OR kind = 'count_adjust'",
            name=op.f("movement_goes_its_kinds_way"),
        ),
        sa.CheckConstraint(
            "kind IN ('receive', 'ship', 'count_adjust', 'damage', 'expire', 'return_in', 'return_to_vendor', 'destroy', 'treatment_use')",
            name=op.f("movement_kind_is_known"),
        ),
        sa.CheckConstraint(
            "balance = previous + delta AND balance >= 0", name=op.f("balance_is_never_negative")
        ),
        sa.CheckConstraint("delta <> 0", name=op.f("movement_moves_something")),
        sa.CheckConstraint("seq > 1 OR previous = 0", name=op.f("ledger_begins_at_zero")),
        sa.ForeignKeyConstraint(
            ["lot_id", "previous_seq", "previous"],
            ["movements.lot_id", "movements.seq", "movements.balance"],
            name="movement_follows_the_one_before",
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["lots.id"], name=op.f("movements_lot_id_fkey")),
        sa.PrimaryKeyConstraint("lot_id", "seq", name=op.f("movements_pkey")),
        sa.UniqueConstraint("id", "lot_id", name="movements_lot_key"),
        sa.UniqueConstraint("id", name=op.f("movements_id_key")),
        sa.UniqueConstraint("kind", "reference_id", "lot_id", name="movement_happens_once"),
        sa.UniqueConstraint("lot_id", "seq", "balance", name="movements_balance_key"),
    )
    op.create_table(
        "receipt_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("received_by_id", sa.Uuid(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["lots.id"], name=op.f("receipt_lines_lot_id_fkey")),
        sa.ForeignKeyConstraint(
            ["received_by_id"], ["people.id"], name=op.f("receipt_lines_received_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("receipt_lines_pkey")),
    )
    op.create_index(
        op.f("receipt_lines_receipt_id_idx"), "receipt_lines", ["receipt_id"], unique=False
    )
    op.create_table(
        "reservation_parts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reservation_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("units > 0", name=op.f("part_holds_something")),
        sa.ForeignKeyConstraint(
            ["lot_id", "variant_id"],
            ["lots.id", "lots.variant_id"],
            name="reserved_lot_is_of_the_variant",
        ),
        sa.ForeignKeyConstraint(
            ["reservation_id"],
            ["reservations.id"],
            name=op.f("reservation_parts_reservation_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("reservation_parts_pkey")),
    )
    op.create_index(
        op.f("reservation_parts_lot_id_idx"), "reservation_parts", ["lot_id"], unique=False
    )
    op.create_index(
        "reservation_parts_one_live",
        "reservation_parts",
        ["reservation_id", "lot_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        op.f("reservation_parts_reservation_id_idx"),
        "reservation_parts",
        ["reservation_id"],
        unique=False,
    )
    op.create_foreign_key(
        "lot_head_is_its_last_movement",
        "lots",
        "movements",
        ["id", "ledger_seq", "on_hand"],
        ["lot_id", "seq", "balance"],
        initially="DEFERRED",
        deferrable=True,
    )


def downgrade() -> None:
    op.drop_constraint("lot_head_is_its_last_movement", "lots", type_="foreignkey")
    op.drop_index(op.f("reservation_parts_reservation_id_idx"), table_name="reservation_parts")
    op.drop_index(
        "reservation_parts_one_live",
        table_name="reservation_parts",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_index(op.f("reservation_parts_lot_id_idx"), table_name="reservation_parts")
    op.drop_table("reservation_parts")
    op.drop_index(op.f("receipt_lines_receipt_id_idx"), table_name="receipt_lines")
    op.drop_table("receipt_lines")
    op.drop_table("movements")
    op.drop_index(op.f("reservations_variant_id_idx"), table_name="reservations")
    op.drop_table("reservations")
    op.drop_table("lots")
