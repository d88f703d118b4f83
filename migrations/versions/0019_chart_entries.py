"""What the clinic knows of a client's health: entries that end and are never changed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

GUARDS = """
-- An entry is said of a client, in the role its author has, at the moment it is written; what takes
-- another's place begins where that one ended. Locks the client: one writer of a chart at a time.
CREATE FUNCTION chart_entry_stated() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    spoken_of people%ROWTYPE;
    author people%ROWTYPE;
    followed chart_entries%ROWTYPE;
    wrong text;
BEGIN
    SELECT * INTO spoken_of FROM people WHERE id = NEW.client_id FOR NO KEY UPDATE;
    SELECT * INTO author FROM people WHERE id = NEW.stated_by_id;
    SELECT * INTO followed FROM chart_entries WHERE id = NEW.supersedes_id;
    NEW.stated_at := coalesce(followed.ended_at, shop_now());
    IF spoken_of.role <> 'client' THEN
        wrong := 'entry_is_of_a_client';
    ELSIF (author.id = spoken_of.id) <> (NEW.source IN ('client', 'intake'))
        OR (author.id <> spoken_of.id AND author.role <> NEW.source) THEN
        wrong := 'entry_source_is_its_authors';
    ELSIF NEW.supersedes_id IS NOT NULL AND followed.ending IS DISTINCT FROM 'superseded' THEN
        wrong := 'entry_follows_what_was_superseded';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'chart entry %: %', NEW.id, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER chart_entry_stated BEFORE INSERT ON chart_entries
    FOR EACH ROW EXECUTE FUNCTION chart_entry_stated();

-- The one change: an entry ends, once, by somebody who knows at least as much as its author. The
-- client may always say anew whether she is pregnant.
CREATE FUNCTION chart_entry_ended() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    ranks CONSTANT text[] := ARRAY['intake', 'client', 'esthetician', 'physician'];
    ender people%ROWTYPE;
    wrong text;
BEGIN
    PERFORM 1 FROM people WHERE id = OLD.client_id FOR NO KEY UPDATE;
    SELECT * INTO ender FROM people WHERE id = NEW.ended_by_id;
    IF (NEW.id, NEW.client_id, NEW.kind, NEW.content_sealed, NEW.source, NEW.stated_by_id,
        NEW.stated_at, NEW.supersedes_id)
       IS DISTINCT FROM
       (OLD.id, OLD.client_id, OLD.kind, OLD.content_sealed, OLD.source, OLD.stated_by_id,
        OLD.stated_at, OLD.supersedes_id)
    THEN
        wrong := 'entry_keeps_what_was_said';
    ELSIF OLD.ended_at IS NOT NULL THEN
        wrong := 'entry_ends_once';
    ELSIF NOT coalesce(
        (ender.id = OLD.client_id OR ender.role IN ('esthetician', 'physician'))
        AND (array_position(ranks, OLD.source) <= array_position(ranks, ender.role)
             OR (ender.id = OLD.client_id AND OLD.kind = 'pregnancy')),
        false)
    THEN
        wrong := 'entry_is_ended_by_one_who_knows';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'chart entry %: %', OLD.id, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.ended_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER chart_entry_ended BEFORE UPDATE ON chart_entries
    FOR EACH ROW EXECUTE FUNCTION chart_entry_ended();

CREATE TRIGGER chart_entries_are_kept BEFORE DELETE OR TRUNCATE ON chart_entries
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- "Superseded" is no way to make a fact vanish: something stands in its place.
CREATE FUNCTION chart_entry_followed() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM chart_entries WHERE supersedes_id = NEW.id) THEN
        RAISE EXCEPTION 'chart entry % is superseded by nothing', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'superseded_entry_has_a_successor',
                TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER superseded_entry_has_a_successor AFTER UPDATE ON chart_entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.ending = 'superseded')
    EXECUTE FUNCTION chart_entry_followed();

GRANT SELECT ON chart_entries TO aftercare_app, aftercare_worker;
GRANT INSERT (id, client_id, kind, content_sealed, source, stated_by_id, supersedes_id),
    UPDATE (ended_by_id, ending) ON chart_entries TO aftercare_app;
"""


def upgrade() -> None:
    op.create_table(
        "chart_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("stated_by_id", sa.Uuid(), nullable=False),
        sa.Column(
            "stated_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("supersedes_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.Column("ending", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "kind IN ('allergy', 'condition', 'pregnancy', 'medicine', 'fitzpatrick', 'concern',"
            " 'guardian')",
            name=op.f("fact_kind_is_known"),
        ),
        sa.CheckConstraint(
            "source IN ('client', 'physician', 'esthetician', 'intake')",
            name=op.f("entry_source_is_known"),
        ),
        sa.CheckConstraint(
            "ending IN ('resolved', 'superseded', 'entered_in_error')",
            name=op.f("entry_ending_is_known"),
        ),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_id IS NULL) AND (ended_at IS NULL) = (ending IS NULL)",
            name=op.f("entry_ended_by_someone"),
        ),
        sa.CheckConstraint(
            "substring(content_sealed, 1, 1) = '\\x01' AND octet_length(content_sealed) >= 97",
            name=op.f("entry_content_is_sealed"),
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["people.id"], name=op.f("chart_entries_client_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["stated_by_id"], ["people.id"], name=op.f("chart_entries_stated_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["ended_by_id"], ["people.id"], name=op.f("chart_entries_ended_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["supersedes_id", "client_id", "kind"],
            ["chart_entries.id", "chart_entries.client_id", "chart_entries.kind"],
            name="entry_supersedes_one_of_its_kind",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("chart_entries_pkey")),
        sa.UniqueConstraint("id", "client_id", "kind", name="chart_entries_kind_key"),
        sa.UniqueConstraint("supersedes_id", name="chart_entries_one_successor"),
    )
    op.create_index(
        "chart_entries_one_standing",
        "chart_entries",
        ["client_id", "kind"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL AND kind IN ('pregnancy', 'fitzpatrick')"),
    )
    op.create_index(
        "chart_entries_client_idx", "chart_entries", ["client_id", "stated_at"], unique=False
    )
    op.execute(GUARDS)


def downgrade() -> None:
    op.drop_table("chart_entries")
    op.execute("DROP FUNCTION chart_entry_followed, chart_entry_ended, chart_entry_stated")
