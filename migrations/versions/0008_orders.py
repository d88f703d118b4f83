"""Carts, orders, lines, shipments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

STAMPS = """
-- A status goes along an arrow and never back to an event that has been. TG_ARGV[0]: the machine.
CREATE FUNCTION ordering_goes_on() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.state_seq < OLD.state_seq
       OR (NEW.status <> OLD.status AND NOT EXISTS (
            SELECT FROM legal_transitions
            WHERE machine = TG_ARGV[0] AND from_state = OLD.status AND to_state = NEW.status))
    THEN
        RAISE EXCEPTION '% cannot become %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER order_goes_along_an_arrow BEFORE UPDATE ON orders
    FOR EACH ROW EXECUTE FUNCTION ordering_goes_on('order');
CREATE TRIGGER line_goes_along_an_arrow BEFORE UPDATE ON order_lines
    FOR EACH ROW EXECUTE FUNCTION ordering_goes_on('order_line');

-- Times of legal weight, set once the row is locked; the application may not write them.
CREATE FUNCTION order_stamped() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.status = 'paid' THEN
        NEW.paid_at := shop_now();
    ELSIF NEW.status IN ('cancelled', 'expired') THEN
        NEW.ended_at := shop_now();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER order_stamped BEFORE UPDATE ON orders
    FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION order_stamped();

CREATE FUNCTION order_line_stamped() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.held_at := CASE WHEN NEW.status = 'on_hold' THEN shop_now() END;
    IF NEW.status = 'cancelled' THEN
        NEW.cancelled_at := shop_now();
    ELSIF NEW.status = 'shipped' THEN
        NEW.shipped_at := shop_now();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER order_line_stamped BEFORE UPDATE ON order_lines
    FOR EACH ROW WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION order_line_stamped();
"""

BIRTH = """
-- What a line says of its variant is true when it is placed. A price that ended less than a minute
-- ago still counts: it was in force when the client was shown it and the transaction began.
CREATE FUNCTION order_line_is_sellable() RETURNS trigger LANGUAGE plpgsql
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
CREATE TRIGGER order_line_is_sellable BEFORE INSERT ON order_lines
    FOR EACH ROW EXECUTE FUNCTION order_line_is_sellable();

-- A parcel's line tells the truth about its movement, its order line and its fill.
CREATE FUNCTION shipment_line_is_true() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (
        SELECT FROM order_lines l
            JOIN shipments s ON s.id = NEW.shipment_id AND s.order_id = l.order_id
            JOIN movements m ON m.id = NEW.movement_id
            JOIN lots t ON t.id = m.lot_id AND t.variant_id = l.variant_id
        WHERE l.id = NEW.order_line_id AND l.fill_id IS NOT DISTINCT FROM NEW.fill_id
            AND m.kind = 'ship' AND m.reference_id = l.id AND m.delta = -NEW.units
    ) THEN
        RAISE EXCEPTION 'shipment line % is not what its movement shipped', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'shipment_line_is_what_was_shipped',
                TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER shipment_line_is_true BEFORE INSERT ON shipment_lines
    FOR EACH ROW EXECUTE FUNCTION shipment_line_is_true();
"""

GATE = """
-- The order, its lines, their fills, reservations and parcels agree with each other. Judged at
-- commit whenever one of them changes, under the order's lock, so that two who change different
-- ones cannot both be right.
CREATE FUNCTION order_judged(the_order uuid) RETURNS void LANGUAGE plpgsql
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
           END INTO wrong
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
REVOKE EXECUTE ON FUNCTION order_judged(uuid) FROM PUBLIC;

CREATE FUNCTION order_gate() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    the_order uuid;
BEGIN
    CASE TG_TABLE_NAME
        WHEN 'orders' THEN the_order := NEW.id;
        WHEN 'order_lines' THEN the_order := NEW.order_id;
        WHEN 'shipment_lines' THEN
            SELECT order_id INTO the_order FROM order_lines WHERE id = NEW.order_line_id;
        WHEN 'fills' THEN
            SELECT order_id INTO the_order FROM order_lines
                WHERE fill_id = NEW.id AND status <> 'cancelled';
        WHEN 'reservations' THEN
            SELECT order_id INTO the_order FROM order_lines WHERE reservation_id = NEW.id;
    END CASE;
    IF the_order IS NOT NULL THEN
        PERFORM order_judged(the_order);
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER order_gate AFTER INSERT OR UPDATE OF status ON orders
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION order_gate();
CREATE CONSTRAINT TRIGGER order_line_gate AFTER INSERT OR UPDATE OF status ON order_lines
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION order_gate();
CREATE CONSTRAINT TRIGGER shipment_line_gate AFTER INSERT ON shipment_lines
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION order_gate();
CREATE CONSTRAINT TRIGGER fill_order_gate AFTER UPDATE ON fills
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.status <> NEW.status) EXECUTE FUNCTION order_gate();
CREATE CONSTRAINT TRIGGER reservation_order_gate AFTER UPDATE ON reservations
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (OLD.released_at IS DISTINCT FROM NEW.released_at
          OR OLD.shipped_at IS DISTINCT FROM NEW.shipped_at) EXECUTE FUNCTION order_gate();

-- Revoked, held, run out or signed by somebody without a licence now: nothing is made ready, packed
-- or shipped under it. FOR SHARE, so that who revokes at this moment waits, or we do.
CREATE FUNCTION line_prescription_stands() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    the_prescription uuid;
BEGIN
    SELECT p.id INTO the_prescription
        FROM prescriptions p JOIN fills f ON f.prescription_id = p.id
        WHERE f.id = NEW.fill_id FOR SHARE OF p;
    IF NOT prescription_stands(the_prescription, NEW.ship_to_state, shop_now()) THEN
        RAISE EXCEPTION 'order line %: its prescription does not stand', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'line_goes_on_under_a_standing_prescription',
                TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER line_prescription_stands AFTER INSERT OR UPDATE OF status ON order_lines
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.requires_prescription AND NEW.status IN ('placed', 'ready', 'packed', 'shipped'))
    EXECUTE FUNCTION line_prescription_stands();
"""

KEPT = """
CREATE TRIGGER shipments_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON shipments
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER shipment_lines_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON shipment_lines
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

ARROWS = """
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('order', '', 'awaiting_payment'),
    ('order', 'awaiting_payment', 'paid'),
    ('order', 'awaiting_payment', 'cancelled'),
    ('order', 'awaiting_payment', 'expired'),
    ('order', 'paid', 'closed'),
    ('order', 'paid', 'cancelled'),
    ('order_line', '', 'placed'),
    ('order_line', 'placed', 'ready'),
    ('order_line', 'placed', 'cancelled'),
    ('order_line', 'ready', 'on_hold'),
    ('order_line', 'ready', 'packed'),
    ('order_line', 'ready', 'cancelled'),
    ('order_line', 'on_hold', 'ready'),
    ('order_line', 'on_hold', 'cancelled'),
    ('order_line', 'packed', 'shipped'),
    ('order_line', 'packed', 'on_hold'),
    ('order_line', 'packed', 'cancelled'),
    ('order_line', 'shipped', 'delivered'),
    ('order_line', 'shipped', 'returned'),
    ('order_line', 'delivered', 'returned');
INSERT INTO legal_transitions (machine, from_state, to_state)
    SELECT DISTINCT machine, to_state, to_state FROM legal_transitions
    WHERE machine IN ('order', 'order_line');
"""

GRANTS = """
GRANT SELECT ON carts, cart_lines, orders, order_lines, shipments, shipment_lines
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, client_id), UPDATE (id), DELETE ON carts  -- UPDATE only to lock the row
    TO aftercare_app, aftercare_worker;
GRANT INSERT (cart_id, variant_id, quantity), UPDATE (quantity), DELETE ON cart_lines
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, number, client_id, status, state_seq, ship_to_state, name, line1, line2, city,
        postal_code, country, phone, shipping_method, subtotal_cents, discount_cents,
        shipping_cents, tax_cents, total_cents, currency, pay_by),
    UPDATE (status, state_seq, pay_by) ON orders TO aftercare_app, aftercare_worker;
GRANT INSERT (id, order_id, position, client_id, ship_to_state, variant_id, sku, name, quantity,
        price_id, unit_price_cents, total_cents, requires_prescription, fill_id, reservation_id,
        status, state_seq),
    UPDATE (status, state_seq) ON order_lines TO aftercare_app, aftercare_worker;
GRANT INSERT (id, number, order_id, carrier, tracking, shipped_by_id) ON shipments
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, shipment_id, order_line_id, lot_id, movement_id, fill_id, units)
    ON shipment_lines TO aftercare_app, aftercare_worker;
"""


def upgrade() -> None:
    op.create_table(
        "carts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["client_id"], ["people.id"], name=op.f("carts_client_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("carts_pkey")),
        sa.UniqueConstraint("client_id", name=op.f("carts_client_id_key")),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("ship_to_state", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("line1", sa.Text(), nullable=False),
        sa.Column("line2", sa.Text(), server_default="", nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("postal_code", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), server_default="US", nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("shipping_method", sa.Text(), nullable=False),
        sa.Column("subtotal_cents", sa.Integer(), nullable=False),
        sa.Column("discount_cents", sa.Integer(), nullable=False),
        sa.Column("shipping_cents", sa.Integer(), nullable=False),
        sa.Column("tax_cents", sa.Integer(), nullable=False),
        sa.Column("total_cents", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), server_default="usd", nullable=False),
        sa.Column(
            "placed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column(
            "placed_xid",
            sa.Text(),
            server_default=sa.text("pg_current_xact_id()::text"),
            nullable=False,
        ),
        sa.Column("pay_by", sa.DateTime(timezone=True), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status IN ('cancelled', 'expired')) = (ended_at IS NOT NULL)",
            name=op.f("ended_at_some_time"),
        ),
        sa.CheckConstraint(
            "status <> 'expired' OR ended_at >= pay_by",
            name=op.f("expired_after_its_time_to_pay"),
        ),
        sa.CheckConstraint("country = 'US'", name=op.f("ships_within_the_us")),
        sa.CheckConstraint("currency = 'usd'", name=op.f("currency_is_usd")),
        sa.CheckConstraint("ship_to_state ~ '^[A-Z]{2}$'", name=op.f("order_state_is_a_usps_code")),
        sa.CheckConstraint(
            "status NOT IN ('paid', 'closed') OR paid_at IS NOT NULL",
            name=op.f("paid_at_some_time"),
        ),
        sa.CheckConstraint(
            "subtotal_cents >= 0 AND shipping_cents >= 0 AND tax_cents >= 0 AND discount_cents BETWEEN 0 AND subtotal_cents AND total_cents >= 50",
            name=op.f("amounts_are_sane"),
        ),
        sa.CheckConstraint(
            "total_cents = subtotal_cents + shipping_cents + tax_cents - discount_cents",
            name=op.f("total_is_the_sum"),
        ),
        sa.ForeignKeyConstraint(["client_id"], ["people.id"], name=op.f("orders_client_id_fkey")),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="order_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("orders_pkey")),
        sa.UniqueConstraint(
            "id", "client_id", "ship_to_state", "placed_xid", name="orders_terms_key"
        ),
        sa.UniqueConstraint("id", "total_cents", name="orders_total_key"),
        sa.UniqueConstraint("number", name=op.f("orders_number_key")),
    )
    op.create_index("orders_client_idx", "orders", ["client_id", "placed_at"], unique=False)
    op.create_index(
        "orders_open_idx",
        "orders",
        ["pay_by"],
        unique=False,
        postgresql_where=sa.text("status = 'awaiting_payment'"),
    )
    op.create_table(
        "cart_lines",
        sa.Column("cart_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column(
            "added_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.CheckConstraint("quantity BETWEEN 1 AND 20", name=op.f("cart_quantity_is_sane")),
        sa.ForeignKeyConstraint(["cart_id"], ["carts.id"], name=op.f("cart_lines_cart_id_fkey")),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variants.id"], name=op.f("cart_lines_variant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("cart_id", "variant_id", name=op.f("cart_lines_pkey")),
    )
    op.create_table(
        "shipments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("carrier", sa.Text(), nullable=False),
        sa.Column("tracking", sa.Text(), nullable=False),
        sa.Column("shipped_by_id", sa.Uuid(), nullable=False),
        sa.Column(
            "shipped_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"], name=op.f("shipments_order_id_fkey")),
        sa.ForeignKeyConstraint(
            ["shipped_by_id"], ["people.id"], name=op.f("shipments_shipped_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("shipments_pkey")),
        sa.UniqueConstraint("number", name=op.f("shipments_number_key")),
    )
    op.create_index(op.f("shipments_order_id_idx"), "shipments", ["order_id"], unique=False)
    op.create_table(
        "order_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("order_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("ship_to_state", sa.Text(), nullable=False),
        sa.Column(
            "placed_xid",
            sa.Text(),
            server_default=sa.text("pg_current_xact_id()::text"),
            nullable=False,
        ),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("sku", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price_id", sa.Uuid(), nullable=False),
        sa.Column("unit_price_cents", sa.Integer(), nullable=False),
        sa.Column("total_cents", sa.Integer(), nullable=False),
        sa.Column("requires_prescription", sa.Boolean(), nullable=False),
        sa.Column("fill_id", sa.Uuid(), nullable=True),
        sa.Column("reservation_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status = 'cancelled') = (cancelled_at IS NOT NULL)",
            name=op.f("cancelled_at_some_time"),
        ),
        sa.CheckConstraint(
            "(status = 'on_hold') = (held_at IS NOT NULL)", name=op.f("held_at_some_time")
        ),
        sa.CheckConstraint(
            "status NOT IN ('shipped', 'delivered', 'returned') OR shipped_at IS NOT NULL",
            name=op.f("shipped_at_some_time"),
        ),
        sa.CheckConstraint("quantity BETWEEN 1 AND 20", name=op.f("line_quantity_is_sane")),
        sa.CheckConstraint(
            "requires_prescription = (fill_id IS NOT NULL)",
            name=op.f("doctor_only_line_has_a_fill"),
        ),
        sa.CheckConstraint(
            "total_cents = unit_price_cents * quantity", name=op.f("line_total_is_the_product")
        ),
        sa.ForeignKeyConstraint(
            ["fill_id", "client_id", "variant_id", "ship_to_state", "quantity"],
            ["fills.id", "fills.client_id", "fills.variant_id", "fills.state", "fills.quantity"],
            name="fill_covers_the_line",
        ),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="order_line_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "client_id", "ship_to_state", "placed_xid"],
            ["orders.id", "orders.client_id", "orders.ship_to_state", "orders.placed_xid"],
            name="line_is_of_its_order",
        ),
        sa.ForeignKeyConstraint(
            ["price_id", "variant_id", "unit_price_cents"],
            ["prices.id", "prices.variant_id", "prices.cents"],
            name="line_has_the_listed_price",
        ),
        sa.ForeignKeyConstraint(
            ["reservation_id", "variant_id", "quantity"],
            ["reservations.id", "reservations.variant_id", "reservations.units"],
            name="reservation_is_for_the_line",
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variants.id"], name=op.f("order_lines_variant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("order_lines_pkey")),
        sa.UniqueConstraint("order_id", "position", name="order_lines_position_key"),
        sa.UniqueConstraint("reservation_id", name="order_lines_reservation_key"),
    )
    op.create_index(
        "order_lines_one_per_fill",
        "order_lines",
        ["fill_id"],
        unique=True,
        postgresql_where=sa.text("status <> 'cancelled'"),
    )
    op.create_index(op.f("order_lines_order_id_idx"), "order_lines", ["order_id"], unique=False)
    op.create_index("order_lines_variant_idx", "order_lines", ["variant_id"], unique=False)
    op.create_table(
        "shipment_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("shipment_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("movement_id", sa.Uuid(), nullable=False),
        sa.Column("fill_id", sa.Uuid(), nullable=True),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.CheckConstraint("units > 0", name=op.f("shipped_something")),
        sa.ForeignKeyConstraint(
            ["fill_id"], ["fills.id"], name=op.f("shipment_lines_fill_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["movement_id", "lot_id"],
            ["movements.id", "movements.lot_id"],
            name="shipped_by_this_movement",
        ),
        sa.ForeignKeyConstraint(
            ["order_line_id"], ["order_lines.id"], name=op.f("shipment_lines_order_line_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["shipment_id"], ["shipments.id"], name=op.f("shipment_lines_shipment_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("shipment_lines_pkey")),
        sa.UniqueConstraint("movement_id", name="shipment_lines_movement_key"),
    )
    op.create_index("shipment_lines_lot_idx", "shipment_lines", ["lot_id"], unique=False)
    op.create_index(
        op.f("shipment_lines_order_line_id_idx"), "shipment_lines", ["order_line_id"], unique=False
    )
    op.create_index(
        op.f("shipment_lines_shipment_id_idx"), "shipment_lines", ["shipment_id"], unique=False
    )
    for block in (STAMPS, BIRTH, GATE, KEPT, ARROWS, GRANTS):
        op.execute(block)


def downgrade() -> None:
    op.execute(
        "DROP TRIGGER fill_order_gate ON fills; DROP TRIGGER reservation_order_gate ON reservations"
    )
    op.drop_index(op.f("shipment_lines_shipment_id_idx"), table_name="shipment_lines")
    op.drop_index(op.f("shipment_lines_order_line_id_idx"), table_name="shipment_lines")
    op.drop_index("shipment_lines_lot_idx", table_name="shipment_lines")
    op.drop_table("shipment_lines")
    op.drop_index("order_lines_variant_idx", table_name="order_lines")
    op.drop_index(op.f("order_lines_order_id_idx"), table_name="order_lines")
    op.drop_index(
        "order_lines_one_per_fill",
        table_name="order_lines",
        postgresql_where=sa.text("status <> 'cancelled'"),
    )
    op.drop_table("order_lines")
    op.drop_index(op.f("shipments_order_id_idx"), table_name="shipments")
    op.drop_table("shipments")
    op.drop_table("cart_lines")
    op.drop_index(
        "orders_open_idx",
        table_name="orders",
        postgresql_where=sa.text("status = 'awaiting_payment'"),
    )
    op.drop_index("orders_client_idx", table_name="orders")
    op.drop_table("orders")
    op.drop_table("carts")
    op.execute(
        "DROP FUNCTION ordering_goes_on(); DROP FUNCTION order_stamped(); DROP FUNCTION order_line_stamped();"
        " DROP FUNCTION order_line_is_sellable(); DROP FUNCTION shipment_line_is_true();"
        " DROP FUNCTION order_gate(); DROP FUNCTION order_judged(uuid);"
        " DROP FUNCTION line_prescription_stands();"
        " DELETE FROM legal_transitions WHERE machine IN ('order', 'order_line')"
    )
