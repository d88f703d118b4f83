"""What was picked for an order, what was not found, and how a parcel leaves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None

MONEY = """
-- What is kept of the money for an order: all that came, less what went back or is on its way.
CREATE FUNCTION money_kept(the_order uuid) RETURNS bigint LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT coalesce(sum(captured_cents - refunded_cents), 0) FROM payments
        WHERE order_id = the_order AND status = 'succeeded' $$;
"""

PICKS = """
-- A pick is of units that its line is promised in the lot, of a lot that may be sent, from where
-- they lie and nobody else has taken them; by who keeps the shelf. Put back, it is over.
CREATE FUNCTION pick_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    line order_lines%ROWTYPE;
    lot lots%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO line FROM order_lines WHERE id = NEW.order_line_id FOR NO KEY UPDATE;
    IF TG_OP = 'INSERT' THEN
        SELECT * INTO lot FROM lots WHERE id = NEW.lot_id FOR UPDATE;
        IF FOUND THEN  -- else the foreign key says so
            PERFORM lot_sale_guard(lot);
        END IF;
        broken := CASE
            WHEN line.status <> 'ready' THEN 'pick_is_for_a_line_that_waits'
            WHEN NOT EXISTS (SELECT FROM people WHERE id = NEW.picked_by_id
                             AND role IN ('staff', 'manager'))
                THEN 'pick_is_by_who_keeps_the_shelf'
            WHEN NEW.units + (SELECT coalesce(sum(units), 0) FROM picks
                              WHERE order_line_id = line.id AND lot_id = lot.id
                                AND put_back_at IS NULL)
                 > (SELECT coalesce(sum(units), 0) FROM reservation_parts
                    WHERE reservation_id = line.reservation_id AND lot_id = lot.id
                      AND ended_at IS NULL)
                THEN 'pick_is_promised_to_its_line'
            WHEN NEW.units + (SELECT coalesce(sum(p.units), 0)
                              FROM picks p JOIN order_lines l ON l.id = p.order_line_id
                              WHERE p.lot_id = lot.id AND p.location_id = NEW.location_id
                                AND p.put_back_at IS NULL
                                AND l.status NOT IN ('shipped', 'delivered', 'returned'))
                 > (SELECT coalesce(sum(h.on_hand), 0)
                    FROM holdings h JOIN locations place ON place.id = h.location_id
                    WHERE h.lot_id = lot.id AND place.id = NEW.location_id AND sells(place))
                THEN 'pick_is_from_where_its_lot_lies'
            END;
        NEW.picked_at := shop_now();
        NEW.put_back_at := NULL;
    ELSIF (NEW.id, NEW.order_line_id, NEW.lot_id, NEW.location_id, NEW.units, NEW.picked_by_id,
           NEW.picked_at)
        IS DISTINCT FROM (OLD.id, OLD.order_line_id, OLD.lot_id, OLD.location_id, OLD.units,
                          OLD.picked_by_id, OLD.picked_at)
    THEN
        broken := 'pick_is_only_put_back';
    ELSIF OLD.put_back_at IS NOT NULL THEN
        broken := 'pick_is_put_back_once';
    ELSIF line.status IN ('shipped', 'delivered', 'returned') THEN
        broken := 'what_left_is_not_put_back';
    ELSE
        NEW.put_back_at := shop_now();
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'pick %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER pick_guard BEFORE INSERT OR UPDATE ON picks
    FOR EACH ROW EXECUTE FUNCTION pick_guard();
CREATE TRIGGER picks_are_kept BEFORE DELETE OR TRUNCATE ON picks
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

SHORTAGES = """
-- What was not found is of what a line waits for, and no more than the ledger has there.
CREATE FUNCTION shortage_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    line order_lines%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO line FROM order_lines WHERE id = NEW.order_line_id FOR NO KEY UPDATE;
    broken := CASE
        WHEN line.status <> 'ready' THEN 'shortage_is_met_when_picking'
        WHEN NOT EXISTS (SELECT FROM people WHERE id = NEW.said_by_id
                         AND role IN ('staff', 'manager'))
            THEN 'shortage_is_said_by_who_keeps_the_shelf'
        WHEN NOT EXISTS (SELECT FROM lots WHERE id = NEW.lot_id AND variant_id = line.variant_id)
            THEN 'shortage_is_of_what_was_ordered'
        WHEN NEW.units > (SELECT coalesce(sum(on_hand), 0) FROM holdings
                          WHERE lot_id = NEW.lot_id AND location_id = NEW.location_id)
            THEN 'shortage_is_of_what_should_be_there'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'shortage %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.said_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER shortage_guard BEFORE INSERT ON shortages
    FOR EACH ROW EXECUTE FUNCTION shortage_guard();
CREATE TRIGGER shortages_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON shortages
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

LEAVING = """
-- A parcel leaves an order whose money is here; what is picked up is handed to the client, and
-- nothing else is.
CREATE FUNCTION shipment_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    o orders%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO o FROM orders WHERE id = NEW.order_id;
    broken := CASE
        WHEN money_kept(o.id) <= 0 THEN 'shipment_is_paid_for'
        WHEN (o.shipping_method = 'pickup') <> (NEW.handed_to IS NOT NULL)
            THEN 'what_is_picked_up_is_handed_over'
        WHEN NEW.handed_to <> (SELECT name FROM people WHERE id = o.client_id)
            THEN 'handed_over_to_the_client'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'shipment %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER shipment_guard BEFORE INSERT ON shipments
    FOR EACH ROW EXECUTE FUNCTION shipment_guard();

-- What leaves is what was picked, lot by lot and place by place; under a prescription, with its
-- label. After `shipment_line_is_true`.
CREATE FUNCTION shipment_line_is_packed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    broken := CASE
        WHEN NEW.units IS DISTINCT FROM (
            SELECT sum(p.units) FROM picks p
                JOIN movements m ON (m.lot_id, m.from_id) = (p.lot_id, p.location_id)
            WHERE m.id = NEW.movement_id AND p.order_line_id = NEW.order_line_id
              AND p.put_back_at IS NULL)
            THEN 'what_leaves_was_picked'
        WHEN NEW.fill_id IS NOT NULL AND NOT EXISTS (
            SELECT FROM documents_issued
            WHERE kind = 'dispensing_label' AND subject_id = NEW.fill_id)
            THEN 'what_was_prescribed_leaves_with_its_label'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'shipment line %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER shipment_line_packed BEFORE INSERT ON shipment_lines
    FOR EACH ROW EXECUTE FUNCTION shipment_line_is_packed();
"""

GRANTS = """
GRANT SELECT ON picks, shortages TO aftercare_app, aftercare_worker;
GRANT INSERT (id, order_line_id, lot_id, location_id, units, picked_by_id),
    UPDATE (put_back_by_id, put_back_at) ON picks TO aftercare_app;
GRANT INSERT (id, order_line_id, lot_id, location_id, units, said_by_id) ON shortages
    TO aftercare_app;
GRANT INSERT (handed_to, identified_by) ON shipments TO aftercare_app, aftercare_worker;
"""


def upgrade() -> None:
    op.add_column("shipments", sa.Column("handed_to", sa.Text(), nullable=True))
    op.add_column("shipments", sa.Column("identified_by", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("handed_over_to_somebody_identified"),
        "shipments",
        "(handed_to IS NULL) = (identified_by IS NULL)",
    )
    op.create_check_constraint(
        op.f("identifier_is_known"), "shipments", "identified_by IN ('birth_date')"
    )
    op.create_check_constraint(
        op.f("parcel_has_a_tracking_number"),
        "shipments",
        "(tracking = '') = (handed_to IS NOT NULL)",
    )
    _taken("picks", "picked", "picked_something")
    op.add_column("picks", sa.Column("put_back_by_id", sa.Uuid(), nullable=True))
    op.add_column("picks", sa.Column("put_back_at", sa.DateTime(timezone=True), nullable=True))
    op.create_foreign_key(
        op.f("picks_put_back_by_id_fkey"), "picks", "people", ["put_back_by_id"], ["id"]
    )
    op.create_check_constraint(
        op.f("put_back_by_someone"),
        "picks",
        "(put_back_at IS NULL) = (put_back_by_id IS NULL)",
    )
    op.create_index("picks_line_idx", "picks", ["order_line_id"])
    op.create_index(
        "picks_aside_idx",
        "picks",
        ["lot_id"],
        postgresql_where=sa.text("put_back_at IS NULL"),
    )
    _taken("shortages", "said", "something_is_short")
    op.create_index("shortages_line_idx", "shortages", ["order_line_id"])
    for block in (MONEY, PICKS, SHORTAGES, LEAVING, GRANTS):
        op.execute(block)


def _taken(table: str, act: str, rule: str) -> None:
    """Units of a lot in a place, for a line: what was picked, and what was not found."""
    keys = {
        "order_line_id": "order_lines",
        "lot_id": "lots",
        "location_id": "locations",
        f"{act}_by_id": "people",
    }
    op.create_table(
        table,
        sa.Column("id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Uuid(), nullable=False) for name in keys),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column(f"{act}_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("units > 0", name=op.f(rule)),
        *(
            sa.ForeignKeyConstraint([name], [f"{of}.id"], name=op.f(f"{table}_{name}_fkey"))
            for name, of in keys.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"{table}_pkey")),
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER shipment_line_packed ON shipment_lines")
    op.execute("DROP TRIGGER shipment_guard ON shipments")
    op.drop_table("shortages")
    op.drop_table("picks")
    op.execute(
        "DROP FUNCTION shipment_line_is_packed(); DROP FUNCTION shipment_guard();"
        " DROP FUNCTION shortage_guard(); DROP FUNCTION pick_guard(); DROP FUNCTION money_kept(uuid)"
    )
    for rule in (
        "parcel_has_a_tracking_number",
        "identifier_is_known",
        "handed_over_to_somebody_identified",
    ):
        op.drop_constraint(rule, "shipments")
    op.drop_column("shipments", "identified_by")
    op.drop_column("shipments", "handed_to")
