"""What the catalogue's triggers look for is planned anew each time: by the tables as they are."""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # PL/pgSQL keeps a plan for the session. One made while the tables were empty compared every
    # name with every product: an import of all registers after that took a quarter of an hour.
    # It runs once a statement, so that planning costs little.
    op.execute("ALTER FUNCTION products_touched() SET plan_cache_mode = force_custom_plan")


def downgrade() -> None:
    op.execute("ALTER FUNCTION products_touched() RESET plan_cache_mode")
