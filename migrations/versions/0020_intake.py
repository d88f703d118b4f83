"""The day on which each answer of a request was first said, sealed and frozen with the answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

FROZEN = """
CREATE FUNCTION answer_days_are_frozen() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'approval request %: the days of its answers are frozen', NEW.number
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER answer_days_are_frozen_once_submitted BEFORE UPDATE ON approval_requests
    FOR EACH ROW WHEN (OLD.status <> 'draft'
                       AND NEW.answered_on_sealed IS DISTINCT FROM OLD.answered_on_sealed)
    EXECUTE FUNCTION answer_days_are_frozen();
"""

GRANTS = """
GRANT INSERT (answered_on_sealed), UPDATE (answered_on_sealed) ON approval_requests
    TO aftercare_app;
"""


def upgrade() -> None:
    op.add_column(
        "approval_requests", sa.Column("answered_on_sealed", sa.LargeBinary(), nullable=True)
    )
    op.execute(FROZEN)
    op.execute(GRANTS)


def downgrade() -> None:
    op.execute("DROP TRIGGER answer_days_are_frozen_once_submitted ON approval_requests")
    op.execute("DROP FUNCTION answer_days_are_frozen()")
    op.drop_column("approval_requests", "answered_on_sealed")
