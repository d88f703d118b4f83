"""Suppliers, purchase orders and what arrived; prescription lots are released by two."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import CITEXT

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

PURCHASES = """
CREATE FUNCTION addition_stamped() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    NEW.added_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER supplier_stamped BEFORE INSERT ON suppliers
    FOR EACH ROW EXECUTE FUNCTION addition_stamped();
CREATE TRIGGER suppliers_are_kept BEFORE DELETE OR TRUNCATE ON suppliers
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

CREATE FUNCTION purchase_order_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.drafted_at := shop_now();
    ELSE
        broken := CASE
            WHEN NEW.status = 'sent'
                 AND NOT EXISTS (SELECT FROM purchase_lines WHERE purchase_order_id = NEW.id)
                THEN 'purchase_that_is_sent_has_lines'
            WHEN NEW.status = 'partly_received'
                 AND NOT EXISTS (SELECT FROM receipts WHERE purchase_order_id = NEW.id)
                THEN 'received_purchase_has_its_receipt'
            END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'purchase order %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER purchase_order_guard BEFORE INSERT OR UPDATE ON purchase_orders
    FOR EACH ROW EXECUTE FUNCTION purchase_order_guard();
CREATE TRIGGER purchase_order_goes_along_an_arrow BEFORE UPDATE ON purchase_orders
    FOR EACH ROW WHEN (OLD.status <> NEW.status OR OLD.state_seq <> NEW.state_seq)
    EXECUTE FUNCTION prescribing_goes_on('purchase_order');
CREATE TRIGGER purchase_orders_are_kept BEFORE DELETE OR TRUNCATE ON purchase_orders
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- The lines are what was sent: written, changed and taken out only while it is a draft. Locks it.
CREATE FUNCTION purchase_line_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    now_of uuid := CASE TG_OP WHEN 'DELETE' THEN OLD.purchase_order_id
                   ELSE NEW.purchase_order_id END;
    standing text;
BEGIN
    SELECT status INTO standing FROM purchase_orders WHERE id = now_of FOR UPDATE;
    IF standing <> 'draft' THEN
        RAISE EXCEPTION 'purchase order %: its lines were sent', now_of
            USING ERRCODE = 'check_violation',
                  CONSTRAINT = 'purchase_lines_are_fixed_once_sent', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER purchase_line_guard BEFORE INSERT OR DELETE ON purchase_lines
    FOR EACH ROW EXECUTE FUNCTION purchase_line_guard();
CREATE TRIGGER purchase_lines_are_kept BEFORE UPDATE OR TRUNCATE ON purchase_lines
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- Things arrive for an order that is with the supplier. Locks it.
CREATE FUNCTION arrival_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    standing text;
BEGIN
    SELECT status INTO standing FROM purchase_orders
        WHERE id = NEW.purchase_order_id FOR UPDATE;
    IF standing NOT IN ('sent', 'partly_received') THEN
        RAISE EXCEPTION 'purchase order %: nothing is awaited', NEW.purchase_order_id
            USING ERRCODE = 'check_violation',
                  CONSTRAINT = 'what_arrives_is_awaited', TABLE = TG_TABLE_NAME;
    END IF;
    IF TG_TABLE_NAME = 'receipts' THEN
        NEW.received_at := shop_now();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER receipt_guard BEFORE INSERT ON receipts
    FOR EACH ROW EXECUTE FUNCTION arrival_guard();
CREATE TRIGGER arrival_guard BEFORE INSERT ON arrivals
    FOR EACH ROW EXECUTE FUNCTION arrival_guard();
CREATE TRIGGER receipts_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON receipts
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER arrivals_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON arrivals
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

CHECKS = """
-- A check is of the lot as it is now: its state, and the units that are there. Locks the lot. It
-- changes once, when another person releases the lot by it.
CREATE FUNCTION lot_check_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    lot lots%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO lot FROM lots WHERE id = NEW.lot_id FOR UPDATE;
    broken := CASE
        WHEN lot.status <> 'quarantine' THEN 'lot_is_checked_in_quarantine'
        WHEN EXISTS (SELECT FROM people WHERE id IN (NEW.checked_by_id, NEW.released_by_id)
                     AND role NOT IN ('staff', 'manager'))
            THEN 'lot_is_checked_by_who_keeps_the_shelf'
        END;
    IF TG_OP = 'INSERT' THEN
        NEW.state_seq := lot.state_seq;
        NEW.ledger_seq := coalesce(lot.ledger_seq, 0);
        NEW.checked_at := shop_now();
        NEW.released_by_id := NULL;
        NEW.released_at := NULL;
    ELSIF (NEW.id, NEW.lot_id, NEW.state_seq, NEW.ledger_seq, NEW.note, NEW.checked_by_id,
           NEW.checked_at)
          IS DISTINCT FROM (OLD.id, OLD.lot_id, OLD.state_seq, OLD.ledger_seq, OLD.note,
                            OLD.checked_by_id, OLD.checked_at)
    THEN
        broken := 'check_keeps_what_was_seen';
    ELSIF OLD.released_by_id IS NOT NULL OR NEW.released_by_id IS NULL THEN
        broken := 'check_only_releases_once';
    ELSE
        NEW.released_at := shop_now();
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'check of lot %: %', NEW.lot_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER lot_check_guard BEFORE INSERT OR UPDATE ON lot_checks
    FOR EACH ROW EXECUTE FUNCTION lot_check_guard();
CREATE TRIGGER lot_checks_are_kept BEFORE DELETE OR TRUNCATE ON lot_checks
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- Prescription-only units leave quarantine for sale when one person has checked them, as they are
-- now, and another released them by that check.
CREATE FUNCTION lot_is_released_by_two() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM variants WHERE id = NEW.variant_id
               AND legal_class IN ('rx', 'rx_unapproved'))
       AND NOT EXISTS (
            SELECT FROM lot_checks AS seen
            WHERE seen.lot_id = NEW.id AND seen.released_by_id IS NOT NULL
              AND NOT EXISTS (SELECT FROM events
                              WHERE subject_id = NEW.id AND from_state <> to_state
                                AND seq > seen.state_seq AND seq <= OLD.state_seq)
              AND NOT EXISTS (SELECT FROM movements
                              WHERE lot_id = NEW.id AND seq > seen.ledger_seq
                                AND kind IN ('receive', 'return_in')))
    THEN
        RAISE EXCEPTION 'lot %: released without a check by somebody else', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'lot_is_released_by_two',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER lot_is_released_by_two BEFORE UPDATE ON lots
    FOR EACH ROW WHEN (OLD.status = 'quarantine' AND NEW.status = 'available')
    EXECUTE FUNCTION lot_is_released_by_two();

-- What comes into a prescription lot on hold would be on sale with the end of the hold, unchecked.
CREATE FUNCTION prescription_receipt_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM lots JOIN variants v ON v.id = lots.variant_id
               WHERE lots.id = NEW.lot_id AND lots.status = 'on_hold'
                 AND v.legal_class IN ('rx', 'rx_unapproved'))
    THEN
        RAISE EXCEPTION 'lot % is on hold', NEW.lot_id
            USING ERRCODE = 'check_violation',
                  CONSTRAINT = 'prescription_lot_on_hold_takes_no_more', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER prescription_receipt_guard BEFORE INSERT ON movements
    FOR EACH ROW WHEN (NEW.kind = 'receive') EXECUTE FUNCTION prescription_receipt_guard();

CREATE TRIGGER certificate_stamped BEFORE INSERT ON lot_certificates
    FOR EACH ROW EXECUTE FUNCTION addition_stamped();
CREATE TRIGGER lot_certificates_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON lot_certificates
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

TRANSITIONS = """
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('purchase_order', '', 'draft'),
    ('purchase_order', 'draft', 'sent'), ('purchase_order', 'draft', 'cancelled'),
    ('purchase_order', 'sent', 'partly_received'), ('purchase_order', 'sent', 'cancelled'),
    ('purchase_order', 'partly_received', 'closed'),
    ('purchase_order', 'draft', 'draft'), ('purchase_order', 'sent', 'sent'),
    ('purchase_order', 'partly_received', 'partly_received'),
    ('purchase_order', 'closed', 'closed'), ('purchase_order', 'cancelled', 'cancelled');
"""

GRANTS = """
GRANT SELECT ON suppliers, purchase_orders, purchase_lines, receipts, arrivals, lot_checks,
    lot_certificates TO aftercare_app, aftercare_worker;
GRANT INSERT (id, number, name, email, phone, account, lead_days, active),
    UPDATE (name, email, phone, account, lead_days, active) ON suppliers TO aftercare_app;
GRANT INSERT (id, number, supplier_id, status, state_seq, expected_on, note, drafted_by_id),
    UPDATE (status, state_seq, expected_on, note) ON purchase_orders TO aftercare_app;
GRANT INSERT (id, purchase_order_id, variant_id, position, units, unit_cost_cents), DELETE
    ON purchase_lines TO aftercare_app;
GRANT INSERT (id, purchase_order_id, delivery_note, received_by_id) ON receipts TO aftercare_app;
GRANT INSERT (id, receipt_id, purchase_order_id, purchase_line_id, variant_id, units,
              receipt_line_id, lot_id, damage) ON arrivals TO aftercare_app;
GRANT INSERT (unit_cost_cents) ON receipt_lines TO aftercare_app, aftercare_worker;
GRANT INSERT (id, lot_id, note, checked_by_id), UPDATE (released_by_id) ON lot_checks
    TO aftercare_app;
GRANT INSERT (id, lot_id, name, media_type, sha256, content, added_by_id) ON lot_certificates
    TO aftercare_app;
"""


def upgrade() -> None:
    op.add_column("receipt_lines", sa.Column("unit_cost_cents", sa.Integer(), nullable=True))
    op.create_check_constraint(
        op.f("unit_cost_is_sane"), "receipt_lines", "unit_cost_cents BETWEEN 0 AND 10000000"
    )
    op.create_unique_constraint(
        "receipt_lines_arrival_key", "receipt_lines", ["id", "receipt_id", "lot_id", "units"]
    )
    _purchases()
    _receipts()
    _checks()
    for statements in (PURCHASES, CHECKS, TRANSITIONS, GRANTS):
        op.execute(statements)


def _purchases() -> None:
    op.create_table(
        "suppliers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("name", CITEXT(), nullable=False),
        sa.Column("email", sa.Text(), server_default="", nullable=False),
        sa.Column("phone", sa.Text(), server_default="", nullable=False),
        sa.Column("account", sa.Text(), server_default="", nullable=False),
        sa.Column("lead_days", sa.Integer(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("name = btrim(name) AND name <> ''", name=op.f("supplier_has_a_name")),
        sa.CheckConstraint("lead_days BETWEEN 0 AND 365", name=op.f("lead_time_is_within_a_year")),
        sa.PrimaryKeyConstraint("id", name=op.f("suppliers_pkey")),
        sa.UniqueConstraint("number", name=op.f("suppliers_number_key")),
        sa.UniqueConstraint("name", name=op.f("suppliers_name_key")),
    )
    op.create_table(
        "purchase_orders",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("supplier_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("drafted_by_id", sa.Uuid(), nullable=False),
        sa.Column("drafted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("length(note) <= 2000", name=op.f("purchase_note_is_short")),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="purchase_order_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["supplier_id"], ["suppliers.id"], name=op.f("purchase_orders_supplier_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["drafted_by_id"], ["people.id"], name=op.f("purchase_orders_drafted_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("purchase_orders_pkey")),
        sa.UniqueConstraint("number", name=op.f("purchase_orders_number_key")),
    )
    op.create_index("purchase_orders_supplier_idx", "purchase_orders", ["supplier_id"])
    op.create_table(
        "purchase_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purchase_order_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("unit_cost_cents", sa.Integer(), nullable=False),
        sa.CheckConstraint("units BETWEEN 1 AND 100000", name=op.f("purchased_units_are_sane")),
        sa.CheckConstraint(
            "unit_cost_cents BETWEEN 0 AND 10000000", name=op.f("purchase_cost_is_sane")
        ),
        sa.ForeignKeyConstraint(
            ["purchase_order_id"],
            ["purchase_orders.id"],
            name=op.f("purchase_lines_purchase_order_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variants.id"], name=op.f("purchase_lines_variant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("purchase_lines_pkey")),
        sa.UniqueConstraint("purchase_order_id", "variant_id", name="purchase_names_a_pack_once"),
        sa.UniqueConstraint("id", "purchase_order_id", "variant_id", name="purchase_lines_key"),
    )


def _receipts() -> None:
    op.create_table(
        "receipts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("purchase_order_id", sa.Uuid(), nullable=False),
        sa.Column("delivery_note", sa.Text(), server_default="", nullable=False),
        sa.Column("received_by_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("length(delivery_note) <= 60", name=op.f("delivery_note_is_a_number")),
        sa.ForeignKeyConstraint(
            ["purchase_order_id"],
            ["purchase_orders.id"],
            name=op.f("receipts_purchase_order_id_fkey"),
        ),
        sa.ForeignKeyConstraint(
            ["received_by_id"], ["people.id"], name=op.f("receipts_received_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("receipts_pkey")),
        sa.UniqueConstraint("id", "purchase_order_id", name="receipts_order_key"),
    )
    op.create_index("receipts_purchase_order_idx", "receipts", ["purchase_order_id"])
    op.create_table(
        "arrivals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("purchase_order_id", sa.Uuid(), nullable=False),
        sa.Column("purchase_line_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("receipt_line_id", sa.Uuid(), nullable=True),
        sa.Column("lot_id", sa.Uuid(), nullable=True),
        sa.Column("damage", sa.Text(), nullable=True),
        sa.CheckConstraint("units BETWEEN 1 AND 100000", name=op.f("arrived_units_are_sane")),
        sa.CheckConstraint(
            "(receipt_line_id IS NULL) = (lot_id IS NULL)"
            " AND (lot_id IS NULL) = (damage IS NOT NULL)",
            name=op.f("arrival_is_booked_or_damaged"),
        ),
        sa.CheckConstraint("length(damage) BETWEEN 1 AND 200", name=op.f("damage_is_described")),
        sa.ForeignKeyConstraint(
            ["receipt_id", "purchase_order_id"],
            ["receipts.id", "receipts.purchase_order_id"],
            name="arrival_is_of_its_receipts_order",
        ),
        sa.ForeignKeyConstraint(
            ["purchase_line_id", "purchase_order_id", "variant_id"],
            ["purchase_lines.id", "purchase_lines.purchase_order_id", "purchase_lines.variant_id"],
            name="arrival_is_of_a_line_of_its_order",
        ),
        sa.ForeignKeyConstraint(
            ["receipt_line_id", "receipt_id", "lot_id", "units"],
            [
                "receipt_lines.id",
                "receipt_lines.receipt_id",
                "receipt_lines.lot_id",
                "receipt_lines.units",
            ],
            name="arrival_is_what_was_booked",
        ),
        sa.ForeignKeyConstraint(
            ["lot_id", "variant_id"],
            ["lots.id", "lots.variant_id"],
            name="arrived_lot_is_of_the_variant_ordered",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("arrivals_pkey")),
        sa.UniqueConstraint("receipt_line_id", name="booked_units_arrive_once"),
    )
    op.create_index("arrivals_purchase_line_idx", "arrivals", ["purchase_line_id"])
    op.create_index("arrivals_receipt_idx", "arrivals", ["receipt_id"])


def _checks() -> None:
    op.create_table(
        "lot_checks",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("state_seq", sa.Integer(), nullable=False),
        sa.Column("ledger_seq", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("checked_by_id", sa.Uuid(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("released_by_id", sa.Uuid(), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "released_by_id <> checked_by_id", name=op.f("lot_is_released_by_another")
        ),
        sa.CheckConstraint(
            "(released_by_id IS NULL) = (released_at IS NULL)",
            name=op.f("released_check_says_when"),
        ),
        sa.CheckConstraint("length(note) <= 200", name=op.f("check_note_is_short")),
        sa.ForeignKeyConstraint(["lot_id"], ["lots.id"], name=op.f("lot_checks_lot_id_fkey")),
        sa.ForeignKeyConstraint(
            ["checked_by_id"], ["people.id"], name=op.f("lot_checks_checked_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["released_by_id"], ["people.id"], name=op.f("lot_checks_released_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("lot_checks_pkey")),
        sa.UniqueConstraint(
            "lot_id", "state_seq", "ledger_seq", "checked_by_id", name="lot_is_checked_once_by_each"
        ),
    )
    op.create_table(
        "lot_certificates",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("added_by_id", sa.Uuid(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "media_type IN ('application/pdf', 'image/png', 'image/jpeg')",
            name=op.f("certificate_is_paper_or_picture"),
        ),
        sa.CheckConstraint(
            "octet_length(content) BETWEEN 1 AND 5242880", name=op.f("certificate_fits_in_5_mb")
        ),
        sa.CheckConstraint("sha256 = sha256(content)", name=op.f("certificate_is_what_it_was")),
        sa.CheckConstraint("length(name) BETWEEN 1 AND 120", name=op.f("certificate_has_a_name")),
        sa.ForeignKeyConstraint(["lot_id"], ["lots.id"], name=op.f("lot_certificates_lot_id_fkey")),
        sa.ForeignKeyConstraint(
            ["added_by_id"], ["people.id"], name=op.f("lot_certificates_added_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("lot_certificates_pkey")),
        sa.UniqueConstraint("lot_id", "sha256", name="lot_keeps_a_certificate_once"),
    )


def downgrade() -> None:
    op.execute(
        "DROP TRIGGER lot_is_released_by_two ON lots;"
        " DROP TRIGGER prescription_receipt_guard ON movements;"
        " DROP FUNCTION prescription_receipt_guard"
    )
    for table in (
        "lot_certificates",
        "lot_checks",
        "arrivals",
        "receipts",
        "purchase_lines",
        "purchase_orders",
        "suppliers",
    ):
        op.drop_table(table)
    op.execute(
        "DROP FUNCTION lot_is_released_by_two, lot_check_guard, arrival_guard,"
        " purchase_line_guard, purchase_order_guard, addition_stamped"
    )
    op.drop_constraint("receipt_lines_arrival_key", "receipt_lines", type_="unique")
    op.drop_constraint("unit_cost_is_sane", "receipt_lines", type_="check")
    op.drop_column("receipt_lines", "unit_cost_cents")
    op.execute("DELETE FROM legal_transitions WHERE machine = 'purchase_order'")
