"""The law per state and day, who sees what, and releases by two people."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# Who activates or ends a rule waits for those who act on an answer, and they for him: 5150001 is
# taken by both, by them as a share.
RULES = """
CREATE FUNCTION rule_moves_on() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    wrong text;
BEGIN
    wrong := CASE
        WHEN NEW.reviewed_by_id IS DISTINCT FROM OLD.reviewed_by_id
            AND (OLD.status <> 'draft' OR NEW.status <> 'reviewed') THEN 'rule_is_reviewed_once'
        WHEN NEW.activated_by_id IS DISTINCT FROM OLD.activated_by_id
            AND (OLD.status <> 'reviewed' OR NEW.status <> 'active') THEN 'rule_is_activated_once'
        WHEN EXISTS (
            SELECT FROM unnest(ARRAY[NEW.reviewed_by_id, NEW.activated_by_id, NEW.ended_by_id]) AS who
            JOIN people p ON p.id = who WHERE p.role NOT IN ('manager', 'physician'))
            THEN 'rule_is_decided_by_a_manager_or_physician'
        WHEN OLD.ended_by_id IS NOT NULL
            AND (NEW.ended_by_id IS DISTINCT FROM OLD.ended_by_id
                 OR NEW.end_on IS DISTINCT FROM OLD.end_on
                 OR NEW.end_proposed_by_id IS DISTINCT FROM OLD.end_proposed_by_id)
            THEN 'rule_is_ended_once'
        WHEN NEW.valid_until IS DISTINCT FROM OLD.valid_until AND NOT (
            OLD.status = 'active' AND NEW.valid_until IS NOT NULL
            AND NEW.valid_until < coalesce(OLD.valid_until, 'infinity')
            AND NEW.valid_until >= ((shop_now() - interval '5 minutes') AT TIME ZONE 'UTC')::date
            AND (NEW.status = 'superseded'
                 OR NEW.ended_by_id IS NOT NULL AND OLD.ended_by_id IS NULL))
            THEN 'rule_is_only_ended'
    END;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'rule % version %: %', NEW.number, NEW.version, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = TG_TABLE_NAME;
    END IF;
    IF NEW.status <> OLD.status OR NEW.valid_until IS DISTINCT FROM OLD.valid_until THEN
        PERFORM pg_advisory_xact_lock(5150001);
    END IF;
    RETURN NEW;
END $$;

-- Only the next version, agreed to by its own two people, takes a rule's place.
CREATE FUNCTION superseded_by_its_successor() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    followed boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE number = $1 AND version > $2'
                   ' AND activated_by_id IS NOT NULL AND valid_from <= $3)', TG_TABLE_NAME)
        INTO followed USING NEW.number, NEW.version, NEW.valid_until;
    IF NOT followed THEN
        RAISE EXCEPTION 'rule % version % has no successor', NEW.number, NEW.version
            USING ERRCODE = 'check_violation', CONSTRAINT = 'superseded_rule_has_a_successor',
                TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
"""
EACH_KIND = """
CREATE TRIGGER rule_moves_on BEFORE UPDATE ON {table}
    FOR EACH ROW EXECUTE FUNCTION rule_moves_on();
CREATE TRIGGER rule_goes_along_an_arrow BEFORE UPDATE ON {table} FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.state_seq <> NEW.state_seq)
    EXECUTE FUNCTION ordering_goes_on('{machine}');
CREATE CONSTRAINT TRIGGER superseded_by_its_successor AFTER UPDATE OF status ON {table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'superseded')
    EXECUTE FUNCTION superseded_by_its_successor();
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('{machine}', '', 'draft'),
    ('{machine}', 'draft', 'reviewed'),
    ('{machine}', 'reviewed', 'active'),
    ('{machine}', 'active', 'superseded'),
    ('{machine}', 'draft', 'draft'),
    ('{machine}', 'reviewed', 'reviewed'),
    ('{machine}', 'active', 'active'),
    ('{machine}', 'superseded', 'superseded');
GRANT SELECT ON {table} TO aftercare_app, aftercare_worker;
GRANT INSERT (id, number, version, jurisdiction, valid_from, valid_until, source, grade, review_by,
        owner_id, authored_by_id, status, state_seq, {own}),
    UPDATE (status, state_seq, valid_until, reviewed_by_id, activated_by_id, end_on,
        end_proposed_by_id, ended_by_id) ON {table} TO aftercare_app;
"""

LAW = """
CREATE FUNCTION legal_class_rank(legal_class text) RETURNS integer LANGUAGE sql IMMUTABLE
RETURN array_position(ARRAY['cosmetic', 'otc_drug', 'rx', 'rx_unapproved', 'clinic_use'], legal_class);

-- Which activated rule speaks of which product, whatever the day: by the substance its active is
-- known as, however either is spelled. An unknown strength, route or form is every one.
CREATE VIEW rulings AS
    SELECT l.product_id, r.id AS rule_id, r.number AS rule_number, r.version AS rule_version,
           r.jurisdiction, r.legal_class, r.valid_from, r.valid_until
    FROM legal_class_rules r
        JOIN ingredient_names said ON said.name = r.active
        JOIN ingredient_names named
            ON coalesce(named.ingredient_id, named.id) = coalesce(said.ingredient_id, said.id)
        JOIN product_ingredients l ON l.name_id = named.id AND l.active
            AND (l.percent IS NULL OR r.percents @> l.percent)
        JOIN products p ON p.id = l.product_id
            AND (r.route = '' OR p.route = '' OR starts_with(upper(p.route), upper(r.route)))
            AND (r.dosage_form = '' OR p.dosage_form = ''
                 OR starts_with(upper(p.dosage_form), upper(r.dosage_form)))
    WHERE r.status IN ('active', 'superseded')
        AND (r.except_with = '{}' OR EXISTS (
            SELECT FROM unnest(r.except_with) AS needed WHERE NOT EXISTS (
                SELECT FROM ingredient_names s
                    JOIN ingredient_names held
                        ON coalesce(held.ingredient_id, held.id) = coalesce(s.ingredient_id, s.id)
                    JOIN product_ingredients o ON o.name_id = held.id
                WHERE s.name = needed AND o.product_id = p.id AND o.active)));

-- The strictest rule over a product in a state on a day: no row where none speaks of it.
CREATE FUNCTION legal_class_in(the_product uuid, the_state text, day date)
    RETURNS TABLE (rule_id uuid, rule_number text, rule_version integer, jurisdiction text,
                   legal_class text)
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT r.rule_id, r.rule_number, r.rule_version, r.jurisdiction, r.legal_class FROM rulings r
    WHERE r.product_id = the_product AND r.jurisdiction IN ('US', the_state)
        AND r.valid_from <= day AND (r.valid_until IS NULL OR r.valid_until > day)
    ORDER BY legal_class_rank(r.legal_class) DESC, r.jurisdiction = 'US', r.rule_number, r.rule_id
    LIMIT 1
$$;
CREATE FUNCTION rule_over(the_product uuid, the_state text, moment timestamptz) RETURNS uuid
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT rule_id FROM legal_class_in(the_product, the_state, (moment AT TIME ZONE 'UTC')::date)
$$;

-- What the law of its state has against a line, as the name of what it breaks. Nobody changes the
-- rules from here to the end of the transaction.
CREATE FUNCTION law_against_line(the_variant uuid, the_state text, requires boolean,
                                 moment timestamptz) RETURNS text
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    ruled text;
BEGIN
    PERFORM pg_advisory_xact_lock_shared(5150001);
    SELECT r.legal_class INTO ruled FROM variants v,
        legal_class_in(v.product_id, the_state, (moment AT TIME ZONE 'UTC')::date) r
        WHERE v.id = the_variant;
    RETURN CASE
        WHEN ruled = 'clinic_use' THEN 'line_is_sold_in_its_state'
        WHEN ruled IN ('rx', 'rx_unapproved') AND NOT requires
            THEN 'line_requires_what_its_state_rules'
    END;
END $$;
"""

BIRTH = """
CREATE OR REPLACE FUNCTION order_line_is_sellable() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    sold variants%ROWTYPE;
    wrong text;
BEGIN
    SELECT * INTO sold FROM variants WHERE id = NEW.variant_id FOR SHARE;
    wrong := CASE
        WHEN NOT sold.for_sale THEN 'line_is_for_sale'
        WHEN sold.doctor_only AND NOT NEW.requires_prescription
            THEN 'doctor_only_line_requires_a_prescription'
        WHEN NOT EXISTS (
            SELECT FROM prices WHERE id = NEW.price_id AND valid_from <= shop_now()
                AND (valid_until IS NULL OR valid_until > shop_now() - interval '1 minute'))
            THEN 'line_price_is_in_force'
    END;
    IF wrong IS NULL THEN
        wrong := law_against_line(NEW.variant_id, NEW.ship_to_state, NEW.requires_prescription,
                                  shop_now());
        IF wrong IS NOT NULL AND law_against_line(NEW.variant_id, NEW.ship_to_state,
                NEW.requires_prescription, shop_now() - interval '1 minute') IS NULL THEN
            wrong := NULL;
        END IF;
    END IF;
    IF wrong IS NULL AND NEW.rule_id IS DISTINCT FROM rule_over(sold.product_id,
            NEW.ship_to_state, shop_now())
        AND NEW.rule_id IS DISTINCT FROM rule_over(sold.product_id,
            NEW.ship_to_state, shop_now() - interval '1 minute') THEN
        wrong := 'line_names_the_rule_that_decided';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'order line %: %', NEW.id, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
"""

PAYMENT = """
CREATE OR REPLACE FUNCTION payment_may_begin() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    order_status text;
    wrong text;
BEGIN
    SELECT status INTO order_status FROM orders WHERE id = NEW.order_id FOR SHARE;
    PERFORM 1 FROM prescriptions p
        JOIN fills f ON f.prescription_id = p.id JOIN order_lines l ON l.fill_id = f.id
        WHERE l.order_id = NEW.order_id AND l.status <> 'cancelled'
        ORDER BY p.id FOR SHARE OF p;
    IF order_status IS DISTINCT FROM 'awaiting_payment' THEN
        wrong := 'payment_begins_while_its_order_waits';
    ELSIF EXISTS (
        SELECT FROM order_lines l
            JOIN variants v ON v.id = l.variant_id LEFT JOIN fills f ON f.id = l.fill_id
        WHERE l.order_id = NEW.order_id AND l.status <> 'cancelled'
            AND (l.requires_prescription OR v.doctor_only)
            AND NOT coalesce(f.status = 'reserved'
                             AND prescription_stands(f.prescription_id, f.state, shop_now()),
                             false)) THEN
        wrong := 'payment_begins_under_standing_prescriptions';
    ELSIF EXISTS (
        SELECT FROM order_lines l
        WHERE l.order_id = NEW.order_id AND l.status <> 'cancelled'
            AND law_against_line(l.variant_id, l.ship_to_state, l.requires_prescription,
                                 shop_now()) IS NOT NULL) THEN
        wrong := 'payment_begins_as_the_law_of_the_state_allows';
    ELSIF NEW.status <> 'created' OR NEW.captured_cents <> 0 OR NEW.refunded_cents <> 0
        OR coalesce(NEW.provider_session_id, NEW.provider_intent_id, NEW.url) IS NOT NULL THEN
        wrong := 'payment_begins_without_money';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'payment of order %: %', NEW.order_id, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.created_at := shop_now();
    RETURN NEW;
END $$;
"""

LINE = """
CREATE OR REPLACE FUNCTION line_is_still_sold_freely() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    wrong text := law_against_line(NEW.variant_id, NEW.ship_to_state, NEW.requires_prescription,
                                   shop_now());
BEGIN
    IF NOT NEW.requires_prescription
        AND EXISTS (SELECT FROM variants WHERE id = NEW.variant_id AND doctor_only) THEN
        wrong := 'doctor_only_line_requires_a_prescription';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'order line %: %', NEW.id, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER line_is_still_sold_freely ON order_lines;
CREATE TRIGGER line_is_still_sold_freely BEFORE UPDATE OF status ON order_lines
    FOR EACH ROW WHEN (OLD.status <> NEW.status AND NEW.status IN ('ready', 'packed', 'shipped'))
    EXECUTE FUNCTION line_is_still_sold_freely();
GRANT INSERT (rule_id) ON order_lines TO aftercare_app, aftercare_worker;
"""

RELEASES = """
-- What makes a product easier to sell is let through when a release of exactly this was approved in
-- this transaction, and uses it up.
CREATE OR REPLACE FUNCTION product_guarded() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    released boolean := false;
    no_weaker text[] := ARRAY['rx', 'rx_unapproved', 'clinic_use'];
    weaker boolean := CASE OLD.legal_class
        WHEN 'clinic_use' THEN NEW.legal_class <> 'clinic_use'
        WHEN 'cosmetic' THEN false
        WHEN 'otc_drug' THEN NEW.legal_class = 'cosmetic'
        ELSE NOT NEW.legal_class = ANY (no_weaker) END;
BEGIN
    IF weaker OR OLD.doctor_only AND NOT NEW.doctor_only OR NEW.finished AND NOT OLD.finished THEN
        UPDATE releases SET applied_at = shop_now()
            WHERE product_id = OLD.id AND status = 'released' AND applied_at IS NULL
                AND released_xid = pg_current_xact_id()::text
                AND (from_class, from_doctor_only, from_finished)
                    = (OLD.legal_class, OLD.doctor_only, OLD.finished)
                AND (to_class, to_doctor_only, to_finished)
                    = (NEW.legal_class, NEW.doctor_only, NEW.finished);
        released := FOUND;
    END IF;
    IF (weaker OR OLD.doctor_only AND NOT NEW.doctor_only OR NEW.finished AND NOT OLD.finished)
        AND NOT released THEN
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

CREATE FUNCTION release_moves_on() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.status = 'released' THEN
        IF NOT EXISTS (SELECT FROM people
                       WHERE id = NEW.approved_by_id AND role IN ('manager', 'physician')) THEN
            RAISE EXCEPTION 'release % is approved by nobody who may', NEW.id USING
                ERRCODE = 'check_violation', CONSTRAINT = 'release_is_approved_by_one_who_may',
                TABLE = TG_TABLE_NAME;
        END IF;
        NEW.released_xid := pg_current_xact_id()::text;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER release_moves_on BEFORE UPDATE ON releases
    FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION release_moves_on();
CREATE TRIGGER release_goes_along_an_arrow BEFORE UPDATE ON releases FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.state_seq <> NEW.state_seq)
    EXECUTE FUNCTION ordering_goes_on('release');

CREATE FUNCTION release_is_applied() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM releases WHERE id = NEW.id AND applied_at IS NULL) THEN
        RAISE EXCEPTION 'release % was approved and not applied', NEW.id USING
            ERRCODE = 'check_violation', CONSTRAINT = 'release_is_applied_when_approved',
            TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER release_is_applied AFTER UPDATE OF status ON releases
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'released')
    EXECUTE FUNCTION release_is_applied();
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('release', '', 'proposed'),
    ('release', 'proposed', 'released'),
    ('release', 'proposed', 'withdrawn'),
    ('release', 'proposed', 'proposed'),
    ('release', 'released', 'released'),
    ('release', 'withdrawn', 'withdrawn');
GRANT SELECT ON releases, rulings TO aftercare_app, aftercare_worker;
GRANT INSERT (id, product_id, status, state_seq, from_class, from_doctor_only, from_finished,
        to_class, to_doctor_only, to_finished, reason, proposed_by_id),
    UPDATE (status, state_seq, approved_by_id) ON releases TO aftercare_app;
"""

BEFORE = """
CREATE OR REPLACE FUNCTION order_line_is_sellable() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    sold variants%ROWTYPE;
    wrong text;
BEGIN
    SELECT * INTO sold FROM variants WHERE id = NEW.variant_id FOR SHARE;
    wrong := CASE
        WHEN NOT sold.for_sale THEN 'line_is_for_sale'
        WHEN sold.doctor_only AND NOT NEW.requires_prescription
            THEN 'doctor_only_line_requires_a_prescription'
        WHEN NOT EXISTS (
            SELECT FROM prices WHERE id = NEW.price_id AND valid_from <= shop_now()
                AND (valid_until IS NULL OR valid_until > shop_now() - interval '1 minute'))
            THEN 'line_price_is_in_force'
    END;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'order line %: %', NEW.id, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER line_is_still_sold_freely ON order_lines;
DROP FUNCTION line_is_still_sold_freely();
CREATE FUNCTION line_is_still_sold_freely() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM variants WHERE id = NEW.variant_id AND doctor_only) THEN
        RAISE EXCEPTION 'order line %: it has become doctor-only and holds no fill', NEW.id
            USING ERRCODE = 'check_violation',
                CONSTRAINT = 'doctor_only_line_requires_a_prescription', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER line_is_still_sold_freely BEFORE UPDATE OF status ON order_lines
    FOR EACH ROW WHEN (OLD.status <> NEW.status AND NOT NEW.requires_prescription
                       AND NEW.status IN ('ready', 'packed', 'shipped'))
    EXECUTE FUNCTION line_is_still_sold_freely();
CREATE OR REPLACE FUNCTION payment_may_begin() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    order_status text;
    wrong text;
BEGIN
    SELECT status INTO order_status FROM orders WHERE id = NEW.order_id FOR SHARE;
    PERFORM 1 FROM prescriptions p
        JOIN fills f ON f.prescription_id = p.id JOIN order_lines l ON l.fill_id = f.id
        WHERE l.order_id = NEW.order_id AND l.status <> 'cancelled'
        ORDER BY p.id FOR SHARE OF p;
    IF order_status IS DISTINCT FROM 'awaiting_payment' THEN
        wrong := 'payment_begins_while_its_order_waits';
    ELSIF EXISTS (
        SELECT FROM order_lines l
            JOIN variants v ON v.id = l.variant_id LEFT JOIN fills f ON f.id = l.fill_id
        WHERE l.order_id = NEW.order_id AND l.status <> 'cancelled'
            AND (l.requires_prescription OR v.doctor_only)
            AND NOT coalesce(f.status = 'reserved'
                             AND prescription_stands(f.prescription_id, f.state, shop_now()),
                             false)) THEN
        wrong := 'payment_begins_under_standing_prescriptions';
    ELSIF NEW.status <> 'created' OR NEW.captured_cents <> 0 OR NEW.refunded_cents <> 0
        OR coalesce(NEW.provider_session_id, NEW.provider_intent_id, NEW.url) IS NOT NULL THEN
        wrong := 'payment_begins_without_money';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'payment of order %: %', NEW.order_id, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.created_at := shop_now();
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION product_guarded() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
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
"""


RULE = (  # the columns every kind of rule has
    ("status", sa.Text(), False),
    ("id", sa.Uuid(), False),
    ("number", sa.Text(), False),
    ("version", sa.Integer(), False),
    ("jurisdiction", sa.Text(), False),
    ("valid_from", sa.Date(), False),
    ("valid_until", sa.Date(), True),
    ("source", sa.Text(), False),
    ("grade", sa.Text(), False),
    ("review_by", sa.Date(), False),
    ("owner_id", sa.Uuid(), False),
    ("authored_by_id", sa.Uuid(), False),
    ("reviewed_by_id", sa.Uuid(), True),
    ("activated_by_id", sa.Uuid(), True),
    ("end_on", sa.Date(), True),
    ("end_proposed_by_id", sa.Uuid(), True),
    ("ended_by_id", sa.Uuid(), True),
)
CHECKS = {
    "rule_is_of_a_jurisdiction": "jurisdiction ~ '^[A-Z]{2}$'",
    "rule_range_is_forward": "valid_until >= valid_from",
    "rule_has_a_number": "version > 0 AND number <> ''",
    "rule_has_a_source": "source <> ''",
    "rule_grade_is_known": "grade IN ('A', 'B', 'C', 'D', 'U')",
    "rule_is_reviewed_by_someone": "(reviewed_by_id IS NOT NULL) = (status <> 'draft')",
    "rule_is_reviewed_by_another": "reviewed_by_id <> authored_by_id",
    "rule_is_activated_by_someone": (
        "(activated_by_id IS NOT NULL) = (status IN ('active', 'superseded'))"
    ),
    "rule_is_activated_by_another": "activated_by_id <> authored_by_id",
    "superseded_rule_has_a_last_day": "status <> 'superseded' OR valid_until IS NOT NULL",
    "rule_end_is_proposed_by_someone": "(end_on IS NULL) = (end_proposed_by_id IS NULL)",
    "ended_rule_ends_as_proposed": (
        "ended_by_id IS NULL OR (end_on IS NOT NULL AND valid_until IS NOT NULL"
        " AND valid_until <= end_on)"
    ),
    "rule_is_ended_by_another": "ended_by_id <> end_proposed_by_id",
}
CLASSES = "IN ('cosmetic', 'otc_drug', 'rx', 'rx_unapproved', 'clinic_use')"


def _rules(
    table: str,
    machine: str,
    own: list[sa.Column[Any]],
    key: list[tuple[str, str]],
    alone: str,
    **checks: str,
) -> None:
    """A table for a kind of rule: what all kinds have (core/rules.py), its own columns, its key."""
    op.create_table(
        table,
        *own,
        *(sa.Column(name, type_, nullable=nullable) for name, type_, nullable in RULE),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        *(sa.CheckConstraint(text, name=op.f(name)) for name, text in (CHECKS | checks).items()),
        *(
            sa.ForeignKeyConstraint([name], ["people.id"], name=op.f(f"{table}_{name}_fkey"))
            for name in (name for name, _type, _null in RULE)
            if name == "owner_id" or name.endswith("_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name=f"{machine}_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"{table}_pkey")),
        sa.UniqueConstraint("number", "version", name=f"{table}_version_key"),
        postgresql.ExcludeConstraint(
            (sa.column("jurisdiction"), "="),
            *((sa.column(name), operator) for name, operator in key),
            (sa.text("daterange(valid_from, valid_until)"), "&&"),
            using="gist",
            where=sa.text("status IN ('active', 'superseded')"),
            name=alone,
        ),
    )
    own_names = ", ".join(column.name for column in own)
    op.execute(EACH_KIND.format(table=table, machine=machine, own=own_names))


TEMPLATES = (
    "template IN ('account_confirmation', 'account_exists', 'request_received', 'request_news',"
    " 'order_paid', 'order_shipped', 'order_cancelled', 'order_expired', {}'refund_sent')"
)


def _letters(more: str) -> None:
    """Which letters there are."""
    op.drop_constraint("letter_template_is_known", "letters", type_="check")
    op.create_check_constraint(op.f("letter_template_is_known"), "letters", TEMPLATES.format(more))


def upgrade() -> None:
    _letters("'order_held', 'order_resumed', ")
    op.execute(RULES)
    _rules(
        "legal_class_rules",
        "legal_class_rule",
        [
            sa.Column("active", sa.Text(), nullable=False),
            sa.Column("percents", postgresql.NUMRANGE(), nullable=False),
            sa.Column("route", sa.Text(), server_default="", nullable=False),
            sa.Column("dosage_form", sa.Text(), server_default="", nullable=False),
            sa.Column(
                "except_with", sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
            ),
            sa.Column("legal_class", sa.Text(), nullable=False),
        ],
        [("active", "="), ("route", "="), ("dosage_form", "="), ("percents", "&&")],
        "legal_class_rules_do_not_overlap",
        ruled_class_is_known=f"legal_class {CLASSES}",
        rule_is_about_some_strength="NOT isempty(percents)",
        active_is_normalised="active = upper(active) AND active <> ''",
    )
    _rules(
        "visibility_rules",
        "visibility_rule",
        [
            sa.Column("legal_class", sa.Text(), nullable=False),
            sa.Column("visibility", sa.Text(), nullable=False),
        ],
        [("legal_class", "=")],
        "visibility_rules_do_not_overlap",
        shown_class_is_known=f"legal_class {CLASSES}",
        visibility_is_known="visibility IN ('hidden', 'teaser', 'established', 'plan', 'open')",
    )
    op.create_table(
        "releases",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("product_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("from_class", sa.Text(), nullable=False),
        sa.Column("from_doctor_only", sa.Boolean(), nullable=False),
        sa.Column("from_finished", sa.Boolean(), nullable=False),
        sa.Column("to_class", sa.Text(), nullable=False),
        sa.Column("to_doctor_only", sa.Boolean(), nullable=False),
        sa.Column("to_finished", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("proposed_by_id", sa.Uuid(), nullable=False),
        sa.Column("approved_by_id", sa.Uuid(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("released_xid", sa.Text(), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "approved_by_id <> proposed_by_id", name=op.f("release_is_approved_by_another")
        ),
        sa.CheckConstraint(
            "(approved_by_id IS NOT NULL) = (status = 'released')",
            name=op.f("release_is_approved_by_someone"),
        ),
        sa.CheckConstraint("reason <> ''", name=op.f("release_has_a_reason")),
        sa.CheckConstraint(f"to_class {CLASSES}", name=op.f("released_class_is_known")),
        sa.CheckConstraint(
            "applied_at IS NULL OR status = 'released'", name=op.f("only_a_release_is_applied")
        ),
        *(
            sa.ForeignKeyConstraint([name], [there], name=op.f(f"releases_{name}_fkey"))
            for name, there in (
                ("product_id", "products.id"),
                ("proposed_by_id", "people.id"),
                ("approved_by_id", "people.id"),
            )
        ),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="release_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("releases_pkey")),
    )
    op.create_index(
        "releases_one_open_per_product",
        "releases",
        ["product_id"],
        unique=True,
        postgresql_where=sa.text("status = 'proposed'"),
    )
    op.add_column("order_lines", sa.Column("rule_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        "order_lines_rule_id_fkey", "order_lines", "legal_class_rules", ["rule_id"], ["id"]
    )
    for block in (LAW, BIRTH, PAYMENT, LINE, RELEASES):
        op.execute(block)


def downgrade() -> None:
    op.execute("DELETE FROM letters WHERE template IN ('order_held', 'order_resumed')")
    _letters("")
    op.execute(BEFORE)
    op.drop_constraint("order_lines_rule_id_fkey", "order_lines", type_="foreignkey")
    op.drop_column("order_lines", "rule_id")
    op.execute(
        "DROP FUNCTION law_against_line(uuid, text, boolean, timestamptz),"
        " rule_over(uuid, text, timestamptz), legal_class_in(uuid, text, date);"
        " DROP VIEW rulings; DROP FUNCTION legal_class_rank(text)"
    )
    op.drop_table("releases")
    op.drop_table("visibility_rules")
    op.drop_table("legal_class_rules")
    op.execute(
        "DROP FUNCTION release_is_applied(), release_moves_on(), superseded_by_its_successor(),"
        " rule_moves_on();"
        " DELETE FROM legal_transitions"
        " WHERE machine IN ('release', 'visibility_rule', 'legal_class_rule')"
    )
