"""Imports in chunks: how far a file came, what became of its rows, and what waits for the worker."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

SOURCES = """
ALTER TABLE products DROP CONSTRAINT source_is_known;
ALTER TABLE products ADD CONSTRAINT source_is_known
    CHECK (source IN ('ndc', 'lnhpd', 'csv', 'openfda', 'drugsfda'));
-- An approval or an old label is no listing of something sold: unfinished is never sold or published.
ALTER TABLE products ADD CONSTRAINT reference_is_never_finished
    CHECK (source NOT IN ('openfda', 'drugsfda') OR NOT finished);
"""

TRANSITIONS = """
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('import', '', 'queued'), ('import', '', 'running'),
    ('import', 'queued', 'running'), ('import', 'queued', 'stopped'),
    ('import', 'running', 'done'), ('import', 'running', 'failed'),
    ('import', 'running', 'stopped'),
    ('import', 'failed', 'running'), ('import', 'stopped', 'running'),
    ('import', 'queued', 'queued'), ('import', 'running', 'running'), ('import', 'done', 'done'),
    ('import', 'failed', 'failed'), ('import', 'stopped', 'stopped');
"""

GUARDS = """
CREATE TRIGGER import_goes_along_an_arrow BEFORE UPDATE ON imports FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.state_seq <> NEW.state_seq)
    EXECUTE FUNCTION ordering_goes_on('import');

-- The report of an import that is done is whole: one row for each of the file's, counted truly.
CREATE FUNCTION import_accounts_for_its_rows() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    counted record;
BEGIN
    SELECT count(*) FILTER (WHERE outcome = 'created') AS created,
           count(*) FILTER (WHERE outcome = 'changed') AS changed,
           count(*) FILTER (WHERE outcome = 'unchanged') AS unchanged,
           count(*) FILTER (WHERE outcome = 'quarantined') AS quarantined
        INTO counted FROM import_rows WHERE import_id = NEW.id;
    IF (counted.created, counted.changed, counted.unchanged, counted.quarantined)
        <> (NEW.created, NEW.changed, NEW.unchanged, NEW.quarantined)
    THEN
        RAISE EXCEPTION 'import %: its rows are not what it counts', NEW.id USING
            ERRCODE = 'check_violation', CONSTRAINT = 'done_import_accounts_for_every_row',
            TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE CONSTRAINT TRIGGER done_import_accounts_for_every_row AFTER UPDATE ON imports
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'done')
    EXECUTE FUNCTION import_accounts_for_its_rows();
"""

GRANTS = """
GRANT SELECT ON imports, import_rows, import_parts, import_profiles, beauty_facts
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, source, name, sha256, size, mapping, dry_run, by_id, status, state_seq, fence,
        rows_total, rows_done, rows_before, created, changed, unchanged, quarantined, error,
        started_at, ended_at)
    ON imports TO aftercare_app;
GRANT UPDATE (status, state_seq, fence, rows_done, rows_before, created, changed, unchanged,
        quarantined, error, started_at, ended_at)
    ON imports TO aftercare_app, aftercare_worker;
GRANT INSERT (import_id, number, key, outcome, reasons, raw) ON import_rows
    TO aftercare_app, aftercare_worker;
GRANT INSERT (import_id, place, bytes), DELETE ON import_parts TO aftercare_app;
GRANT DELETE ON import_parts TO aftercare_worker;
GRANT INSERT (name, mapping), UPDATE (mapping), DELETE ON import_profiles TO aftercare_app;
GRANT INSERT (code, name, ingredients_text, ingredients),
    UPDATE (name, ingredients_text, ingredients) ON beauty_facts TO aftercare_app, aftercare_worker;

-- A large file is taken in by the worker, which may from now on what the shop may.
GRANT INSERT (id, name, slug) ON brands TO aftercare_worker;
GRANT INSERT (id, name, ingredient_id, way, confidence)
    ON ingredient_names TO aftercare_worker;
GRANT INSERT (id, slug, source, source_key, name, brand_id, legal_class, doctor_only, finished,
        category, dosage_form, route, marketing_category, application_number, description,
        strength_text, flags, marketing_ends_on, listing_expires_on, filed, concerns, skin_types,
        status, state_seq, published_at, retired_at),
    UPDATE (name, brand_id, legal_class, doctor_only, finished, category, dosage_form, route,
        marketing_category, application_number, description, strength_text, flags,
        marketing_ends_on, listing_expires_on, filed, concerns, skin_types, status, state_seq,
        published_at)
    ON products TO aftercare_worker;
GRANT INSERT (product_id, position, name_id, active, raw, strength_text, percent), DELETE
    ON product_ingredients TO aftercare_worker;
GRANT INSERT (id, product_id, legal_class, doctor_only, sku, name, package_ndc, package_ndc11,
        gtin, net_content, net_unit, for_sale, filed),
    UPDATE (package_ndc, package_ndc11, gtin, net_content, net_unit, for_sale, filed)
    ON variants TO aftercare_worker;
GRANT INSERT (id, variant_id, cents, valid_from, valid_until), UPDATE (valid_until)
    ON prices TO aftercare_worker;
"""

UNGRANTS = """
REVOKE INSERT (id, name, slug) ON brands FROM aftercare_worker;
REVOKE INSERT (id, name, ingredient_id, way, confidence)
    ON ingredient_names FROM aftercare_worker;
REVOKE INSERT (id, slug, source, source_key, name, brand_id, legal_class, doctor_only, finished,
        category, dosage_form, route, marketing_category, application_number, description,
        strength_text, flags, marketing_ends_on, listing_expires_on, filed, concerns, skin_types,
        status, state_seq, published_at, retired_at),
    UPDATE (name, brand_id, legal_class, doctor_only, finished, category, dosage_form, route,
        marketing_category, application_number, description, strength_text, flags,
        marketing_ends_on, listing_expires_on, filed, concerns, skin_types, status, state_seq,
        published_at)
    ON products FROM aftercare_worker;
REVOKE INSERT (product_id, position, name_id, active, raw, strength_text, percent), DELETE
    ON product_ingredients FROM aftercare_worker;
REVOKE INSERT (id, product_id, legal_class, doctor_only, sku, name, package_ndc, package_ndc11,
        gtin, net_content, net_unit, for_sale, filed),
    UPDATE (package_ndc, package_ndc11, gtin, net_content, net_unit, for_sale, filed)
    ON variants FROM aftercare_worker;
REVOKE INSERT (id, variant_id, cents, valid_from, valid_until), UPDATE (valid_until)
    ON prices FROM aftercare_worker;
ALTER TABLE products DROP CONSTRAINT reference_is_never_finished;
ALTER TABLE products DROP CONSTRAINT source_is_known;
ALTER TABLE products ADD CONSTRAINT source_is_known CHECK (source IN ('ndc', 'lnhpd', 'csv'));
DELETE FROM legal_transitions WHERE machine = 'import';
"""


def _jsonb(name: str, **options: object) -> sa.Column[object]:
    return sa.Column(name, postgresql.JSONB(astext_type=sa.Text()), **options)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)


def upgrade() -> None:
    op.execute(SOURCES)
    op.execute(TRANSITIONS)
    op.create_table(
        "imports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        _jsonb("mapping", server_default=sa.text("'{}'"), nullable=False),
        sa.Column("dry_run", sa.Boolean(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        _count("fence"),
        sa.Column("rows_total", sa.Integer(), nullable=False),
        _count("rows_done"),
        _count("rows_before"),
        _count("created"),
        _count("changed"),
        _count("unchanged"),
        _count("quarantined"),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("octet_length(sha256) = 32", name=op.f("import_is_hashed")),
        sa.CheckConstraint("size > 0", name=op.f("imported_file_is_not_empty")),
        sa.CheckConstraint(
            "rows_done BETWEEN 0 AND rows_total AND rows_before BETWEEN 0 AND rows_done",
            name=op.f("import_stays_within_its_file"),
        ),
        sa.CheckConstraint(
            "created >= 0 AND changed >= 0 AND unchanged >= 0 AND quarantined >= 0"
            " AND created + changed + unchanged + quarantined = rows_done",
            name=op.f("import_adds_up"),
        ),
        sa.CheckConstraint(
            "status <> 'done' OR rows_done = rows_total", name=op.f("done_import_is_whole")
        ),
        sa.CheckConstraint(
            "(ended_at IS NOT NULL) = (status IN ('done', 'failed', 'stopped'))",
            name=op.f("import_ends_once_it_is_over"),
        ),
        sa.ForeignKeyConstraint(["by_id"], ["people.id"], name=op.f("imports_by_id_fkey")),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="import_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("imports_pkey")),
    )
    op.create_index("imports_sha256_idx", "imports", ["sha256"], unique=False)
    op.create_table(
        "import_rows",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reasons", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        _jsonb("raw", nullable=True),
        sa.CheckConstraint(
            "outcome IN ('created', 'changed', 'unchanged', 'quarantined')",
            name=op.f("row_outcome_is_known"),
        ),
        sa.CheckConstraint(
            "outcome <> 'quarantined' OR (cardinality(reasons) > 0 AND raw IS NOT NULL)",
            name=op.f("row_set_aside_says_why"),
        ),
        sa.CheckConstraint("number > 0", name=op.f("rows_are_counted_from_one")),
        sa.ForeignKeyConstraint(
            ["import_id"], ["imports.id"], name=op.f("import_rows_import_id_fkey")
        ),
        sa.PrimaryKeyConstraint("import_id", "number", name=op.f("import_rows_pkey")),
    )
    op.create_index(
        "import_rows_outcome_idx", "import_rows", ["import_id", "outcome", "number"], unique=False
    )
    op.create_table(
        "import_parts",
        sa.Column("import_id", sa.Uuid(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "octet_length(bytes) BETWEEN 1 AND 1048576", name=op.f("import_part_is_a_piece")
        ),
        sa.CheckConstraint("place >= 0", name=op.f("import_parts_are_counted_from_zero")),
        sa.ForeignKeyConstraint(
            ["import_id"], ["imports.id"], name=op.f("import_parts_import_id_fkey")
        ),
        sa.PrimaryKeyConstraint("import_id", "place", name=op.f("import_parts_pkey")),
    )
    op.create_table(
        "import_profiles",
        sa.Column("name", sa.Text(), nullable=False),
        _jsonb("mapping", nullable=False),
        sa.CheckConstraint(
            "name ~ '^[a-z0-9][a-z0-9-]{0,59}$'", name=op.f("profile_has_a_plain_name")
        ),
        sa.PrimaryKeyConstraint("name", name=op.f("import_profiles_pkey")),
    )
    op.create_table(
        "beauty_facts",
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("ingredients_text", sa.Text(), nullable=False),
        sa.Column("ingredients", sa.ARRAY(sa.Text()), nullable=False),
        sa.CheckConstraint(
            "code ~ '^([0-9]{8}|[0-9]{12,14})$'", name=op.f("beauty_fact_has_a_bar_code")
        ),
        sa.PrimaryKeyConstraint("code", name=op.f("beauty_facts_pkey")),
    )
    op.execute(GUARDS)
    op.execute(GRANTS)


def downgrade() -> None:
    op.drop_table("beauty_facts")
    op.drop_table("import_profiles")
    op.drop_table("import_parts")
    op.drop_index("import_rows_outcome_idx", table_name="import_rows")
    op.drop_table("import_rows")
    op.drop_index("imports_sha256_idx", table_name="imports")
    op.drop_table("imports")
    op.execute("DROP FUNCTION import_accounts_for_its_rows()")
    op.execute(UNGRANTS)
