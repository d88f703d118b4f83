"""What the catalogue's triggers look for is planned anew each time: by the tables as they are."""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

FUNCTIONS = ("products_touched()", "catalogue_changed()")


def upgrade() -> None:
    # PL/pgSQL keeps a plan for the session. One made while the tables were empty compared every
    # name with every product: an import of all registers after that took a quarter of an hour.
    for function in FUNCTIONS:
        op.execute(f"ALTER FUNCTION {function} SET plan_cache_mode = force_custom_plan")


def downgrade() -> None:
    for function in FUNCTIONS:
        op.execute(f"ALTER FUNCTION {function} RESET plan_cache_mode")
