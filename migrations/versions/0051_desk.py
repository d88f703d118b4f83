"""Payment routes and the permissions behind them; tenders at the desk, in drawers that add up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

PERMISSIONS = """
-- A permission is written down as it is and ended once; who wrote it is who is signed in.
CREATE FUNCTION merchant_permission_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    today date := (shop_now() AT TIME ZONE 'UTC')::date;
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        broken := CASE
            WHEN NEW.ended_on IS NOT NULL THEN 'permission_begins_unended'
            WHEN NEW.recorded_by_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM people WHERE id = NEW.recorded_by_id AND role = 'manager'
                    AND disabled_at IS NULL) THEN 'permission_is_recorded_by_a_manager'
            END;
        NEW.recorded_at := shop_now();
    ELSIF (NEW.id, NEW.route, NEW.legal_class, NEW.document, NEW.valid_from, NEW.valid_until,
           NEW.recorded_by_id, NEW.recorded_at)
        IS DISTINCT FROM
        (OLD.id, OLD.route, OLD.legal_class, OLD.document, OLD.valid_from, OLD.valid_until,
         OLD.recorded_by_id, OLD.recorded_at) OR OLD.ended_on IS NOT NULL THEN
        broken := 'permission_stays_as_recorded';
    ELSE
        broken := CASE
            WHEN NEW.ended_on IS NOT NULL AND NEW.ended_on NOT BETWEEN
                greatest(today, NEW.valid_from) AND NEW.valid_until
                THEN 'permission_ends_on_a_day_to_come'
            WHEN NOT EXISTS (
                SELECT FROM people WHERE id = NEW.ended_by_id AND role = 'manager'
                    AND disabled_at IS NULL) THEN 'permission_is_ended_by_a_manager'
            END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'permission %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER merchant_permission_guard BEFORE INSERT OR UPDATE ON merchant_permissions
    FOR EACH ROW EXECUTE FUNCTION merchant_permission_guard();
CREATE TRIGGER merchant_permissions_are_kept BEFORE DELETE OR TRUNCATE ON merchant_permissions
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- Whether money for a class may be taken online at a moment.
CREATE FUNCTION may_be_paid_online(the_class text, moment timestamptz) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM merchant_permissions m, (SELECT (moment AT TIME ZONE 'UTC')::date AS day) d
        WHERE m.route = 'online' AND m.legal_class = the_class
            AND m.valid_from <= d.day AND d.day < m.valid_until
            AND (m.ended_on IS NULL OR d.day < m.ended_on)) $$;
"""

# As it was left by 0015, where {permitted} is empty.
MAY_BEGIN = """
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
{permitted}    ELSIF NEW.status <> 'created' OR NEW.captured_cents <> 0 OR NEW.refunded_cents <> 0
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
PERMITTED = """\
    ELSIF NEW.tender IS NULL AND EXISTS (
        SELECT FROM order_lines l JOIN variants v ON v.id = l.variant_id
            LEFT JOIN legal_class_rules r ON r.id = l.rule_id
        WHERE l.order_id = NEW.order_id AND l.status <> 'cancelled'
            AND NOT (may_be_paid_online(v.legal_class, shop_now())
                     AND (r.id IS NULL OR may_be_paid_online(r.legal_class, shop_now())))) THEN
        wrong := 'online_payment_is_permitted';
"""

TENDERS = """
CREATE FUNCTION tender_stays_a_tender() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'payment %: what was handed over never changes', OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tender_stays_a_tender',
            TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER tender_stays_a_tender BEFORE UPDATE ON payments FOR EACH ROW
    WHEN (OLD.tender IS DISTINCT FROM NEW.tender) EXECUTE FUNCTION tender_stays_a_tender();

-- At commit: a tender took what is due, and lies in a drawer.
CREATE FUNCTION tender_is_taken() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    broken := CASE
        WHEN (SELECT status FROM payments WHERE id = NEW.id) <> 'succeeded'
            THEN 'tender_is_taken_at_once'
        WHEN NOT EXISTS (SELECT FROM drawer_moves WHERE payment_id = NEW.id)
            THEN 'tender_lies_in_a_drawer' END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'payment %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tender_is_taken AFTER INSERT ON payments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.tender IS NOT NULL)
    EXECUTE FUNCTION tender_is_taken();

-- At commit: what was taken at the desk goes back there, out of a drawer, and cannot fail.
CREATE FUNCTION tender_goes_back() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF EXISTS (SELECT FROM payments WHERE id = NEW.payment_id AND tender IS NOT NULL) THEN
        broken := CASE
            WHEN NEW.status = 'failed' THEN 'refund_of_a_tender_never_fails'
            WHEN NEW.provider_refund_id IS NOT NULL
                THEN 'provider_knows_nothing_of_a_tenders_refund'
            WHEN NEW.status = 'done' AND NEW.amount_cents > 0
                AND NOT EXISTS (SELECT FROM drawer_moves WHERE refund_id = NEW.id)
                THEN 'refund_of_a_tender_is_paid_out' END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'refund %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tender_goes_back AFTER INSERT OR UPDATE ON refunds
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tender_goes_back();

-- The provider is asked nothing about money it never saw.
CREATE FUNCTION provider_is_asked_of_its_own() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM payments p LEFT JOIN refunds r ON r.payment_id = p.id
        WHERE NEW.reference_id IN (p.id, r.id) AND p.tender IS NOT NULL) THEN
        RAISE EXCEPTION 'call %: it is about a tender', NEW.idempotency_key
            USING ERRCODE = 'check_violation', CONSTRAINT = 'provider_is_asked_of_its_own',
                TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER provider_is_asked_of_its_own BEFORE INSERT ON provider_calls
    FOR EACH ROW EXECUTE FUNCTION provider_is_asked_of_its_own();
"""

DRAWERS = """
CREATE FUNCTION takes_money(person uuid) RETURNS boolean LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT FROM people WHERE id = person AND role IN ('staff', 'manager')
                   AND disabled_at IS NULL) $$;

-- From how much on a difference is signed by a second person. shop/tills/limits.py says the same.
CREATE FUNCTION drawer_takes_two(cents bigint) RETURNS boolean LANGUAGE sql IMMUTABLE
    AS $$ SELECT cents > 2000 $$;

CREATE FUNCTION drawer_holds(the_drawer uuid, the_tender text) RETURNS integer LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    SELECT coalesce(sum(cents), 0)::integer FROM drawer_moves
    WHERE drawer_id = the_drawer AND tender = the_tender $$;

-- What should be there is what the ledger says at the moment of the count, the drawer being locked.
CREATE FUNCTION drawer_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    off_by bigint;
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        broken := CASE
            WHEN NEW.status <> 'open' THEN 'drawer_begins_open'
            WHEN NOT takes_money(NEW.opened_by_id) THEN 'drawer_is_of_who_takes_money' END;
        NEW.opened_at := shop_now();
    ELSIF OLD.status = 'closed' THEN
        broken := 'closed_drawer_stays_as_it_was';
    ELSIF (NEW.id, NEW.number, NEW.register_id, NEW.opened_by_id, NEW.opened_at, NEW.float_cents)
        IS DISTINCT FROM
        (OLD.id, OLD.number, OLD.register_id, OLD.opened_by_id, OLD.opened_at, OLD.float_cents)
    THEN
        broken := 'drawer_keeps_how_it_was_opened';
    ELSIF NEW.status = 'counted' AND OLD.status = 'open' THEN
        broken := CASE WHEN NOT (takes_money(NEW.counted_by_id)
                                 AND (NEW.counted_by_id = NEW.opened_by_id OR EXISTS (
                                     SELECT FROM people
                                     WHERE id = NEW.counted_by_id AND role = 'manager')))
                       THEN 'drawer_is_counted_by_its_own_or_a_manager' END;
        NEW.counted_at := shop_now();
        NEW.expected_cash_cents := drawer_holds(NEW.id, 'cash');
        NEW.expected_terminal_cents := drawer_holds(NEW.id, 'terminal');
        NEW.expected_cheque_cents := drawer_holds(NEW.id, 'cheque');
    ELSIF (NEW.counted_by_id, NEW.counted_at, NEW.counted_cash_cents, NEW.counted_terminal_cents,
           NEW.counted_cheque_cents, NEW.expected_cash_cents, NEW.expected_terminal_cents,
           NEW.expected_cheque_cents)
        IS DISTINCT FROM
        (OLD.counted_by_id, OLD.counted_at, OLD.counted_cash_cents, OLD.counted_terminal_cents,
         OLD.counted_cheque_cents, OLD.expected_cash_cents, OLD.expected_terminal_cents,
         OLD.expected_cheque_cents) THEN
        broken := 'count_of_a_drawer_is_not_rewritten';
    ELSIF NEW.status = 'closed' THEN
        off_by := abs(NEW.counted_cash_cents - NEW.expected_cash_cents)
            + abs(NEW.counted_terminal_cents - NEW.expected_terminal_cents)
            + abs(NEW.counted_cheque_cents - NEW.expected_cheque_cents);
        broken := CASE
            WHEN off_by > 0 AND NEW.explanation IS NULL THEN 'difference_is_explained'
            WHEN drawer_takes_two(off_by) AND NEW.signed_by_id IS NULL
                THEN 'large_difference_takes_two'
            WHEN NEW.signed_by_id IS NOT NULL AND NOT takes_money(NEW.signed_by_id)
                THEN 'drawer_is_signed_by_who_takes_money' END;
        NEW.closed_at := shop_now();
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'drawer %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER drawer_guard BEFORE INSERT OR UPDATE ON drawers
    FOR EACH ROW EXECUTE FUNCTION drawer_guard();
CREATE TRIGGER drawer_goes_along_an_arrow BEFORE UPDATE ON drawers
    FOR EACH ROW EXECUTE FUNCTION ordering_goes_on('drawer');
CREATE TRIGGER drawers_are_kept BEFORE DELETE OR TRUNCATE ON drawers
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER drawer_pieces_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON drawer_pieces
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER drawer_moves_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON drawer_moves
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit, from either side: cash is what its pieces are worth, and the ledger begins with it.
CREATE FUNCTION drawer_adds_up() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    the_drawer uuid := coalesce(to_jsonb(NEW) ->> 'drawer_id', to_jsonb(NEW) ->> 'id');
    d drawers%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO d FROM drawers WHERE id = the_drawer;
    broken := CASE
        WHEN d.float_cents <> (SELECT coalesce(sum(denomination_cents * pieces), 0)
                               FROM drawer_pieces
                               WHERE drawer_id = d.id AND counting = 'opening')
            THEN 'float_is_what_its_pieces_are_worth'
        WHEN coalesce(d.counted_cash_cents, 0)
            <> (SELECT coalesce(sum(denomination_cents * pieces), 0) FROM drawer_pieces
                WHERE drawer_id = d.id AND counting = 'closing')
            THEN 'counted_cash_is_what_its_pieces_are_worth'
        WHEN NOT EXISTS (SELECT FROM drawer_moves WHERE drawer_id = d.id AND kind = 'float')
            THEN 'ledger_of_a_drawer_begins_with_its_float' END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'drawer %: %', d.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER drawer_adds_up AFTER INSERT OR UPDATE OF status ON drawers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION drawer_adds_up();
CREATE CONSTRAINT TRIGGER pieces_add_up AFTER INSERT ON drawer_pieces
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION drawer_adds_up();

-- The drawer is locked, so that entries are numbered and add up one after the other.
CREATE FUNCTION drawer_move_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    d drawers%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO d FROM drawers WHERE id = NEW.drawer_id FOR UPDATE;
    NEW.seq := 1 + (SELECT count(*) FROM drawer_moves WHERE drawer_id = NEW.drawer_id);
    NEW.balance_cents := NEW.cents + drawer_holds(NEW.drawer_id, NEW.tender);
    NEW.moved_at := shop_now();
    broken := CASE
        WHEN d.status <> 'open' THEN 'only_an_open_drawer_takes_and_gives_money'
        WHEN NEW.by_id <> d.opened_by_id THEN 'drawer_is_used_by_who_opened_it'
        WHEN NOT takes_money(NEW.by_id) THEN 'money_is_taken_by_who_works_here'
        WHEN (NEW.kind = 'float') <> (NEW.seq = 1) THEN 'float_comes_first_and_once'
        WHEN NEW.kind = 'float' AND NEW.cents <> d.float_cents THEN 'float_is_what_was_counted'
        WHEN NEW.kind = 'pay_out' AND NOT EXISTS (
            SELECT FROM refunds r JOIN payments p ON p.id = r.payment_id
            WHERE r.id = NEW.refund_id AND r.status = 'planned'
                AND p.tender = NEW.tender AND r.amount_cents = -NEW.cents)
            THEN 'pay_out_is_a_refund_as_it_was_planned' END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'drawer %: %', d.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER drawer_move_guard BEFORE INSERT ON drawer_moves
    FOR EACH ROW EXECUTE FUNCTION drawer_move_guard();

-- At commit: who got her money has no claim any more.
CREATE FUNCTION pay_out_ends_its_refund() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF (SELECT status FROM refunds WHERE id = NEW.refund_id) <> 'done' THEN
        RAISE EXCEPTION 'refund %: it was paid out', NEW.refund_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'pay_out_ends_its_refund',
                TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER pay_out_ends_its_refund AFTER INSERT ON drawer_moves
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.refund_id IS NOT NULL)
    EXECUTE FUNCTION pay_out_ends_its_refund();

INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('drawer', '', 'open'), ('drawer', 'open', 'counted'), ('drawer', 'counted', 'closed'),
    ('drawer', 'open', 'open'), ('drawer', 'counted', 'counted'), ('drawer', 'closed', 'closed');
"""

GRANTS = """
GRANT SELECT ON merchant_permissions, registers, drawers, drawer_pieces, drawer_moves
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, route, legal_class, document, valid_from, valid_until, recorded_by_id),
    UPDATE (ended_on, ended_by_id) ON merchant_permissions TO aftercare_app, aftercare_worker;
GRANT INSERT (payment_route) ON orders TO aftercare_app, aftercare_worker;
GRANT INSERT (tender) ON payments TO aftercare_app, aftercare_worker;
GRANT INSERT (id, name) ON registers TO aftercare_app, aftercare_worker;
GRANT INSERT (id, number, register_id, status, state_seq, opened_by_id, float_cents),
    UPDATE (status, state_seq, counted_by_id, counted_cash_cents, counted_terminal_cents,
            counted_cheque_cents, explanation, signed_by_id) ON drawers
    TO aftercare_app, aftercare_worker;
GRANT INSERT (drawer_id, counting, denomination_cents, pieces) ON drawer_pieces
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, drawer_id, kind, tender, cents, payment_id, refund_id, reference,
              tendered_cents, by_id) ON drawer_moves TO aftercare_app, aftercare_worker;
"""

LETTERS = ("payment_permission_ending", "refund_at_the_desk")
WAYS = "payment_has_a_page_or_a_card"
WAYS_NOW = "payment_has_a_page_a_card_or_a_tender"
PAYMENT_CHECKS = {
    WAYS_NOW: "num_nonnulls(page_ends_at, card_id, tender) = 1",
    "tender_is_known": "tender IN ('cash', 'terminal', 'cheque')",
    "provider_knows_nothing_of_a_tender": (
        "tender IS NULL OR coalesce(provider_session_id, provider_intent_id, url,"
        " livemode::text, setup_id::text) IS NULL"
    ),
    "tender_is_taken_or_is_not": "tender IS NULL OR status IN ('created', 'succeeded')",
}
COUNTED = (
    "counted_by_id, counted_cash_cents, counted_terminal_cents, counted_cheque_cents,"
    " expected_cash_cents, expected_terminal_cents, expected_cheque_cents"
)


def upgrade() -> None:
    _permissions()
    op.add_column(
        "orders",
        sa.Column("payment_route", sa.Text(), server_default="online", nullable=False),
    )
    op.create_check_constraint(
        op.f("payment_route_is_known"), "orders", "payment_route IN ('online', 'desk')"
    )
    op.add_column("payments", sa.Column("tender", sa.Text(), nullable=True))
    op.drop_constraint(op.f(WAYS), "payments", type_="check")
    for name, condition in PAYMENT_CHECKS.items():
        op.create_check_constraint(op.f(name), "payments", condition)
    op.create_unique_constraint("payments_tender_key", "payments", ["id", "tender", "amount_cents"])
    _drawers()
    for statements in (PERMISSIONS, TENDERS, DRAWERS, GRANTS):
        op.execute(statements)
    op.execute(MAY_BEGIN.format(permitted=PERMITTED))
    _letters(add=True)


def _permissions() -> None:
    op.create_table(
        "merchant_permissions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("legal_class", sa.Text(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        _check("permission_is_for_a_route_that_asks", "route IN ('online')"),
        _check(
            "permitted_class_is_known",
            "legal_class IN ('cosmetic', 'otc_drug', 'rx', 'rx_unapproved', 'clinic_use')",
        ),
        _check("permitted_class_is_sold", "legal_class <> 'clinic_use'"),
        _check(
            "permission_names_its_document",
            "char_length(document) BETWEEN 1 AND 80 AND document = btrim(document)",
        ),
        _check("permission_range_is_forward", "valid_from < valid_until"),
        _check("permission_ended_by_someone", "(ended_on IS NULL) = (ended_by_id IS NULL)"),
        _points("merchant_permissions", "recorded_by_id", "people"),
        _points("merchant_permissions", "ended_by_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("merchant_permissions_pkey")),
    )
    op.create_index(
        "merchant_permissions_class_idx", "merchant_permissions", ["route", "legal_class"]
    )


def _drawers() -> None:
    op.create_table(
        "registers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        _check("register_has_a_name", "char_length(name) BETWEEN 1 AND 40 AND name = btrim(name)"),
        sa.PrimaryKeyConstraint("id", name=op.f("registers_pkey")),
    )
    op.create_index("registers_name_key", "registers", [sa.text("lower(name)")], unique=True)
    op.create_table(
        "drawers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("register_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("opened_by_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("float_cents", sa.Integer(), nullable=False),
        sa.Column("counted_by_id", sa.Uuid(), nullable=True),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=True),
        *(
            sa.Column(f"{what}_{kind}_cents", sa.Integer(), nullable=True)
            for what in ("counted", "expected")
            for kind in ("cash", "terminal", "cheque")
        ),
        sa.Column("explanation", sa.Text(), nullable=True),
        sa.Column("signed_by_id", sa.Uuid(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        _check("float_is_sane", "float_cents BETWEEN 0 AND 1000000"),
        _check(
            "counted_drawer_says_what_was_found",
            f"num_nonnulls({COUNTED}) = CASE status WHEN 'open' THEN 0 ELSE 7 END",
        ),
        _check("counted_cash_is_there", "counted_cash_cents >= 0"),
        _check("drawer_explanation_is_short", "char_length(explanation) BETWEEN 1 AND 500"),
        _check("drawer_is_explained_when_counted", "explanation IS NULL OR status <> 'open'"),
        _check("signature_closes_a_drawer", "signed_by_id IS NULL OR status = 'closed'"),
        _check("drawer_is_signed_by_another", "signed_by_id NOT IN (opened_by_id, counted_by_id)"),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="drawer_status_has_its_event",
            deferrable=True,
            initially="DEFERRED",
        ),
        _points("drawers", "register_id", "registers"),
        *(_points("drawers", f"{act}_by_id", "people") for act in ("opened", "counted", "signed")),
        sa.PrimaryKeyConstraint("id", name=op.f("drawers_pkey")),
        sa.UniqueConstraint("number", name=op.f("drawers_number_key")),
    )
    for name, column in {
        "drawers_one_open_at_a_register": "register_id",
        "drawers_one_open_of_a_person": "opened_by_id",
    }.items():
        op.create_index(
            name, "drawers", [column], unique=True, postgresql_where=sa.text("status = 'open'")
        )
    op.create_index("drawers_opened_idx", "drawers", ["opened_at"])
    _ledger()


def _ledger() -> None:
    op.create_table(
        "drawer_pieces",
        sa.Column("drawer_id", sa.Uuid(), nullable=False),
        sa.Column("counting", sa.Text(), nullable=False),
        sa.Column("denomination_cents", sa.Integer(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        _check("counting_is_known", "counting IN ('opening', 'closing')"),
        _check(
            "denomination_is_known",
            "denomination_cents IN (10000, 5000, 2000, 1000, 500, 200, 100, 50, 25, 10, 5, 1)",
        ),
        _check("pieces_are_some", "pieces BETWEEN 1 AND 2000"),
        _points("drawer_pieces", "drawer_id", "drawers"),
        sa.PrimaryKeyConstraint(
            "drawer_id", "counting", "denomination_cents", name=op.f("drawer_pieces_pkey")
        ),
    )
    op.create_table(
        "drawer_moves",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("drawer_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("tender", sa.Text(), nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("balance_cents", sa.Integer(), nullable=False),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("tendered_cents", sa.Integer(), nullable=True),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("moved_at", sa.DateTime(timezone=True), nullable=False),
        _check("money_move_kind_is_known", "kind IN ('float', 'tender', 'pay_out')"),
        _check("moved_tender_is_known", "tender IN ('cash', 'terminal', 'cheque')"),
        _check(
            "money_move_has_its_reason",
            "(kind = 'tender') = (payment_id IS NOT NULL)"
            " AND (kind = 'pay_out') = (refund_id IS NOT NULL)",
        ),
        _check(
            "money_goes_the_way_it_says",
            "CASE kind WHEN 'float' THEN cents >= 0 AND tender = 'cash'"
            " WHEN 'tender' THEN cents > 0 ELSE cents < 0 END",
        ),
        _check("slip_or_cheque_has_its_number", "(tender = 'cash') = (reference IS NULL)"),
        _check(
            "slip_number_is_short",
            "char_length(reference) BETWEEN 1 AND 40 AND reference = btrim(reference)",
        ),
        _check(
            "cash_says_what_was_given",
            "(tendered_cents IS NOT NULL) = (kind = 'tender' AND tender = 'cash')",
        ),
        _check("cash_given_covers_what_is_due", "tendered_cents >= cents"),
        _check("cash_is_there", "tender <> 'cash' OR balance_cents >= 0"),
        sa.ForeignKeyConstraint(
            ["payment_id", "tender", "cents"],
            ["payments.id", "payments.tender", "payments.amount_cents"],
            name="move_is_what_the_payment_took",
        ),
        _points("drawer_moves", "drawer_id", "drawers"),
        _points("drawer_moves", "refund_id", "refunds"),
        _points("drawer_moves", "by_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("drawer_moves_pkey")),
        sa.UniqueConstraint("drawer_id", "seq", name="drawer_moves_seq_key"),
        sa.UniqueConstraint("payment_id", name="drawer_moves_payment_key"),
        sa.UniqueConstraint("refund_id", name="drawer_moves_refund_key"),
    )
    op.create_index(
        "drawer_moves_one_slip",
        "drawer_moves",
        ["drawer_id", "kind", "reference"],
        unique=True,
        postgresql_where=sa.text("tender = 'terminal'"),
    )
    op.create_index("drawer_moves_moved_idx", "drawer_moves", ["moved_at"])


def _check(name: str, condition: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(condition, name=op.f(name))


def _points(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"{table}_{column}_fkey"))


def _letters(*, add: bool) -> None:
    """Take our templates in or out of the CHECK, whatever others stand in it."""
    check = sa.text(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conname = 'letter_template_is_known'"
    )
    told = op.get_bind().execute(check).scalar_one()
    words = [word for word in told.split("'")[1::2] if word not in LETTERS]
    op.drop_constraint("letter_template_is_known", "letters", type_="check")
    op.create_check_constraint(
        op.f("letter_template_is_known"),
        "letters",
        f"template IN ({', '.join(repr(word) for word in [*words, *(LETTERS if add else ())])})",
    )


def downgrade() -> None:
    """Only while nothing was paid at the desk: such a payment cannot be told without its tender."""
    op.execute(f"DELETE FROM letters WHERE template IN {LETTERS}")
    _letters(add=False)
    op.execute(MAY_BEGIN.format(permitted=""))
    op.execute(
        "DROP TRIGGER provider_is_asked_of_its_own ON provider_calls;"
        " DROP TRIGGER tender_goes_back ON refunds; DROP TRIGGER tender_is_taken ON payments;"
        " DROP TRIGGER tender_stays_a_tender ON payments"
    )
    for table in ("drawer_moves", "drawer_pieces", "drawers", "registers", "merchant_permissions"):
        op.drop_table(table)
    op.execute(
        "DROP FUNCTION pay_out_ends_its_refund, drawer_move_guard, drawer_adds_up, drawer_guard,"
        " drawer_holds, drawer_takes_two, takes_money, provider_is_asked_of_its_own,"
        " tender_goes_back, tender_is_taken, tender_stays_a_tender, may_be_paid_online,"
        " merchant_permission_guard;"
        " DELETE FROM legal_transitions WHERE machine = 'drawer'"
    )
    op.drop_constraint("payments_tender_key", "payments", type_="unique")
    for name in PAYMENT_CHECKS:
        op.drop_constraint(op.f(name), "payments", type_="check")
    op.drop_column("payments", "tender")
    op.create_check_constraint(
        op.f(WAYS), "payments", "(card_id IS NULL) = (page_ends_at IS NOT NULL)"
    )
    op.drop_constraint(op.f("payment_route_is_known"), "orders", type_="check")
    op.drop_column("orders", "payment_route")
