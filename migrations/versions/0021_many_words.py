"""The index of the many words keeps a little waiting.

Many products share these words. Put in place one by one they took half of a large import's time and
most of its WAL; 256 kB of them are put in place together.
"""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(
        "ALTER INDEX product_search_other_idx SET (fastupdate = on, gin_pending_list_limit = 256)"
    )


def downgrade() -> None:
    op.execute("ALTER INDEX product_search_other_idx RESET (gin_pending_list_limit)")
    op.execute("ALTER INDEX product_search_other_idx SET (fastupdate = off)")
    op.execute("SELECT gin_clean_pending_list('product_search_other_idx')")
