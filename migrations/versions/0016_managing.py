"""The life cycle of products, prices that lie ahead, pictures, bundles, what goes together."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

ARROWS = """
INSERT INTO legal_transitions (machine, from_state, to_state)
SELECT machine, from_state, to_state
FROM (VALUES ('', 'draft'), ('draft', 'published'), ('published', 'draft'),
    ('published', 'retired'), ('retired', 'draft'),
    ('draft', 'draft'), ('published', 'published'), ('retired', 'retired'))
    AS arrows (from_state, to_state), unnest(ARRAY['product', 'bundle']) AS machine
"""

# What stands in the catalogue already gets the events that say so.
HISTORY = """
SELECT set_config('app.actor', 'system:migration', true);
INSERT INTO events (subject_id, machine, kind, to_state)
    SELECT id, 'product', 'product_changed', 'draft' FROM products;
INSERT INTO events (subject_id, machine, kind, to_state)
    SELECT id, 'product', 'product_published', 'published' FROM products
    WHERE published_at IS NOT NULL;
UPDATE products SET status = CASE WHEN published_at IS NULL THEN 'draft' ELSE 'published' END,
    state_seq = (SELECT max(seq) FROM events WHERE subject_id = products.id);
"""

RETIRED = """
-- The variant looks at its product under a lock, so that the two cannot pass each other.
CREATE FUNCTION variant_of_the_retired() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM products WHERE id = NEW.product_id AND status = 'retired' FOR SHARE
    ) THEN
        RAISE EXCEPTION 'variant % is of a retired product', NEW.sku USING
            ERRCODE = 'check_violation', CONSTRAINT = 'retired_is_never_sold',
            TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER retired_is_never_sold BEFORE INSERT OR UPDATE ON variants
    FOR EACH ROW WHEN (NEW.for_sale) EXECUTE FUNCTION variant_of_the_retired();

CREATE FUNCTION product_retires() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM variants WHERE product_id = NEW.id AND for_sale) THEN
        RAISE EXCEPTION 'product % has variants for sale', NEW.slug USING
            ERRCODE = 'check_violation', CONSTRAINT = 'retired_sells_nothing',
            TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER retired_sells_nothing BEFORE UPDATE OF status ON products
    FOR EACH ROW WHEN (NEW.status = 'retired') EXECUTE FUNCTION product_retires();
"""

# Once begun a price is never changed. Its end may move while it lies ahead, and not into the past
# (a few minutes are left for the length of a transaction); what has not begun may be withdrawn.
PRICES = """
CREATE OR REPLACE FUNCTION price_is_only_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND OLD.valid_from > shop_now() THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' AND (OLD.valid_until IS NULL OR OLD.valid_until > shop_now())
        AND (NEW.valid_until IS NULL OR NEW.valid_until > shop_now() - interval '5 minutes')
        AND (NEW.id, NEW.variant_id, NEW.cents, NEW.valid_from)
            = (OLD.id, OLD.variant_id, OLD.cents, OLD.valid_from)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'price % has begun: only its end may move, while it lies ahead', OLD.id USING
        ERRCODE = 'check_violation', CONSTRAINT = 'price_is_only_ended', TABLE = TG_TABLE_NAME;
END $$;
"""
PRICES_BEFORE = """
CREATE OR REPLACE FUNCTION price_is_only_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.valid_until IS NULL AND NEW.valid_until IS NOT NULL
        AND NEW.valid_until > shop_now() - interval '5 minutes'
        AND (NEW.id, NEW.variant_id, NEW.cents, NEW.valid_from)
            = (OLD.id, OLD.variant_id, OLD.cents, OLD.valid_from)
    THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'price % is only ever ended, once', OLD.id USING
        ERRCODE = 'check_violation', CONSTRAINT = 'price_is_only_ended', TABLE = TG_TABLE_NAME;
END $$;
"""

KEPT = """
CREATE TRIGGER picture_files_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON picture_files
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER picture_sizes_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON picture_sizes
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER pictures_are_kept BEFORE DELETE OR TRUNCATE ON pictures
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER bundles_are_kept BEFORE DELETE OR TRUNCATE ON bundles
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

CREATE FUNCTION picture_is_removed_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'picture % was removed', OLD.id USING ERRCODE = 'check_violation',
            CONSTRAINT = 'picture_is_removed_once', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER picture_is_removed_once BEFORE UPDATE ON pictures
    FOR EACH ROW EXECUTE FUNCTION picture_is_removed_once();
"""

GRANTS = """
GRANT INSERT (status, state_seq, retired_at), UPDATE (status, state_seq, retired_at)
    ON products TO aftercare_app;
GRANT DELETE ON prices TO aftercare_app;
GRANT SELECT ON picture_files, pictures, picture_sizes, bundles, bundle_items, related_products
    TO aftercare_app, aftercare_worker;
GRANT INSERT (digest, data, width, height) ON picture_files TO aftercare_app;
GRANT INSERT (picture_id, digest) ON picture_sizes TO aftercare_app;
GRANT INSERT (id, product_id, bundle_id, variant_id, alt, position, ended_at),
    UPDATE (alt, position, ended_at) ON pictures TO aftercare_app;
GRANT INSERT (id, slug, name, description, status, state_seq, published_at, retired_at),
    UPDATE (name, description, status, state_seq, published_at, retired_at)
    ON bundles TO aftercare_app;
-- Lists that are set as a whole; what they were is in the events.
GRANT INSERT (bundle_id, variant_id, quantity, position), DELETE ON bundle_items TO aftercare_app;
GRANT INSERT (product_id, related_id, position), DELETE ON related_products TO aftercare_app;
"""


def upgrade() -> None:
    _life_cycle()
    op.execute(RETIRED)
    op.execute(PRICES)
    _bundles()
    _pictures()
    op.create_table(
        "related_products",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("related_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("product_id <> related_id", name=op.f("related_to_another")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("related_products_product_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["related_id"], ["products.id"], name=op.f("related_products_related_id_fkey")
        ),
        sa.PrimaryKeyConstraint("product_id", "related_id", name=op.f("related_products_pkey")),
    )
    op.create_index(
        op.f("related_products_related_id_idx"), "related_products", ["related_id"], unique=False
    )
    op.execute(KEPT)
    op.execute(GRANTS)


def _life_cycle() -> None:
    op.execute(ARROWS)
    op.add_column(
        "products", sa.Column("status", sa.Text(), server_default="draft", nullable=False)
    )
    op.add_column(
        "products",
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
    )
    op.add_column("products", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
    op.execute(HISTORY)
    op.alter_column("products", "status", server_default=None)
    op.create_check_constraint(
        op.f("product_published_at_some_time"),
        "products",
        "(published_at IS NOT NULL) = (status = 'published')",
    )
    op.create_check_constraint(
        op.f("product_retired_at_some_time"),
        "products",
        "(retired_at IS NOT NULL) = (status = 'retired')",
    )
    op.create_foreign_key(
        "product_status_has_its_event",
        "products",
        "events",
        ["id", "state_seq", "status"],
        ["subject_id", "seq", "to_state"],
        deferrable=True,
        initially="DEFERRED",
    )
    op.create_unique_constraint("variants_product_key", "variants", ["id", "product_id"])


def _bundles() -> None:
    op.create_table(
        "bundles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(published_at IS NOT NULL) = (status = 'published')",
            name=op.f("bundle_published_at_some_time"),
        ),
        sa.CheckConstraint(
            "(retired_at IS NOT NULL) = (status = 'retired')",
            name=op.f("bundle_retired_at_some_time"),
        ),
        sa.CheckConstraint(
            "slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(slug) <= 160",
            name=op.f("bundle_slug_fits_an_address"),
        ),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="bundle_status_has_its_event",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("bundles_pkey")),
        sa.UniqueConstraint("slug", name=op.f("bundles_slug_key")),
    )
    op.create_table(
        "bundle_items",
        sa.Column("bundle_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity BETWEEN 1 AND 20", name=op.f("bundle_quantity_is_sane")),
        sa.ForeignKeyConstraint(
            ["bundle_id"], ["bundles.id"], name=op.f("bundle_items_bundle_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variants.id"], name=op.f("bundle_items_variant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("bundle_id", "variant_id", name=op.f("bundle_items_pkey")),
    )
    op.create_index(
        op.f("bundle_items_variant_id_idx"), "bundle_items", ["variant_id"], unique=False
    )


def _pictures() -> None:
    op.create_table(
        "picture_files",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.CheckConstraint("digest = sha256(data)", name=op.f("file_is_named_by_its_content")),
        sa.CheckConstraint("width BETWEEN 1 AND 1280 AND height > 0", name=op.f("file_has_a_size")),
        sa.CheckConstraint("octet_length(data) <= 10485760", name=op.f("file_is_not_too_large")),
        sa.PrimaryKeyConstraint("digest", name=op.f("picture_files_pkey")),
    )
    op.execute("ALTER TABLE picture_files ALTER data SET STORAGE EXTERNAL")  # WebP is compressed
    op.create_table(
        "pictures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=True),
        sa.Column("bundle_id", sa.Uuid(), nullable=True),
        sa.Column("variant_id", sa.Uuid(), nullable=True),
        sa.Column("alt", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column(
            "added_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "num_nonnulls(product_id, bundle_id) = 1", name=op.f("picture_is_of_one_thing")
        ),
        sa.CheckConstraint(
            "variant_id IS NULL OR product_id IS NOT NULL",
            name=op.f("bundle_has_no_pictured_variant"),
        ),
        sa.CheckConstraint("alt ~ '[^[:space:]]'", name=op.f("picture_is_described")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("pictures_product_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["bundle_id"], ["bundles.id"], name=op.f("pictures_bundle_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["variant_id", "product_id"],
            ["variants.id", "variants.product_id"],
            name="pictured_variant_is_of_the_product",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pictures_pkey")),
    )
    for thing in ("product", "bundle"):
        op.create_index(
            f"pictures_{thing}_idx",
            "pictures",
            [f"{thing}_id"],
            unique=False,
            postgresql_where=sa.text("ended_at IS NULL"),
        )
    op.create_table(
        "picture_sizes",
        sa.Column("picture_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["picture_id"], ["pictures.id"], name=op.f("picture_sizes_picture_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["digest"], ["picture_files.digest"], name=op.f("picture_sizes_digest_fkey")
        ),
        sa.PrimaryKeyConstraint("picture_id", "digest", name=op.f("picture_sizes_pkey")),
    )
    op.create_index(op.f("picture_sizes_digest_idx"), "picture_sizes", ["digest"], unique=False)


def downgrade() -> None:
    for table in (
        "related_products",
        "picture_sizes",
        "pictures",
        "picture_files",
        "bundle_items",
        "bundles",
    ):
        op.drop_table(table)
    op.execute("DROP FUNCTION picture_is_removed_once()")
    op.execute("REVOKE DELETE ON prices FROM aftercare_app")
    op.execute(PRICES_BEFORE)
    op.execute("DROP TRIGGER retired_is_never_sold ON variants")
    op.execute("DROP TRIGGER retired_sells_nothing ON products")
    op.execute("DROP FUNCTION variant_of_the_retired(), product_retires()")
    op.drop_constraint("variants_product_key", "variants", type_="unique")
    op.drop_constraint("product_status_has_its_event", "products", type_="foreignkey")
    for check in ("product_published_at_some_time", "product_retired_at_some_time"):
        op.drop_constraint(op.f(check), "products", type_="check")
    for column in ("retired_at", "state_seq", "status"):
        op.drop_column("products", column)
    op.execute("DELETE FROM legal_transitions WHERE machine IN ('product', 'bundle')")
