"""Carts, orders, lines, shipments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "carts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["people.id"], name=op.f("carts_client_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("carts_pkey")),
        sa.UniqueConstraint("client_id", name=op.f("carts_client_id_key")),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("ship_to_state", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("line1", sa.Text(), nullable=False),
        sa.Column("line2", sa.Text(), server_default="", nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("postal_code", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), server_default="US", nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("shipping_method", sa.Text(), nullable=False),
        sa.Column("subtotal_cents", sa.Integer(), nullable=False),
        sa.Column("discount_cents", sa.Integer(), nullable=False),
        sa.Column("shipping_cents", sa.Integer(), nullable=False),
        sa.Column("tax_cents", sa.Integer(), nullable=False),
        sa.Column("total_cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), server_default="usd", nullable=False),
        sa.Column(
            "placed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column(
            "placed_xid",
            sa.Text(),
            server_default=sa.text("pg_current_xact_id()::text"),
            nullable=False,
        ),
        sa.Column("pay_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status IN ('cancelled', 'expired')) = (ended_at IS NOT NULL)",
            name=op.f("ended_at_some_time"),
        ),
        sa.CheckConstraint("country = 'US'", name=op.f("ships_within_the_us")),
        sa.CheckConstraint("currency = 'usd'", name=op.f("currency_is_usd")),
        sa.CheckConstraint("ship_to_state ~ '^[A-Z]{2}$'", name=op.f("order_state_is_a_usps_code")),
        sa.CheckConstraint(
            "status NOT IN ('paid', 'closed') OR paid_at IS NOT NULL",
            name=op.f("paid_at_some_time"),
        ),
        sa.CheckConstraint(
            "subtotal_cents >= 0 AND shipping_cents >= 0 AND tax_cents >= 0 AND discount_cents BETWEEN 0 AND subtotal_cents AND total_cents >= 50",
            name=op.f("amounts_are_sane"),
        ),
        sa.CheckConstraint(
            "total_cents = subtotal_cents + shipping_cents + tax_cents - discount_cents",
            name=op.f("total_is_the_sum"),
        ),
        sa.ForeignKeyConstraint(["client_id"], ["people.id"], name=op.f("orders_client_id_fkey")),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="order_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("orders_pkey")),
        sa.UniqueConstraint(
            "id", "client_id", "ship_to_state", "placed_xid", name="orders_terms_key"
        ),
        sa.UniqueConstraint("id", "total_cents", name="orders_total_key"),
        sa.UniqueConstraint("number", name=op.f("orders_number_key")),
    )
    op.create_index("orders_client_idx", "orders", ["client_id", "placed_at"], unique=False)
    op.create_index(
        "orders_open_idx",
        "orders",
        ["pay_by"],
        unique=False,
        postgresql_where=sa.text("status = 'awaiting_payment'"),
    )
    op.create_table(
        "cart_lines",
        sa.Column("cart_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column(
            "added_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.CheckConstraint("quantity BETWEEN 1 AND 20", name=op.f("cart_quantity_is_sane")),
        sa.ForeignKeyConstraint(["cart_id"], ["carts.id"], name=op.f("cart_lines_cart_id_fkey")),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variants.id"], name=op.f("cart_lines_variant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("cart_id", "variant_id", name=op.f("cart_lines_pkey")),
    )
    op.create_table(
        "shipments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("tracking", sa.Text(), nullable=False),
        sa.Column("shipped_by_id", sa.Uuid(), nullable=False),
        sa.Column(
            "shipped_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("shipments_order_id_fkey")),
        sa.ForeignKeyConstraint(
            ["shipped_by_id"], ["people.id"], name=op.f("shipments_shipped_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("shipments_pkey")),
        sa.UniqueConstraint("number", name=op.f("shipments_number_key")),
    )
    op.create_index(op.f("shipments_order_id_idx"), "shipments", ["order_id"], unique=False)
    op.create_table(
        "order_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("ship_to_state", sa.Text(), nullable=False),
        sa.Column("placed_xid", sa.Text(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price_id", sa.Uuid(), nullable=False),
        sa.Column("unit_price_cents", sa.Integer(), nullable=False),
        sa.Column("total_cents", sa.Integer(), nullable=False),
        sa.Column("requires_prescription", sa.Boolean(), nullable=False),
        sa.Column("fill_id", sa.Uuid(), nullable=True),
        sa.Column("reservation_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status = 'cancelled') = (cancelled_at IS NOT NULL)",
            name=op.f("cancelled_at_some_time"),
        ),
        sa.CheckConstraint(
            "(status = 'on_hold') = (held_at IS NOT NULL)", name=op.f("held_at_some_time")
        ),
        sa.CheckConstraint(
            "status NOT IN ('shipped', 'delivered', 'returned') OR shipped_at IS NOT NULL",
            name=op.f("shipped_at_some_time"),
        ),
        sa.CheckConstraint("quantity BETWEEN 1 AND 20", name=op.f("line_quantity_is_sane")),
        sa.CheckConstraint(
            "requires_prescription = (fill_id IS NOT NULL)",
            name=op.f("doctor_only_line_has_a_fill"),
        ),
        sa.CheckConstraint(
            "total_cents = unit_price_cents * quantity", name=op.f("line_total_is_the_product")
        ),
        sa.ForeignKeyConstraint(
            ["fill_id", "client_id", "variant_id", "ship_to_state", "quantity"],
            ["fills.id", "fills.client_id", "fills.variant_id", "fills.state", "fills.quantity"],
            name="fill_covers_the_line",
        ),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="order_line_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "client_id", "ship_to_state", "placed_xid"],
            ["orders.id", "orders.client_id", "orders.ship_to_state", "orders.placed_xid"],
            name="line_is_of_its_order",
        ),
        sa.ForeignKeyConstraint(
            ["price_id", "variant_id", "unit_price_cents"],
            ["prices.id", "prices.variant_id", "prices.cents"],
            name="line_has_the_listed_price",
        ),
        sa.ForeignKeyConstraint(
            ["reservation_id", "variant_id", "quantity"],
            ["reservations.id", "reservations.variant_id", "reservations.units"],
            name="reservation_is_for_the_line",
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variants.id"], name=op.f("order_lines_variant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("order_lines_pkey")),
        sa.UniqueConstraint("order_id", "position", name="order_lines_position_key"),
        sa.UniqueConstraint("reservation_id", name="order_lines_reservation_key"),
    )
    op.create_index(
        "order_lines_one_per_fill",
        "order_lines",
        ["fill_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'cancelled'"),
    )
    op.create_index(op.f("order_lines_order_id_idx"), "order_lines", ["order_id"], unique=False)
    op.create_index("order_lines_variant_idx", "order_lines", ["variant_id"], unique=False)
    op.create_table(
        "shipment_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("movement_id", sa.Uuid(), nullable=False),
        sa.Column("fill_id", sa.Uuid(), nullable=True),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.CheckConstraint("units > 0", name=op.f("shipped_something")),
        sa.ForeignKeyConstraint(
            ["fill_id"], ["fills.id"], name=op.f("shipment_lines_fill_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["movement_id", "lot_id"],
            ["movements.id", "movements.lot_id"],
            name="shipped_by_this_movement",
        ),
        sa.ForeignKeyConstraint(
            ["order_line_id"], ["order_lines.id"], name=op.f("shipment_lines_order_line_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["shipment_id"], ["shipments.id"], name=op.f("shipment_lines_shipment_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("shipment_lines_pkey")),
        sa.UniqueConstraint("movement_id", name="shipment_lines_movement_key"),
    )
    op.create_index("shipment_lines_lot_idx", "shipment_lines", ["lot_id"], unique=False)
    op.create_index(
        op.f("shipment_lines_order_line_id_idx"), "shipment_lines", ["order_line_id"], unique=False
    )
    op.create_index(
        op.f("shipment_lines_shipment_id_idx"), "shipment_lines", ["shipment_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index(op.f("shipment_lines_shipment_id_idx"), table_name="shipment_lines")
    op.drop_index(op.f("shipment_lines_order_line_id_idx"), table_name="shipment_lines")
    op.drop_index("shipment_lines_lot_idx", table_name="shipment_lines")
    op.drop_table("shipment_lines")
    op.drop_index("order_lines_variant_idx", table_name="order_lines")
    op.drop_index(op.f("order_lines_order_id_idx"), table_name="order_lines")
    op.drop_index(
        "order_lines_one_per_fill",
        table_name="order_lines",
        postgresql_where=sa.text("status <> 'cancelled'"),
    )
    op.drop_table("order_lines")
    op.drop_index(op.f("shipments_order_id_idx"), table_name="shipments")
    op.drop_table("shipments")
    op.drop_table("cart_lines")
    op.drop_index(
        "orders_open_idx",
        table_name="orders",
        postgresql_where=sa.text("status = 'awaiting_payment'"),
    )
    op.drop_index("orders_client_idx", table_name="orders")
    op.drop_table("orders")
    op.drop_table("carts")
