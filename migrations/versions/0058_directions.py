"""Templates for directions: written by physicians, versions kept, ended and never deleted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None

GUARDS = """
-- A physician writes; for the whole clinic only who is its medical director that day (UTC).
CREATE FUNCTION directions_written() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
    today date := (shop_now() AT TIME ZONE 'UTC')::date;
    before directions_templates;
BEGIN
    SELECT * INTO before FROM directions_templates
        WHERE series_id = NEW.series_id ORDER BY version DESC LIMIT 1;
    broken := CASE
        WHEN NOT EXISTS (SELECT FROM people WHERE id = NEW.written_by_id AND role = 'physician'
                         AND disabled_at IS NULL)
            THEN 'directions_are_written_by_a_physician'
        WHEN NEW.owner_id <> NEW.written_by_id
            THEN 'nobody_writes_directions_for_another'
        WHEN NEW.owner_id IS NULL AND NOT EXISTS (
            SELECT FROM duties WHERE person_id = NEW.written_by_id AND duty = 'medical_director'
                AND valid_from <= today AND (valid_until IS NULL OR today < valid_until)
                AND (ended_on IS NULL OR today < ended_on))
            THEN 'medical_director_writes_for_the_clinic'
        WHEN NEW.version <> coalesce(before.version, 0) + 1
             OR (before.id IS NOT NULL AND (before.ended_by_id IS NULL
                 OR before.owner_id IS DISTINCT FROM NEW.owner_id))
            THEN 'directions_follow_the_version_before'
    END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'directions %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.written_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER directions_written BEFORE INSERT ON directions_templates
    FOR EACH ROW EXECUTE FUNCTION directions_written();

CREATE FUNCTION directions_only_ended() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
    today date := (shop_now() AT TIME ZONE 'UTC')::date;
BEGIN
    broken := CASE
        WHEN TG_OP = 'DELETE' OR OLD.ended_by_id IS NOT NULL
             OR (to_jsonb(NEW) - 'ended_at' - 'ended_by_id')
                <> (to_jsonb(OLD) - 'ended_at' - 'ended_by_id')
            THEN 'directions_are_only_ended'
        WHEN NEW.ended_by_id IS DISTINCT FROM OLD.owner_id AND (OLD.owner_id IS NOT NULL
             OR NOT EXISTS (
            SELECT FROM duties WHERE person_id = NEW.ended_by_id AND duty = 'medical_director'
                AND valid_from <= today AND (valid_until IS NULL OR today < valid_until)
                AND (ended_on IS NULL OR today < ended_on)))
            THEN 'directions_are_ended_by_whose_they_are'
    END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'directions %: %', OLD.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.ended_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER directions_are_only_ended BEFORE UPDATE OR DELETE ON directions_templates
    FOR EACH ROW EXECUTE FUNCTION directions_only_ended();
"""

GRANTS = """
GRANT SELECT ON directions_templates TO aftercare_app, aftercare_worker;
GRANT INSERT (id, series_id, version, owner_id, written_by_id, form, active, name, directions),
    UPDATE (ended_by_id) ON directions_templates TO aftercare_app;
"""


def upgrade() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "directions_templates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("series_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("written_by_id", sa.Uuid(), nullable=False),
        sa.Column("form", sa.Text(), nullable=False),
        sa.Column("active", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("directions", sa.Text(), nullable=False),
        sa.Column("written_at", moment, nullable=False),
        sa.Column("ended_at", moment, nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("version >= 1", name=op.f("directions_version_counts_from_one")),
        sa.CheckConstraint(
            "char_length(name) BETWEEN 1 AND 80 AND name = btrim(name)",
            name=op.f("directions_have_a_name"),
        ),
        sa.CheckConstraint(
            "char_length(directions) BETWEEN 1 AND 2000 AND directions = btrim(directions)",
            name=op.f("directions_say_something"),
        ),
        sa.CheckConstraint(
            "char_length(form) <= 80 AND form = upper(btrim(form))",
            name=op.f("directions_form_is_written_as_filed"),
        ),
        sa.CheckConstraint(
            "char_length(active) <= 80 AND active = upper(btrim(active))",
            name=op.f("directions_active_is_written_as_filed"),
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_id IS NULL)", name=op.f("directions_ended_by_someone")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["people.id"], name=op.f("directions_templates_owner_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["written_by_id"], ["people.id"], name=op.f("directions_templates_written_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["ended_by_id"], ["people.id"], name=op.f("directions_templates_ended_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("directions_templates_pkey")),
        sa.UniqueConstraint("series_id", "version", name="directions_templates_version_key"),
    )
    current = sa.text("ended_by_id IS NULL")
    op.create_index(
        "directions_templates_name_is_free",
        "directions_templates",
        ["owner_id", "name"],
        unique=True,
        postgresql_nulls_not_distinct=True,
        postgresql_where=current,
    )
    op.execute(GUARDS)
    op.execute(GRANTS)


def downgrade() -> None:
    op.drop_table("directions_templates")
    op.execute("DROP FUNCTION directions_written; DROP FUNCTION directions_only_ended;")
