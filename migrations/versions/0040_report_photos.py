"""Photos of clients' reports, sealed, each with a consent of its own."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

GUARDS = """
-- Numbered within its report, which it locks; from then on only the picture goes, for good.
CREATE FUNCTION report_photo_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM 1 FROM session_reports WHERE id = NEW.report_id FOR UPDATE;
        broken := CASE WHEN NEW.picture_sealed IS NULL THEN 'photo_begins_with_a_picture' END;
        NEW.number := 1 + (SELECT count(*) FROM report_photos WHERE report_id = NEW.report_id);
        NEW.added_at := shop_now();
        NEW.erased_at := NULL;
    ELSIF (NEW.id, NEW.report_id, NEW.number, NEW.statement, NEW.added_at)
          IS DISTINCT FROM (OLD.id, OLD.report_id, OLD.number, OLD.statement, OLD.added_at)
    THEN
        broken := 'photo_keeps_what_it_is_of';
    ELSIF NEW.picture_sealed IS NOT NULL OR OLD.picture_sealed IS NULL THEN
        broken := 'photo_is_only_erased';
    ELSE
        NEW.erased_at := shop_now();
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'photo %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER report_photo_guard BEFORE INSERT OR UPDATE ON report_photos
    FOR EACH ROW EXECUTE FUNCTION report_photo_guard();
CREATE TRIGGER report_photos_are_kept BEFORE DELETE OR TRUNCATE ON report_photos
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

GRANT SELECT ON report_photos TO aftercare_app, aftercare_worker;
GRANT INSERT (id, report_id, statement, picture_sealed), UPDATE (picture_sealed)
    ON report_photos TO aftercare_app;
"""
SEALED = "substring(picture_sealed, 1, 1) = '\\x01' AND octet_length(picture_sealed) >= 97"


def upgrade() -> None:
    op.create_table(
        "report_photos",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("picture_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("number BETWEEN 1 AND 3", name=op.f("report_takes_3_photos")),
        sa.CheckConstraint("statement <> ''", name=op.f("photo_names_what_was_agreed_to")),
        sa.CheckConstraint(
            "(picture_sealed IS NULL) = (erased_at IS NOT NULL)",
            name=op.f("photo_is_there_or_erased"),
        ),
        sa.CheckConstraint(SEALED, name=op.f("photo_is_sealed")),
        sa.CheckConstraint("octet_length(picture_sealed) <= 4194304", name=op.f("photo_is_small")),
        sa.ForeignKeyConstraint(
            ["report_id"], ["session_reports.id"], name=op.f("report_photos_report_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("report_photos_pkey")),
        sa.UniqueConstraint("report_id", "number", name="report_photos_number_key"),
    )
    op.execute(GUARDS)


def downgrade() -> None:
    op.drop_table("report_photos")
    op.execute("DROP FUNCTION report_photo_guard")
