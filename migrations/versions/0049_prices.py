"""Discounts with their numbered uses, where none may be given, and what a pack weighs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None

TERMS = """
-- Terms are written once, by a manager; a discount is ended once.
CREATE FUNCTION discount_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    who uuid := NEW.made_by_id;
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.made_at := shop_now();
        broken := CASE WHEN NEW.ended_by_id IS NOT NULL THEN 'discount_is_made_before_it_ends' END;
    ELSE
        who := NEW.ended_by_id;
        broken := CASE
            WHEN OLD.ended_at IS NOT NULL THEN 'discount_is_ended_once'
            WHEN to_jsonb(NEW) - '{ended_by_id,ended_at}'::text[]
                 <> to_jsonb(OLD) - '{ended_by_id,ended_at}'::text[]
                THEN 'discount_keeps_its_terms' END;
        NEW.ended_at := shop_now();
    END IF;
    IF broken IS NULL AND NOT EXISTS (
            SELECT FROM people WHERE id = who AND role = 'manager' AND disabled_at IS NULL) THEN
        broken := 'discount_is_by_a_manager';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'discount %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER discount_guard BEFORE INSERT OR UPDATE ON discounts
    FOR EACH ROW EXECUTE FUNCTION discount_guard();
CREATE TRIGGER discounts_are_kept BEFORE DELETE OR TRUNCATE ON discounts
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- What is barred begins and ends while no order is being placed (the lock of the law).
CREATE FUNCTION discount_bar_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    who uuid := NEW.barred_by_id;
    broken text;
BEGIN
    PERFORM pg_advisory_xact_lock(5150001);
    IF TG_OP = 'INSERT' THEN
        NEW.barred_at := shop_now();
        broken := CASE WHEN NEW.lifted_by_id IS NOT NULL THEN 'bar_is_set_before_it_is_lifted' END;
    ELSE
        who := NEW.lifted_by_id;
        broken := CASE
            WHEN OLD.lifted_at IS NOT NULL THEN 'bar_is_lifted_once'
            WHEN to_jsonb(NEW) - '{lifted_by_id,lifted_at}'::text[]
                 <> to_jsonb(OLD) - '{lifted_by_id,lifted_at}'::text[]
                THEN 'bar_keeps_what_it_says' END;
        NEW.lifted_at := shop_now();
    END IF;
    IF broken IS NULL AND NOT EXISTS (
            SELECT FROM people WHERE id = who AND role = 'manager' AND disabled_at IS NULL) THEN
        broken := 'bar_is_by_a_manager';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'discount bar %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
-- House rule (decision 36): drugs are not promoted, whether or not a physician has to see them,
-- until a manager says otherwise. Nobody of the clinic wrote it down, so nobody stands for it.
INSERT INTO discount_bars (id, legal_class, jurisdiction, source, barred_at) VALUES
    (gen_random_uuid(), 'otc_drug', 'US', 'House rule: drugs are not promoted by price.',
     shop_now());
CREATE TRIGGER discount_bar_guard BEFORE INSERT OR UPDATE ON discount_bars
    FOR EACH ROW EXECUTE FUNCTION discount_bar_guard();
CREATE TRIGGER discount_bars_are_kept BEFORE DELETE OR TRUNCATE ON discount_bars
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

USES = """
-- A use is a number within the limits of a discount in force. Whoever takes one locks the discount
-- (FOR SHARE: the terms cannot end meanwhile). A discount that ended less than a minute ago still
-- counts, as a price does: it was in force when the order was begun.
CREATE FUNCTION discount_use_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    d discounts%ROWTYPE;
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT * INTO d FROM discounts WHERE id = NEW.discount_id FOR SHARE;
        broken := CASE
            WHEN d.ended_at IS NOT NULL OR d.valid_from > shop_now()
                 OR d.valid_until <= shop_now() - interval '1 minute'
                THEN 'discount_is_in_force'
            WHEN NEW.number > d.most_uses THEN 'no_use_above_the_limit'
            WHEN NEW.client_number > d.most_per_client THEN 'no_use_above_the_limit_of_a_client'
            WHEN NEW.returned THEN 'use_is_taken_before_it_is_given_back' END;
        NEW.taken_at := shop_now();
    ELSE
        broken := CASE
            WHEN OLD.returned THEN 'use_is_given_back_once'
            WHEN to_jsonb(NEW) - '{returned,returned_at}'::text[]
                 <> to_jsonb(OLD) - '{returned,returned_at}'::text[]
                THEN 'use_keeps_what_it_is_of' END;
        NEW.returned_at := shop_now();
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'discount use %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER discount_use_guard BEFORE INSERT OR UPDATE ON discount_uses
    FOR EACH ROW EXECUTE FUNCTION discount_use_guard();
CREATE TRIGGER discount_uses_are_kept BEFORE DELETE OR TRUNCATE ON discount_uses
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

JUDGED = """
-- What a discount takes off goods of so many cents; shop/discounts/terms.py says the same.
CREATE FUNCTION discount_off(percent integer, cents integer, goods bigint) RETURNS bigint
    LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce((goods * percent * 2 + 100) / 200, least(cents, goods)) $$;

-- An order's discount is what the terms of its one use give, off lines that they touch, shared by
-- price; and the use stands as long as the order does. Judged at commit, from both sides, under
-- the order's lock. The terms are judged when the order or the use is born: what a line is in law
-- may change afterwards.
CREATE FUNCTION order_discount_judged() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    the_order uuid := CASE TG_TABLE_NAME WHEN 'orders' THEN NEW.id END;
    o orders%ROWTYPE;
    u discount_uses%ROWTYPE;
    d discounts%ROWTYPE;
    broken text;
BEGIN
    IF the_order IS NULL THEN
        the_order := NEW.order_id;
    END IF;
    SELECT * INTO o FROM orders WHERE id = the_order FOR NO KEY UPDATE;
    SELECT * INTO u FROM discount_uses WHERE order_id = o.id;
    broken := CASE
        WHEN u.id IS NULL THEN 'discount_has_its_use'
        WHEN u.cents <> o.discount_cents THEN 'use_is_of_what_was_taken_off'
        WHEN u.returned <> (o.status IN ('cancelled', 'expired'))
            THEN 'use_stands_as_long_as_its_order' END;
    IF broken IS NULL AND TG_OP = 'INSERT' THEN
        SELECT * INTO d FROM discounts WHERE id = u.discount_id;
        WITH bearing AS (
            SELECT l.total_cents::bigint AS price, l.discount_cents::bigint AS off,
                   v.legal_class = ANY (d.classes) AND NOT l.requires_prescription
                   AND NOT EXISTS (SELECT FROM discount_bars b
                                   WHERE b.legal_class = v.legal_class AND b.lifted_at IS NULL
                                     AND b.jurisdiction IN ('US', o.ship_to_state)) AS touched
            FROM order_lines l JOIN variants v ON v.id = l.variant_id
            WHERE l.order_id = o.id),
        goods AS (SELECT coalesce(sum(price) FILTER (WHERE touched), 0)::bigint AS cents
                  FROM bearing)
        SELECT CASE
            WHEN EXISTS (SELECT FROM bearing WHERE off > 0 AND NOT touched)
                THEN 'discount_touches_what_it_may'
            WHEN goods.cents < d.least_cents THEN 'discount_has_its_minimum'
            WHEN u.cents <> discount_off(d.percent, d.cents, goods.cents)
                THEN 'discount_is_what_its_terms_give'
            WHEN EXISTS (SELECT FROM bearing WHERE touched
                         AND abs(off * goods.cents - u.cents * price) >= goods.cents)
                THEN 'discount_is_shared_by_price' END
        INTO broken FROM goods;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'order %: %', o.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER order_is_at_its_discount AFTER INSERT OR UPDATE OF status ON orders
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.discount_cents > 0) EXECUTE FUNCTION order_discount_judged();
CREATE CONSTRAINT TRIGGER discount_use_judged AFTER INSERT OR UPDATE ON discount_uses
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION order_discount_judged();
"""

GRANTS = """
GRANT SELECT ON discounts, discount_uses, discount_bars TO aftercare_app, aftercare_worker;
GRANT INSERT (id, number, code, kind, percent, cents, classes, least_cents, most_uses,
        most_per_client, valid_from, valid_until, made_by_id),
    UPDATE (ended_by_id) ON discounts TO aftercare_app;
GRANT INSERT (id, legal_class, jurisdiction, source, barred_by_id), UPDATE (lifted_by_id)
    ON discount_bars TO aftercare_app;
GRANT INSERT (id, discount_id, client_id, order_id, number, client_number, cents)
    ON discount_uses TO aftercare_app;
GRANT UPDATE (returned) ON discount_uses TO aftercare_app, aftercare_worker;
GRANT INSERT (weight_grams), UPDATE (weight_grams) ON variants TO aftercare_app, aftercare_worker;
"""

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("variants", sa.Column("weight_grams", sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("variant_weight_is_sane"), "variants", "weight_grams BETWEEN 1 AND 30000"
    )
    _discounts()
    _uses()
    _bars()
    for statements in (TERMS, USES, JUDGED, GRANTS):
        op.execute(statements)


def _points(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"{table}_{column}_fkey"))


def _discounts() -> None:
    op.create_table(
        "discounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.Column("cents", sa.Integer(), nullable=True),
        sa.Column("classes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("least_cents", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("most_uses", sa.Integer(), nullable=False),
        sa.Column("most_per_client", sa.Integer(), nullable=False),
        sa.Column("valid_from", MOMENT, nullable=False),
        sa.Column("valid_until", MOMENT, nullable=True),
        sa.Column("made_by_id", sa.Uuid(), nullable=False),
        sa.Column("made_at", MOMENT, nullable=False),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.Column("ended_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "code ~ '^[A-Z0-9][A-Z0-9-]{3,29}$'", name=op.f("discount_code_is_typed_easily")
        ),
        sa.CheckConstraint("kind IN ('percent', 'amount')", name=op.f("discount_kind_is_known")),
        sa.CheckConstraint(
            "CASE kind WHEN 'percent' THEN percent IS NOT NULL AND cents IS NULL"
            " ELSE cents IS NOT NULL AND percent IS NULL END",
            name=op.f("discount_is_of_its_kind"),
        ),
        sa.CheckConstraint("percent BETWEEN 1 AND 100", name=op.f("discount_percent_is_sane")),
        sa.CheckConstraint("cents BETWEEN 1 AND 100000", name=op.f("discount_cents_are_sane")),
        sa.CheckConstraint(
            "cardinality(classes) > 0 AND classes <@ ARRAY['cosmetic', 'otc_drug']",
            name=op.f("discount_never_touches_prescription_goods"),
        ),
        sa.CheckConstraint(
            "least_cents BETWEEN 0 AND 10000000", name=op.f("discount_minimum_is_sane")
        ),
        sa.CheckConstraint("most_uses BETWEEN 1 AND 10000", name=op.f("discount_limit_is_sane")),
        sa.CheckConstraint(
            "most_per_client BETWEEN 1 AND most_uses",
            name=op.f("discount_limit_of_a_client_is_sane"),
        ),
        sa.CheckConstraint("valid_until > valid_from", name=op.f("discount_range_is_forward")),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_id IS NULL)",
            name=op.f("discount_is_ended_by_someone"),
        ),
        _points("discounts", "made_by_id", "people"),
        _points("discounts", "ended_by_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("discounts_pkey")),
        sa.UniqueConstraint("number", name=op.f("discounts_number_key")),
    )
    op.create_index(
        "discounts_code_key",
        "discounts",
        ["code"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )


def _uses() -> None:
    op.create_table(
        "discount_uses",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("discount_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("client_number", sa.Integer(), nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("returned", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("taken_at", MOMENT, nullable=False),
        sa.Column("returned_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "number > 0 AND client_number > 0", name=op.f("uses_are_numbered_from_one")
        ),
        sa.CheckConstraint("cents > 0", name=op.f("use_takes_something_off")),
        sa.CheckConstraint(
            "returned = (returned_at IS NOT NULL)", name=op.f("use_is_given_back_at_some_time")
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "client_id"], ["orders.id", "orders.client_id"], name="use_is_of_an_order"
        ),
        _points("discount_uses", "discount_id", "discounts"),
        sa.PrimaryKeyConstraint("id", name=op.f("discount_uses_pkey")),
        sa.UniqueConstraint("order_id", name="order_has_one_discount"),
    )
    op.create_index(
        "discount_uses_number_key",
        "discount_uses",
        ["discount_id", "number"],
        unique=True,
        postgresql_where=sa.text("NOT returned"),
    )
    op.create_index(
        "discount_uses_client_number_key",
        "discount_uses",
        ["discount_id", "client_id", "client_number"],
        unique=True,
        postgresql_where=sa.text("NOT returned"),
    )
    op.create_index("discount_uses_taken_idx", "discount_uses", ["discount_id", "taken_at"])


def _bars() -> None:
    op.create_table(
        "discount_bars",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("legal_class", sa.Text(), nullable=False),
        sa.Column("jurisdiction", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("barred_by_id", sa.Uuid(), nullable=True),
        sa.Column("barred_at", MOMENT, nullable=False),
        sa.Column("lifted_by_id", sa.Uuid(), nullable=True),
        sa.Column("lifted_at", MOMENT, nullable=True),
        sa.CheckConstraint(
            "legal_class IN ('cosmetic', 'otc_drug')", name=op.f("barred_class_is_known")
        ),
        sa.CheckConstraint("jurisdiction ~ '^[A-Z]{2}$'", name=op.f("bar_is_of_a_jurisdiction")),
        sa.CheckConstraint("length(source) BETWEEN 1 AND 500", name=op.f("bar_has_a_source")),
        sa.CheckConstraint(
            "(lifted_at IS NULL) = (lifted_by_id IS NULL)", name=op.f("bar_is_lifted_by_someone")
        ),
        _points("discount_bars", "barred_by_id", "people"),
        _points("discount_bars", "lifted_by_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("discount_bars_pkey")),
    )
    op.create_index(
        "discount_bars_key",
        "discount_bars",
        ["legal_class", "jurisdiction"],
        unique=True,
        postgresql_where=sa.text("lifted_at IS NULL"),
    )


def downgrade() -> None:
    op.execute(
        "DROP TRIGGER order_is_at_its_discount ON orders; DROP TRIGGER discount_use_judged ON discount_uses"
    )
    for table in ("discount_uses", "discount_bars", "discounts"):
        op.drop_table(table)
    op.execute(
        "DROP FUNCTION order_discount_judged(); DROP FUNCTION discount_off(integer, integer, bigint);"
        "DROP FUNCTION discount_use_guard(); DROP FUNCTION discount_bar_guard();"
        "DROP FUNCTION discount_guard()"
    )
    op.drop_constraint(op.f("variant_weight_is_sane"), "variants", type_="check")
    op.drop_column("variants", "weight_grams")
