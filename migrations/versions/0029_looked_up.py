"""Products whose names changed are looked up by index, however a plan was once made."""

from __future__ import annotations

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

# PL/pgSQL keeps a plan for the session. A join with what changed, planned while the tables were
# empty, compared every name with every product: an import of all registers after that took a
# quarter of an hour. An array can only be looked up.
TOUCHED = """
CREATE OR REPLACE FUNCTION products_touched() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    touched uuid[];
BEGIN
    CASE TG_TABLE_NAME
        WHEN 'products' THEN
            touched := ARRAY(SELECT id FROM changed);
        WHEN 'prices' THEN
            touched := ARRAY(SELECT DISTINCT v.product_id
                FROM changed c JOIN variants v ON v.id = c.variant_id);
        WHEN 'brands' THEN
            touched := ARRAY(SELECT p.id FROM changed c JOIN products p ON p.brand_id = c.id);
        WHEN 'ingredients' THEN
            touched := {ingredients};
        WHEN 'ingredient_names' THEN
            -- Those that carry the name, and those whose active has it as another name.
            touched := {names};
        ELSE
            touched := ARRAY(SELECT DISTINCT product_id FROM changed);
    END CASE;
    IF touched <> '{{}}' THEN
        INSERT INTO catalogue_touched VALUES (touched);
        PERFORM set_config('app.touched', 'yes', true);
    END IF;
    RETURN NULL;
END $$;
"""
LOOKED_UP = {
    "ingredients": """ARRAY(SELECT DISTINCT product_id FROM product_ingredients
                WHERE name_id = ANY (ARRAY(SELECT id FROM ingredient_names
                    WHERE ingredient_id = ANY (ARRAY(SELECT id FROM changed)))))""",
    "names": """ARRAY(
                SELECT product_id FROM product_ingredients
                WHERE name_id = ANY (ARRAY(SELECT id FROM changed))
                UNION SELECT product_id FROM product_ingredients
                WHERE active AND name_id = ANY (ARRAY(SELECT id FROM ingredient_names
                    WHERE ingredient_id = ANY (ARRAY(SELECT ingredient_id FROM changed
                        WHERE way = 'synonym' AND source <> 'filed')))))""",
}
JOINED = {
    "ingredients": """ARRAY(SELECT DISTINCT line.product_id
                FROM changed c JOIN ingredient_names n ON n.ingredient_id = c.id
                JOIN product_ingredients line ON line.name_id = n.id)""",
    "names": """ARRAY(
                SELECT line.product_id
                FROM changed c JOIN product_ingredients line ON line.name_id = c.id
                UNION SELECT line.product_id
                FROM changed c JOIN ingredient_names n USING (ingredient_id)
                JOIN product_ingredients line ON line.name_id = n.id
                WHERE c.way = 'synonym' AND c.source <> 'filed' AND line.active)""",
}


def upgrade() -> None:
    op.execute(TOUCHED.format(**LOOKED_UP))


def downgrade() -> None:
    op.execute(TOUCHED.format(**JOINED))
