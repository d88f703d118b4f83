"""Brands, products, variants, prices, ingredients."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


SEARCH = """
-- unaccent() is only STABLE; naming its dictionary makes the answer depend on the words alone.
CREATE FUNCTION unaccented(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN public.unaccent('public.unaccent'::regdictionary, words);

-- Name and brand weigh most, then actives, then all ingredients, then the rest; packs by number.
CREATE FUNCTION product_is_searchable() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    brand text := (SELECT name FROM brands WHERE id = NEW.brand_id);
    actives text;
    inactives text;
    packs text[];
BEGIN
    SELECT string_agg(i.name, ', ') FILTER (WHERE p.active),
           string_agg(i.name, ', ') FILTER (WHERE NOT p.active)
        INTO actives, inactives
        FROM product_ingredients p JOIN ingredients i ON i.id = p.ingredient_id
        WHERE p.product_id = NEW.id;
    SELECT array_agg(DISTINCT lower(code)) INTO packs
        FROM variants v, unnest(ARRAY[v.sku, v.package_ndc, v.package_ndc11, v.gtin]) AS code
        WHERE v.product_id = NEW.id AND code <> '';
    NEW.search :=
        setweight(to_tsvector('english', unaccented(concat_ws(', ', NEW.name, brand))), 'A')
        || setweight(to_tsvector('english', unaccented(coalesce(actives, ''))), 'B')
        || setweight(to_tsvector('english', unaccented(coalesce(inactives, ''))), 'C')
        || setweight(to_tsvector('english', unaccented(concat_ws(', ', NEW.category,
               NEW.description, NEW.dosage_form))), 'D')
        || array_to_tsvector(coalesce(packs, '{}') || lower(NEW.source_key));
    RETURN NEW;
END $$;
CREATE TRIGGER product_is_searchable BEFORE INSERT OR UPDATE ON products
    FOR EACH ROW EXECUTE FUNCTION product_is_searchable();

-- What a product is found by lives in other tables too: touching them touches the product.
CREATE FUNCTION product_parts_are_searchable() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE products SET search = NULL
        WHERE id IN (SELECT product_id FROM changed ORDER BY product_id);
    RETURN NULL;
END $$;
CREATE FUNCTION brand_is_searchable() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE products SET search = NULL WHERE brand_id = NEW.id;
    RETURN NULL;
END $$;
CREATE FUNCTION ingredient_is_searchable() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE products SET search = NULL
        WHERE id IN (SELECT product_id FROM product_ingredients WHERE ingredient_id = NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER brand_is_searchable AFTER UPDATE OF name ON brands
    FOR EACH ROW EXECUTE FUNCTION brand_is_searchable();
CREATE TRIGGER ingredient_is_searchable AFTER UPDATE OF name ON ingredients
    FOR EACH ROW EXECUTE FUNCTION ingredient_is_searchable();
"""
PARTS = """
CREATE TRIGGER {table}_added_are_searchable AFTER INSERT ON {table}
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION product_parts_are_searchable();
CREATE TRIGGER {table}_before_are_searchable AFTER UPDATE ON {table}
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION product_parts_are_searchable();
CREATE TRIGGER {table}_changed_are_searchable AFTER UPDATE ON {table}
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION product_parts_are_searchable();
CREATE TRIGGER {table}_removed_are_searchable AFTER DELETE ON {table}
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION product_parts_are_searchable();
"""

GUARDS = """
-- The variant looks at its product under a lock, so that the two cannot pass each other.
CREATE FUNCTION variant_is_of_a_finished_product() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.for_sale AND EXISTS (
        SELECT FROM products WHERE id = NEW.product_id AND NOT finished FOR SHARE
    ) THEN
        RAISE EXCEPTION 'variant % is of an unfinished product', NEW.sku USING
            ERRCODE = 'check_violation', CONSTRAINT = 'unfinished_is_never_sold',
            TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER unfinished_is_never_sold BEFORE INSERT OR UPDATE ON variants
    FOR EACH ROW EXECUTE FUNCTION variant_is_of_a_finished_product();

CREATE FUNCTION product_guarded() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    no_weaker text[] := ARRAY['rx', 'rx_unapproved', 'clinic_use'];
    weaker boolean := CASE OLD.legal_class
        WHEN 'clinic_use' THEN NEW.legal_class <> 'clinic_use'
        WHEN 'cosmetic' THEN false
        WHEN 'otc_drug' THEN NEW.legal_class = 'cosmetic'
        ELSE NOT NEW.legal_class = ANY (no_weaker) END;
BEGIN
    IF weaker OR OLD.doctor_only AND NOT NEW.doctor_only OR NEW.finished AND NOT OLD.finished THEN
        RAISE EXCEPTION 'product % would become easier to sell', OLD.slug USING
            ERRCODE = 'check_violation', CONSTRAINT = 'weaker_class_needs_two_people',
            TABLE = TG_TABLE_NAME;
    END IF;
    IF NOT NEW.finished AND EXISTS (
        SELECT FROM variants WHERE product_id = NEW.id AND for_sale
    ) THEN
        RAISE EXCEPTION 'product % has variants for sale', OLD.slug USING
            ERRCODE = 'check_violation', CONSTRAINT = 'unfinished_is_never_sold',
            TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER product_guarded BEFORE UPDATE OF legal_class, doctor_only, finished ON products
    FOR EACH ROW EXECUTE FUNCTION product_guarded();

-- What somebody paid must stay true: a price is only ever ended, once, and not in the past
-- (a few minutes are left for the length of a transaction).
CREATE FUNCTION price_is_only_ended() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER price_is_only_ended BEFORE UPDATE OR DELETE ON prices
    FOR EACH ROW EXECUTE FUNCTION price_is_only_ended();
CREATE TRIGGER prices_are_kept BEFORE TRUNCATE ON prices
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

GRANTS = """
GRANT SELECT ON brands, products, variants, prices, ingredients, product_ingredients
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, name, slug) ON brands TO aftercare_app;
GRANT INSERT (id, name) ON ingredients TO aftercare_app;
GRANT INSERT (id, slug, source, source_key, name, brand_id, legal_class, doctor_only, finished,
        category, dosage_form, route, marketing_category, application_number, description,
        strength_text, flags, marketing_ends_on, listing_expires_on, filed, published_at),
    UPDATE (name, brand_id, legal_class, doctor_only, finished, category, dosage_form, route,
        marketing_category, application_number, description, strength_text, flags,
        marketing_ends_on, listing_expires_on, filed, published_at)
    ON products TO aftercare_app;
-- What a product consists of is filed anew as a whole; what it was is in its events.
GRANT INSERT (product_id, position, ingredient_id, active, raw, strength_text, percent), DELETE
    ON product_ingredients TO aftercare_app;
GRANT INSERT (id, product_id, legal_class, doctor_only, sku, name, package_ndc, package_ndc11,
        gtin, net_content, net_unit, for_sale, filed),
    UPDATE (name, package_ndc, package_ndc11, gtin, net_content, net_unit, for_sale, filed)
    ON variants TO aftercare_app;
-- No job changes a variant; without this none could lock one (SELECT FOR UPDATE).
GRANT UPDATE (name) ON variants TO aftercare_worker;
GRANT INSERT (id, variant_id, cents, valid_from, valid_until), UPDATE (valid_until)
    ON prices TO aftercare_app;
"""


def upgrade() -> None:
    op.create_table(
        "brands",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("brands_pkey")),
        sa.UniqueConstraint("name", name=op.f("brands_name_key")),
        sa.UniqueConstraint("slug", name=op.f("brands_slug_key")),
    )
    op.create_table(
        "ingredients",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("ingredients_pkey")),
        sa.UniqueConstraint("name", name=op.f("ingredients_name_key")),
    )
    op.create_table(
        "products",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("brand_id", sa.Uuid(), nullable=False),
        sa.Column("legal_class", sa.Text(), nullable=False),
        sa.Column("doctor_only", sa.Boolean(), nullable=False),
        sa.Column("finished", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("category", sa.Text(), server_default="", nullable=False),
        sa.Column("dosage_form", sa.Text(), server_default="", nullable=False),
        sa.Column("route", sa.Text(), server_default="", nullable=False),
        sa.Column("marketing_category", sa.Text(), server_default="", nullable=False),
        sa.Column("application_number", sa.Text(), server_default="", nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("strength_text", sa.Text(), server_default="", nullable=False),
        sa.Column("flags", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("marketing_ends_on", sa.Date(), nullable=True),
        sa.Column("listing_expires_on", sa.Date(), nullable=True),
        sa.Column(
            "filed",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("search", postgresql.TSVECTOR(), nullable=True),
        sa.CheckConstraint(
            "doctor_only OR legal_class NOT IN ('rx', 'rx_unapproved')",
            name=op.f("rx_is_doctor_only"),
        ),
        sa.CheckConstraint(
            "legal_class IN ('cosmetic', 'otc_drug', 'rx', 'rx_unapproved', 'clinic_use')",
            name=op.f("legal_class_is_known"),
        ),
        sa.CheckConstraint("source IN ('ndc', 'lnhpd', 'csv')", name=op.f("source_is_known")),
        sa.CheckConstraint(
            "finished OR published_at IS NULL", name=op.f("unfinished_is_never_published")
        ),
        sa.ForeignKeyConstraint(["brand_id"], ["brands.id"], name=op.f("products_brand_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("products_pkey")),
        sa.UniqueConstraint("id", "legal_class", "doctor_only", name="products_class_key"),
        sa.UniqueConstraint("slug", name=op.f("products_slug_key")),
        sa.UniqueConstraint("source", "source_key", name="products_source_key"),
    )
    op.create_index(op.f("products_brand_id_idx"), "products", ["brand_id"], unique=False)
    op.create_index(
        "products_name_trgm_idx",
        "products",
        ["name"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"name": "gin_trgm_ops"},
    )
    op.create_index(
        "products_search_idx", "products", ["search"], unique=False, postgresql_using="gin"
    )
    op.create_table(
        "product_ingredients",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("ingredient_id", sa.Uuid(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("raw", sa.Text(), nullable=False),
        sa.Column("strength_text", sa.Text(), server_default="", nullable=False),
        sa.Column("percent", sa.Numeric(), nullable=True),
        sa.ForeignKeyConstraint(
            ["ingredient_id"],
            ["ingredients.id"],
            name=op.f("product_ingredients_ingredient_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("product_ingredients_product_id_fkey")
        ),
        sa.PrimaryKeyConstraint("product_id", "position", name=op.f("product_ingredients_pkey")),
    )
    op.create_index(
        op.f("product_ingredients_ingredient_id_idx"),
        "product_ingredients",
        ["ingredient_id"],
        unique=False,
    )
    op.create_table(
        "variants",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("legal_class", sa.Text(), nullable=False),
        sa.Column("doctor_only", sa.Boolean(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("package_ndc", sa.Text(), nullable=True),
        sa.Column("package_ndc11", sa.Text(), nullable=True),
        sa.Column("gtin", sa.Text(), nullable=True),
        sa.Column("net_content", sa.Numeric(), nullable=True),
        sa.Column("net_unit", sa.Text(), nullable=True),
        sa.Column("for_sale", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column(
            "filed",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "NOT for_sale OR legal_class <> 'clinic_use'", name=op.f("clinic_use_is_never_sold")
        ),
        sa.CheckConstraint("net_content > 0", name=op.f("net_content_is_positive")),
        sa.CheckConstraint(
            "sku ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$'", name=op.f("sku_fits_an_address")
        ),
        sa.ForeignKeyConstraint(
            ["product_id", "legal_class", "doctor_only"],
            ["products.id", "products.legal_class", "products.doctor_only"],
            name="variant_is_of_its_products_class",
            onupdate="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("variants_pkey")),
        sa.UniqueConstraint("gtin", name=op.f("variants_gtin_key")),
        sa.UniqueConstraint("package_ndc", name=op.f("variants_package_ndc_key")),
        sa.UniqueConstraint("sku", name=op.f("variants_sku_key")),
    )
    op.create_index(op.f("variants_product_id_idx"), "variants", ["product_id"], unique=False)
    op.create_table(
        "prices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.column("variant_id"), "="),
            (sa.text("tstzrange(valid_from, valid_until)"), "&&"),
            using="gist",
            name="prices_do_not_overlap",
        ),
        sa.CheckConstraint("cents BETWEEN 0 AND 10000000", name=op.f("price_is_sane")),
        sa.CheckConstraint("valid_until > valid_from", name=op.f("price_range_is_forward")),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variants.id"], name=op.f("prices_variant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("prices_pkey")),
        sa.UniqueConstraint("id", "variant_id", "cents", name="prices_terms_key"),
    )
    op.execute(SEARCH)
    for table in ("product_ingredients", "variants"):
        op.execute(PARTS.format(table=table))
    op.execute(GUARDS)
    op.execute(GRANTS)


def downgrade() -> None:
    op.drop_table("prices")
    op.drop_index(op.f("variants_product_id_idx"), table_name="variants")
    op.drop_table("variants")
    op.drop_index(op.f("product_ingredients_ingredient_id_idx"), table_name="product_ingredients")
    op.drop_table("product_ingredients")
    op.drop_index("products_search_idx", table_name="products", postgresql_using="gin")
    op.drop_index(
        "products_name_trgm_idx",
        table_name="products",
        postgresql_using="gin",
        postgresql_ops={"name": "gin_trgm_ops"},
    )
    op.drop_index(op.f("products_brand_id_idx"), table_name="products")
    op.drop_table("products")
    op.drop_table("ingredients")
    op.drop_table("brands")
    op.execute(
        "DROP FUNCTION product_is_searchable(), product_parts_are_searchable(),"
        " brand_is_searchable(), ingredient_is_searchable(), unaccented(text),"
        " variant_is_of_a_finished_product(), product_guarded(), price_is_only_ended()"
    )
