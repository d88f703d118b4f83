"""Auto-refills on consent, told before they are charged and charged once; reminders of what runs out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

ARROWS = """
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('auto_refill', '', 'active'),
    ('auto_refill', 'active', 'paused'),
    ('auto_refill', 'active', 'cancelled'),
    ('auto_refill', 'paused', 'active'),
    ('auto_refill', 'paused', 'cancelled'),
    ('refill_cycle', '', 'noticed'),
    ('refill_cycle', '', 'blocked'),
    ('refill_cycle', 'noticed', 'blocked'),
    ('refill_cycle', 'noticed', 'charging'),
    ('refill_cycle', 'noticed', 'lapsed'),
    ('refill_cycle', 'blocked', 'noticed'),
    ('refill_cycle', 'blocked', 'charging'),
    ('refill_cycle', 'blocked', 'lapsed'),
    ('refill_cycle', 'charging', 'charged'),
    ('refill_cycle', 'charging', 'failed'),
    ('refill_cycle', 'charging', 'lapsed'),
    ('refill_cycle', 'failed', 'charged'),
    ('refill_cycle', 'failed', 'lapsed'),
    ('refill_cycle', 'charged', 'lapsed');
-- Events that leave the state as it is.
INSERT INTO legal_transitions (machine, from_state, to_state)
    SELECT DISTINCT machine, to_state, to_state FROM legal_transitions
    WHERE machine IN ('auto_refill', 'refill_cycle');
"""

REFILLS = """
CREATE FUNCTION auto_refill_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        broken := CASE
            WHEN NEW.status <> 'active' THEN 'auto_refill_begins_active'
            WHEN NOT EXISTS (SELECT FROM people WHERE id = NEW.client_id AND role = 'client')
                THEN 'auto_refill_is_of_a_client'
            END;
        NEW.created_at := shop_now();
    ELSIF (NEW.id, NEW.number, NEW.client_id, NEW.variant_id, NEW.created_at) IS DISTINCT FROM
          (OLD.id, OLD.number, OLD.client_id, OLD.variant_id, OLD.created_at)
    THEN
        broken := 'auto_refill_keeps_whose_and_what';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'auto-refill %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER auto_refill_guard BEFORE INSERT OR UPDATE ON auto_refills
    FOR EACH ROW EXECUTE FUNCTION auto_refill_guard();
CREATE TRIGGER auto_refill_goes_along_an_arrow BEFORE UPDATE ON auto_refills
    FOR EACH ROW EXECUTE FUNCTION prescribing_goes_on('auto_refill');
CREATE TRIGGER auto_refills_are_kept BEFORE DELETE OR TRUNCATE ON auto_refills
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit: nothing is charged by itself that nobody agreed to.
CREATE FUNCTION auto_refill_rests_on_a_consent() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM refill_consents WHERE auto_refill_id = NEW.id) THEN
        RAISE EXCEPTION 'auto-refill %: nobody agreed', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER auto_refill_rests_on_a_consent AFTER INSERT ON auto_refills
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION auto_refill_rests_on_a_consent();

-- Locks the auto-refill.
CREATE FUNCTION refill_consent_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    standing text;
    broken text;
BEGIN
    SELECT status INTO standing FROM auto_refills WHERE id = NEW.auto_refill_id FOR UPDATE;
    broken := CASE
        WHEN standing = 'cancelled' THEN 'cancelled_refill_takes_no_consent'
        WHEN EXISTS (SELECT FROM saved_cards WHERE id = NEW.saved_card_id
                     AND (client_id <> NEW.client_id OR removed_at IS NOT NULL))
            THEN 'refill_is_charged_to_a_card_of_hers'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'consent %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.number := 1 + (SELECT count(*) FROM refill_consents
                       WHERE auto_refill_id = NEW.auto_refill_id);
    NEW.consented_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER refill_consent_guard BEFORE INSERT ON refill_consents
    FOR EACH ROW EXECUTE FUNCTION refill_consent_guard();
CREATE TRIGGER refill_consents_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON refill_consents
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

CYCLES = """
-- What is against charging a cycle with this order; nothing: NULL. What she was told and agreed to
-- is good for 14 days; UTC's day may be one ahead of the clinic's. Locks its auto-refill.
CREATE FUNCTION refill_charge_breaks(cycle refill_cycles) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    refill auto_refills%ROWTYPE;
    consent refill_consents%ROWTYPE;
    notice refill_notices%ROWTYPE;
    cents integer;
    today date := (shop_now() AT TIME ZONE 'UTC')::date;
BEGIN
    SELECT * INTO refill FROM auto_refills WHERE id = cycle.auto_refill_id FOR SHARE;
    SELECT * INTO consent FROM refill_consents WHERE auto_refill_id = refill.id
        ORDER BY number DESC LIMIT 1;
    SELECT * INTO notice FROM refill_notices WHERE cycle_id = cycle.id
        ORDER BY number DESC LIMIT 1;
    SELECT total_cents INTO cents FROM orders WHERE id = cycle.order_id;
    RETURN CASE
        WHEN refill.status <> 'active' THEN 'only_an_active_refill_is_charged'
        WHEN (SELECT array_agg((variant_id, quantity)::text) FROM order_lines
              WHERE order_id = cycle.order_id)
             IS DISTINCT FROM ARRAY[(refill.variant_id, consent.quantity)::text]
            THEN 'refill_order_is_what_she_agreed_to'
        WHEN (notice.id IS NOT NULL
              AND ((consent.consented_at > notice.told_at AND cents <= consent.total_cents
                    AND today <= 15 + greatest(
                        notice.charge_on, (consent.consented_at AT TIME ZONE 'UTC')::date))
                   OR (today BETWEEN notice.charge_on AND notice.charge_on + 15
                       AND cents <= notice.total_cents))) IS NOT TRUE
            THEN 'refill_is_charged_as_she_was_told'
        END;
END $$;

CREATE FUNCTION refill_cycle_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    refill auto_refills%ROWTYPE;
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT * INTO refill FROM auto_refills WHERE id = NEW.auto_refill_id FOR UPDATE;
        broken := CASE
            WHEN NEW.status NOT IN ('noticed', 'blocked') THEN 'cycle_begins_ahead'
            WHEN refill.status <> 'active' THEN 'only_an_active_refill_has_cycles'
            WHEN NOT EXISTS (SELECT FROM order_lines WHERE id = NEW.after_line_id
                             AND client_id = refill.client_id AND variant_id = refill.variant_id
                             AND shipped_at IS NOT NULL)
                THEN 'cycle_follows_a_pack_of_hers'
            END;
        NEW.number := 1 + (SELECT count(*) FROM refill_cycles
                           WHERE auto_refill_id = NEW.auto_refill_id);
        NEW.created_at := shop_now();
    ELSIF (NEW.id, NEW.auto_refill_id, NEW.client_id, NEW.number, NEW.after_line_id,
           NEW.created_at) IS DISTINCT FROM
          (OLD.id, OLD.auto_refill_id, OLD.client_id, OLD.number, OLD.after_line_id,
           OLD.created_at)
    THEN
        broken := 'refill_cycle_keeps_what_it_follows';
    ELSIF NEW.order_id IS DISTINCT FROM OLD.order_id
          AND (OLD.order_id IS NOT NULL OR NEW.status <> 'charging') THEN
        broken := 'cycle_is_charged_once';
    ELSIF NEW.status <> OLD.status THEN
        broken := CASE
            WHEN NEW.status = 'charging' THEN refill_charge_breaks(NEW)
            WHEN NEW.status = 'charged'
                 AND NOT EXISTS (SELECT FROM orders WHERE id = NEW.order_id AND paid_at IS NOT NULL)
                THEN 'charged_cycle_was_paid'
            WHEN NEW.status = 'lapsed' AND NEW.order_id IS NOT NULL
                 AND EXISTS (SELECT FROM orders WHERE id = NEW.order_id AND ended_at IS NULL)
                THEN 'lapsed_cycle_costs_nothing'
            END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'cycle %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER refill_cycle_guard BEFORE INSERT OR UPDATE ON refill_cycles
    FOR EACH ROW EXECUTE FUNCTION refill_cycle_guard();
CREATE TRIGGER refill_cycle_goes_along_an_arrow BEFORE UPDATE ON refill_cycles
    FOR EACH ROW EXECUTE FUNCTION prescribing_goes_on('refill_cycle');
CREATE TRIGGER refill_cycles_are_kept BEFORE DELETE OR TRUNCATE ON refill_cycles
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- Days before, and more of them where it costs more than she agreed to, or paid since. UTC's day is
-- never behind the clinic's and at most one ahead of it. Locks the cycle.
CREATE FUNCTION refill_notice_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    cycle refill_cycles%ROWTYPE;
    consent refill_consents%ROWTYPE;
    agreed integer;
    broken text;
BEGIN
    SELECT * INTO cycle FROM refill_cycles WHERE id = NEW.cycle_id FOR UPDATE;
    SELECT * INTO consent FROM refill_consents WHERE auto_refill_id = cycle.auto_refill_id
        ORDER BY number DESC LIMIT 1;
    SELECT greatest(
        consent.total_cents,
        (SELECT orders.total_cents FROM refill_cycles before JOIN orders
            ON orders.id = before.order_id
         WHERE before.auto_refill_id = cycle.auto_refill_id AND before.status = 'charged'
           AND orders.placed_at > consent.consented_at
         ORDER BY before.number DESC LIMIT 1)) INTO agreed;
    broken := CASE
        WHEN cycle.status NOT IN ('noticed', 'blocked') THEN 'notice_comes_before_the_charge'
        WHEN NEW.rises <> (NEW.total_cents > agreed) THEN 'higher_price_is_told_as_such'
        WHEN NEW.charge_on < (shop_now() AT TIME ZONE 'UTC')::date
                             + CASE WHEN NEW.rises THEN 13 ELSE 6 END
            THEN 'notice_comes_days_before'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'notice of cycle %: %', NEW.cycle_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.number := 1 + (SELECT count(*) FROM refill_notices WHERE cycle_id = NEW.cycle_id);
    NEW.told_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER refill_notice_guard BEFORE INSERT ON refill_notices
    FOR EACH ROW EXECUTE FUNCTION refill_notice_guard();
CREATE TRIGGER refill_notices_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON refill_notices
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

REMINDERS = """
CREATE FUNCTION refill_reminder_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM order_lines WHERE id = NEW.line_id AND client_id = NEW.client_id
                   AND shipped_at IS NOT NULL) THEN
        RAISE EXCEPTION 'line % was not handed out to her', NEW.line_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'reminder_is_of_a_pack_of_hers',
                  TABLE = TG_TABLE_NAME;
    END IF;
    NEW.told_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER refill_reminder_guard BEFORE INSERT ON refill_reminders
    FOR EACH ROW EXECUTE FUNCTION refill_reminder_guard();
CREATE TRIGGER refill_reminders_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON refill_reminders
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- Locks the client, so that two words of hers come one after the other.
CREATE FUNCTION reminder_choice_stamped() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM 1 FROM people WHERE id = NEW.client_id FOR NO KEY UPDATE;
    NEW.number := 1 + (SELECT count(*) FROM reminder_choices WHERE client_id = NEW.client_id);
    NEW.chosen_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER reminder_choice_stamped BEFORE INSERT ON reminder_choices
    FOR EACH ROW EXECUTE FUNCTION reminder_choice_stamped();
CREATE TRIGGER reminder_choices_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON reminder_choices
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

# The run orders as the client agreed, so the worker takes fills; only she agrees.
GRANTS = """
GRANT SELECT ON auto_refills, refill_consents, refill_cycles, refill_notices, refill_reminders,
    reminder_choices TO aftercare_app, aftercare_worker;
GRANT INSERT (id, number, client_id, variant_id, status, state_seq) ON auto_refills
    TO aftercare_app;
GRANT UPDATE (status, state_seq) ON auto_refills TO aftercare_app, aftercare_worker;
GRANT INSERT (id, auto_refill_id, client_id, quantity, unit_cents, total_cents, shipping_method,
              name, line1, line2, city, state, postal_code, phone, saved_card_id, statement,
              statement_version) ON refill_consents TO aftercare_app;
GRANT INSERT (id, auto_refill_id, client_id, after_line_id, act_on, status, state_seq, obstacle,
              reasons_sealed, order_id),
    UPDATE (act_on, status, state_seq, obstacle, reasons_sealed, order_id) ON refill_cycles
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, cycle_id, charge_on, total_cents, rises) ON refill_notices
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, line_id, client_id, runs_out_on, moved_days) ON refill_reminders
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, client_id, wanted) ON reminder_choices TO aftercare_app;
GRANT INSERT (id, prescription_id, number, client_id, variant_id, state, quantity, fills_allowed,
              status, state_seq) ON fills TO aftercare_worker;
"""

TEMPLATES = (
    "'account_confirmation', 'account_exists', 'request_received', 'request_news', 'order_paid',"
    " 'order_shipped', 'order_cancelled', 'order_expired', 'order_held', 'order_resumed',"
    " 'refund_sent', 'licence_expiring', 'signing_key_expiring', 'case_news', 'request_escalated',"
    " 'prescription_renewable', 'prescription_news', 'report_news'"
)
OURS = "'refill_due', 'refill_notice', 'refill_news', 'refill_unpaid', 'auto_refill_news'"
SEALED = "substring({0}, 1, 1) = '\\x01' AND octet_length({0}) >= 97"
TABLES = (
    "reminder_choices",
    "refill_reminders",
    "refill_notices",
    "refill_cycles",
    "refill_consents",
    "auto_refills",
)


def _letters(words: str) -> None:
    op.drop_constraint("letter_template_is_known", "letters", type_="check")
    op.create_check_constraint(
        op.f("letter_template_is_known"), "letters", f"template IN ({words})"
    )


def _state_key(machine: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["id", "state_seq", "status"],
        ["events.subject_id", "events.seq", "events.to_state"],
        name=f"{machine}_status_has_its_event",
        deferrable=True,
        initially="DEFERRED",
    )


def upgrade() -> None:
    op.create_unique_constraint("orders_client_key", "orders", ["id", "client_id"])
    op.create_index(
        "order_lines_handed_out_idx",
        "order_lines",
        ["client_id", "variant_id", "shipped_at"],
        postgresql_where=sa.text("shipped_at IS NOT NULL"),
    )
    _refills()
    _consents()
    _cycles()
    _notices()
    _reminders()
    _choices()
    _letters(f"{TEMPLATES}, {OURS}")
    for statements in (ARROWS, REFILLS, CYCLES, REMINDERS, GRANTS):
        op.execute(statements)


def _refills() -> None:
    op.create_table(
        "auto_refills",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        _state_key("auto_refill"),
        sa.ForeignKeyConstraint(
            ["client_id"], ["people.id"], name=op.f("auto_refills_client_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variants.id"], name=op.f("auto_refills_variant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("auto_refills_pkey")),
        sa.UniqueConstraint("id", "client_id", name="auto_refills_client_key"),
        sa.UniqueConstraint("number", name=op.f("auto_refills_number_key")),
    )
    op.create_index(
        "auto_refills_one_of_a_pack",
        "auto_refills",
        ["client_id", "variant_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'cancelled'"),
    )


def _consents() -> None:
    op.create_table(
        "refill_consents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("auto_refill_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("unit_cents", sa.Integer(), nullable=False),
        sa.Column("total_cents", sa.Integer(), nullable=False),
        sa.Column("shipping_method", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("line1", sa.Text(), nullable=False),
        sa.Column("line2", sa.Text(), server_default="", nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("postal_code", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("saved_card_id", sa.Uuid(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("statement_version", sa.Text(), nullable=False),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("quantity BETWEEN 1 AND 20", name=op.f("refill_quantity_is_sane")),
        sa.CheckConstraint(
            "unit_cents >= 0 AND total_cents >= quantity * unit_cents",
            name=op.f("refill_price_is_told_whole"),
        ),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name=op.f("refill_state_is_a_usps_code")),
        sa.CheckConstraint(
            "length(statement) BETWEEN 50 AND 4000 AND statement_version <> ''",
            name=op.f("refill_consent_says_what_was_agreed_to"),
        ),
        sa.ForeignKeyConstraint(
            ["auto_refill_id", "client_id"],
            ["auto_refills.id", "auto_refills.client_id"],
            name="consent_is_of_its_refills_client",
        ),
        sa.ForeignKeyConstraint(
            ["saved_card_id"],
            ["saved_cards.id"],
            name=op.f("refill_consents_saved_card_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("refill_consents_pkey")),
        sa.UniqueConstraint("auto_refill_id", "number", name="refill_consents_number_key"),
    )


def _cycles() -> None:
    op.create_table(
        "refill_cycles",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("auto_refill_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("after_line_id", sa.Uuid(), nullable=False),
        sa.Column("act_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("obstacle", sa.Text(), nullable=True),
        sa.Column("reasons_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "status NOT IN ('charging', 'failed', 'charged') OR order_id IS NOT NULL",
            name=op.f("charged_cycle_has_its_order"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('noticed', 'blocked') OR order_id IS NULL",
            name=op.f("cycle_ahead_has_no_order"),
        ),
        sa.CheckConstraint(
            "(status = 'blocked') = (obstacle IS NOT NULL)"
            " AND (status = 'blocked') = (reasons_sealed IS NOT NULL)",
            name=op.f("blocked_cycle_says_why"),
        ),
        sa.CheckConstraint(
            "obstacle IN ('too_soon', 'needs_request', 'needs_client', 'not_allowed', 'report',"
            " 'on_its_way', 'out_of_stock', 'not_for_sale', 'card', 'other')",
            name=op.f("obstacle_is_known"),
        ),
        sa.CheckConstraint(SEALED.format("reasons_sealed"), name=op.f("cycle_reasons_are_sealed")),
        _state_key("refill_cycle"),
        sa.ForeignKeyConstraint(
            ["auto_refill_id", "client_id"],
            ["auto_refills.id", "auto_refills.client_id"],
            name="cycle_is_of_its_refills_client",
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "client_id"],
            ["orders.id", "orders.client_id"],
            name="cycles_order_is_the_clients",
        ),
        sa.ForeignKeyConstraint(
            ["after_line_id"],
            ["order_lines.id"],
            name=op.f("refill_cycles_after_line_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("refill_cycles_pkey")),
        sa.UniqueConstraint("auto_refill_id", "number", name="refill_cycles_number_key"),
        sa.UniqueConstraint("order_id", name="refill_order_is_of_one_cycle"),
    )
    op.create_index(
        "pack_is_refilled_once",
        "refill_cycles",
        ["after_line_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'lapsed'"),
    )
    op.create_index(
        "refill_cycles_to_do_idx",
        "refill_cycles",
        ["act_on"],
        postgresql_where=sa.text("status IN ('noticed', 'blocked')"),
    )


def _notices() -> None:
    op.create_table(
        "refill_notices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("cycle_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("charge_on", sa.Date(), nullable=False),
        sa.Column("total_cents", sa.Integer(), nullable=False),
        sa.Column("rises", sa.Boolean(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("total_cents >= 50", name=op.f("notice_says_how_much")),
        sa.ForeignKeyConstraint(
            ["cycle_id"], ["refill_cycles.id"], name=op.f("refill_notices_cycle_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("refill_notices_pkey")),
        sa.UniqueConstraint("cycle_id", "number", name="refill_notices_number_key"),
    )


def _reminders() -> None:
    op.create_table(
        "refill_reminders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("runs_out_on", sa.Date(), nullable=False),
        sa.Column("moved_days", sa.Integer(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("moved_days >= 0", name=op.f("run_out_only_moves_on")),
        sa.ForeignKeyConstraint(
            ["line_id"], ["order_lines.id"], name=op.f("refill_reminders_line_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["people.id"], name=op.f("refill_reminders_client_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("refill_reminders_pkey")),
        sa.UniqueConstraint("line_id", name="pack_is_reminded_of_once"),
    )
    op.create_index(op.f("refill_reminders_client_id_idx"), "refill_reminders", ["client_id"])


def _choices() -> None:
    op.create_table(
        "reminder_choices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["client_id"], ["people.id"], name=op.f("reminder_choices_client_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("reminder_choices_pkey")),
        sa.UniqueConstraint("client_id", "number", name="reminder_choices_number_key"),
    )


def downgrade() -> None:
    op.execute(
        "REVOKE INSERT (id, prescription_id, number, client_id, variant_id, state, quantity,"
        " fills_allowed, status, state_seq) ON fills FROM aftercare_worker"
    )
    op.execute("DROP FUNCTION refill_charge_breaks(refill_cycles)")
    for table in TABLES:
        op.drop_table(table)
    op.execute(
        "DROP FUNCTION reminder_choice_stamped, refill_reminder_guard, refill_notice_guard,"
        " refill_cycle_guard, refill_consent_guard, auto_refill_rests_on_a_consent,"
        " auto_refill_guard"
    )
    op.execute("DELETE FROM legal_transitions WHERE machine IN ('auto_refill', 'refill_cycle')")
    op.execute(f"DELETE FROM letters WHERE template IN ({OURS})")
    _letters(TEMPLATES)
    op.drop_index("order_lines_handed_out_idx", "order_lines")
    op.drop_constraint("orders_client_key", "orders", type_="unique")
