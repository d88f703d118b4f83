"""How the clinic shows itself, and the language each person is spoken to in."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None

GUARD = """
CREATE FUNCTION look_is_chosen_by_a_manager() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM people WHERE id = NEW.chosen_by_id AND role = 'manager'
                   AND disabled_at IS NULL) THEN
        RAISE EXCEPTION 'a manager chooses how the clinic looks' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'look_is_chosen_by_a_manager', TABLE = TG_TABLE_NAME;
    END IF;
    NEW.chosen_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER look_is_chosen_by_a_manager BEFORE INSERT ON clinic_looks
    FOR EACH ROW EXECUTE FUNCTION look_is_chosen_by_a_manager();
CREATE TRIGGER clinic_looks_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON clinic_looks
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

GRANTS = """
GRANT SELECT ON clinic_looks TO aftercare_app, aftercare_worker;
GRANT INSERT (number, name, hero_title, hero_text, accent, logo, logo_type, chosen_by_id) ON clinic_looks
    TO aftercare_app;
GRANT INSERT (language), UPDATE (language) ON people TO aftercare_app, aftercare_worker;
"""


def upgrade() -> None:
    op.add_column("people", sa.Column("language", sa.Text(), server_default="en", nullable=False))
    op.create_check_constraint(
        op.f("language_is_spoken_here"), "people", "language IN ('en', 'es')"
    )
    op.create_table(
        "clinic_looks",
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hero_title", sa.Text(), nullable=False),
        sa.Column("hero_text", sa.Text(), nullable=False),
        sa.Column("accent", sa.Text(), nullable=False),
        sa.Column("logo", sa.LargeBinary(), nullable=True),
        sa.Column("logo_type", sa.Text(), nullable=True),
        sa.Column("chosen_by_id", sa.Uuid(), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "char_length(name) BETWEEN 1 AND 80 AND name = btrim(name)",
            name=op.f("clinic_has_a_name"),
        ),
        sa.CheckConstraint("char_length(hero_title) <= 80", name=op.f("hero_title_is_short")),
        sa.CheckConstraint("char_length(hero_text) <= 240", name=op.f("hero_text_is_short")),
        sa.CheckConstraint("accent ~ '^(#[0-9a-f]{6})?$'", name=op.f("accent_is_a_colour")),
        sa.CheckConstraint("(logo IS NULL) = (logo_type IS NULL)", name=op.f("logo_has_a_type")),
        sa.CheckConstraint(
            "logo_type IN ('image/png', 'image/webp')", name=op.f("logo_type_is_known")
        ),
        sa.CheckConstraint("octet_length(logo) BETWEEN 1 AND 200000", name=op.f("logo_is_small")),
        sa.ForeignKeyConstraint(
            ["chosen_by_id"], ["people.id"], name=op.f("clinic_looks_chosen_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("clinic_looks_pkey")),
    )
    op.execute(GUARD)
    op.execute(GRANTS)


def downgrade() -> None:
    op.drop_table("clinic_looks")
    op.execute("DROP FUNCTION look_is_chosen_by_a_manager")
    op.drop_constraint("language_is_spoken_here", "people")
    op.drop_column("people", "language")
