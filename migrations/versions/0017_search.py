"""Concerns and skin types; what products are found by, in a table of its own; its version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

CONCERNS = (
    "acne", "post_acne_marks", "hyperpigmentation", "melasma", "redness", "rosacea", "fine_lines",
    "texture", "dryness", "dullness", "oiliness", "sensitivity", "sun_protection",
    "post_procedure", "dark_circles", "scarring", "eczema", "sun_damage", "infection", "warts",
    "hair_lash",
)  # fmt: skip
SKIN_TYPES = ("dry", "oily", "combination", "normal", "sensitive", "acne_prone", "mature")

BEFORE = """
DROP TRIGGER product_is_searchable ON products;
DROP TRIGGER brand_is_searchable ON brands;
DROP TRIGGER ingredient_is_searchable ON ingredients;
DROP TRIGGER ingredient_names_added_are_searchable ON ingredient_names;
DROP TRIGGER ingredient_names_before_are_searchable ON ingredient_names;
DROP TRIGGER ingredient_names_changed_are_searchable ON ingredient_names;
"""
BEFORE_PARTS = """
DROP TRIGGER {table}_added_are_searchable ON {table};
DROP TRIGGER {table}_before_are_searchable ON {table};
DROP TRIGGER {table}_changed_are_searchable ON {table};
DROP TRIGGER {table}_removed_are_searchable ON {table};
"""
BEFORE_FUNCTIONS = """
DROP FUNCTION product_is_searchable(), product_parts_are_searchable(), brand_is_searchable(),
    ingredient_is_searchable(), ingredient_names_are_searchable();
"""

WORDS = """
-- Words as they are looked for: without accents, and "SPF50+" as the two words it is.
CREATE FUNCTION plain_words(words text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN regexp_replace(
        unaccented(words), '\\m(spf|fps|uv[ab]?)[- ]*([0-9]+)[+]*', '\\1 \\2 ', 'gi');

-- 10 or 11 digits with hyphens as 11 without, 5-4-2; nothing of anything else.
CREATE FUNCTION ndc11(code text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN CASE WHEN code ~ '^[0-9]{4,5}-[0-9]{3,4}-[0-9]{1,2}$' THEN
        lpad(split_part(code, '-', 1), 5, '0') || lpad(split_part(code, '-', 2), 4, '0')
        || lpad(split_part(code, '-', 3), 2, '0') END;

-- What products are found by. Names; then brand, actives with their strengths and every name the
-- dictionary has for them, uses, form; then the rest; and the numbers of packs in the forms of
-- shop/catalog/codes.py. Beside it what a list counts by. `pregnancy_safe`: every active is known to
-- be, and nothing else in it is known not to be.
CREATE FUNCTION searchable(ids uuid[]) RETURNS TABLE (
    product_id uuid, named tsvector, main tsvector, other tsvector, codes tsvector,
    actives text[], percents numeric[], active_classes text[], pregnancy_safe boolean
) LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT p.id,
        to_tsvector('simple', plain_words(p.name)),
        to_tsvector('simple', plain_words(concat_ws(', ', b.name, filed.active_names, p.category,
            p.dosage_form, uses.words))) || array_to_tsvector(filed.strengths),
        to_tsvector('simple',
            plain_words(concat_ws(', ', filed.other_names, p.description, p.route))),
        array_to_tsvector(array_remove(ARRAY[lower(p.source_key), CASE
            WHEN p.source_key ~ '^[0-9]{4,5}-[0-9]{3,4}$' THEN
                lpad(split_part(p.source_key, '-', 1), 5, '0')
                || lpad(split_part(p.source_key, '-', 2), 4, '0') END] || packs.codes, NULL)),
        filed.actives, filed.percents, filed.classes, filed.safe
    FROM products p JOIN brands b ON b.id = p.brand_id
    CROSS JOIN LATERAL (
        SELECT translate(array_to_string(p.concerns || p.skin_types, ', '), '_', ' ') AS words
    ) AS uses
    CROSS JOIN LATERAL (
        SELECT
            string_agg(concat_ws(', ', n.name, i.inci_name, i.common_name, (
                SELECT string_agg(s.name, ', ') FROM ingredient_names s
                WHERE line.active AND s.ingredient_id = i.id AND s.way = 'synonym'
                    AND s.source <> 'filed')), ', ') FILTER (WHERE line.active) AS active_names,
            string_agg(concat_ws(', ', n.name, i.inci_name, i.common_name), ', ')
                FILTER (WHERE NOT line.active) AS other_names,
            coalesce(array_agg(DISTINCT trim_scale(line.percent)::text)
                FILTER (WHERE line.active AND line.percent IS NOT NULL), '{}') AS strengths,
            coalesce(array_agg(coalesce(upper(nullif(i.common_name, '')), i.inci_name, n.name)
                ORDER BY line.position) FILTER (WHERE line.active), '{}') AS actives,
            coalesce(array_agg(line.percent ORDER BY line.position)
                FILTER (WHERE line.active), '{}') AS percents,
            coalesce(array_agg(DISTINCT i.active_class)
                FILTER (WHERE line.active AND i.active_class IS NOT NULL), '{}') AS classes,
            coalesce(bool_and(i.pregnancy IS NOT DISTINCT FROM 'safe') FILTER (WHERE line.active)
                AND NOT bool_or(coalesce(i.pregnancy IN ('caution', 'avoid'), false)), false)
                AS safe
        FROM product_ingredients line JOIN ingredient_names n ON n.id = line.name_id
        LEFT JOIN ingredients i ON i.id = n.ingredient_id
        WHERE line.product_id = p.id
    ) AS filed
    CROSS JOIN LATERAL (
        SELECT coalesce(array_agg(DISTINCT code) FILTER (WHERE code <> ''), '{}') AS codes
        FROM variants v, unnest(ARRAY[lower(v.sku), lower(v.package_ndc), ndc11(v.package_ndc),
            v.package_ndc11, v.gtin, lpad(v.gtin, 14, '0')]) AS code
        WHERE v.product_id = p.id
    ) AS packs
    WHERE p.id = ANY (ids)
$$;
"""

TOUCHED = """
-- Whatever a product is found, filtered or priced by lives in several tables: touching them touches
-- the product, and what is touched is read again once, when the transaction commits. By index: plans
-- are kept for the session, and one made while the tables were small would read them whole for ever.
CREATE FUNCTION products_touched() RETURNS trigger LANGUAGE plpgsql
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
            touched := ARRAY(SELECT DISTINCT line.product_id
                FROM changed c JOIN ingredient_names n ON n.ingredient_id = c.id
                JOIN product_ingredients line ON line.name_id = n.id);
        WHEN 'ingredient_names' THEN
            -- Those that carry the name, and those whose active has it as another name.
            touched := ARRAY(
                SELECT line.product_id
                FROM changed c JOIN product_ingredients line ON line.name_id = c.id
                UNION SELECT line.product_id
                FROM changed c JOIN ingredient_names n USING (ingredient_id)
                JOIN product_ingredients line ON line.name_id = n.id
                WHERE c.way = 'synonym' AND c.source <> 'filed' AND line.active);
        ELSE
            touched := ARRAY(SELECT DISTINCT product_id FROM changed);
    END CASE;
    IF touched <> '{}' THEN
        INSERT INTO catalogue_touched VALUES (touched);
        PERFORM set_config('app.touched', 'yes', true);
    END IF;
    RETURN NULL;
END $$;

-- Once for a transaction, however many statements touched something. The version is taken first and
-- kept locked until the commit: of two transactions that touch the same product, the later reads
-- what the earlier wrote.
CREATE FUNCTION catalogue_changed() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    touched uuid[];
BEGIN
    IF current_setting('app.touched', true) IS DISTINCT FROM 'yes' THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('app.touched', '', true);
    UPDATE catalogue_version SET version = gen_random_uuid();
    WITH gone AS (DELETE FROM catalogue_touched RETURNING product_ids)
        SELECT array_agg(DISTINCT id) INTO touched FROM gone CROSS JOIN unnest(product_ids) AS id;
    WITH found AS MATERIALIZED (SELECT * FROM searchable(touched)), kept AS (
        INSERT INTO product_search (product_id, named, main, other, codes, actives, percents,
            active_classes, pregnancy_safe)
        SELECT * FROM found
        ON CONFLICT (product_id) DO UPDATE SET (named, main, other, codes, actives, percents,
            active_classes, pregnancy_safe) = ROW (excluded.named, excluded.main, excluded.other,
            excluded.codes, excluded.actives, excluded.percents, excluded.active_classes,
            excluded.pregnancy_safe)
        WHERE (product_search.named, product_search.main, product_search.other,
                product_search.codes, product_search.actives, product_search.percents,
                product_search.active_classes, product_search.pregnancy_safe)
            IS DISTINCT FROM (excluded.named, excluded.main, excluded.other, excluded.codes,
                excluded.actives, excluded.percents, excluded.active_classes,
                excluded.pregnancy_safe)
    )
    INSERT INTO search_words (word)
        SELECT DISTINCT lexeme
        FROM found CROSS JOIN unnest(tsvector_to_array(named || main)) AS lexeme
        WHERE lexeme ~ '^[a-z]{4,40}$'
            AND NOT EXISTS (SELECT FROM search_words WHERE word = lexeme)
        ORDER BY lexeme
        ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER catalogue_changed AFTER INSERT ON catalogue_touched
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION catalogue_changed();
"""
TOUCHING = """
CREATE TRIGGER {table}_{verb} AFTER {event} ON {table}
    REFERENCING {what} TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION products_touched();
"""
TOUCHES = [
    ("products", "added_are_searchable", "INSERT", "NEW"),
    ("products", "changed_are_searchable", "UPDATE", "NEW"),
    ("prices", "added_are_searchable", "INSERT", "NEW"),
    ("prices", "changed_are_searchable", "UPDATE", "NEW"),
    ("prices", "removed_are_searchable", "DELETE", "OLD"),
    ("brands", "changed_are_searchable", "UPDATE", "NEW"),
    ("ingredients", "changed_are_searchable", "UPDATE", "NEW"),
    ("ingredient_names", "added_are_searchable", "INSERT", "NEW"),
    ("ingredient_names", "before_are_searchable", "UPDATE", "OLD"),
    ("ingredient_names", "changed_are_searchable", "UPDATE", "NEW"),
    *(
        (table, *how)
        for table in ("product_ingredients", "variants")
        for how in (
            ("added_are_searchable", "INSERT", "NEW"),
            ("before_are_searchable", "UPDATE", "OLD"),
            ("changed_are_searchable", "UPDATE", "NEW"),
            ("removed_are_searchable", "DELETE", "OLD"),
        )
    ),
]

POLICY = """
-- What visitors see is kept with the version, so a rule that begins to hold or ends makes a new one,
-- and so does a picture.
CREATE FUNCTION catalogue_is_seen_anew() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE catalogue_version SET version = gen_random_uuid();
    RETURN NULL;
END $$;
CREATE TRIGGER legal_class_rules_are_seen AFTER UPDATE ON legal_class_rules
    FOR EACH STATEMENT EXECUTE FUNCTION catalogue_is_seen_anew();
CREATE TRIGGER visibility_rules_are_seen AFTER UPDATE ON visibility_rules
    FOR EACH STATEMENT EXECUTE FUNCTION catalogue_is_seen_anew();
CREATE TRIGGER pictures_are_seen AFTER INSERT OR UPDATE ON pictures
    FOR EACH STATEMENT EXECUTE FUNCTION catalogue_is_seen_anew();
"""

LOOKED_UP = """
-- Where words stand (by index even where most products have one: reading their words is dear):
-- products by place, in the name as the whole word, in the name, in the main
-- words, anywhere, each as a beginning. One of `mended` that stands nowhere of weight comes with
-- words like it (`word`), the likest first. Figures and letters are whole: 4 does not begin 40.
CREATE FUNCTION words_found(asked text[], mended text[]) RETURNS TABLE (
    typed text, word text, exact integer[], named integer[], main integer[], other integer[]
) LANGUAGE plpgsql STABLE SET search_path = public, pg_temp
    SET pg_trgm.similarity_threshold = 0.34 SET enable_seqscan = off AS $$
DECLARE
    like_it text;
    figure boolean;
BEGIN
    FOREACH typed IN ARRAY asked LOOP
        word := typed;
        figure := typed ~ '^[0-9.]+$' OR length(typed) = 1;
        SELECT * INTO exact, named, main, other FROM word_stands(typed, figure);
        RETURN NEXT;
        CONTINUE WHEN typed <> ALL (mended) OR cardinality(named || main) > 0;
        FOR like_it IN SELECT known.word FROM search_words known WHERE known.word % typed
            ORDER BY similarity(known.word, typed) DESC, known.word LIMIT 8
        LOOP
            word := like_it;
            SELECT * INTO exact, named, main, other FROM word_stands(like_it, true);
            RETURN NEXT;
        END LOOP;
    END LOOP;
END $$;

CREATE FUNCTION word_stands(
    word text, whole boolean, OUT exact integer[], OUT named integer[], OUT main integer[],
    OUT other integer[]
) LANGUAGE plpgsql STABLE SET search_path = public, pg_temp AS $$
DECLARE
    as_word tsquery := to_tsquery('simple', quote_literal(word));
    query tsquery := to_tsquery('simple', quote_literal(word) || CASE WHEN whole THEN '' ELSE ':*' END);
BEGIN
    exact := ARRAY(SELECT place FROM product_search s WHERE s.named @@ as_word);
    named := ARRAY(SELECT place FROM product_search s WHERE s.named @@ query);
    main := ARRAY(SELECT place FROM product_search s WHERE s.main @@ query);
    other := ARRAY(SELECT place FROM product_search s WHERE s.other @@ query);
END $$;

-- Products by the number of a pack: any of its keys, or what it begins with.
CREATE FUNCTION codes_found(keys text[], beginning text) RETURNS integer[] LANGUAGE plpgsql STABLE
    SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    query tsquery := (SELECT string_agg(quote_literal(key), ' | ') FROM unnest(keys) key)::tsquery;
    found integer[];
BEGIN
    found := ARRAY(SELECT place FROM product_search s WHERE s.codes @@ query);
    IF cardinality(found) = 0 AND beginning <> '' THEN
        query := (quote_literal(beginning) || ':*')::tsquery;
        found := ARRAY(SELECT place FROM product_search s WHERE s.codes @@ query);
    END IF;
    RETURN found;
END $$;
"""

GRANTS = """
INSERT INTO catalogue_version DEFAULT VALUES;
INSERT INTO catalogue_touched SELECT array_agg(id) FROM products;
SELECT set_config('app.touched', 'yes', true);
SET CONSTRAINTS ALL IMMEDIATE;
SET CONSTRAINTS ALL DEFERRED;
GRANT SELECT ON product_search, search_words, catalogue_version TO aftercare_app, aftercare_worker;
GRANT INSERT (concerns, skin_types), UPDATE (concerns, skin_types) ON products TO aftercare_app;
"""


def upgrade() -> None:
    for column in ("concerns", "skin_types"):
        op.add_column(
            "products",
            sa.Column(column, sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        )
    op.create_check_constraint("concerns_are_known", "products", _known("concerns", CONCERNS))
    op.create_check_constraint("skin_types_are_known", "products", _known("skin_types", SKIN_TYPES))
    op.execute(BEFORE)
    for table in ("product_ingredients", "variants"):
        op.execute(BEFORE_PARTS.format(table=table))
    op.execute(BEFORE_FUNCTIONS)
    op.drop_index("products_search_idx", table_name="products", postgresql_using="gin")
    op.drop_index(
        "products_name_trgm_idx",
        table_name="products",
        postgresql_using="gin",
        postgresql_ops={"name": "gin_trgm_ops"},
    )
    op.drop_column("products", "search")
    op.execute("CREATE SEQUENCE product_search_place_seq AS integer")
    op.create_table(
        "product_search",
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column(
            "place",
            sa.Integer(),
            server_default=sa.text("nextval('product_search_place_seq')"),
            nullable=False,
        ),
        *(
            sa.Column(name, postgresql.TSVECTOR(), nullable=False)
            for name in ("named", "main", "other", "codes")
        ),
        sa.Column("actives", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("percents", sa.ARRAY(sa.Numeric()), nullable=False),
        sa.Column("active_classes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("pregnancy_safe", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"],
            ["products.id"],
            name=op.f("product_search_product_id_fkey"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("product_id", name=op.f("product_search_pkey")),
        sa.UniqueConstraint("place", name=op.f("product_search_place_key")),
    )
    for name in ("named", "main", "other", "codes"):
        op.create_index(
            f"product_search_{name}_idx",
            "product_search",
            [name],
            postgresql_using="gin",
            postgresql_with={"fastupdate": "off"},  # read all the time, written now and then
        )
    op.create_table(
        "search_words",
        sa.Column("word", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("word", name=op.f("search_words_pkey")),
    )
    op.create_index(
        "search_words_trgm_idx",
        "search_words",
        ["word"],
        postgresql_using="gin",
        postgresql_ops={"word": "gin_trgm_ops"},
    )
    op.create_table(
        "catalogue_version",
        sa.Column("one", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column(
            "version", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False
        ),
        sa.CheckConstraint("one", name=op.f("there_is_one_version")),
        sa.PrimaryKeyConstraint("one", name=op.f("catalogue_version_pkey")),
    )
    op.create_table(
        "catalogue_touched", sa.Column("product_ids", sa.ARRAY(sa.Uuid()), nullable=True)
    )
    op.execute(WORDS)
    op.execute(TOUCHED)
    for table, verb, event, what in TOUCHES:
        op.execute(TOUCHING.format(table=table, verb=verb, event=event, what=what))
    op.execute(POLICY)
    op.execute(LOOKED_UP)
    op.execute(GRANTS)


def downgrade() -> None:
    for table, verb, _event, _what in TOUCHES:
        op.execute(f"DROP TRIGGER {table}_{verb} ON {table}")
    for table in ("legal_class_rules", "visibility_rules", "pictures"):
        op.execute(f"DROP TRIGGER {table}_are_seen ON {table}")
    for table in ("catalogue_touched", "catalogue_version", "search_words", "product_search"):
        op.drop_table(table)
    op.execute("DROP SEQUENCE product_search_place_seq")
    op.execute(
        "DROP FUNCTION catalogue_is_seen_anew(), catalogue_changed(), products_touched(), words_found(text[], text[]),"
        " word_stands(text, boolean), codes_found(text[], text), searchable(uuid[]), ndc11(text),"
        " plain_words(text)"
    )
    op.drop_constraint("concerns_are_known", "products")
    op.drop_constraint("skin_types_are_known", "products")
    op.drop_column("products", "concerns")
    op.drop_column("products", "skin_types")
    op.add_column("products", sa.Column("search", postgresql.TSVECTOR(), nullable=True))
    op.create_index(
        "products_search_idx", "products", ["search"], unique=False, postgresql_using="gin"
    )
    op.create_index(
        "products_name_trgm_idx",
        "products",
        ["name"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"name": "gin_trgm_ops"},
    )
    for statements in _earlier():
        op.execute(statements)
    op.execute("UPDATE products SET search = NULL")


def _known(column: str, words: tuple[str, ...]) -> str:
    listed = ", ".join(f"'{word}'" for word in words)
    return f"{column} <@ ARRAY[{listed}]"


def _earlier() -> list[str]:
    """What migrations 0005 and 0014 made of the search that this one replaces."""
    script = ScriptDirectory.from_config(op.get_context().config)
    first, then = (script.get_revision(number).module for number in ("0005", "0014"))
    made = first.SEARCH.partition("-- Name and brand weigh most")[2]
    return [
        "--" + made.partition("CREATE TRIGGER ingredient_is_searchable")[0],
        *(first.PARTS.format(table=table) for table in ("product_ingredients", "variants")),
        then.SEARCH,
    ]
