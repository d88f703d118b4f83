"""Paper: leaflets that were read, documents that were issued, prescriptions taken elsewhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

GUARDS = """
-- Read by a client, at the moment it is written.
CREATE FUNCTION leaflet_acknowledged() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    NEW.acknowledged_at := shop_now();
    IF NOT EXISTS (SELECT FROM people WHERE id = NEW.client_id AND role = 'client') THEN
        RAISE EXCEPTION 'acknowledgement %: only a client reads a leaflet for herself', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'leaflet_is_read_by_a_client',
                TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER leaflet_acknowledged BEFORE INSERT ON leaflet_acknowledgements
    FOR EACH ROW EXECUTE FUNCTION leaflet_acknowledged();
CREATE TRIGGER leaflet_acknowledgements_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE
    ON leaflet_acknowledgements FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- Prints of a document are numbered without a gap, so that there is one first.
CREATE FUNCTION document_issued() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    NEW.issued_at := shop_now();
    IF NEW.number IS DISTINCT FROM 1 + (
        SELECT count(*) FROM documents_issued
        WHERE kind = NEW.kind AND subject_id = NEW.subject_id)
    THEN
        RAISE EXCEPTION 'document %: number % is not the next', NEW.id, NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'documents_are_numbered_in_turn',
                TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER document_issued BEFORE INSERT ON documents_issued
    FOR EACH ROW EXECUTE FUNCTION document_issued();
CREATE TRIGGER documents_issued_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE
    ON documents_issued FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- What is taken away is in force, and exactly what is left. The lock excludes fills (FOR SHARE).
CREATE FUNCTION prescription_taken_away() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    signed prescriptions%ROWTYPE;
    live integer;
    broken text;
BEGIN
    SELECT * INTO signed FROM prescriptions WHERE id = NEW.prescription_id FOR NO KEY UPDATE;
    SELECT count(*) INTO live FROM fills
        WHERE prescription_id = NEW.prescription_id AND status <> 'released';
    NEW.taken_at := shop_now();
    IF signed.status <> 'active' OR signed.valid_until <= NEW.taken_at
       OR NOT EXISTS (SELECT FROM approval_requests
                      WHERE id = signed.request_id AND status = 'approved') THEN
        broken := 'prescription_taken_away_is_in_force';
    ELSIF NEW.fills <> signed.fills_allowed - live THEN
        broken := 'fills_taken_away_are_what_is_left';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'prescription %: %', NEW.prescription_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER prescription_taken_away BEFORE INSERT ON prescriptions_taken_away
    FOR EACH ROW EXECUTE FUNCTION prescription_taken_away();
CREATE TRIGGER prescriptions_taken_away_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE
    ON prescriptions_taken_away FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- No fill here of what is filled elsewhere, and no first fill before the leaflet was read. Whether
-- it was the version of the day is the code's to know.
CREATE FUNCTION fill_may_begin() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    PERFORM 1 FROM prescriptions WHERE id = NEW.prescription_id FOR SHARE;
    IF EXISTS (SELECT FROM prescriptions_taken_away WHERE prescription_id = NEW.prescription_id)
    THEN
        broken := 'prescription_was_not_taken_away';
    ELSIF NOT EXISTS (SELECT FROM fills
                      WHERE prescription_id = NEW.prescription_id AND status <> 'released')
        AND NOT EXISTS (SELECT FROM prescriptions p
                        JOIN variants v ON v.id = p.variant_id
                        JOIN leaflet_acknowledgements a
                            ON a.client_id = p.client_id AND a.product_id = v.product_id
                        WHERE p.id = NEW.prescription_id)
    THEN
        broken := 'leaflet_is_read_before_the_first_fill';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'fill % of prescription %: %', NEW.number, NEW.prescription_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fill_may_begin BEFORE INSERT ON fills
    FOR EACH ROW EXECUTE FUNCTION fill_may_begin();

GRANT SELECT ON leaflet_acknowledgements, documents_issued, prescriptions_taken_away
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, client_id, product_id, leaflet_version, choice_version)
    ON leaflet_acknowledgements TO aftercare_app;
GRANT INSERT (id, kind, subject_id, number, facts_hash, sha256, issued_on, issued_by_id)
    ON documents_issued TO aftercare_app;
GRANT INSERT (prescription_id, fills) ON prescriptions_taken_away TO aftercare_app;
"""


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def upgrade() -> None:
    op.create_table(
        "leaflet_acknowledgements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("leaflet_version", sa.Text(), nullable=False),
        sa.Column("choice_version", sa.Text(), nullable=False),
        _moment("acknowledged_at"),
        sa.CheckConstraint(
            r"leaflet_version ~ '^[a-z-]+-[0-9]{4}-[0-9]+(\+[a-z-]+-[0-9]{4}-[0-9]+)*$'",
            name=op.f("leaflet_version_is_of_files"),
        ),
        sa.CheckConstraint(
            "choice_version ~ '^[a-z-]+-[0-9]{4}-[0-9]+$'",
            name=op.f("choice_version_is_of_a_file"),
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["people.id"], name=op.f("leaflet_acknowledgements_client_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("leaflet_acknowledgements_product_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("leaflet_acknowledgements_pkey")),
        sa.UniqueConstraint(
            "client_id",
            "product_id",
            "leaflet_version",
            "choice_version",
            name="leaflet_acknowledgements_once",
        ),
    )
    op.create_table(
        "prescriptions_taken_away",
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column("fills", sa.Integer(), nullable=False),
        _moment("taken_at"),
        sa.CheckConstraint("fills BETWEEN 1 AND 12", name=op.f("something_was_taken")),
        sa.ForeignKeyConstraint(
            ["prescription_id"],
            ["prescriptions.id"],
            name=op.f("prescriptions_taken_away_prescription_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("prescription_id", name=op.f("prescriptions_taken_away_pkey")),
    )
    op.create_table(
        "documents_issued",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("facts_hash", sa.LargeBinary(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("issued_by_id", sa.Uuid(), nullable=False),
        _moment("issued_at"),
        sa.CheckConstraint(
            "kind IN ('prescription_record', 'written_prescription', 'dispensing_label')",
            name=op.f("document_kind_is_known"),
        ),
        sa.CheckConstraint("octet_length(facts_hash) = 32", name=op.f("document_facts_are_hashed")),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("document_is_hashed")),
        sa.ForeignKeyConstraint(
            ["issued_by_id"], ["people.id"], name=op.f("documents_issued_issued_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("documents_issued_pkey")),
        sa.UniqueConstraint("kind", "subject_id", "number", name="documents_one_per_number"),
    )
    op.execute(GUARDS)


def downgrade() -> None:
    op.execute("DROP TRIGGER fill_may_begin ON fills")
    op.drop_table("documents_issued")
    op.drop_table("prescriptions_taken_away")
    op.drop_table("leaflet_acknowledgements")
    op.execute(
        "DROP FUNCTION fill_may_begin, prescription_taken_away, document_issued,"
        " leaflet_acknowledged"
    )
