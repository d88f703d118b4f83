"""Payments, refunds, provider calls and events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "provider_calls",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("reference_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("fence", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "planned_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "operation IN ('open_session', 'expire_session', 'refund')",
            name=op.f("call_operation_is_known"),
        ),
        sa.CheckConstraint(
            "status IN ('planned', 'in_flight', 'done', 'rejected', 'human')",
            name=op.f("call_status_is_known"),
        ),
        sa.CheckConstraint("length(idempotency_key) <= 255", name=op.f("call_key_fits")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("provider_calls_order_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("provider_calls_pkey")),
        sa.UniqueConstraint("idempotency_key", name="provider_calls_key"),
        sa.UniqueConstraint("operation", "reference_id", name="provider_calls_once"),
    )
    op.create_index(
        "provider_calls_due_idx",
        "provider_calls",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("status IN ('planned', 'in_flight')"),
    )
    op.create_index(
        op.f("provider_calls_order_id_idx"), "provider_calls", ["order_id"], unique=False
    )
    op.create_table(
        "provider_events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("provider_events_pkey")),
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount_cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), server_default="usd", nullable=False),
        sa.Column("captured_cents", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("refunded_cents", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("provider_session_id", sa.Text(), nullable=True),
        sa.Column("provider_intent_id", sa.Text(), nullable=True),
        sa.Column("livemode", sa.Boolean(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("page_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status = 'succeeded') = (captured_cents > 0)", name=op.f("succeeded_is_captured")
        ),
        sa.CheckConstraint("currency = 'usd'", name=op.f("payment_currency_is_usd")),
        sa.CheckConstraint("captured_cents IN (0, amount_cents)", name=op.f("capture_is_total")),
        sa.CheckConstraint(
            "refunded_cents BETWEEN 0 AND captured_cents", name=op.f("refunds_within_capture")
        ),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="payment_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "amount_cents"],
            ["orders.id", "orders.total_cents"],
            name="amount_is_the_orders_total",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("payments_pkey")),
        sa.UniqueConstraint("provider_intent_id", name="payments_intent_key"),
        sa.UniqueConstraint("provider_session_id", name="payments_session_key"),
    )
    op.create_index(
        "payments_one_live",
        "payments",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('created', 'open', 'questioned')"),
    )
    op.create_index(op.f("payments_order_id_idx"), "payments", ["order_id"], unique=False)
    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=False),
        sa.Column("amount_cents", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("provider_refund_id", sa.Text(), nullable=True),
        sa.Column(
            "planned_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("amount_cents > 0", name=op.f("refund_is_positive")),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="refund_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("refunds_payment_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("refunds_pkey")),
        sa.UniqueConstraint("payment_id", "request_key", name="refunds_one_per_request"),
        sa.UniqueConstraint("provider_refund_id", name="refunds_provider_key"),
    )


def downgrade() -> None:
    op.drop_table("refunds")
    op.drop_index(op.f("payments_order_id_idx"), table_name="payments")
    op.drop_index(
        "payments_one_live",
        table_name="payments",
        postgresql_where=sa.text("status IN ('created', 'open', 'questioned')"),
    )
    op.drop_table("payments")
    op.drop_table("provider_events")
    op.drop_index(
        "provider_calls_due_idx",
        table_name="provider_calls",
        postgresql_where=sa.text("status IN ('planned', 'in_flight')"),
    )
    op.drop_index(op.f("provider_calls_order_id_idx"), table_name="provider_calls")
    op.drop_table("provider_calls")
