"""Who opened whose record."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

RULES = """
CREATE TRIGGER accesses_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON accesses
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

GRANT SELECT ON accesses TO aftercare_app, aftercare_worker;
GRANT INSERT (id, reader_id, client_id, record, purpose, request_id) ON accesses
    TO aftercare_app, aftercare_worker;
"""


def upgrade() -> None:
    op.create_table(
        "accesses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reader_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("record", sa.Text(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("shop_now()"), nullable=False
        ),
        sa.Column("request_id", sa.Text(), server_default="", nullable=False),
        sa.CheckConstraint(
            "purpose IN ('treatment', 'payment', 'operations', 'patient_request')",
            name=op.f("access_purpose_is_known"),
        ),
        sa.CheckConstraint("reader_id <> client_id", name=op.f("access_is_by_another")),
        sa.ForeignKeyConstraint(["client_id"], ["people.id"], name=op.f("accesses_client_id_fkey")),
        sa.ForeignKeyConstraint(["reader_id"], ["people.id"], name=op.f("accesses_reader_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("accesses_pkey")),
    )
    op.create_index("accesses_client_idx", "accesses", ["client_id", "at"], unique=False)
    op.execute(RULES)


def downgrade() -> None:
    op.drop_index("accesses_client_idx", table_name="accesses")
    op.drop_table("accesses")
