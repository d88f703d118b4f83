"""Refunds by line and with a second person; disputes, booked apart; fraud warnings; asked returns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None

REASONS = (
    "'cancelled', 'expired', 'too_late', 'not_deliverable', 'already_paid', 'line_cancelled',"
    " 'returned', 'damaged', 'wrong_item', 'not_arrived', 'price_mistake', 'goodwill', 'fraud',"
    " 'other'"
)

# What went back before has no lines: it is of the order as a whole. Its reason was free.
BEFORE = f"""
ALTER TABLE refunds DISABLE TRIGGER USER;
UPDATE refunds SET other_cents = amount_cents,
    reason = CASE WHEN reason IN ({REASONS}) THEN reason ELSE 'other' END;
ALTER TABLE refunds ENABLE TRIGGER USER;
"""

SHARES = """
-- What the n-th of so many units gives of what was paid for all: what is due for n of them, rounded
-- half up, less what is due for one fewer. shop/payments/sharing.py says the same.
CREATE FUNCTION unit_cents(paid integer, units integer, unit integer) RETURNS integer
    LANGUAGE sql IMMUTABLE SET search_path = public, pg_temp AS $$
    SELECT ((2 * paid::bigint * unit + units) / (2 * units)
            - (2 * paid::bigint * (unit - 1) + units) / (2 * units))::integer $$;

-- From how much on another has to sign. What one person sends back alone within a day counts
-- together, so that nothing large is done in small steps. shop/payments/limits.py says the same.
CREATE FUNCTION refund_is_large(person uuid, cents bigint) RETURNS boolean LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    SELECT cents > 10000 OR cents + coalesce(sum(amount_cents + credit_cents), 0) > 25000
    FROM refunds
    WHERE proposed_by_id = person AND NOT large AND status <> 'declined'
      AND planned_at > shop_now() - interval '1 day' $$;
"""

REFUNDS = """
CREATE OR REPLACE FUNCTION refund_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.payment_id, NEW.request_key, NEW.amount_cents, NEW.reason, NEW.planned_at,
        NEW.credit_cents, NEW.shipping_cents, NEW.other_cents, NEW.proposed_by_id, NEW.large)
        IS DISTINCT FROM
        (OLD.id, OLD.payment_id, OLD.request_key, OLD.amount_cents, OLD.reason, OLD.planned_at,
         OLD.credit_cents, OLD.shipping_cents, OLD.other_cents, OLD.proposed_by_id, OLD.large)
        OR OLD.provider_refund_id <> coalesce(NEW.provider_refund_id, '') THEN
        RAISE EXCEPTION 'refund %: its terms never change', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_terms_never_change',
                TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;

-- A refund goes back as what it is: what the shop owes anyway, or what a person proposed and, where
-- it is large, another signed. Never while a bank is deciding about the same money. Locks the
-- payment; two that one person proposes at once are judged one after the other.
CREATE FUNCTION refund_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    money payments%ROWTYPE;
    o orders%ROWTYPE;
    mine integer := CASE WHEN TG_OP = 'INSERT' THEN NEW.amount_cents ELSE 0 END;
    broken text;
BEGIN
    SELECT * INTO money FROM payments WHERE id = NEW.payment_id FOR UPDATE;
    SELECT * INTO o FROM orders WHERE id = money.order_id;
    IF TG_OP = 'INSERT' THEN
        IF NEW.proposed_by_id IS NOT NULL THEN
            PERFORM pg_advisory_xact_lock(hashtextextended('refunds ' || NEW.proposed_by_id, 0));
        END IF;
        NEW.large := NEW.proposed_by_id IS NOT NULL
            AND refund_is_large(NEW.proposed_by_id, NEW.amount_cents + NEW.credit_cents);
        broken := CASE
            WHEN NEW.proposed_by_id IS NOT NULL AND NEW.status <> 'proposed'
                THEN 'refund_of_a_person_begins_proposed'
            WHEN NEW.proposed_by_id IS NULL AND money.id IS NOT NULL
                 AND o.status NOT IN ('cancelled', 'expired')
                 AND NOT (NEW.request_key = 'paid_twice' AND EXISTS (
                     SELECT FROM payments other WHERE other.order_id = o.id
                         AND other.id <> money.id AND other.captured_cents > 0))
                 AND NOT EXISTS (
                     SELECT FROM order_lines l WHERE l.order_id = o.id AND l.status = 'cancelled'
                         AND NEW.request_key = 'line:' || l.id)
                THEN 'somebody_proposes_what_need_not_go_back'
            WHEN NEW.shipping_cents > o.shipping_cents
                THEN 'shipping_goes_back_as_it_was_paid'
            WHEN NEW.shipping_cents > 0 AND EXISTS (
                    SELECT FROM refunds r WHERE r.payment_id = NEW.payment_id
                        AND r.shipping_cents > 0 AND r.status NOT IN ('failed', 'declined'))
                THEN 'shipping_is_refunded_once' END;
    ELSIF OLD.status <> 'proposed' AND NEW.decided_by_id IS DISTINCT FROM OLD.decided_by_id THEN
        broken := 'refund_is_decided_once';
    ELSIF NEW.status = 'declined' AND NEW.decided_by_id IS NULL
          AND o.status NOT IN ('cancelled', 'expired') THEN
        broken := 'refund_is_declined_by_someone';
    END IF;
    broken := coalesce(broken, CASE
        WHEN NOT keeps_the_shelf(NEW.decided_by_id)
             OR TG_OP = 'INSERT' AND NOT keeps_the_shelf(NEW.proposed_by_id)
            THEN 'refund_is_by_staff' END);
    IF broken IS NULL AND NEW.status = 'planned'
       AND (TG_OP = 'INSERT' OR OLD.status <> 'planned') THEN
        broken := CASE
            WHEN EXISTS (SELECT FROM disputes WHERE payment_id = NEW.payment_id
                         AND status IN ('open', 'under_review'))
                THEN 'no_refund_of_what_is_disputed'
            WHEN money.disputed_cents > 0 AND money.refunded_cents + mine <= money.captured_cents
                 AND money.refunded_cents + mine + money.disputed_cents > money.captured_cents
                THEN 'what_a_dispute_took_is_not_refunded' END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'refund %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_guard BEFORE INSERT OR UPDATE ON refunds
    FOR EACH ROW EXECUTE FUNCTION refund_guard();

-- Proposed, planned and done refunds add up on their payment, whose CHECK keeps them within what was
-- taken; what failed or was declined gives its cents and its units free.
CREATE OR REPLACE FUNCTION refund_counted() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    before integer := CASE WHEN TG_OP = 'INSERT' OR OLD.status IN ('failed', 'declined') THEN 0
                           ELSE OLD.amount_cents END;
    after integer := CASE WHEN NEW.status IN ('failed', 'declined') THEN 0
                          ELSE NEW.amount_cents END;
BEGIN
    IF before <> after THEN
        UPDATE payments SET refunded_cents = refunded_cents + after - before
            WHERE id = NEW.payment_id;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.status IN ('failed', 'declined')
       AND OLD.status NOT IN ('failed', 'declined') THEN
        UPDATE refund_units SET freed_at = shop_now()
            WHERE refund_id = NEW.id AND freed_at IS NULL;
    END IF;
    RETURN NULL;
END $$;

-- A unit of a line that left, or was cancelled, goes back at exactly its share.
CREATE FUNCTION refund_unit_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    line order_lines%ROWTYPE;
    the_order uuid;
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT p.order_id INTO the_order FROM refunds r JOIN payments p ON p.id = r.payment_id
            WHERE r.id = NEW.refund_id;
        SELECT * INTO line FROM order_lines WHERE id = NEW.order_line_id;
        NEW.freed_at := NULL;
        broken := CASE
            WHEN line.order_id <> the_order THEN 'refunded_line_is_of_the_payments_order'
            WHEN NEW.unit > line.quantity THEN 'refunded_unit_is_one_of_its_line'
            WHEN line.status NOT IN ('shipped', 'delivered', 'returned', 'cancelled')
                THEN 'refunded_line_left_or_is_cancelled'
            WHEN NEW.cents <> unit_cents(line.total_cents - line.discount_cents + line.tax_cents,
                                         line.quantity, NEW.unit)
                THEN 'refunded_unit_gives_its_exact_share' END;
    ELSIF (NEW.id, NEW.refund_id, NEW.order_line_id, NEW.unit, NEW.cents)
          IS DISTINCT FROM (OLD.id, OLD.refund_id, OLD.order_line_id, OLD.unit, OLD.cents) THEN
        broken := 'refunded_unit_never_changes';
    ELSIF OLD.freed_at IS NOT NULL THEN
        broken := 'freed_unit_stays_free';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'refund %: %', NEW.refund_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refund_unit_guard BEFORE INSERT OR UPDATE ON refund_units
    FOR EACH ROW EXECUTE FUNCTION refund_unit_guard();
CREATE TRIGGER refund_units_are_kept BEFORE DELETE OR TRUNCATE ON refund_units
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit: a refund is the sum of its parts, what goes back by the payment and what as credit.
CREATE FUNCTION refund_adds_up() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    -- Of a refund, or of one of its units.
    the_refund uuid := coalesce(to_jsonb(NEW) ->> 'refund_id', to_jsonb(NEW) ->> 'id')::uuid;
BEGIN
    IF EXISTS (
        SELECT FROM refunds r WHERE r.id = the_refund
            AND r.amount_cents + r.credit_cents <> r.shipping_cents + r.other_cents
               + (SELECT coalesce(sum(u.cents), 0) FROM refund_units u WHERE u.refund_id = r.id))
    THEN
        RAISE EXCEPTION 'refund % is not the sum of its parts', the_refund
            USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_is_the_sum_of_its_parts',
                TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
-- At commit: once a refund is planned, what of it goes back as credit is in its client's account.
CREATE FUNCTION refund_gave_its_credit() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM credit_entries e JOIN payments p ON p.order_id = e.order_id
        WHERE p.id = NEW.payment_id AND e.kind = 'returned'
          AND e.request_key = 'refund:' || NEW.id AND e.delta_cents = NEW.credit_cents) THEN
        RAISE EXCEPTION 'refund %: its credit is in no account', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'refunded_credit_is_in_the_account',
                TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER refunded_credit_is_in_the_account AFTER INSERT OR UPDATE OF status
    ON refunds
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status = 'planned' AND NEW.credit_cents > 0) EXECUTE FUNCTION refund_gave_its_credit();
CREATE CONSTRAINT TRIGGER refund_adds_up AFTER INSERT ON refunds
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refund_adds_up();
CREATE CONSTRAINT TRIGGER refund_still_adds_up AFTER INSERT ON refund_units
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refund_adds_up();
"""

DISPUTES = """
CREATE FUNCTION dispute_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        broken := CASE WHEN NEW.evidence_by_id IS NOT NULL
                       THEN 'evidence_is_sent_of_what_is_known' END;
    ELSIF (NEW.id, NEW.payment_id, NEW.provider_dispute_id, NEW.opened_at)
          IS DISTINCT FROM (OLD.id, OLD.payment_id, OLD.provider_dispute_id, OLD.opened_at) THEN
        broken := 'dispute_keeps_what_it_is_of';
    ELSIF OLD.evidence_by_id IS NOT NULL AND (NEW.evidence_by_id, NEW.evidence_at)
          IS DISTINCT FROM (OLD.evidence_by_id, OLD.evidence_at) THEN
        broken := 'evidence_is_sent_once';
    ELSIF NOT keeps_the_shelf(NEW.evidence_by_id) THEN
        broken := 'evidence_is_sent_by_staff';
    ELSIF OLD.evidence_by_id IS NULL THEN
        NEW.evidence_at := CASE WHEN NEW.evidence_by_id IS NOT NULL THEN shop_now() END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'dispute %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER dispute_guard BEFORE INSERT OR UPDATE ON disputes
    FOR EACH ROW EXECUTE FUNCTION dispute_guard();
CREATE TRIGGER dispute_goes_along_an_arrow BEFORE UPDATE ON disputes FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.state_seq <> NEW.state_seq)
    EXECUTE FUNCTION ordering_goes_on('dispute');
CREATE TRIGGER disputes_are_kept BEFORE DELETE OR TRUNCATE ON disputes
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- An order whose money is disputed, or was lost to a dispute, says so itself.
CREATE FUNCTION dispute_told() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE orders o SET disputed = told.so FROM (
        SELECT p.order_id, EXISTS (
            SELECT FROM disputes d JOIN payments q ON q.id = d.payment_id
            WHERE q.order_id = p.order_id AND d.status IN ('open', 'under_review', 'lost')) AS so
        FROM payments p WHERE p.id = NEW.payment_id) AS told
    WHERE o.id = told.order_id AND o.disputed <> told.so;
    RETURN NULL;
END $$;
CREATE TRIGGER dispute_told AFTER INSERT OR UPDATE OF status ON disputes
    FOR EACH ROW EXECUTE FUNCTION dispute_told();

CREATE FUNCTION dispute_movement_stamped() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    NEW.booked_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER dispute_movement_stamped BEFORE INSERT ON dispute_movements
    FOR EACH ROW EXECUTE FUNCTION dispute_movement_stamped();

-- After the row: one that was there already (ON CONFLICT) is not counted again.
CREATE FUNCTION dispute_movement_counted() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE payments p SET disputed_cents = disputed_cents - NEW.cents FROM disputes d
        WHERE d.id = NEW.dispute_id AND p.id = d.payment_id;
    RETURN NULL;
END $$;
CREATE TRIGGER dispute_movement_counted AFTER INSERT ON dispute_movements
    FOR EACH ROW EXECUTE FUNCTION dispute_movement_counted();
CREATE TRIGGER dispute_movements_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON dispute_movements
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- What a bank disputes, or has taken, does not leave the house.
CREATE FUNCTION disputed_order_ships_nothing() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF (SELECT disputed FROM orders WHERE id = NEW.order_id) THEN
        RAISE EXCEPTION 'order line %: its money is disputed', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'disputed_order_ships_nothing',
                TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER disputed_order_ships_nothing BEFORE UPDATE OF status ON order_lines FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND NEW.status IN ('ready', 'packed', 'shipped'))
    EXECUTE FUNCTION disputed_order_ships_nothing();

CREATE FUNCTION fraud_warning_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.told_at := shop_now();
        broken := CASE WHEN NEW.reviewed_by_id IS NOT NULL THEN 'warning_begins_unseen' END;
    ELSIF (NEW.id, NEW.payment_id, NEW.provider_warning_id, NEW.fraud_type, NEW.told_at)
          IS DISTINCT FROM
          (OLD.id, OLD.payment_id, OLD.provider_warning_id, OLD.fraud_type, OLD.told_at) THEN
        broken := 'warning_is_kept_as_it_came';
    ELSIF OLD.reviewed_at IS NOT NULL THEN
        broken := 'warning_is_reviewed_once';
    ELSIF NEW.reviewed_by_id IS NOT NULL THEN
        NEW.reviewed_at := shop_now();
        broken := CASE WHEN NOT EXISTS (
            SELECT FROM people WHERE id = NEW.reviewed_by_id AND role = 'manager'
                AND disabled_at IS NULL) THEN 'warning_is_reviewed_by_a_manager' END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'fraud warning %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fraud_warning_guard BEFORE INSERT OR UPDATE ON fraud_warnings
    FOR EACH ROW EXECUTE FUNCTION fraud_warning_guard();
CREATE TRIGGER fraud_warnings_are_kept BEFORE DELETE OR TRUNCATE ON fraud_warnings
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

RETURNS = """
-- A client asks to send something back; staff decide; what comes back is linked to it, and moves it.
CREATE FUNCTION return_request_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.asked_at := shop_now();
        broken := CASE WHEN NEW.status <> 'requested' THEN 'return_request_begins_requested' END;
    ELSIF (NEW.id, NEW.number, NEW.order_id, NEW.client_id, NEW.reason, NEW.words_sealed,
           NEW.asked_at)
          IS DISTINCT FROM
          (OLD.id, OLD.number, OLD.order_id, OLD.client_id, OLD.reason, OLD.words_sealed,
           OLD.asked_at) THEN
        broken := 'return_request_keeps_what_was_asked';
    ELSIF OLD.status <> 'requested' AND (NEW.decided_by_id, NEW.refusal, NEW.send_by)
          IS DISTINCT FROM (OLD.decided_by_id, OLD.refusal, OLD.send_by) THEN
        broken := 'return_request_is_decided_once';
    ELSIF NOT keeps_the_shelf(NEW.decided_by_id) THEN
        broken := 'return_request_is_decided_by_staff';
    ELSIF OLD.status <> NEW.status THEN
        broken := CASE
            WHEN NEW.status = 'expired' AND NEW.send_by >= day_at_the_latest()
                THEN 'return_expires_after_its_last_day'
            WHEN NEW.status = 'received'
                 AND NOT EXISTS (SELECT FROM returns WHERE request_id = NEW.id)
                THEN 'return_is_received_when_something_came'
            WHEN NEW.status IN ('inspected', 'disposed') AND EXISTS (
                    SELECT FROM returns WHERE request_id = NEW.id AND status = 'received')
                THEN 'return_is_inspected_when_all_is'
            WHEN NEW.status = 'disposed' AND EXISTS (
                    SELECT FROM returns WHERE request_id = NEW.id AND status <> 'disposed')
                THEN 'return_is_disposed_when_all_is' END;
    END IF;
    IF broken IS NULL AND TG_OP = 'UPDATE' AND NEW.refund_id IS DISTINCT FROM OLD.refund_id THEN
        broken := CASE
            WHEN NEW.refund_id IS NULL OR EXISTS (
                    SELECT FROM refunds WHERE id = OLD.refund_id
                        AND status NOT IN ('failed', 'declined'))
                THEN 'return_is_refunded_once'
            WHEN NEW.status NOT IN ('inspected', 'disposed')
                THEN 'return_is_refunded_after_inspection'
            WHEN EXISTS (
                SELECT FROM
                    (SELECT order_line_id, sum(units) AS units FROM returns
                     WHERE request_id = NEW.id GROUP BY order_line_id) AS back
                    FULL JOIN
                    (SELECT order_line_id, count(*) AS units FROM refund_units
                     WHERE refund_id = NEW.refund_id GROUP BY order_line_id) AS paid
                    USING (order_line_id)
                WHERE back.units IS DISTINCT FROM paid.units)
                THEN 'what_came_back_is_refunded' END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'return request %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER return_request_guard BEFORE INSERT OR UPDATE ON return_requests
    FOR EACH ROW EXECUTE FUNCTION return_request_guard();
CREATE TRIGGER return_request_goes_along_an_arrow BEFORE UPDATE ON return_requests FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.state_seq <> NEW.state_seq)
    EXECUTE FUNCTION ordering_goes_on('return_request');
CREATE TRIGGER return_requests_are_kept BEFORE DELETE OR TRUNCATE ON return_requests
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- Only what left is asked to come back, and no unit twice. Locks the order's line.
CREATE FUNCTION return_request_line_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    line order_lines%ROWTYPE;
    request return_requests%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO line FROM order_lines WHERE id = NEW.order_line_id FOR NO KEY UPDATE;
    SELECT * INTO request FROM return_requests WHERE id = NEW.request_id;
    broken := CASE
        WHEN request.status <> 'requested' THEN 'units_are_named_when_asked'
        WHEN line.order_id <> request.order_id THEN 'asked_line_is_of_its_order'
        WHEN line.status NOT IN ('shipped', 'delivered', 'returned')
            THEN 'only_what_left_comes_back'
        WHEN NEW.units > line.quantity
            - (SELECT coalesce(sum(l.units), 0)
               FROM return_request_lines l JOIN return_requests r ON r.id = l.request_id
               WHERE l.order_line_id = NEW.order_line_id
                 AND r.status NOT IN ('refused', 'withdrawn', 'expired'))
            - (SELECT coalesce(sum(units), 0) FROM returns
               WHERE order_line_id = NEW.order_line_id AND request_id IS NULL)
            THEN 'no_more_is_asked_back_than_left' END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'return request %: %', NEW.request_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER return_request_line_guard BEFORE INSERT ON return_request_lines
    FOR EACH ROW EXECUTE FUNCTION return_request_line_guard();
CREATE TRIGGER return_request_lines_are_kept
    BEFORE UPDATE OR DELETE OR TRUNCATE ON return_request_lines
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- What comes back for a request is what was authorised of it, and stays linked. Locks the request.
CREATE FUNCTION asked_return_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    request return_requests%ROWTYPE;
    broken text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        broken := CASE WHEN NEW.request_id IS DISTINCT FROM OLD.request_id
                       THEN 'return_stays_with_its_request' END;
    ELSIF NEW.request_id IS NOT NULL THEN
        SELECT * INTO request FROM return_requests WHERE id = NEW.request_id FOR NO KEY UPDATE;
        broken := CASE
            WHEN request.status NOT IN ('authorised', 'received')
                THEN 'return_comes_when_it_was_authorised'
            WHEN NEW.units + (SELECT coalesce(sum(units), 0) FROM returns
                              WHERE request_id = NEW.request_id
                                AND order_line_id = NEW.order_line_id)
                 > (SELECT coalesce(sum(units), 0) FROM return_request_lines
                    WHERE request_id = NEW.request_id AND order_line_id = NEW.order_line_id)
                THEN 'no_more_comes_back_than_was_authorised' END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'return %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER asked_return_guard BEFORE INSERT OR UPDATE ON returns
    FOR EACH ROW EXECUTE FUNCTION asked_return_guard();
"""

DISPUTE_WORDS = ("inquiry", "open", "under_review", "lost", "won")
ARROWS = {
    "refund": [
        ("", "proposed"),
        ("proposed", "planned"),
        ("proposed", "declined"),
        ("proposed", "proposed"),
        ("declined", "declined"),
    ],
    "dispute": [
        *[("", word) for word in DISPUTE_WORDS],
        *[
            (before, after)
            for place, before in enumerate(DISPUTE_WORDS)
            for after in DISPUTE_WORDS[place:]
        ],
    ],
    "return_request": [
        ("", "requested"),
        ("requested", "authorised"),
        ("requested", "refused"),
        ("requested", "withdrawn"),
        ("authorised", "received"),
        ("authorised", "expired"),
        ("authorised", "withdrawn"),
        ("received", "inspected"),
        ("inspected", "received"),
        ("inspected", "disposed"),
        *[
            (word, word)
            for word in (
                "requested",
                "authorised",
                "refused",
                "withdrawn",
                "expired",
                "received",
                "inspected",
                "disposed",
            )
        ],
    ],
}

GRANTS = """
GRANT SELECT ON refund_units, disputes, dispute_movements, fraud_warnings, return_requests,
    return_request_lines TO aftercare_app, aftercare_worker;
GRANT INSERT (credit_cents, shipping_cents, other_cents, proposed_by_id), UPDATE (decided_by_id) ON refunds
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, refund_id, order_line_id, unit, cents) ON refund_units
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, payment_id, provider_dispute_id, status, state_seq, reason, amount_cents,
              evidence_due_at, opened_at),
    UPDATE (status, state_seq, reason, amount_cents, evidence_due_at, evidence_by_id) ON disputes
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, dispute_id, cents, fee_cents) ON dispute_movements
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, payment_id, provider_warning_id, fraud_type),
    UPDATE (outcome, reviewed_by_id) ON fraud_warnings TO aftercare_app, aftercare_worker;
GRANT INSERT (id, number, order_id, client_id, reason, words_sealed, status, state_seq),
    UPDATE (status, state_seq, decided_by_id, refusal, send_by, refund_id) ON return_requests
    TO aftercare_app, aftercare_worker;
GRANT INSERT (request_id, order_line_id, units) ON return_request_lines
    TO aftercare_app, aftercare_worker;
GRANT INSERT (request_id) ON returns TO aftercare_app, aftercare_worker;
"""

NOW = sa.DateTime(timezone=True)
CALLS = (
    "operation IN ('open_session', 'expire_session', 'refund', 'charge_card', 'open_setup',"
    " 'detach_card'{})"
)
LETTER = "return_news"


def _points(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"{table}_{column}_fkey"))


def _state(machine: str) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name=f"{machine}_status_has_its_event",
            deferrable=True,
            initially="DEFERRED",
        ),
    ]


def _letters(change: str) -> None:
    """Take a template in or out of the CHECK, whatever others stand in it."""
    check = sa.text(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conname = 'letter_template_is_known'"
    )
    told = op.get_bind().execute(check).scalar_one()
    words = [word for word in told.split("'")[1::2] if word != LETTER]
    if change == "add":
        words.append(LETTER)
    op.drop_constraint("letter_template_is_known", "letters", type_="check")
    op.create_check_constraint(
        op.f("letter_template_is_known"),
        "letters",
        f"template IN ({', '.join(repr(word) for word in words)})",
    )


def upgrade() -> None:
    _refunds()
    _disputes()
    _warnings()
    _returns()
    op.drop_constraint(op.f("call_operation_is_known"), "provider_calls", type_="check")
    op.create_check_constraint(
        op.f("call_operation_is_known"), "provider_calls", CALLS.format(", 'submit_evidence'")
    )
    _letters("add")
    for machine, arrows in ARROWS.items():
        for before, after in arrows:
            op.execute(
                "INSERT INTO legal_transitions (machine, from_state, to_state)"
                f" VALUES ('{machine}', '{before}', '{after}')"
            )
    for statements in (SHARES, REFUNDS, DISPUTES, RETURNS, GRANTS):
        op.execute(statements)


def _refunds() -> None:
    op.drop_constraint(op.f("refund_is_positive"), "refunds", type_="check")
    for name in ("credit_cents", "shipping_cents", "other_cents"):
        op.add_column(
            "refunds", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)
        )
    op.add_column("refunds", sa.Column("proposed_by_id", sa.Uuid(), nullable=True))
    op.add_column("refunds", sa.Column("decided_by_id", sa.Uuid(), nullable=True))
    op.add_column(
        "refunds", sa.Column("large", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.execute(BEFORE)
    for name in ("proposed_by_id", "decided_by_id"):
        op.create_foreign_key(op.f(f"refunds_{name}_fkey"), "refunds", "people", [name], ["id"])
    for name, check in {
        "refund_is_positive": "amount_cents >= 0 AND credit_cents >= 0"
        " AND amount_cents + credit_cents > 0",
        "refund_parts_are_not_negative": "shipping_cents >= 0 AND other_cents >= 0",
        "refund_reason_is_known": f"reason IN ({REASONS})",
        "refund_is_decided_by_another": "decided_by_id <> proposed_by_id",
        "large_refund_is_signed": "status IN ('proposed', 'declined') OR NOT large"
        " OR decided_by_id IS NOT NULL",
        "proposed_refund_waits_for_another": "status <> 'proposed'"
        " OR proposed_by_id IS NOT NULL AND decided_by_id IS NULL",
    }.items():
        op.create_check_constraint(op.f(name), "refunds", check)
    op.create_index("refunds_proposer_idx", "refunds", ["proposed_by_id", "planned_at"])
    op.create_index(
        "refunds_to_see_to_idx",
        "refunds",
        ["planned_at"],
        postgresql_where=sa.text("status = 'proposed' OR status = 'failed'"),
    )
    op.create_table(
        "refund_units",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("refund_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("unit", sa.Integer(), nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("freed_at", NOW, nullable=True),
        sa.CheckConstraint("unit BETWEEN 1 AND 20", name=op.f("refunded_unit_is_sane")),
        _points("refund_units", "refund_id", "refunds"),
        _points("refund_units", "order_line_id", "order_lines"),
        sa.PrimaryKeyConstraint("id", name=op.f("refund_units_pkey")),
    )
    op.create_index(op.f("refund_units_refund_id_idx"), "refund_units", ["refund_id"])
    op.create_index(
        "unit_is_refunded_once",
        "refund_units",
        ["order_line_id", "unit"],
        unique=True,
        postgresql_where=sa.text("freed_at IS NULL"),
    )


def _disputes() -> None:
    op.add_column(
        "orders", sa.Column("disputed", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column(
        "payments",
        sa.Column("disputed_cents", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.create_table(
        "disputes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("provider_dispute_id", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("amount_cents", sa.Integer(), nullable=False),
        sa.Column("evidence_due_at", NOW, nullable=True),
        sa.Column("opened_at", NOW, nullable=False),
        sa.Column("evidence_by_id", sa.Uuid(), nullable=True),
        sa.Column("evidence_at", NOW, nullable=True),
        *_state("dispute"),
        sa.CheckConstraint("amount_cents > 0", name=op.f("dispute_is_about_money")),
        sa.CheckConstraint("reason ~ '^[a-z_]{1,60}$'", name=op.f("dispute_reason_is_a_word")),
        sa.CheckConstraint(
            "(evidence_by_id IS NULL) = (evidence_at IS NULL)",
            name=op.f("evidence_is_sent_by_someone"),
        ),
        _points("disputes", "payment_id", "payments"),
        _points("disputes", "evidence_by_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("disputes_pkey")),
        sa.UniqueConstraint("provider_dispute_id", name="disputes_provider_key"),
    )
    op.create_index(op.f("disputes_payment_id_idx"), "disputes", ["payment_id"])
    op.create_table(
        "dispute_movements",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("dispute_id", sa.Uuid(), nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("fee_cents", sa.Integer(), nullable=False),
        sa.Column("booked_at", NOW, nullable=False),
        sa.CheckConstraint("cents <> 0 OR fee_cents <> 0", name=op.f("dispute_moved_something")),
        _points("dispute_movements", "dispute_id", "disputes"),
        sa.PrimaryKeyConstraint("id", name=op.f("dispute_movements_pkey")),
    )
    op.create_index(op.f("dispute_movements_dispute_id_idx"), "dispute_movements", ["dispute_id"])


def _warnings() -> None:
    op.create_table(
        "fraud_warnings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("provider_warning_id", sa.Text(), nullable=False),
        sa.Column("fraud_type", sa.Text(), nullable=False),
        sa.Column("told_at", NOW, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("reviewed_by_id", sa.Uuid(), nullable=True),
        sa.Column("reviewed_at", NOW, nullable=True),
        sa.CheckConstraint("fraud_type ~ '^[a-z_]{1,60}$'", name=op.f("fraud_type_is_a_word")),
        sa.CheckConstraint(
            "outcome IN ('refunded', 'kept')", name=op.f("warning_outcome_is_known")
        ),
        sa.CheckConstraint(
            "num_nonnulls(outcome, reviewed_by_id, reviewed_at) IN (0, 3)",
            name=op.f("warning_is_reviewed_by_someone"),
        ),
        _points("fraud_warnings", "payment_id", "payments"),
        _points("fraud_warnings", "reviewed_by_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("fraud_warnings_pkey")),
        sa.UniqueConstraint("provider_warning_id", name="fraud_warnings_provider_key"),
    )
    op.create_index(op.f("fraud_warnings_payment_id_idx"), "fraud_warnings", ["payment_id"])


def _returns() -> None:
    op.create_table(
        "return_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("words_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("asked_at", NOW, nullable=False),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("refusal", sa.Text(), nullable=True),
        sa.Column("send_by", sa.Date(), nullable=True),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        *_state("return_request"),
        sa.CheckConstraint(
            "reason IN ('changed_mind', 'wrong_item', 'damaged', 'undeliverable', 'recalled',"
            " 'other')",
            name=op.f("asked_return_reason_is_known"),
        ),
        sa.CheckConstraint(
            "refusal IN ('too_late', 'used', 'not_ours', 'keep_it', 'other')",
            name=op.f("return_refusal_is_known"),
        ),
        sa.CheckConstraint(
            "words_sealed IS NULL OR substring(words_sealed, 1, 1) = '\\x01'"
            " AND octet_length(words_sealed) >= 97",
            name=op.f("return_words_are_sealed"),
        ),
        sa.CheckConstraint(
            "(status = 'refused') = (refusal IS NOT NULL)", name=op.f("refused_return_says_why")
        ),
        sa.CheckConstraint(
            "(status IN ('requested', 'refused') OR status = 'withdrawn' AND decided_by_id IS NULL)"
            " = (send_by IS NULL)",
            name=op.f("authorised_return_has_a_last_day"),
        ),
        sa.CheckConstraint(
            "status IN ('requested', 'withdrawn') OR decided_by_id IS NOT NULL",
            name=op.f("return_request_is_decided_by_someone"),
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "client_id"],
            ["orders.id", "orders.client_id"],
            name="return_is_asked_by_the_orders_client",
        ),
        _points("return_requests", "decided_by_id", "people"),
        _points("return_requests", "refund_id", "refunds"),
        sa.PrimaryKeyConstraint("id", name=op.f("return_requests_pkey")),
        sa.UniqueConstraint("number", name=op.f("return_requests_number_key")),
        sa.UniqueConstraint("refund_id", name="return_requests_refund_key"),
    )
    op.create_index("return_requests_order_idx", "return_requests", ["order_id"])
    op.create_index("return_requests_status_idx", "return_requests", ["status", "asked_at"])
    op.create_table(
        "return_request_lines",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.CheckConstraint("units > 0", name=op.f("something_is_asked_back")),
        _points("return_request_lines", "request_id", "return_requests"),
        _points("return_request_lines", "order_line_id", "order_lines"),
        sa.PrimaryKeyConstraint(
            "request_id", "order_line_id", name=op.f("return_request_lines_pkey")
        ),
    )
    op.create_index("return_request_lines_line_idx", "return_request_lines", ["order_line_id"])
    op.add_column("returns", sa.Column("request_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("returns_request_id_fkey"), "returns", "return_requests", ["request_id"], ["id"]
    )
    op.create_index(op.f("returns_request_id_idx"), "returns", ["request_id"])


KEPT_BEFORE = """
CREATE OR REPLACE FUNCTION refund_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.payment_id, NEW.request_key, NEW.amount_cents, NEW.reason, NEW.planned_at)
        IS DISTINCT FROM
        (OLD.id, OLD.payment_id, OLD.request_key, OLD.amount_cents, OLD.reason, OLD.planned_at)
        OR OLD.provider_refund_id <> coalesce(NEW.provider_refund_id, '') THEN
        RAISE EXCEPTION 'refund %: its terms never change', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'refund_terms_never_change',
                TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION refund_counted() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    before integer := CASE WHEN TG_OP = 'INSERT' OR OLD.status = 'failed' THEN 0
                           ELSE OLD.amount_cents END;
    after integer := CASE WHEN NEW.status = 'failed' THEN 0 ELSE NEW.amount_cents END;
BEGIN
    IF before <> after THEN
        UPDATE payments SET refunded_cents = refunded_cents + after - before
            WHERE id = NEW.payment_id;
    END IF;
    RETURN NULL;
END $$;
"""


def downgrade() -> None:
    op.execute(
        "DROP TRIGGER asked_return_guard ON returns;"
        "DROP TRIGGER disputed_order_ships_nothing ON order_lines;"
        "DROP TRIGGER refund_guard ON refunds; DROP TRIGGER refund_adds_up ON refunds;"
        "DROP TRIGGER refunded_credit_is_in_the_account ON refunds;"
    )
    op.execute(KEPT_BEFORE)
    _letters("remove")
    op.drop_constraint(op.f("call_operation_is_known"), "provider_calls", type_="check")
    op.create_check_constraint(op.f("call_operation_is_known"), "provider_calls", CALLS.format(""))
    op.drop_column("returns", "request_id")
    for table in (
        "return_request_lines",
        "return_requests",
        "fraud_warnings",
        "dispute_movements",
        "disputes",
        "refund_units",
    ):
        op.drop_table(table)
    op.drop_index("refunds_to_see_to_idx", "refunds")
    op.drop_index("refunds_proposer_idx", "refunds")
    for name in (
        "proposed_refund_waits_for_another",
        "large_refund_is_signed",
        "refund_is_decided_by_another",
        "refund_reason_is_known",
        "refund_parts_are_not_negative",
        "refund_is_positive",
    ):
        op.drop_constraint(op.f(name), "refunds", type_="check")
    for name in (
        "large",
        "decided_by_id",
        "proposed_by_id",
        "other_cents",
        "shipping_cents",
        "credit_cents",
    ):
        op.drop_column("refunds", name)
    op.create_check_constraint(op.f("refund_is_positive"), "refunds", "amount_cents > 0")
    op.drop_column("payments", "disputed_cents")
    op.drop_column("orders", "disputed")
    for function in (
        "asked_return_guard()",
        "return_request_line_guard()",
        "return_request_guard()",
        "fraud_warning_guard()",
        "disputed_order_ships_nothing()",
        "dispute_movement_counted()",
        "dispute_movement_stamped()",
        "dispute_told()",
        "dispute_guard()",
        "refund_adds_up()",
        "refund_gave_its_credit()",
        "refund_unit_guard()",
        "refund_guard()",
        "refund_is_large(uuid, bigint)",
        "unit_cents(integer, integer, integer)",
    ):
        op.execute(f"DROP FUNCTION {function}")
    op.execute(
        "DELETE FROM legal_transitions WHERE machine IN ('dispute', 'return_request')"
        " OR machine = 'refund' AND ('proposed' IN (from_state, to_state)"
        " OR 'declined' IN (from_state, to_state))"
    )
