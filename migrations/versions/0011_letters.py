"""Letters: what was written to whom, and whether it left."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

GRANTS = """
GRANT SELECT ON letters TO aftercare_app, aftercare_worker;
GRANT INSERT (id, template, subject_id, version, recipient_id) ON letters
    TO aftercare_app, aftercare_worker;
GRANT UPDATE (tries, lease_until, sent_at, failed_at, error) ON letters
    TO aftercare_app, aftercare_worker;
"""


def upgrade() -> None:
    op.create_table(
        "letters",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("recipient_id", sa.Uuid(), nullable=False),
        sa.Column(
            "queued_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "template IN ('account_confirmation', 'account_exists', 'request_received',"
            " 'request_news', 'order_paid', 'order_shipped', 'order_cancelled', 'order_expired',"
            " 'refund_sent')",
            name=op.f("letter_template_is_known"),
        ),
        sa.CheckConstraint(
            "sent_at IS NULL OR failed_at IS NULL", name=op.f("letter_is_sent_or_has_failed")
        ),
        sa.CheckConstraint("failed_at IS NULL OR error <> ''", name=op.f("failed_letter_says_why")),
        sa.CheckConstraint("sent_at IS NULL OR tries > 0", name=op.f("sent_letter_was_tried")),
        sa.ForeignKeyConstraint(
            ["recipient_id"], ["people.id"], name=op.f("letters_recipient_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("letters_pkey")),
        sa.UniqueConstraint("template", "subject_id", "version", name="letters_once_per_version"),
    )
    op.create_index("letters_recipient_id_idx", "letters", ["recipient_id"])
    op.create_index(
        "letters_due_idx",
        "letters",
        ["queued_at"],
        postgresql_where=sa.text("sent_at IS NULL AND failed_at IS NULL"),
    )
    op.execute(GRANTS)


def downgrade() -> None:
    op.drop_table("letters")
