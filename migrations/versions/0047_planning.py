"""Transfers between clinics, testers, and how long deliveries take."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0044"
branch_labels = None
depends_on = None

PLACES = """
-- A place is closed once nothing lies there, a site once its places are; nothing opens in a closed one.
CREATE FUNCTION place_closed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_TABLE_NAME = 'sites' THEN
        broken := CASE
            WHEN EXISTS (SELECT FROM locations WHERE site_id = NEW.id AND closed_at IS NULL)
                THEN 'closed_site_has_no_open_place' END;
    ELSE
        broken := CASE
            WHEN EXISTS (SELECT FROM holdings WHERE location_id = NEW.id AND on_hand > 0)
                THEN 'closed_place_is_empty' END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION '% cannot be closed', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.closed_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER location_closed BEFORE UPDATE OF closed_at ON locations
    FOR EACH ROW WHEN (NEW.closed_at IS NOT NULL) EXECUTE FUNCTION place_closed();
CREATE TRIGGER site_closed BEFORE UPDATE OF closed_at ON sites
    FOR EACH ROW WHEN (NEW.closed_at IS NOT NULL) EXECUTE FUNCTION place_closed();

CREATE FUNCTION place_opened() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    IF (SELECT closed_at FROM sites WHERE id = NEW.site_id FOR SHARE) IS NOT NULL THEN
        RAISE EXCEPTION 'the site of % is closed', NEW.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'nothing_opens_in_a_closed_site',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER place_opened BEFORE INSERT OR UPDATE OF closed_at ON locations
    FOR EACH ROW WHEN (NEW.closed_at IS NULL) EXECUTE FUNCTION place_opened();
"""

SENT = """
CREATE FUNCTION transfer_sent() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    NEW.sent_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER transfer_sent BEFORE INSERT ON transfers
    FOR EACH ROW EXECUTE FUNCTION transfer_sent();

CREATE FUNCTION transfer_kept() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    IF to_jsonb(NEW) - '{status,state_seq}'::text[] IS DISTINCT FROM
       to_jsonb(OLD) - '{status,state_seq}'::text[] THEN
        RAISE EXCEPTION 'transfer % stays as it was sent', OLD.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'transfer_stays_as_it_was_sent',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER transfer_kept BEFORE UPDATE ON transfers
    FOR EACH ROW EXECUTE FUNCTION transfer_kept();
CREATE TRIGGER transfers_are_kept BEFORE DELETE OR TRUNCATE ON transfers
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER transfer_lines_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer_lines
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER transfer_arrivals_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON transfer_arrivals
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- What travels is on sale, leaves a shelf of the clinic that sends it, and is named while it is sent.
CREATE FUNCTION transfer_line_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    consignment transfers%ROWTYPE;
    origin locations%ROWTYPE;
    lot lots%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO consignment FROM transfers WHERE id = NEW.transfer_id FOR UPDATE;
    SELECT * INTO origin FROM locations WHERE id = NEW.from_id;
    SELECT * INTO lot FROM lots WHERE id = NEW.lot_id FOR UPDATE;
    IF lot.id IS NOT NULL THEN  -- else the foreign key says so
        PERFORM lot_guard(lot);
    END IF;
    broken := CASE
        WHEN origin.site_id <> consignment.from_site_id OR origin.kind NOT IN ('retail', 'back_bar')
            THEN 'transfer_leaves_a_shelf_of_its_site'
        WHEN EXISTS (SELECT FROM transfer_arrivals a JOIN transfer_lines l ON l.id = a.line_id
                     WHERE l.transfer_id = NEW.transfer_id)
            THEN 'nothing_is_added_to_what_has_arrived' END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'transfer %: %', consignment.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER transfer_line_guard BEFORE INSERT ON transfer_lines
    FOR EACH ROW EXECUTE FUNCTION transfer_line_guard();

-- Never more than was sent, where it was sent to; what is given up, somebody else than who sent it says.
CREATE FUNCTION transfer_arrival_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    consignment transfers%ROWTYPE;
    line transfer_lines%ROWTYPE;
    goal locations%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO line FROM transfer_lines WHERE id = NEW.line_id;
    SELECT * INTO consignment FROM transfers WHERE id = line.transfer_id FOR UPDATE;
    SELECT * INTO goal FROM locations WHERE id = NEW.to_id;
    broken := CASE
        WHEN NEW.units + (SELECT coalesce(sum(units), 0) FROM transfer_arrivals
                          WHERE line_id = NEW.line_id) > line.units
            THEN 'no_more_arrives_than_was_sent'
        WHEN goal.site_id <> consignment.to_site_id OR goal.kind NOT IN ('retail', 'back_bar')
            THEN 'transfer_arrives_where_it_was_sent'
        WHEN NEW.to_id IS NULL AND NEW.by_id = consignment.sent_by_id
            THEN 'loss_is_confirmed_by_another' END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'transfer %: %', consignment.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER transfer_arrival_guard BEFORE INSERT ON transfer_arrivals
    FOR EACH ROW EXECUTE FUNCTION transfer_arrival_guard();

-- At commit a transfer carries something, and its status is what has arrived of it.
CREATE FUNCTION transfer_is_as_it_says() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
DECLARE
    consignment transfers%ROWTYPE;
    sent integer;
    accounted integer;
    broken text;
BEGIN
    SELECT * INTO consignment FROM transfers WHERE id = CASE TG_TABLE_NAME
        WHEN 'transfers' THEN NEW.id
        ELSE (SELECT transfer_id FROM transfer_lines
              WHERE id = (to_jsonb(NEW) ->> 'line_id')::uuid) END;
    SELECT coalesce(sum(units), 0) INTO sent
        FROM transfer_lines WHERE transfer_id = consignment.id;
    SELECT coalesce(sum(a.units), 0) INTO accounted
        FROM transfer_arrivals a JOIN transfer_lines l ON l.id = a.line_id
        WHERE l.transfer_id = consignment.id;
    broken := CASE
        WHEN sent = 0 THEN 'transfer_carries_something'
        WHEN consignment.status <> ('{sent,short,received}'::text[])
             [1 + (accounted > 0)::integer + (accounted = sent)::integer]
            THEN 'transfer_says_what_arrived' END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'transfer %: %', consignment.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER transfer_is_as_it_says AFTER INSERT OR UPDATE ON transfers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION transfer_is_as_it_says();
CREATE CONSTRAINT TRIGGER transfer_is_as_it_says AFTER INSERT ON transfer_arrivals
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION transfer_is_as_it_says();

-- At commit what a transfer says moved has moved in the ledger.
CREATE FUNCTION transfer_moved() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
DECLARE
    told jsonb := to_jsonb(NEW);
    line transfer_lines%ROWTYPE;
BEGIN
    SELECT * INTO line FROM transfer_lines
        WHERE id = coalesce(told ->> 'line_id', told ->> 'id')::uuid;
    IF NOT EXISTS (
        SELECT FROM movements m
        LEFT JOIN locations origin ON origin.id = m.from_id
        LEFT JOIN locations goal ON goal.id = m.to_id
        WHERE m.reference_id = NEW.id AND m.lot_id = line.lot_id AND m.units = NEW.units
          AND CASE WHEN TG_TABLE_NAME = 'transfer_lines'
                   THEN m.kind = 'transfer' AND m.from_id = line.from_id AND goal.kind = 'in_transit'
                   ELSE m.kind IN ('transfer', 'destroy') AND origin.kind = 'in_transit'
                        AND m.to_id IS NOT DISTINCT FROM (told ->> 'to_id')::uuid END)
    THEN
        RAISE EXCEPTION 'what % says did not move', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'what_is_transferred_has_moved',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER transfer_moved AFTER INSERT ON transfer_lines
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION transfer_moved();
CREATE CONSTRAINT TRIGGER transfer_moved AFTER INSERT ON transfer_arrivals
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION transfer_moved();
"""

TESTERS = """
-- A tester is of a lot on sale, never of what is prescribed; how long it is good follows from its lot.
CREATE FUNCTION tester_opened() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    lot lots%ROWTYPE;
BEGIN
    SELECT * INTO lot FROM lots WHERE id = NEW.lot_id FOR UPDATE;
    IF lot.id IS NOT NULL THEN  -- else the foreign key says so
        PERFORM lot_guard(lot);
    END IF;
    IF EXISTS (SELECT FROM variants
               WHERE id = lot.variant_id AND (doctor_only OR legal_class IN ('rx', 'rx_unapproved')))
    THEN
        RAISE EXCEPTION 'nobody tries what is prescribed'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'doctor_only_has_no_tester',
                  TABLE = TG_TABLE_NAME;
    END IF;
    NEW.use_by := least(
        (NEW.opened_on + make_interval(months => NEW.months_after_opening))::date, lot.expires_on);
    NEW.opened_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER tester_opened BEFORE INSERT ON testers
    FOR EACH ROW EXECUTE FUNCTION tester_opened();

CREATE FUNCTION tester_ended() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
DECLARE
    ends text[] := '{ended_at,ended_by_id,reason}';
    broken text;
BEGIN
    broken := CASE
        WHEN OLD.ended_at IS NOT NULL THEN 'tester_ends_once'
        WHEN NEW.ended_at IS NULL OR to_jsonb(NEW) - ends IS DISTINCT FROM to_jsonb(OLD) - ends
            THEN 'tester_only_ends' END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'tester %: %', OLD.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.ended_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER tester_ended BEFORE UPDATE ON testers
    FOR EACH ROW EXECUTE FUNCTION tester_ended();
CREATE TRIGGER testers_are_kept BEFORE DELETE OR TRUNCATE ON testers
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit a tester's one pack has come to the testers, and left for the bin once it has ended.
CREATE FUNCTION tester_moved() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
DECLARE
    tester testers%ROWTYPE;
BEGIN
    SELECT * INTO tester FROM testers WHERE id = NEW.id;  -- as it is now, not as it was written then
    IF NOT EXISTS (
            SELECT FROM movements m JOIN locations goal ON goal.id = m.to_id
            WHERE m.reference_id = tester.id AND m.lot_id = tester.lot_id AND m.units = 1
              AND m.kind = 'transfer' AND goal.kind = 'tester')
       OR (tester.ended_at IS NOT NULL) <> EXISTS (
            SELECT FROM movements m JOIN locations origin ON origin.id = m.from_id
            WHERE m.reference_id = tester.id AND m.lot_id = tester.lot_id AND m.units = 1
              AND m.kind = 'destroy' AND origin.kind = 'tester')
    THEN
        RAISE EXCEPTION 'tester % is not where it says', tester.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'tester_is_one_pack_that_moved',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER tester_moved AFTER INSERT OR UPDATE ON testers
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION tester_moved();
"""

LEDGER = """
-- What goes to the testers is a tester, and what is on the way between clinics is on a transfer.
CREATE FUNCTION transfer_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    origin text := (SELECT kind FROM locations WHERE id = NEW.from_id);
    goal text := (SELECT kind FROM locations WHERE id = NEW.to_id);
    broken text;
BEGIN
    broken := CASE
        WHEN NEW.kind = 'transfer' AND goal = 'tester' AND NOT EXISTS (SELECT FROM testers WHERE id = NEW.reference_id)
            THEN 'what_goes_to_the_testers_is_one'
        WHEN goal = 'in_transit'
             AND NOT EXISTS (SELECT FROM transfer_lines WHERE id = NEW.reference_id)
          OR origin = 'in_transit'
             AND NOT EXISTS (SELECT FROM transfer_arrivals WHERE id = NEW.reference_id)
            THEN 'what_is_on_its_way_is_on_a_transfer' END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION '% is neither tester nor transfer', NEW.reference_id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER transfer_guard BEFORE INSERT ON movements
    FOR EACH ROW WHEN (NEW.kind IN ('transfer', 'destroy')) EXECUTE FUNCTION transfer_guard();
"""

POLICIES = """
CREATE FUNCTION stock_policy_set() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    NEW.set_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER stock_policy_set BEFORE INSERT OR UPDATE ON stock_policies
    FOR EACH ROW EXECUTE FUNCTION stock_policy_set();
"""

TRANSITIONS = """
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('transfer', '', 'sent'), ('transfer', 'sent', 'short'), ('transfer', 'sent', 'received'),
    ('transfer', 'short', 'received'),
    ('transfer', 'sent', 'sent'), ('transfer', 'short', 'short'), ('transfer', 'received', 'received');
CREATE TRIGGER transfer_goes_along_an_arrow BEFORE UPDATE ON transfers
    FOR EACH ROW EXECUTE FUNCTION prescribing_goes_on('transfer');
"""

GRANTS = """
GRANT SELECT ON transfers, transfer_lines, transfer_arrivals, testers, stock_policies
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, number, from_site_id, to_site_id, status, state_seq, sent_by_id),
    UPDATE (status, state_seq) ON transfers TO aftercare_app;
GRANT INSERT (id, transfer_id, lot_id, from_id, units) ON transfer_lines TO aftercare_app;
GRANT INSERT (id, line_id, to_id, units, by_id) ON transfer_arrivals TO aftercare_app;
GRANT INSERT (id, number, lot_id, opened_on, months_after_opening, opened_by_id),
    UPDATE (ended_at, ended_by_id, reason) ON testers TO aftercare_app;
GRANT INSERT (variant_id, lead_days, safety_days, set_by_id),
    UPDATE (lead_days, safety_days, set_by_id) ON stock_policies TO aftercare_app;
"""


def upgrade() -> None:
    op.create_table(
        "transfers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("from_site_id", sa.Uuid(), nullable=False),
        sa.Column("to_site_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("sent_by_id", sa.Uuid(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint("from_site_id <> to_site_id", name=op.f("transfer_goes_elsewhere")),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="transfer_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        _reference("transfers", "from_site_id", "sites"),
        _reference("transfers", "to_site_id", "sites"),
        _reference("transfers", "sent_by_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("transfers_pkey")),
        sa.UniqueConstraint("number", name=op.f("transfers_number_key")),
    )
    op.create_table(
        "transfer_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("transfer_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("from_id", sa.Uuid(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.CheckConstraint("units > 0", name=op.f("transfer_line_sends_something")),
        _reference("transfer_lines", "transfer_id", "transfers"),
        _reference("transfer_lines", "lot_id", "lots"),
        _reference("transfer_lines", "from_id", "locations"),
        sa.PrimaryKeyConstraint("id", name=op.f("transfer_lines_pkey")),
        sa.UniqueConstraint("transfer_id", "lot_id", "from_id", name="transfer_names_a_lot_once"),
    )
    op.create_index(op.f("transfer_lines_lot_id_idx"), "transfer_lines", ["lot_id"])
    op.create_table(
        "transfer_arrivals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("to_id", sa.Uuid(), nullable=True),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("units > 0", name=op.f("transfer_arrival_is_of_something")),
        _reference("transfer_arrivals", "line_id", "transfer_lines"),
        _reference("transfer_arrivals", "to_id", "locations"),
        _reference("transfer_arrivals", "by_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("transfer_arrivals_pkey")),
    )
    op.create_index(op.f("transfer_arrivals_line_id_idx"), "transfer_arrivals", ["line_id"])
    op.create_table(
        "testers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("months_after_opening", sa.Integer(), nullable=False),
        sa.Column("use_by", sa.Date(), nullable=False),
        sa.Column("opened_by_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "months_after_opening BETWEEN 1 AND 36", name=op.f("period_after_opening_is_sane")
        ),
        sa.CheckConstraint("use_by >= opened_on", name=op.f("tester_is_opened_while_it_is_good")),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (ended_by_id IS NULL) AND (ended_at IS NULL) = (reason IS NULL)",
            name=op.f("tester_is_ended_by_someone"),
        ),
        sa.CheckConstraint(
            "length(reason) BETWEEN 1 AND 200", name=op.f("tester_ends_for_a_reason")
        ),
        _reference("testers", "lot_id", "lots"),
        _reference("testers", "opened_by_id", "people"),
        _reference("testers", "ended_by_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("testers_pkey")),
        sa.UniqueConstraint("number", name=op.f("testers_number_key")),
    )
    op.create_index(op.f("testers_lot_id_idx"), "testers", ["lot_id"])
    op.create_index(
        "testers_out_idx", "testers", ["use_by"], postgresql_where=sa.text("ended_at IS NULL")
    )
    op.create_table(
        "stock_policies",
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("lead_days", sa.Integer(), nullable=False),
        sa.Column("safety_days", sa.Integer(), nullable=False),
        sa.Column("set_by_id", sa.Uuid(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("lead_days BETWEEN 1 AND 180", name=op.f("lead_days_are_sane")),
        sa.CheckConstraint("safety_days BETWEEN 0 AND 90", name=op.f("safety_days_are_sane")),
        _reference("stock_policies", "variant_id", "variants"),
        _reference("stock_policies", "set_by_id", "people"),
        sa.PrimaryKeyConstraint("variant_id", name=op.f("stock_policies_pkey")),
    )
    op.create_index("movements_at_idx", "movements", ["at"])
    for statements in (PLACES, SENT, TESTERS, LEDGER, POLICIES, TRANSITIONS, GRANTS):
        op.execute(statements)


def _reference(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"{table}_{column}_fkey"))


def downgrade() -> None:
    op.execute(
        "DROP TRIGGER transfer_guard ON movements; DROP TRIGGER place_opened ON locations;"
        " DROP TRIGGER location_closed ON locations; DROP TRIGGER site_closed ON sites"
    )
    op.drop_index("movements_at_idx", "movements")
    for table in ("stock_policies", "testers", "transfer_arrivals", "transfer_lines", "transfers"):
        op.drop_table(table)
    op.execute(
        "DROP FUNCTION stock_policy_set, transfer_guard, tester_moved, tester_ended, tester_opened,"
        " transfer_moved, transfer_is_as_it_says, transfer_arrival_guard, transfer_line_guard,"
        " transfer_kept, transfer_sent, place_opened, place_closed"
    )
    op.execute("DELETE FROM legal_transitions WHERE machine = 'transfer'")
