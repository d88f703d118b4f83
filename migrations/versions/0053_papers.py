"""Invoices, receipts and credit notes, numbered without gaps; orders of which some lines are off."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

LETTERS = ("order_to_pay", "order_reduced")

COUNTERS = """
-- A counter goes up by one, for the paper that is written in the same transaction: its last number
-- is a paper's (`counter_is_the_last_number`, at commit).
CREATE FUNCTION paper_counter_guard() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    IF (NEW.series, NEW.year, NEW.last)
       IS DISTINCT FROM (OLD.series, OLD.year, coalesce(OLD.last, 0) + 1) THEN
        RAISE EXCEPTION 'counter % %: from % to %', OLD.series, OLD.year, OLD.last, NEW.last
            USING ERRCODE = 'check_violation', CONSTRAINT = 'counter_goes_up_by_one',
                TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER paper_counter_guard BEFORE UPDATE ON paper_counters
    FOR EACH ROW EXECUTE FUNCTION paper_counter_guard();
CREATE TRIGGER paper_counters_are_kept BEFORE DELETE OR TRUNCATE ON paper_counters
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

PAPERS = """
-- Credited so far of an invoice, less what was taken back because the bank did not send it.
CREATE FUNCTION credited(the_invoice uuid) RETURNS bigint LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(sum(CASE series WHEN 'CN' THEN total_cents ELSE -total_cents END), 0)
        FROM papers WHERE invoice_id = the_invoice AND series IN ('CN', 'RV') $$;

-- A paper says what is true when it is written, and takes the next number of its series. The
-- counter's row stays locked until the transaction ends: who comes next waits, and what is rolled
-- back leaves no gap.
CREATE FUNCTION paper_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    o orders%ROWTYPE;
    refund refunds%ROWTYPE;
    broken text;
BEGIN
    NEW.year := extract(year FROM NEW.issued_on);
    INSERT INTO paper_counters (series, year) VALUES (NEW.series, NEW.year) ON CONFLICT DO NOTHING;
    UPDATE paper_counters SET last = coalesce(last, 0) + 1
        WHERE series = NEW.series AND year = NEW.year RETURNING last INTO NEW.n;
    NEW.issued_at := shop_now();
    SELECT * INTO o FROM orders WHERE id = NEW.order_id;
    SELECT r.* INTO refund FROM refunds r JOIN payments p ON p.id = r.payment_id
        WHERE r.id = NEW.refund_id AND p.order_id = NEW.order_id;
    broken := CASE
        WHEN abs(NEW.issued_on - (shop_now() AT TIME ZONE 'UTC')::date) > 1
            THEN 'paper_is_dated_today'
        WHEN NEW.invoice_id IS NOT NULL
            AND NOT EXISTS (SELECT FROM papers WHERE id = NEW.invoice_id AND series = 'INV')
            THEN 'paper_names_an_invoice'
        END;
    IF broken IS NULL AND NEW.series IN ('INV', 'RCT') THEN
        broken := CASE
            WHEN o.paid_at IS NULL THEN 'invoice_is_of_a_paid_order'
            WHEN NEW.total_cents <> o.total_cents THEN 'invoice_is_for_the_orders_total'
            WHEN NEW.series = 'INV'
                AND (SELECT sum((line ->> 'cents')::bigint - (line ->> 'discount_cents')::bigint
                                + (line ->> 'tax_cents')::bigint)
                     FROM jsonb_array_elements(NEW.body -> 'lines') AS line)
                    + (NEW.body ->> 'shipping_cents')::bigint IS DISTINCT FROM NEW.total_cents
                THEN 'invoice_adds_up'
            WHEN NEW.series = 'RCT' AND o.due_cents IS DISTINCT FROM (
                    SELECT coalesce(sum(captured_cents), 0) FROM payments
                    WHERE id = NEW.payment_id AND order_id = o.id AND status = 'succeeded')
                THEN 'receipt_is_of_the_money_that_came'
            END;
    ELSIF broken IS NULL THEN
        broken := CASE
            WHEN refund.status IS NULL OR (NEW.series = 'CN') <> (refund.status = 'done')
                 OR (NEW.series = 'RV') <> (refund.status = 'failed')
                THEN 'credit_note_is_of_a_refund_that_is_done'
            WHEN refund.request_key = 'paid_twice' THEN 'what_paid_for_nothing_is_not_credited'
            WHEN NEW.total_cents <> refund.amount_cents + refund.credit_cents
                THEN 'credit_note_is_for_what_went_back'
            WHEN NEW.series = 'CN' AND credited(NEW.invoice_id) + NEW.total_cents > o.total_cents
                THEN 'no_more_is_credited_than_was_invoiced'
            WHEN NEW.series = 'RV' AND NOT EXISTS (
                    SELECT FROM papers WHERE series = 'CN' AND refund_id = NEW.refund_id)
                THEN 'only_what_was_credited_is_taken_back'
            END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'paper % of order %: %', NEW.series, o.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER paper_guard BEFORE INSERT ON papers
    FOR EACH ROW EXECUTE FUNCTION paper_guard();
CREATE TRIGGER papers_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON papers
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

JUDGED = """
CREATE OR REPLACE FUNCTION order_judged(the_order uuid) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    o orders%ROWTYPE;
    wrong text;
BEGIN
    SELECT * INTO o FROM orders WHERE id = the_order FOR NO KEY UPDATE;
    SELECT CASE WHEN o.state_seq <> (SELECT max(seq) FROM events WHERE subject_id = o.id)
                    THEN 'order_is_what_its_last_event_says'
                WHEN count(*) = 0 THEN 'order_has_a_line'
                WHEN sum(total_cents) <> o.subtotal_cents THEN 'subtotal_is_the_sum_of_the_lines'
                WHEN sum(discount_cents) <> o.discount_cents
                    THEN 'discount_is_the_sum_of_the_lines'
                WHEN sum(tax_cents) <> o.tax_cents THEN 'tax_is_the_sum_of_the_lines'
{ends}           END INTO wrong
        FROM order_lines WHERE order_id = o.id;
    IF wrong IS NULL THEN
        SELECT violated INTO wrong FROM (
            SELECT CASE
                WHEN l.state_seq <> (SELECT max(seq) FROM events WHERE subject_id = l.id)
                    THEN 'line_is_what_its_last_event_says'
                WHEN o.status NOT IN ('paid', 'closed') AND l.status NOT IN ('placed', 'cancelled')
                    THEN 'only_a_paid_order_moves_its_lines'
                WHEN o.status <> 'awaiting_payment' AND l.status = 'placed'
                    THEN 'placed_line_awaits_payment'
                WHEN o.status = 'closed' AND l.status IN ('ready', 'on_hold', 'packed')
                    THEN 'closed_order_has_nothing_to_ship'
                WHEN l.status = 'cancelled' AND (f.released_at IS NULL AND f.id IS NOT NULL
                                                 OR r.released_at IS NULL)
                    THEN 'cancelled_line_holds_nothing'
                WHEN l.status <> 'cancelled' AND f.status = 'released'
                    THEN 'live_line_keeps_its_fill'
                WHEN l.status <> 'cancelled' AND (l.status = 'placed') <> (f.status = 'reserved')
                    THEN 'fill_is_consumed_when_paid'
                WHEN (f.status = 'dispensed') <> (l.status IN ('shipped', 'delivered', 'returned'))
                    THEN 'fill_is_dispensed_when_shipped'
                WHEN l.status IN ('placed', 'ready', 'packed')
                    AND (r.released_at IS NOT NULL OR r.shipped_at IS NOT NULL)
                    THEN 'line_keeps_its_reservation'
                WHEN l.status IN ('shipped', 'delivered', 'returned') AND r.shipped_at IS NULL
                    THEN 'shipped_line_took_its_reservation'
                WHEN (SELECT coalesce(sum(units), 0) FROM shipment_lines p
                      WHERE p.order_line_id = l.id)
                    <> CASE WHEN l.status IN ('shipped', 'delivered', 'returned')
                            THEN l.quantity ELSE 0 END
                    THEN 'parcels_hold_the_whole_line'
                END AS violated
            FROM order_lines l
                JOIN reservations r ON r.id = l.reservation_id
                LEFT JOIN fills f ON f.id = l.fill_id
            WHERE l.order_id = o.id) AS judged
        WHERE violated IS NOT NULL LIMIT 1;
    END IF;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'order %: %', o.number, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = 'orders';
    END IF;
END $$;
"""
# With lines that are cancelled one by one: what is left to send, and whether anything went.
ENDS = """\
                WHEN o.status = 'paid' AND bool_and(status IN ('cancelled', 'shipped', 'delivered',
                                                               'returned'))
                    THEN 'paid_order_has_something_to_send'
                WHEN o.status = 'closed' AND bool_and(status NOT IN ('shipped', 'delivered',
                                                                     'returned'))
                    THEN 'closed_order_sent_something'
                WHEN o.status = 'awaiting_payment' AND bool_or(status = 'cancelled')
                    THEN 'unpaid_order_waits_as_a_whole'
"""

GRANTS = """
GRANT SELECT ON papers, paper_counters TO aftercare_app, aftercare_worker;
GRANT INSERT (id, series, issued_on, order_id, client_id, invoice_id, refund_id, payment_id,
        total_cents, body) ON papers TO aftercare_app, aftercare_worker;
"""


def _letters(change: str) -> None:
    """Take the templates in or out of the CHECK, whatever others stand in it."""
    check = sa.text(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conname = 'letter_template_is_known'"
    )
    told = op.get_bind().execute(check).scalar_one()
    words = [word for word in told.split("'")[1::2] if word not in LETTERS]
    if change == "add":
        words.extend(LETTERS)
    op.drop_constraint("letter_template_is_known", "letters", type_="check")
    op.create_check_constraint(
        op.f("letter_template_is_known"),
        "letters",
        f"template IN ({', '.join(repr(word) for word in words)})",
    )


def upgrade() -> None:
    op.create_table(
        "paper_counters",
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("series", "year", name=op.f("paper_counters_pkey")),
    )
    op.create_table(
        "papers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("series", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column(
            "previous_n",
            sa.Integer(),
            sa.Computed("nullif(n - 1, 0)", persisted=True),
            nullable=True,
        ),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("invoice_id", sa.Uuid(), nullable=True),
        sa.Column("refund_id", sa.Uuid(), nullable=True),
        sa.Column("payment_id", sa.Uuid(), nullable=True),
        sa.Column("total_cents", sa.Integer(), nullable=False),
        sa.Column("body", postgresql.JSONB(), nullable=False),
        sa.CheckConstraint(
            "series IN ('INV', 'RCT', 'CN', 'RV')", name=op.f("paper_series_is_known")
        ),
        sa.CheckConstraint("total_cents >= 0", name=op.f("paper_amount_is_sane")),
        sa.CheckConstraint("n > 0", name=op.f("papers_are_counted_from_one")),
        sa.CheckConstraint(
            "coalesce((body ->> 'total_cents')::bigint, -1) = total_cents",
            name=op.f("paper_says_its_total"),
        ),
        sa.CheckConstraint(
            "(series = 'INV') = (invoice_id IS NULL)",
            name=op.f("all_but_an_invoice_name_theirs"),
        ),
        sa.CheckConstraint(
            "(series IN ('CN', 'RV')) = (refund_id IS NOT NULL)",
            name=op.f("credit_is_of_a_refund"),
        ),
        sa.CheckConstraint(
            "series = 'RCT' OR payment_id IS NULL", name=op.f("only_a_receipt_is_of_a_payment")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("papers_pkey")),
        sa.UniqueConstraint("series", "year", "n", name="papers_numbered_once"),
        sa.UniqueConstraint("id", "order_id", name="papers_order_key"),
        sa.UniqueConstraint("series", "refund_id", name="papers_one_each_refund"),
        sa.ForeignKeyConstraint(
            ["series", "year", "previous_n"],
            ["papers.series", "papers.year", "papers.n"],
            name="number_follows_the_one_before",
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "client_id"],
            ["orders.id", "orders.client_id"],
            name="paper_is_of_its_orders_client",
        ),
        sa.ForeignKeyConstraint(
            ["invoice_id", "order_id"],
            ["papers.id", "papers.order_id"],
            name="paper_is_of_its_orders_invoice",
        ),
        sa.ForeignKeyConstraint(["refund_id"], ["refunds.id"], name=op.f("papers_refund_id_fkey")),
        sa.ForeignKeyConstraint(
            ["payment_id"], ["payments.id"], name=op.f("papers_payment_id_fkey")
        ),
    )
    op.create_index("papers_order_idx", "papers", ["order_id"])
    op.create_index("papers_issued_idx", "papers", ["issued_at"])
    op.create_index(
        "papers_one_each_order",
        "papers",
        ["order_id", "series"],
        unique=True,
        postgresql_where=sa.text("series IN ('INV', 'RCT')"),
    )
    op.create_foreign_key(
        "counter_is_the_last_number",
        "paper_counters",
        "papers",
        ["series", "year", "last"],
        ["series", "year", "n"],
        deferrable=True,
        initially="DEFERRED",
    )
    for block in (COUNTERS, PAPERS, GRANTS):
        op.execute(block)
    op.execute(JUDGED.format(ends=ENDS))
    _letters("add")


def downgrade() -> None:
    op.get_bind().execute(
        sa.text("DELETE FROM letters WHERE template = ANY(:names)"), {"names": list(LETTERS)}
    )
    _letters("remove")
    op.execute(JUDGED.format(ends=""))
    op.drop_constraint("counter_is_the_last_number", "paper_counters", type_="foreignkey")
    op.drop_table("papers")
    op.drop_table("paper_counters")
    op.execute(
        "DROP FUNCTION paper_guard(); DROP FUNCTION paper_counter_guard(); DROP FUNCTION credited(uuid)"
    )
