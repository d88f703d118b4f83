"""Lots, the ledger, reservations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

LEDGER = """
-- The calendar day in the last place on earth where it is still that day (UTC-12). The clinic's own
-- day is the application's to know; this one is never ahead of it, wherever the clinic is, so that
-- the database refuses a lot only once its last day is over, and refuses it within a day.
CREATE FUNCTION day_at_the_latest() RETURNS date LANGUAGE sql VOLATILE
    AS $$ SELECT (public.shop_now() AT TIME ZONE 'UTC' - interval '12 hours')::date $$;

CREATE FUNCTION lot_guard(lot lots) RETURNS void LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    IF lot.status <> 'available' THEN
        RAISE EXCEPTION 'lot % is %: nothing may be promised or leave from it', lot.number, lot.status
            USING ERRCODE = 'check_violation', CONSTRAINT = 'lot_is_available', TABLE = 'lots';
    END IF;
    IF lot.expires_on < day_at_the_latest() THEN
        RAISE EXCEPTION 'lot % expired on %', lot.number, lot.expires_on
            USING ERRCODE = 'check_violation', CONSTRAINT = 'lot_is_not_expired', TABLE = 'lots';
    END IF;
END $$;

-- Locks the lot, numbers the movement, chains its balance, names its actor, stamps it after the
-- lock, and moves the lot's head, which the application may not.
CREATE FUNCTION movement_chained() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    lot lots%ROWTYPE;
BEGIN
    SELECT * INTO lot FROM lots WHERE id = NEW.lot_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no lot %', NEW.lot_id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'movements_lot_id_fkey',
                  TABLE = TG_TABLE_NAME;
    END IF;
    IF NEW.kind IN ('ship', 'treatment_use') THEN
        PERFORM lot_guard(lot);
    END IF;
    NEW.seq := coalesce(lot.ledger_seq, 0) + 1;
    NEW.previous := lot.on_hand;
    NEW.balance := lot.on_hand + NEW.delta;
    NEW.actor := coalesce(current_setting('app.actor', true), '');
    NEW.at := shop_now();
    UPDATE lots SET on_hand = NEW.balance, ledger_seq = NEW.seq WHERE id = NEW.lot_id;
    RETURN NEW;
END $$;
CREATE TRIGGER movement_chained BEFORE INSERT ON movements
    FOR EACH ROW EXECUTE FUNCTION movement_chained();
CREATE TRIGGER movements_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON movements
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER receipt_lines_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON receipt_lines
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER lots_are_kept BEFORE DELETE OR TRUNCATE ON lots
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

RESERVATIONS = """
-- A part takes its units from what is free in the lot; the lot's CHECK refuses more than there is.
CREATE FUNCTION part_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    lot lots%ROWTYPE;
BEGIN
    SELECT * INTO lot FROM lots WHERE id = NEW.lot_id FOR UPDATE;
    IF FOUND THEN  -- else the foreign key says so
        PERFORM lot_guard(lot);
    END IF;
    NEW.ended_at := NULL;
    UPDATE lots SET reserved = reserved + NEW.units WHERE id = NEW.lot_id;
    RETURN NEW;
END $$;
CREATE TRIGGER part_held BEFORE INSERT ON reservation_parts
    FOR EACH ROW EXECUTE FUNCTION part_held();

-- A part ends once, and its units go back to the lot; nothing else about it ever changes.
CREATE FUNCTION part_ended() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    IF OLD.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'part % has ended', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'part_ends_once',
                  TABLE = TG_TABLE_NAME;
    END IF;
    IF NEW.ended_at IS NULL OR (NEW.id, NEW.reservation_id, NEW.lot_id, NEW.variant_id, NEW.units)
        IS DISTINCT FROM (OLD.id, OLD.reservation_id, OLD.lot_id, OLD.variant_id, OLD.units) THEN
        RAISE EXCEPTION 'a part may end, nothing else about it changes'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'part_only_ends',
                  TABLE = TG_TABLE_NAME;
    END IF;
    UPDATE lots SET reserved = reserved - OLD.units WHERE id = OLD.lot_id;
    NEW.ended_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER part_ended BEFORE UPDATE ON reservation_parts
    FOR EACH ROW EXECUTE FUNCTION part_ended();
CREATE TRIGGER parts_are_kept BEFORE DELETE OR TRUNCATE ON reservation_parts
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- A reservation is released or shipped, once; nothing else about it ever changes.
CREATE FUNCTION reservation_ended() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    IF OLD.released_at IS NOT NULL OR OLD.shipped_at IS NOT NULL THEN
        RAISE EXCEPTION 'reservation % has ended', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'reservation_ends_once',
                  TABLE = TG_TABLE_NAME;
    END IF;
    IF (NEW.id, NEW.variant_id, NEW.units, NEW.reserved_at)
        IS DISTINCT FROM (OLD.id, OLD.variant_id, OLD.units, OLD.reserved_at) THEN
        RAISE EXCEPTION 'a reservation may end, nothing else about it changes'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'reservation_only_ends',
                  TABLE = TG_TABLE_NAME;
    END IF;
    NEW.released_at := CASE WHEN NEW.released_at IS NOT NULL THEN shop_now() END;
    NEW.shipped_at := CASE WHEN NEW.shipped_at IS NOT NULL THEN shop_now() END;
    RETURN NEW;
END $$;
CREATE TRIGGER reservation_ended BEFORE UPDATE ON reservations
    FOR EACH ROW EXECUTE FUNCTION reservation_ended();
CREATE TRIGGER reservations_are_kept BEFORE DELETE OR TRUNCATE ON reservations
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

AT_COMMIT = """
-- At commit a lot's heads are what the ledger and the reservations say. Whoever changed them holds
-- the lot's row, so nobody else changes them meanwhile.
CREATE FUNCTION lot_heads_are_true() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
DECLARE
    lot lots%ROWTYPE;
    head movements%ROWTYPE;
BEGIN
    SELECT * INTO lot FROM lots WHERE id = NEW.id;
    SELECT * INTO head FROM movements WHERE lot_id = NEW.id ORDER BY seq DESC LIMIT 1;
    IF (lot.ledger_seq, lot.on_hand) IS DISTINCT FROM (head.seq, coalesce(head.balance, 0)) THEN
        RAISE EXCEPTION 'lot % does not show its last movement', lot.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'lot_shows_its_last_movement',
                  TABLE = TG_TABLE_NAME;
    END IF;
    IF lot.reserved <> (SELECT coalesce(sum(units), 0) FROM reservation_parts
                        WHERE lot_id = NEW.id AND ended_at IS NULL) THEN
        RAISE EXCEPTION 'lot % does not show what is promised', lot.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'reserved_is_the_sum_of_its_parts',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER lot_heads_are_true
    AFTER INSERT OR UPDATE OF on_hand, reserved, ledger_seq ON lots
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lot_heads_are_true();

-- At commit a live reservation holds exactly its units, and one that has ended holds none.
CREATE FUNCTION parts_make_up_the_reservation() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
DECLARE
    promise reservations%ROWTYPE;
    due integer;
    held integer;
BEGIN
    SELECT * INTO promise FROM reservations
        WHERE id = CASE TG_TABLE_NAME WHEN 'reservations' THEN NEW.id
                   ELSE (to_jsonb(NEW) ->> 'reservation_id')::uuid END;
    due := CASE WHEN promise.released_at IS NULL AND promise.shipped_at IS NULL
                THEN promise.units ELSE 0 END;
    SELECT coalesce(sum(units), 0) INTO held FROM reservation_parts
        WHERE reservation_id = promise.id AND ended_at IS NULL;
    IF held <> due THEN
        RAISE EXCEPTION 'reservation % holds % units and should hold %', promise.id, held, due
            USING ERRCODE = 'check_violation', CONSTRAINT = 'parts_make_up_the_reservation',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER parts_make_up_the_reservation
    AFTER INSERT OR UPDATE ON reservations
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION parts_make_up_the_reservation();
CREATE CONSTRAINT TRIGGER parts_make_up_the_reservation
    AFTER INSERT OR UPDATE ON reservation_parts
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION parts_make_up_the_reservation();
"""

TRANSITIONS = """
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('lot', '', 'quarantine'), ('lot', '', 'available'),
    ('lot', 'quarantine', 'available'), ('lot', 'quarantine', 'recalled'),
    ('lot', 'quarantine', 'destroyed'), ('lot', 'quarantine', 'expired'),
    ('lot', 'available', 'on_hold'), ('lot', 'available', 'quarantine'),
    ('lot', 'available', 'recalled'), ('lot', 'available', 'expired'),
    ('lot', 'on_hold', 'available'), ('lot', 'on_hold', 'recalled'), ('lot', 'on_hold', 'expired'),
    ('lot', 'recalled', 'returned'), ('lot', 'recalled', 'destroyed'),
    ('lot', 'expired', 'destroyed'), ('lot', 'expired', 'recalled'),
    ('lot', 'quarantine', 'quarantine'), ('lot', 'available', 'available'),
    ('lot', 'on_hold', 'on_hold'), ('lot', 'recalled', 'recalled'),
    ('lot', 'returned', 'returned'), ('lot', 'expired', 'expired'),
    ('lot', 'destroyed', 'destroyed');
"""

GRANTS = """
GRANT SELECT ON lots, movements, reservations, reservation_parts, receipt_lines
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, number, variant_id, lot_number, expires_on, status, state_seq) ON lots
    TO aftercare_app, aftercare_worker;
GRANT UPDATE (status, state_seq) ON lots TO aftercare_app, aftercare_worker;
GRANT INSERT (id, lot_id, kind, delta, reference_id) ON movements
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, variant_id, units) ON reservations TO aftercare_app, aftercare_worker;
GRANT UPDATE (released_at, shipped_at) ON reservations TO aftercare_app, aftercare_worker;
GRANT INSERT (id, reservation_id, lot_id, variant_id, units) ON reservation_parts
    TO aftercare_app, aftercare_worker;
GRANT UPDATE (ended_at) ON reservation_parts TO aftercare_app, aftercare_worker;
GRANT INSERT (id, receipt_id, lot_id, units, received_by_id) ON receipt_lines
    TO aftercare_app, aftercare_worker;
"""


def upgrade() -> None:
    op.create_table(
        "lots",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("lot_number", sa.Text(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("on_hand", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("reserved", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("ledger_seq", sa.Integer(), nullable=True),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("lot_number ~ '^[!-~]{1,20}$'", name=op.f("lot_number_fits_gs1")),
        sa.CheckConstraint(
            "on_hand >= 0 AND reserved >= 0 AND reserved <= on_hand",
            name=op.f("reserved_units_are_on_hand"),
        ),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="lot_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(["variant_id"], ["variants.id"], name=op.f("lots_variant_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("lots_pkey")),
        sa.UniqueConstraint("id", "variant_id", name="lots_variant_key"),
        sa.UniqueConstraint("number", name=op.f("lots_number_key")),
        sa.UniqueConstraint("variant_id", "lot_number", name="lots_makers_number_key"),
    )
    op.create_table(
        "reservations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column(
            "reserved_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shipped_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "released_at IS NULL OR shipped_at IS NULL", name=op.f("released_or_shipped_not_both")
        ),
        sa.CheckConstraint("units BETWEEN 1 AND 1000", name=op.f("reserved_units_are_sane")),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variants.id"], name=op.f("reservations_variant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("reservations_pkey")),
        sa.UniqueConstraint("id", "variant_id", "units", name="reservations_terms_key"),
        sa.UniqueConstraint("id", "variant_id", name="reservations_variant_key"),
    )
    op.create_index(
        op.f("reservations_variant_id_idx"), "reservations", ["variant_id"], unique=False
    )
    op.create_table(
        "movements",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column(
            "previous_seq",
            sa.Integer(),
            sa.Computed("nullif(seq - 1, 0)", persisted=True),
            nullable=True,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("delta", sa.Integer(), nullable=False),
        sa.Column("previous", sa.Integer(), nullable=False),
        sa.Column("balance", sa.Integer(), nullable=False),
        sa.Column("reference_id", sa.Uuid(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "(kind IN ('receive', 'return_in')) = (delta > 0) OR kind = 'count_adjust'",
            name=op.f("movement_goes_its_kinds_way"),
        ),
        sa.CheckConstraint(
            "kind IN ('receive', 'ship', 'count_adjust', 'damage', 'expire', 'return_in', 'return_to_vendor', 'destroy', 'treatment_use')",
            name=op.f("movement_kind_is_known"),
        ),
        sa.CheckConstraint(
            "balance = previous + delta AND balance >= 0", name=op.f("balance_is_never_negative")
        ),
        sa.CheckConstraint("delta <> 0", name=op.f("movement_moves_something")),
        sa.CheckConstraint("actor ~ '^(person|system):.'", name=op.f("movement_has_an_actor")),
        sa.CheckConstraint("seq > 1 OR previous = 0", name=op.f("ledger_begins_at_zero")),
        sa.ForeignKeyConstraint(
            ["lot_id", "previous_seq", "previous"],
            ["movements.lot_id", "movements.seq", "movements.balance"],
            name="movement_follows_the_one_before",
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["lots.id"], name=op.f("movements_lot_id_fkey")),
        sa.PrimaryKeyConstraint("lot_id", "seq", name=op.f("movements_pkey")),
        sa.UniqueConstraint("id", "lot_id", name="movements_lot_key"),
        sa.UniqueConstraint("id", name=op.f("movements_id_key")),
        sa.UniqueConstraint("kind", "reference_id", "lot_id", name="movement_happens_once"),
        sa.UniqueConstraint("lot_id", "seq", "balance", name="movements_balance_key"),
    )
    op.create_table(
        "receipt_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("receipt_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("received_by_id", sa.Uuid(), nullable=False),
        sa.Column(
            "received_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.CheckConstraint("units BETWEEN 1 AND 100000", name=op.f("received_units_are_sane")),
        sa.ForeignKeyConstraint(["lot_id"], ["lots.id"], name=op.f("receipt_lines_lot_id_fkey")),
        sa.ForeignKeyConstraint(
            ["received_by_id"], ["people.id"], name=op.f("receipt_lines_received_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("receipt_lines_pkey")),
    )
    op.create_index(
        op.f("receipt_lines_receipt_id_idx"), "receipt_lines", ["receipt_id"], unique=False
    )
    op.create_table(
        "reservation_parts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reservation_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("units > 0", name=op.f("part_holds_something")),
        sa.ForeignKeyConstraint(
            ["lot_id", "variant_id"],
            ["lots.id", "lots.variant_id"],
            name="reserved_lot_is_of_the_variant",
        ),
        sa.ForeignKeyConstraint(
            ["reservation_id", "variant_id"],
            ["reservations.id", "reservations.variant_id"],
            name="part_is_of_the_reservations_variant",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("reservation_parts_pkey")),
    )
    op.create_index(
        "reservation_parts_live_idx",
        "reservation_parts",
        ["lot_id"],
        unique=False,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        "reservation_parts_one_live",
        "reservation_parts",
        ["reservation_id", "lot_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        op.f("reservation_parts_reservation_id_idx"),
        "reservation_parts",
        ["reservation_id"],
        unique=False,
    )
    op.create_foreign_key(
        "lot_head_is_its_last_movement",
        "lots",
        "movements",
        ["id", "ledger_seq", "on_hand"],
        ["lot_id", "seq", "balance"],
        initially="DEFERRED",
        deferrable=True,
    )
    for statements in (LEDGER, RESERVATIONS, AT_COMMIT, TRANSITIONS, GRANTS):
        op.execute(statements)


def downgrade() -> None:
    op.execute("DELETE FROM legal_transitions WHERE machine = 'lot'")
    op.execute("DROP FUNCTION lot_guard")  # its argument is a row of lots
    op.drop_constraint("lot_head_is_its_last_movement", "lots", type_="foreignkey")
    op.drop_index(op.f("reservation_parts_reservation_id_idx"), table_name="reservation_parts")
    op.drop_index(
        "reservation_parts_one_live",
        table_name="reservation_parts",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_index(
        "reservation_parts_live_idx",
        table_name="reservation_parts",
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.drop_table("reservation_parts")
    op.drop_index(op.f("receipt_lines_receipt_id_idx"), table_name="receipt_lines")
    op.drop_table("receipt_lines")
    op.drop_table("movements")
    op.drop_index(op.f("reservations_variant_id_idx"), table_name="reservations")
    op.drop_table("reservations")
    op.drop_table("lots")
    op.execute(
        "DROP FUNCTION movement_chained(); DROP FUNCTION part_held(); DROP FUNCTION part_ended();"
        " DROP FUNCTION reservation_ended(); DROP FUNCTION lot_heads_are_true();"
        " DROP FUNCTION parts_make_up_the_reservation(); DROP FUNCTION day_at_the_latest()"
    )
