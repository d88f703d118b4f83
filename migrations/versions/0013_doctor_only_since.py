"""What has become doctor-only since it was ordered goes no further without a prescription."""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# A line says whether it required a prescription when it was placed. What the variant says now
# counts as well: without a fill nothing is paid, packed or shipped that is doctor-only today.
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
"""
BEFORE = """
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
        SELECT FROM order_lines l LEFT JOIN fills f ON f.id = l.fill_id
        WHERE l.order_id = NEW.order_id AND l.requires_prescription AND l.status <> 'cancelled'
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
"""


def upgrade() -> None:
    op.execute(PAYMENT)
    op.execute(LINE)


def downgrade() -> None:
    op.execute("DROP TRIGGER line_is_still_sold_freely ON order_lines")
    op.execute("DROP FUNCTION line_is_still_sold_freely()")
    op.execute(BEFORE)
