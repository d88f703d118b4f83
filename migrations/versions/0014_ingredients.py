"""Ingredients become a dictionary; what was filed are names that point to it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

CLASSES = (
    "retinoid",
    "aha",
    "bha",
    "pha",
    "benzoyl_peroxide",
    "hydroquinone",
    "vitamin_c",
    "azelaic_acid",
    "niacinamide",
    "brightener",
    "sulfur",
    "resorcinol",
    "peptide",
    "uv_filter",
    "skin_protectant",
    "corticosteroid",
    "antibiotic",
    "antifungal",
    "antiparasitic",
    "antiseptic",
    "calcineurin_inhibitor",
    "pde4_inhibitor",
    "jak_inhibitor",
    "antimitotic",
    "immune_modifier",
    "antiandrogen",
    "vasoconstrictor",
    "prostaglandin",
    "local_anesthetic",
)

# Every name that was filed stays, under its id, as a name without a substance: the dictionary is
# loaded, and names are matched to it, by `flask catalog dictionary`.
NAMES = """
INSERT INTO ingredient_names (id, name) SELECT id, name FROM ingredients;
ALTER TABLE product_ingredients DROP CONSTRAINT product_ingredients_ingredient_id_fkey;
ALTER TABLE product_ingredients RENAME COLUMN ingredient_id TO name_id;
ALTER INDEX product_ingredients_ingredient_id_idx RENAME TO product_ingredients_name_id_idx;
ALTER TABLE product_ingredients ADD CONSTRAINT product_ingredients_name_id_fkey
    FOREIGN KEY (name_id) REFERENCES ingredient_names (id);
DROP TRIGGER ingredient_is_searchable ON ingredients;
DELETE FROM ingredients;
ALTER TABLE ingredients RENAME COLUMN name TO inci_name;
ALTER TABLE ingredients RENAME CONSTRAINT ingredients_name_key TO ingredients_inci_name_key;
"""
NO_NAMES = """
ALTER TABLE product_ingredients DROP CONSTRAINT product_ingredients_name_id_fkey;
ALTER TABLE product_ingredients RENAME COLUMN name_id TO ingredient_id;
ALTER INDEX product_ingredients_name_id_idx RENAME TO product_ingredients_ingredient_id_idx;
ALTER TABLE ingredients RENAME COLUMN inci_name TO name;
ALTER TABLE ingredients RENAME CONSTRAINT ingredients_inci_name_key TO ingredients_name_key;
"""
BACK = """
INSERT INTO ingredients (id, name) SELECT id, name FROM ingredient_names;
ALTER TABLE product_ingredients ADD CONSTRAINT product_ingredients_ingredient_id_fkey
    FOREIGN KEY (ingredient_id) REFERENCES ingredients (id);
"""

SEARCH = """
-- As before, and a substance is found by its name as filed and in the dictionary; what makes a
-- product work, by every other name that the dictionary has for it, too ("vitamin A acid").
-- A product has few lines: each is looked up by its key, whatever statistics say of a table that
-- has just been filled (a hash of the whole dictionary for every product takes minutes).
CREATE OR REPLACE FUNCTION product_is_searchable() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    brand text := (SELECT name FROM brands WHERE id = NEW.brand_id);
    actives text;
    inactives text;
    packs text[];
BEGIN
    SELECT string_agg(concat_ws(', ', n.name, i.inci_name, i.common_name,
               (SELECT string_agg(s.name, ', ') FROM ingredient_names s
                WHERE s.ingredient_id = i.id AND s.way = 'synonym' AND s.source <> 'filed')),
               ', ') FILTER (WHERE p.active),
           string_agg(concat_ws(', ', n.name, i.inci_name, i.common_name), ', ')
               FILTER (WHERE NOT p.active)
        INTO actives, inactives
        FROM product_ingredients p JOIN ingredient_names n ON n.id = p.name_id
            LEFT JOIN ingredients i ON i.id = n.ingredient_id
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

CREATE OR REPLACE FUNCTION ingredient_is_searchable() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE products SET search = NULL WHERE id IN (
        SELECT p.product_id FROM product_ingredients p JOIN ingredient_names n ON n.id = p.name_id
        WHERE n.ingredient_id = NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER ingredient_is_searchable AFTER UPDATE OF inci_name, common_name ON ingredients
    FOR EACH ROW EXECUTE FUNCTION ingredient_is_searchable();

-- Touched are the products that carry the name, and those that the substance makes work.
CREATE FUNCTION ingredient_names_are_searchable() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp
    SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
    UPDATE products SET search = NULL WHERE id IN (
        SELECT p.product_id FROM product_ingredients p JOIN changed c ON c.id = p.name_id
        UNION
        SELECT p.product_id FROM changed c JOIN ingredient_names n USING (ingredient_id)
            JOIN product_ingredients p ON p.name_id = n.id
            WHERE c.way = 'synonym' AND c.source <> 'filed' AND p.active);
    RETURN NULL;
END $$;
CREATE TRIGGER ingredient_names_added_are_searchable AFTER INSERT ON ingredient_names
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION ingredient_names_are_searchable();
CREATE TRIGGER ingredient_names_before_are_searchable AFTER UPDATE ON ingredient_names
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION ingredient_names_are_searchable();
CREATE TRIGGER ingredient_names_changed_are_searchable AFTER UPDATE ON ingredient_names
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION ingredient_names_are_searchable();
"""
SEARCH_BEFORE = """
CREATE OR REPLACE FUNCTION product_is_searchable() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
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
CREATE OR REPLACE FUNCTION ingredient_is_searchable() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE products SET search = NULL
        WHERE id IN (SELECT product_id FROM product_ingredients WHERE ingredient_id = NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER ingredient_is_searchable AFTER UPDATE OF name ON ingredients
    FOR EACH ROW EXECUTE FUNCTION ingredient_is_searchable();
"""

RESOLVED = """
-- A resolution is the act of somebody of the clinic, under their own name; nothing else takes it
-- back, least of all a dictionary that has grown.
CREATE FUNCTION only_staff_resolve_names() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF 'resolved' IN (OLD.way, NEW.way) THEN
        IF NOT EXISTS (
            SELECT FROM people WHERE id = NEW.resolved_by_id AND role IN ('staff', 'manager')
                AND 'person:' || id = coalesce(current_setting('app.actor', true), '')
        ) THEN
            RAISE EXCEPTION 'name %: only staff resolve names, as themselves', NEW.id USING
                ERRCODE = 'check_violation', CONSTRAINT = 'only_staff_resolve_names',
                TABLE = TG_TABLE_NAME;
        END IF;
        NEW.resolved_at := shop_now();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER only_staff_resolve_names BEFORE INSERT OR UPDATE ON ingredient_names
    FOR EACH ROW EXECUTE FUNCTION only_staff_resolve_names();
"""

GRANTS = """
REVOKE INSERT (id, inci_name) ON ingredients FROM aftercare_app;
GRANT INSERT, UPDATE (common_name, cas_numbers, ec_numbers, unii, functions, active_class,
        pregnancy, irritancy, ph_low, ph_high, source)
    ON ingredients TO aftercare_app;
GRANT SELECT ON ingredient_names TO aftercare_app, aftercare_worker;
GRANT INSERT, UPDATE (ingredient_id, way, confidence, source, resolved_by_id)
    ON ingredient_names TO aftercare_app;
"""
GRANTS_BEFORE = """
REVOKE INSERT ON ingredients FROM aftercare_app;
GRANT INSERT (id, name) ON ingredients TO aftercare_app;
"""

FACTS = (
    "common_name",
    "cas_numbers",
    "ec_numbers",
    "unii",
    "functions",
    "active_class",
    "pregnancy",
    "irritancy",
    "ph_low",
    "ph_high",
    "source",
)
CHECKS = {
    "active_class_is_known": f"active_class IN {CLASSES}",
    "pregnancy_is_known": "pregnancy IN ('safe', 'caution', 'avoid')",
    "irritancy_is_known": "irritancy IN ('low', 'medium', 'high')",
    "ph_is_sane": "ph_low >= 0 AND ph_low <= ph_high AND ph_high <= 14",
}


def upgrade() -> None:
    op.create_table(
        "ingredient_names",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("ingredient_id", sa.Uuid(), nullable=True),
        sa.Column("way", sa.Text(), server_default="none", nullable=False),
        sa.Column("confidence", sa.Numeric(), server_default="0", nullable=False),
        sa.Column("source", sa.Text(), server_default="filed", nullable=False),
        sa.Column("resolved_by_id", sa.Uuid(), nullable=True),
        sa.Column("resolved_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "way IN ('inci', 'synonym', 'fuzzy', 'resolved', 'none')", name=op.f("way_is_known")
        ),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name=op.f("confidence_is_a_share")),
        sa.CheckConstraint(
            "way = 'resolved' OR (way = 'none') = (ingredient_id IS NULL)",
            name=op.f("matched_to_a_substance_or_not_at_all"),
        ),
        sa.CheckConstraint(
            "(way = 'resolved') = (resolved_by_id IS NOT NULL)"
            " AND (way = 'resolved') = (resolved_at IS NOT NULL)",
            name=op.f("resolved_by_someone"),
        ),
        sa.CheckConstraint(
            "source = 'filed' OR way IN ('inci', 'synonym')",
            name=op.f("dictionary_names_are_matched"),
        ),
        sa.ForeignKeyConstraint(
            ["ingredient_id"],
            ["ingredients.id"],
            name=op.f("ingredient_names_ingredient_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["resolved_by_id"], ["people.id"], name=op.f("ingredient_names_resolved_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("ingredient_names_pkey")),
        sa.UniqueConstraint("name", name=op.f("ingredient_names_name_key")),
    )
    op.create_index(
        op.f("ingredient_names_ingredient_id_idx"), "ingredient_names", ["ingredient_id"]
    )
    op.create_index(
        "ingredient_names_unmatched_idx",
        "ingredient_names",
        ["name"],
        postgresql_where=sa.text("way = 'none'"),
    )
    op.execute(NAMES)
    for name in ("cas_numbers", "ec_numbers", "functions"):
        several = sa.Column(name, sa.ARRAY(sa.Text()), server_default="{}", nullable=False)
        op.add_column("ingredients", several)
    for name in ("unii", "active_class", "pregnancy", "irritancy"):
        op.add_column("ingredients", sa.Column(name, sa.Text(), nullable=True))
    for name in ("ph_low", "ph_high"):
        op.add_column("ingredients", sa.Column(name, sa.Numeric(), nullable=True))
    common = sa.Column("common_name", sa.Text(), server_default="", nullable=False)
    op.add_column("ingredients", common)
    op.add_column("ingredients", sa.Column("source", sa.Text(), nullable=False))
    for name, condition in CHECKS.items():
        op.create_check_constraint(op.f(name), "ingredients", condition)
    op.create_unique_constraint(op.f("ingredients_unii_key"), "ingredients", ["unii"])
    op.create_index("ingredients_active_class_idx", "ingredients", ["active_class"])
    op.execute(SEARCH)
    op.execute(RESOLVED)
    op.execute(GRANTS)


def downgrade() -> None:
    op.execute(
        "DROP TRIGGER ingredient_is_searchable ON ingredients;"
        "DROP TRIGGER ingredient_names_added_are_searchable ON ingredient_names;"
        "DROP TRIGGER ingredient_names_before_are_searchable ON ingredient_names;"
        "DROP TRIGGER ingredient_names_changed_are_searchable ON ingredient_names;"
        "DROP TRIGGER only_staff_resolve_names ON ingredient_names;"
        "DROP FUNCTION ingredient_names_are_searchable(), only_staff_resolve_names();"
        "UPDATE ingredient_names SET ingredient_id = NULL, way = 'none', source = 'filed',"
        "    resolved_by_id = NULL, resolved_at = NULL WHERE source = 'filed';"
        "UPDATE ingredient_names SET ingredient_id = NULL, way = 'none', source = 'filed'"
        "    WHERE id IN (SELECT name_id FROM product_ingredients);"
        "DELETE FROM ingredient_names WHERE source <> 'filed';"
        "DELETE FROM ingredients;"
    )
    op.execute(NO_NAMES)
    op.drop_index("ingredients_active_class_idx", table_name="ingredients")
    op.drop_constraint(op.f("ingredients_unii_key"), "ingredients", type_="unique")
    for name in CHECKS:
        op.drop_constraint(op.f(name), "ingredients", type_="check")
    for name in FACTS:
        op.drop_column("ingredients", name)
    op.execute(BACK)
    op.drop_table("ingredient_names")
    op.execute(SEARCH_BEFORE)
    op.execute(GRANTS_BEFORE)
    op.execute("UPDATE products SET search = NULL")
