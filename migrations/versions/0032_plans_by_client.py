"""The gate looks whether a client is treated, of whatever she wishes for: her plans by an index."""

from __future__ import annotations

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("plans_client_idx", "plans", ["client_id"])


def downgrade() -> None:
    op.drop_index("plans_client_idx", "plans")
