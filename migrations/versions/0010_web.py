"""Answers kept under idempotency keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_answers",
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column(
            "kept_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.CheckConstraint("length(key) BETWEEN 1 AND 255", name=op.f("idempotency_key_fits")),
        sa.CheckConstraint("octet_length(request_hash) = 32", name=op.f("request_is_hashed")),
        sa.PrimaryKeyConstraint("actor", "key", name=op.f("kept_answers_pkey")),
    )
    op.execute(
        "GRANT SELECT, INSERT (actor, key, request_hash, status, body, subject_id)"
        " ON kept_answers TO aftercare_app"
    )


def downgrade() -> None:
    op.drop_table("kept_answers")
