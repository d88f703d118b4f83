"""What each line bears of an order's discount and tax, and what store credit pays of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None

# What was placed before bears its tax by price: each line what is due up to it, less what is due
# up to the one before, so that nothing is lost.
SHARED = """
ALTER TABLE order_lines DISABLE TRIGGER USER;
UPDATE order_lines SET tax_cents = shared.cents
FROM (
    SELECT l.id, (round(o.tax_cents * sum(l.total_cents) OVER upto / o.subtotal_cents)
                  - round(o.tax_cents * (sum(l.total_cents) OVER upto - l.total_cents)
                          / o.subtotal_cents))::integer AS cents
    FROM order_lines l JOIN orders o ON o.id = l.order_id
    WHERE o.tax_cents > 0 AND o.subtotal_cents > 0
    WINDOW upto AS (PARTITION BY l.order_id ORDER BY l.position)) AS shared
WHERE shared.id = order_lines.id;
ALTER TABLE order_lines ENABLE TRIGGER USER;
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
{sums}           END INTO wrong
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
SUMS = """\
                WHEN sum(discount_cents) <> o.discount_cents
                    THEN 'discount_is_the_sum_of_the_lines'
                WHEN sum(tax_cents) <> o.tax_cents THEN 'tax_is_the_sum_of_the_lines'
"""

MONEY = """
-- An order is paid exactly when a payment took what is due of it: judged at commit, from both
-- sides. What store credit or a discount pays whole is due nothing, and no payment is asked for.
CREATE OR REPLACE FUNCTION order_has_its_money() RETURNS trigger LANGUAGE plpgsql
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
    money := {nothing}EXISTS (SELECT FROM payments p WHERE p.order_id = o.id
                         AND p.status = 'succeeded' AND p.captured_cents = o.{due});
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
"""

SANE = (
    "subtotal_cents >= 0 AND shipping_cents >= 0 AND tax_cents >= 0"
    " AND discount_cents BETWEEN 0 AND subtotal_cents"
)


def upgrade() -> None:
    for name in ("discount_cents", "tax_cents"):
        op.add_column(
            "order_lines",
            sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False),
        )
    op.execute(SHARED)
    op.create_check_constraint(
        op.f("line_amounts_are_sane"),
        "order_lines",
        "discount_cents BETWEEN 0 AND greatest(total_cents, 0) AND tax_cents >= 0",
    )
    op.add_column(
        "orders",
        sa.Column("credit_cents", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column(
        "orders",
        sa.Column(
            "due_cents",
            sa.Integer(),
            sa.Computed("total_cents - credit_cents", persisted=True),
            nullable=False,
        ),
    )
    op.drop_constraint(op.f("amounts_are_sane"), "orders", type_="check")
    op.create_check_constraint(op.f("amounts_are_sane"), "orders", SANE)
    op.create_check_constraint(
        op.f("credit_pays_the_order_at_most"),
        "orders",
        "credit_cents BETWEEN 0 AND total_cents",
    )
    op.create_check_constraint(
        op.f("what_is_due_can_be_paid"),
        "orders",
        "total_cents - credit_cents = 0 OR total_cents - credit_cents >= 50",
    )
    op.drop_constraint("amount_is_the_orders_total", "payments", type_="foreignkey")
    op.drop_constraint("orders_total_key", "orders", type_="unique")
    op.create_unique_constraint("orders_due_key", "orders", ["id", "due_cents"])
    op.create_foreign_key(
        "amount_is_what_is_due",
        "payments",
        "orders",
        ["order_id", "amount_cents"],
        ["id", "due_cents"],
    )
    op.execute(JUDGED.format(sums=SUMS))
    op.execute(MONEY.format(nothing="o.due_cents = 0 OR ", due="due_cents"))
    op.execute(
        "GRANT INSERT (discount_cents, tax_cents) ON order_lines TO aftercare_app, aftercare_worker"
    )


def downgrade() -> None:
    op.execute(MONEY.format(nothing="", due="total_cents"))
    op.execute(JUDGED.format(sums=""))
    op.drop_constraint("amount_is_what_is_due", "payments", type_="foreignkey")
    op.drop_constraint("orders_due_key", "orders", type_="unique")
    op.create_unique_constraint("orders_total_key", "orders", ["id", "total_cents"])
    op.create_foreign_key(
        "amount_is_the_orders_total",
        "payments",
        "orders",
        ["order_id", "amount_cents"],
        ["id", "total_cents"],
    )
    op.drop_constraint(op.f("what_is_due_can_be_paid"), "orders", type_="check")
    op.drop_constraint(op.f("credit_pays_the_order_at_most"), "orders", type_="check")
    op.drop_constraint(op.f("amounts_are_sane"), "orders", type_="check")
    op.create_check_constraint(op.f("amounts_are_sane"), "orders", f"{SANE} AND total_cents >= 50")
    op.drop_column("orders", "due_cents")
    op.drop_column("orders", "credit_cents")
    op.drop_constraint(op.f("line_amounts_are_sane"), "order_lines", type_="check")
    op.drop_column("order_lines", "tax_cents")
    op.drop_column("order_lines", "discount_cents")
