"""Private addresses at which a client's calendar program reads her plan."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

GUARD = """
-- An address is a client's own, and of what was given out nothing is changed: it ends, once, now.
CREATE FUNCTION calendar_feed_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT EXISTS (SELECT FROM people WHERE id = NEW.client_id AND role = 'client'
                       AND disabled_at IS NULL) THEN
            broken := 'calendar_feed_is_of_a_client';
        END IF;
        NEW.made_at := shop_now();
        NEW.ended_at := NULL;
    ELSE
        IF (NEW.id, NEW.client_id, NEW.secret_hash, NEW.words, NEW.made_at)
           IS DISTINCT FROM
           (OLD.id, OLD.client_id, OLD.secret_hash, OLD.words, OLD.made_at)
        THEN
            broken := 'calendar_feed_keeps_its_address';
        ELSIF OLD.ended_at IS NOT NULL THEN
            broken := 'calendar_feed_ends_once';
        END IF;
        NEW.ended_at := shop_now();
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'calendar feed %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER calendar_feed_guard BEFORE INSERT OR UPDATE ON calendar_feeds
    FOR EACH ROW EXECUTE FUNCTION calendar_feed_guard();
CREATE TRIGGER calendar_feeds_are_kept BEFORE DELETE OR TRUNCATE ON calendar_feeds
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
GRANT SELECT ON calendar_feeds TO aftercare_app;
GRANT INSERT (id, client_id, secret_hash, words), UPDATE (ended_at)
    ON calendar_feeds TO aftercare_app;
"""


def upgrade() -> None:
    op.create_table(
        "calendar_feeds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "octet_length(secret_hash) = 32", name=op.f("calendar_secret_is_hashed")
        ),
        sa.CheckConstraint("words IN ('discreet', 'full')", name=op.f("calendar_words_are_known")),
        sa.ForeignKeyConstraint(
            ["client_id"], ["people.id"], name=op.f("calendar_feeds_client_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("calendar_feeds_pkey")),
        sa.UniqueConstraint("secret_hash", name=op.f("calendar_feeds_secret_hash_key")),
    )
    op.create_index(
        "calendar_feeds_one_at_a_time",
        "calendar_feeds",
        ["client_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.execute(GUARD)


def downgrade() -> None:
    op.drop_table("calendar_feeds")
    op.execute("DROP FUNCTION calendar_feed_guard")
