"""Files handed in at a page, kept while somebody says how they are read and tries them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None

GUARD = """
CREATE FUNCTION sheet_stamped() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    NEW.handed_in_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER sheet_stamped BEFORE INSERT ON import_sheets
    FOR EACH ROW EXECUTE FUNCTION sheet_stamped();
"""

GRANTS = """
GRANT SELECT, DELETE ON import_sheets TO aftercare_app, aftercare_worker;
GRANT INSERT (id, name, source, sha256, content, handed_in_by_id) ON import_sheets
    TO aftercare_app;
"""


def upgrade() -> None:
    op.create_table(
        "import_sheets",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("handed_in_by_id", sa.Uuid(), nullable=False),
        sa.Column("handed_in_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("sha256 = sha256(content)", name=op.f("sheet_is_what_its_hash_says")),
        sa.CheckConstraint(
            "octet_length(content) BETWEEN 1 AND 20971520", name=op.f("sheet_is_small")
        ),
        sa.ForeignKeyConstraint(
            ["handed_in_by_id"], ["people.id"], name=op.f("import_sheets_handed_in_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("import_sheets_pkey")),
        sa.UniqueConstraint("sha256", "source", name=op.f("import_sheets_are_one_per_file")),
    )
    op.execute(GUARD)
    op.execute(GRANTS)


def downgrade() -> None:
    op.drop_table("import_sheets")
    op.execute("DROP FUNCTION sheet_stamped()")
