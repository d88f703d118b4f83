"""Payments, refunds, provider calls and events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

BIRTH = """
-- A charge is begun only while its order waits for money, and only if every line that needs a
-- prescription holds a fill of one that stands. FOR SHARE: who cancels or revokes at this moment
-- waits, or we do.
CREATE FUNCTION payment_may_begin() RETURNS trigger LANGUAGE plpgsql
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
CREATE TRIGGER payment_may_begin BEFORE INSERT ON payments
    FOR EACH ROW EXECUTE FUNCTION payment_may_begin();
"""

KEPT = """
-- What a row was made of stays; names the provider gave are given once; money that came has come.
CREATE FUNCTION payment_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong text;
BEGIN
    IF (NEW.id, NEW.order_id, NEW.amount_cents, NEW.currency, NEW.page_ends_at, NEW.created_at)
        IS DISTINCT FROM
        (OLD.id, OLD.order_id, OLD.amount_cents, OLD.currency, OLD.page_ends_at, OLD.created_at)
    THEN
        wrong := 'payment_terms_never_change';
    ELSIF OLD.provider_session_id <> coalesce(NEW.provider_session_id, '')
        OR OLD.provider_intent_id <> coalesce(NEW.provider_intent_id, '')
        OR OLD.livemode IS DISTINCT FROM NEW.livemode AND OLD.livemode IS NOT NULL THEN
        wrong := 'provider_names_are_given_once';
    ELSIF NEW.captured_cents < OLD.captured_cents THEN
        wrong := 'money_that_came_has_come';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'payment %: %', OLD.id, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER payment_is_kept BEFORE UPDATE ON payments
    FOR EACH ROW EXECUTE FUNCTION payment_is_kept();

CREATE FUNCTION refund_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER refund_is_kept BEFORE UPDATE ON refunds
    FOR EACH ROW EXECUTE FUNCTION refund_is_kept();

-- A call goes out again under the same key with the same words, or not at all.
CREATE FUNCTION provider_call_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.operation, NEW.reference_id, NEW.order_id, NEW.idempotency_key,
        NEW.parameters, NEW.planned_at)
        IS DISTINCT FROM
        (OLD.id, OLD.operation, OLD.reference_id, OLD.order_id, OLD.idempotency_key,
         OLD.parameters, OLD.planned_at)
        OR OLD.first_sent_at <> coalesce(NEW.first_sent_at, '-infinity')
        OR NEW.fence < OLD.fence OR NEW.tries < OLD.tries THEN
        RAISE EXCEPTION 'call %: it is sent as it was planned', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'call_is_sent_as_it_was_planned',
                TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER provider_call_is_kept BEFORE UPDATE ON provider_calls
    FOR EACH ROW EXECUTE FUNCTION provider_call_is_kept();

-- A hint is remembered as it came; that it was followed is noted once.
CREATE FUNCTION provider_event_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.id, NEW.type, NEW.object_type, NEW.object_id, NEW.created, NEW.received_at)
        IS DISTINCT FROM
        (OLD.id, OLD.type, OLD.object_type, OLD.object_id, OLD.created, OLD.received_at)
        OR OLD.applied_at IS NOT NULL THEN
        RAISE EXCEPTION 'event %: it is kept as it came', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'event_is_kept_as_it_came',
                TABLE = TG_TABLE_NAME;
    END IF;
    NEW.applied_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER provider_event_is_kept BEFORE UPDATE ON provider_events
    FOR EACH ROW EXECUTE FUNCTION provider_event_is_kept();

CREATE TRIGGER payments_are_kept BEFORE DELETE OR TRUNCATE ON payments
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER refunds_are_kept BEFORE DELETE OR TRUNCATE ON refunds
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER provider_calls_are_kept BEFORE DELETE OR TRUNCATE ON provider_calls
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER provider_events_are_kept BEFORE DELETE OR TRUNCATE ON provider_events
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

MONEY = """
-- Planned and done refunds add up on their payment, whose CHECK keeps them within what was taken.
CREATE FUNCTION refund_counted() RETURNS trigger LANGUAGE plpgsql
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
CREATE TRIGGER refund_counted AFTER INSERT OR UPDATE OF status ON refunds
    FOR EACH ROW EXECUTE FUNCTION refund_counted();

-- An order is paid exactly when a payment took its whole total: judged at commit, from both sides.
CREATE FUNCTION order_has_its_money() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    the_order uuid := CASE TG_TABLE_NAME WHEN 'orders' THEN NEW.id END;
    o orders%ROWTYPE;
    money boolean;
    wrong text;
BEGIN
    IF the_order IS NULL THEN
        the_order := NEW.order_id;
    END IF;
    SELECT * INTO o FROM orders WHERE id = the_order;
    money := EXISTS (SELECT FROM payments p WHERE p.order_id = o.id AND p.status = 'succeeded'
                         AND p.captured_cents = o.total_cents);
    IF o.status IN ('paid', 'closed') AND NOT money THEN
        wrong := 'paid_order_has_its_money';
    ELSIF o.status = 'awaiting_payment' AND money THEN
        wrong := 'money_pays_its_order';
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'order %: %', o.number, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER paid_order_has_its_money AFTER INSERT OR UPDATE OF status ON orders
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status IN ('paid', 'closed')) EXECUTE FUNCTION order_has_its_money();
CREATE CONSTRAINT TRIGGER money_pays_its_order AFTER UPDATE OF status ON payments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status = 'succeeded') EXECUTE FUNCTION order_has_its_money();
"""

ARROWS = """
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('payment', '', 'created'),
    ('payment', 'created', 'open'), ('payment', 'created', 'succeeded'),
    ('payment', 'created', 'cancelled'), ('payment', 'created', 'questioned'),
    ('payment', 'open', 'succeeded'), ('payment', 'open', 'cancelled'),
    ('payment', 'open', 'questioned'),
    ('payment', 'questioned', 'succeeded'), ('payment', 'questioned', 'cancelled'),
    ('payment', 'cancelled', 'succeeded'),
    ('payment', 'created', 'created'), ('payment', 'open', 'open'),
    ('payment', 'succeeded', 'succeeded'), ('payment', 'cancelled', 'cancelled'),
    ('payment', 'questioned', 'questioned'),
    ('refund', '', 'planned'),
    ('refund', 'planned', 'done'), ('refund', 'planned', 'failed'), ('refund', 'done', 'failed'),
    ('refund', 'planned', 'planned'), ('refund', 'done', 'done'), ('refund', 'failed', 'failed');
"""

GRANTS = """
GRANT SELECT ON payments, refunds, provider_calls, provider_events
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, order_id, status, state_seq, amount_cents, currency, page_ends_at,
              provider_session_id, provider_intent_id, livemode, url),
    UPDATE (status, state_seq, captured_cents, provider_session_id, provider_intent_id, livemode,
            url) ON payments TO aftercare_app, aftercare_worker;
GRANT INSERT (id, payment_id, request_key, amount_cents, reason, status, state_seq,
              provider_refund_id),
    UPDATE (status, state_seq, provider_refund_id) ON refunds TO aftercare_app, aftercare_worker;
GRANT INSERT (id, operation, reference_id, order_id, idempotency_key, parameters, status, tries,
              fence, lease_until, first_sent_at, answer),
    UPDATE (status, tries, fence, lease_until, first_sent_at, answer) ON provider_calls
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, type, object_type, object_id, created), UPDATE (applied_at) ON provider_events
    TO aftercare_app, aftercare_worker;
"""


def upgrade() -> None:
    op.create_table(
        "provider_calls",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False),
        sa.Column("reference_id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("fence", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("first_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "planned_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "operation IN ('open_session', 'expire_session', 'refund')",
            name=op.f("call_operation_is_known"),
        ),
        sa.CheckConstraint(
            "status IN ('planned', 'in_flight', 'done', 'rejected', 'human')",
            name=op.f("call_status_is_known"),
        ),
        sa.CheckConstraint("length(idempotency_key) <= 255", name=op.f("call_key_fits")),
        sa.ForeignKeyConstraint(
            ["order_id"], ["orders.id"], name=op.f("provider_calls_order_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("provider_calls_pkey")),
        sa.UniqueConstraint("idempotency_key", name="provider_calls_key"),
        sa.UniqueConstraint("operation", "reference_id", name="provider_calls_once"),
    )
    op.create_index(
        "provider_calls_due_idx",
        "provider_calls",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("status IN ('planned', 'in_flight')"),
    )
    op.create_index(
        op.f("provider_calls_order_id_idx"), "provider_calls", ["order_id"], unique=False
    )
    op.create_table(
        "provider_events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=True),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("provider_events_pkey")),
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("amount_cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), server_default="usd", nullable=False),
        sa.Column("captured_cents", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("refunded_cents", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("provider_session_id", sa.Text(), nullable=True),
        sa.Column("provider_intent_id", sa.Text(), nullable=True),
        sa.Column("livemode", sa.Boolean(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("page_ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status = 'succeeded') = (captured_cents > 0)", name=op.f("succeeded_is_captured")
        ),
        sa.CheckConstraint("currency = 'usd'", name=op.f("payment_currency_is_usd")),
        sa.CheckConstraint("captured_cents IN (0, amount_cents)", name=op.f("capture_is_total")),
        sa.CheckConstraint(
            "refunded_cents BETWEEN 0 AND captured_cents", name=op.f("refunds_within_capture")
        ),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="payment_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "amount_cents"],
            ["orders.id", "orders.total_cents"],
            name="amount_is_the_orders_total",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("payments_pkey")),
        sa.UniqueConstraint("provider_intent_id", name="payments_intent_key"),
        sa.UniqueConstraint("provider_session_id", name="payments_session_key"),
    )
    op.create_index(
        "payments_one_live",
        "payments",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('created', 'open', 'questioned')"),
    )
    op.create_index(op.f("payments_order_id_idx"), "payments", ["order_id"], unique=False)
    op.create_table(
        "refunds",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=False),
        sa.Column("amount_cents", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("provider_refund_id", sa.Text(), nullable=True),
        sa.Column(
            "planned_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("amount_cents > 0", name=op.f("refund_is_positive")),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="refund_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("refunds_payment_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("refunds_pkey")),
        sa.UniqueConstraint("payment_id", "request_key", name="refunds_one_per_request"),
        sa.UniqueConstraint("provider_refund_id", name="refunds_provider_key"),
    )
    for block in (BIRTH, KEPT, MONEY, ARROWS, GRANTS):
        op.execute(block)


def downgrade() -> None:
    op.execute("DROP TRIGGER paid_order_has_its_money ON orders")
    op.drop_table("refunds")
    op.drop_index(op.f("payments_order_id_idx"), table_name="payments")
    op.drop_index(
        "payments_one_live",
        table_name="payments",
        postgresql_where=sa.text("status IN ('created', 'open', 'questioned')"),
    )
    op.drop_table("payments")
    op.drop_table("provider_events")
    op.drop_index(
        "provider_calls_due_idx",
        table_name="provider_calls",
        postgresql_where=sa.text("status IN ('planned', 'in_flight')"),
    )
    op.drop_index(op.f("provider_calls_order_id_idx"), table_name="provider_calls")
    op.drop_table("provider_calls")
    op.execute(
        "DROP FUNCTION payment_may_begin(); DROP FUNCTION payment_is_kept();"
        " DROP FUNCTION refund_is_kept(); DROP FUNCTION provider_call_is_kept();"
        " DROP FUNCTION provider_event_is_kept(); DROP FUNCTION refund_counted();"
        " DROP FUNCTION order_has_its_money();"
        " DELETE FROM legal_transitions WHERE machine IN ('payment', 'refund')"
    )
