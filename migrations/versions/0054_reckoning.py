"""What moved on the account at the provider: taken in, and kept as it was told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

KEPT = """
CREATE FUNCTION money_movement_is_taken_in() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.taken_in_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER money_movement_is_taken_in BEFORE INSERT ON money_movements
    FOR EACH ROW EXECUTE FUNCTION money_movement_is_taken_in();
CREATE TRIGGER money_movements_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON money_movements
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

GRANTS = """
GRANT SELECT, INSERT (id, kind, category, amount_cents, fee_cents, net_cents, source_id, intent_id,
                      created, available_on) ON money_movements
    TO aftercare_app, aftercare_worker;
"""


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "money_movements",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("amount_cents", sa.Integer(), nullable=False),
        sa.Column("fee_cents", sa.Integer(), nullable=False),
        sa.Column("net_cents", sa.Integer(), nullable=False),
        sa.Column("source_id", sa.Text(), nullable=True),
        sa.Column("intent_id", sa.Text(), nullable=True),
        sa.Column("created", moment, nullable=False),
        sa.Column("available_on", moment, nullable=False),
        sa.Column("taken_in_at", moment, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("money_movements_pkey")),
    )
    op.create_index("money_movements_created_idx", "money_movements", ["created"])
    op.execute(KEPT)
    op.execute(GRANTS)


def downgrade() -> None:
    op.drop_table("money_movements")
    op.execute("DROP FUNCTION money_movement_is_taken_in")
