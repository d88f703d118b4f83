"""Where units are: sites, locations, movements between them; how well an expiry is known."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

PLACES = """
-- What a place is decides what may be sold from it, so it is never changed. Closing is.
CREATE FUNCTION place_kept() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    IF to_jsonb(NEW) - 'name' - 'closed_at' IS DISTINCT FROM to_jsonb(OLD) - 'name' - 'closed_at' THEN
        RAISE EXCEPTION 'a place keeps what it is; open another and close this one'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'place_keeps_what_it_is',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER site_kept BEFORE UPDATE ON sites FOR EACH ROW EXECUTE FUNCTION place_kept();
CREATE TRIGGER location_kept BEFORE UPDATE ON locations
    FOR EACH ROW EXECUTE FUNCTION place_kept();
CREATE TRIGGER sites_are_kept BEFORE DELETE OR TRUNCATE ON sites
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER locations_are_kept BEFORE DELETE OR TRUNCATE ON locations
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER holdings_are_kept BEFORE DELETE OR TRUNCATE ON holdings
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

INSERT INTO sites (id, code, name, fills_orders)
    VALUES ('00000000-0000-4000-8000-000000000001', 'MAIN', 'The clinic', true);
INSERT INTO locations (id, site_id, code, name, kind)
    SELECT ('00000000-0000-4000-8000-0000000000' || id)::uuid,
           '00000000-0000-4000-8000-000000000001', code, name, kind
    FROM (VALUES ('11', 'SHELF', 'Shop shelf', 'retail'),
                 ('12', 'BACKBAR', 'Treatment rooms', 'back_bar'),
                 ('13', 'QUARANTINE', 'Kept apart', 'quarantine'),
                 ('14', 'RETURNS', 'Came back', 'returns'),
                 ('15', 'TESTERS', 'Testers', 'tester'),
                 ('16', 'TRANSIT', 'On the way here', 'in_transit')) AS seed (id, code, name, kind);
"""

# Until now every unit lay on the one shelf.
MOVED = """
ALTER TABLE movements DISABLE TRIGGER movements_are_kept;
UPDATE movements SET units = abs(delta),
    from_id = CASE WHEN delta < 0 THEN '00000000-0000-4000-8000-000000000011'::uuid END,
    to_id = CASE WHEN delta > 0 THEN '00000000-0000-4000-8000-000000000011'::uuid END,
    from_balance = CASE WHEN delta < 0 THEN balance END,
    to_balance = CASE WHEN delta > 0 THEN balance END;
ALTER TABLE movements ENABLE TRIGGER movements_are_kept;
INSERT INTO holdings (lot_id, location_id, on_hand)
    SELECT id, '00000000-0000-4000-8000-000000000011', on_hand FROM lots
    WHERE ledger_seq IS NOT NULL;
-- The heads are set past the trigger that judges them, which looks at holdings from here on.
UPDATE lots SET on_shelf = on_hand, sellable_until = expires_on - 7;
"""

SELLABLE = """
-- The last day a lot may be promised and sent: until then there is time for the parcel (5 days),
-- for using the pack up, and 2 days to spare (domain: sellable until = expiry - transit - days of
-- use - margin). shop/inventory/models/lots.py says the same.
CREATE FUNCTION sellable_until(expires_on date, days_of_use integer) RETURNS date
    LANGUAGE sql IMMUTABLE AS $$ SELECT expires_on - days_of_use - 7 $$;

CREATE FUNCTION lot_dated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    SELECT sellable_until(NEW.expires_on, days_of_use) INTO NEW.sellable_until
        FROM variants WHERE id = NEW.variant_id;
    RETURN NEW;
END $$;
CREATE TRIGGER lot_dated BEFORE INSERT ON lots FOR EACH ROW EXECUTE FUNCTION lot_dated();

CREATE FUNCTION variants_lots_dated() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE lots SET sellable_until = sellable_until(expires_on, NEW.days_of_use)
        WHERE id IN (SELECT id FROM lots WHERE variant_id = NEW.id ORDER BY id FOR UPDATE);
    RETURN NULL;
END $$;
CREATE TRIGGER variants_lots_dated AFTER UPDATE OF days_of_use ON variants
    FOR EACH ROW WHEN (OLD.days_of_use <> NEW.days_of_use)
    EXECUTE FUNCTION variants_lots_dated();
"""

GUARDS = """
-- What is promised or sent must outlast its use at the client's.
CREATE FUNCTION lot_sale_guard(lot lots) RETURNS void LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM lot_guard(lot);
    IF lot.sellable_until < day_at_the_latest() THEN
        RAISE EXCEPTION 'lot % may be sold until %', lot.number, lot.sellable_until
            USING ERRCODE = 'check_violation', CONSTRAINT = 'lot_outlasts_its_use', TABLE = 'lots';
    END IF;
END $$;

-- Which kinds of place a movement leads from and to; what has no row may be anywhere. Out of
-- quarantine and out of what came back, only a release leads to where things are sold or used.
CREATE FUNCTION movement_leads(kind text, origin text, goal text) RETURNS boolean
    LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE kind
        WHEN 'return_in' THEN goal = 'returns'
        WHEN 'treatment_use' THEN origin IN ('retail', 'back_bar')
        WHEN 'transfer' THEN origin IN ('retail', 'back_bar', 'in_transit')
                             AND goal IN ('retail', 'back_bar', 'in_transit', 'tester')
        WHEN 'quarantine' THEN goal = 'quarantine'
        WHEN 'recall' THEN goal = 'quarantine'
        WHEN 'release' THEN origin IN ('quarantine', 'returns') AND goal IN ('retail', 'back_bar')
        ELSE true END $$;

CREATE FUNCTION sells(location locations) RETURNS boolean LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    SELECT location.kind = 'retail' AND fills_orders FROM sites WHERE id = location.site_id $$;
"""

CHAINED = """
-- Locks the lot, numbers the movement, chains its balance, moves what lies where, names its actor,
-- stamps it after the lock, and moves the lot's heads, which the application may not.
CREATE OR REPLACE FUNCTION movement_chained() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    lot lots%ROWTYPE;
    origin locations%ROWTYPE;
    goal locations%ROWTYPE;
BEGIN
    SELECT * INTO lot FROM lots WHERE id = NEW.lot_id FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'there is no lot %', NEW.lot_id
            USING ERRCODE = 'foreign_key_violation', CONSTRAINT = 'movements_lot_id_fkey',
                  TABLE = TG_TABLE_NAME;
    END IF;
    SELECT * INTO origin FROM locations WHERE id = NEW.from_id;
    SELECT * INTO goal FROM locations WHERE id = NEW.to_id;
    IF NEW.kind = 'ship' THEN
        PERFORM lot_sale_guard(lot);
    ELSIF NEW.kind IN ('treatment_use', 'release') THEN
        PERFORM lot_guard(lot);
    END IF;
    IF NOT movement_leads(NEW.kind, origin.kind, goal.kind) OR NEW.kind = 'ship' AND NOT sells(origin)
    THEN
        RAISE EXCEPTION '% does not lead from % to %', NEW.kind, origin.code, goal.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'movement_leads_where_its_kind_may',
                  TABLE = TG_TABLE_NAME;
    END IF;
    IF goal.closed_at IS NOT NULL THEN
        RAISE EXCEPTION '% is closed', goal.code
            USING ERRCODE = 'check_violation', CONSTRAINT = 'nothing_comes_to_a_closed_place',
                  TABLE = TG_TABLE_NAME;
    END IF;
    NEW.seq := coalesce(lot.ledger_seq, 0) + 1;
    NEW.previous := lot.on_hand;
    NEW.delta := NEW.units
        * ((NEW.to_id IS NOT NULL)::integer - (NEW.from_id IS NOT NULL)::integer);
    NEW.balance := lot.on_hand + NEW.delta;
    NEW.from_balance := NULL;
    NEW.to_balance := NULL;
    IF NEW.from_id IS NOT NULL THEN
        INSERT INTO holdings (lot_id, location_id, on_hand)
            VALUES (NEW.lot_id, NEW.from_id, 0) ON CONFLICT DO NOTHING;
        UPDATE holdings SET on_hand = on_hand - NEW.units
            WHERE lot_id = NEW.lot_id AND location_id = NEW.from_id
            RETURNING on_hand INTO NEW.from_balance;
    END IF;
    IF NEW.to_id IS NOT NULL THEN
        INSERT INTO holdings AS held (lot_id, location_id, on_hand)
            VALUES (NEW.lot_id, NEW.to_id, NEW.units)
            ON CONFLICT (lot_id, location_id) DO UPDATE SET on_hand = held.on_hand + NEW.units
            RETURNING on_hand INTO NEW.to_balance;
    END IF;
    NEW.actor := coalesce(current_setting('app.actor', true), '');
    NEW.at := shop_now();
    UPDATE lots SET on_hand = NEW.balance, ledger_seq = NEW.seq,
        on_shelf = on_shelf + NEW.units
            * (coalesce(sells(goal), false)::integer - coalesce(sells(origin), false)::integer)
        WHERE id = NEW.lot_id;
    RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION part_held() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    lot lots%ROWTYPE;
BEGIN
    SELECT * INTO lot FROM lots WHERE id = NEW.lot_id FOR UPDATE;
    IF FOUND THEN  -- else the foreign key says so
        PERFORM lot_sale_guard(lot);
    END IF;
    NEW.ended_at := NULL;
    UPDATE lots SET reserved = reserved + NEW.units WHERE id = NEW.lot_id;
    RETURN NEW;
END $$;
"""

AT_COMMIT = """
-- At commit a lot's heads are what the ledger, the places and the reservations say. Whoever changed
-- them holds the lot's row, so nobody else changes them meanwhile.
CREATE OR REPLACE FUNCTION lot_heads_are_true() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
DECLARE
    lot lots%ROWTYPE;
    head movements%ROWTYPE;
    somewhere integer;
    on_sale integer;
BEGIN
    SELECT * INTO lot FROM lots WHERE id = NEW.id;
    SELECT * INTO head FROM movements WHERE lot_id = NEW.id ORDER BY seq DESC LIMIT 1;
    IF (lot.ledger_seq, lot.on_hand) IS DISTINCT FROM (head.seq, coalesce(head.balance, 0)) THEN
        RAISE EXCEPTION 'lot % does not show its last movement', lot.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'lot_shows_its_last_movement',
                  TABLE = TG_TABLE_NAME;
    END IF;
    SELECT coalesce(sum(h.on_hand), 0), coalesce(sum(h.on_hand) FILTER (WHERE sells(p)), 0)
        INTO somewhere, on_sale
        FROM holdings h JOIN locations p ON p.id = h.location_id WHERE h.lot_id = NEW.id;
    IF (lot.on_hand, lot.on_shelf) IS DISTINCT FROM (somewhere, on_sale) THEN
        RAISE EXCEPTION 'lot % does not show what lies where', lot.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'lot_shows_what_lies_where',
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
DROP TRIGGER lot_heads_are_true ON lots;
CREATE CONSTRAINT TRIGGER lot_heads_are_true
    AFTER INSERT OR UPDATE OF on_hand, on_shelf, reserved, ledger_seq ON lots
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lot_heads_are_true();

-- What lies in a place is what the last movement there left.
CREATE FUNCTION holding_is_true() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
DECLARE
    held integer;
    told integer;
BEGIN
    SELECT on_hand INTO held FROM holdings
        WHERE lot_id = NEW.lot_id AND location_id = NEW.location_id;
    SELECT CASE WHEN from_id = NEW.location_id THEN from_balance ELSE to_balance END INTO told
        FROM movements WHERE lot_id = NEW.lot_id AND NEW.location_id IN (from_id, to_id)
        ORDER BY seq DESC LIMIT 1;
    IF held IS DISTINCT FROM coalesce(told, 0) THEN
        RAISE EXCEPTION 'a place does not show the last movement of lot %', NEW.lot_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'holding_shows_its_last_movement',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER holding_is_true AFTER INSERT OR UPDATE ON holdings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION holding_is_true();
"""

GRANTS = """
GRANT SELECT ON sites, locations, holdings TO aftercare_app, aftercare_worker;
GRANT INSERT (id, code, name, fills_orders) ON sites TO aftercare_app;
GRANT UPDATE (name, closed_at) ON sites TO aftercare_app;
GRANT INSERT (id, site_id, code, name, kind) ON locations TO aftercare_app;
GRANT UPDATE (name, closed_at) ON locations TO aftercare_app;
REVOKE INSERT (delta) ON movements FROM aftercare_app, aftercare_worker;
GRANT INSERT (units, from_id, to_id) ON movements TO aftercare_app, aftercare_worker;
GRANT INSERT (expiry_precision, no_expiry_reason) ON lots TO aftercare_app, aftercare_worker;
GRANT INSERT (days_of_use), UPDATE (days_of_use) ON variants TO aftercare_app, aftercare_worker;
"""


def upgrade() -> None:
    op.create_table(
        "sites",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fills_orders", sa.Boolean(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("code ~ '^[A-Z][A-Z0-9-]{0,19}$'", name=op.f("site_code_is_a_word")),
        sa.PrimaryKeyConstraint("id", name=op.f("sites_pkey")),
        sa.UniqueConstraint("code", name=op.f("sites_code_key")),
    )
    op.create_table(
        "locations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("site_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("code ~ '^[A-Z][A-Z0-9-]{0,19}$'", name=op.f("location_code_is_a_word")),
        sa.CheckConstraint(
            "kind IN ('retail', 'back_bar', 'quarantine', 'returns', 'tester', 'in_transit')",
            name=op.f("location_kind_is_known"),
        ),
        sa.ForeignKeyConstraint(["site_id"], ["sites.id"], name=op.f("locations_site_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("locations_pkey")),
        sa.UniqueConstraint("code", name=op.f("locations_code_key")),
    )
    op.create_table(
        "holdings",
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("location_id", sa.Uuid(), nullable=False),
        sa.Column("on_hand", sa.Integer(), nullable=False),
        sa.CheckConstraint("on_hand >= 0", name=op.f("holding_is_never_negative")),
        sa.ForeignKeyConstraint(["lot_id"], ["lots.id"], name=op.f("holdings_lot_id_fkey")),
        sa.ForeignKeyConstraint(
            ["location_id"], ["locations.id"], name=op.f("holdings_location_id_fkey")
        ),
        sa.PrimaryKeyConstraint("lot_id", "location_id", name=op.f("holdings_pkey")),
    )
    op.create_index(op.f("holdings_location_id_idx"), "holdings", ["location_id"])
    op.add_column(
        "variants",
        sa.Column("days_of_use", sa.Integer(), server_default=sa.text("0"), nullable=False),
    )
    op.create_check_constraint(
        op.f("days_of_use_are_sane"), "variants", "days_of_use BETWEEN 0 AND 730"
    )
    op.add_column(
        "lots", sa.Column("expiry_precision", sa.Text(), server_default="day", nullable=False)
    )
    op.add_column("lots", sa.Column("no_expiry_reason", sa.Text(), nullable=True))
    op.add_column(
        "lots", sa.Column("on_shelf", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column("lots", sa.Column("sellable_until", sa.Date(), nullable=True))
    for column, kind in (
        ("units", sa.Integer()),
        ("from_id", sa.Uuid()),
        ("to_id", sa.Uuid()),
        ("from_balance", sa.Integer()),
        ("to_balance", sa.Integer()),
    ):
        op.add_column("movements", sa.Column(column, kind, nullable=True))
    op.execute(PLACES)
    op.execute(MOVED)
    op.alter_column("movements", "units", nullable=False)
    op.alter_column("lots", "sellable_until", nullable=False)
    for name in (
        "movement_moves_something",
        "movement_goes_its_kinds_way",
        "movement_kind_is_known",
    ):
        op.drop_constraint(name, "movements", type_="check")
    op.drop_constraint("movement_happens_once", "movements", type_="unique")
    op.drop_constraint("reserved_units_are_on_hand", "lots", type_="check")
    op.create_check_constraint(op.f("movement_moves_something"), "movements", "units > 0")
    op.create_check_constraint(
        op.f("movement_delta_is_its_legs"),
        "movements",
        "delta = units * ((to_id IS NOT NULL)::integer - (from_id IS NOT NULL)::integer)",
    )
    op.create_check_constraint(
        op.f("movement_goes_its_kinds_way"),
        "movements",
        "CASE WHEN kind IN ('receive', 'return_in') THEN from_id IS NULL AND to_id IS NOT NULL"
        " WHEN kind IN ('transfer', 'quarantine', 'release', 'recall')"
        " THEN from_id IS NOT NULL AND to_id IS NOT NULL AND from_id <> to_id"
        " WHEN kind = 'count_adjust' THEN (from_id IS NULL) <> (to_id IS NULL)"
        " ELSE from_id IS NOT NULL AND to_id IS NULL END",
    )
    op.create_check_constraint(
        op.f("movement_kind_is_known"),
        "movements",
        "kind IN ('receive', 'ship', 'count_adjust', 'damage', 'expire', 'return_in',"
        " 'return_to_vendor', 'destroy', 'treatment_use', 'transfer', 'quarantine', 'release',"
        " 'recall')",
    )
    op.create_unique_constraint(
        "movement_happens_once",
        "movements",
        ["kind", "reference_id", "lot_id", "from_id"],
        postgresql_nulls_not_distinct=True,
    )
    op.create_foreign_key(
        op.f("movements_from_id_fkey"), "movements", "locations", ["from_id"], ["id"]
    )
    op.create_foreign_key(op.f("movements_to_id_fkey"), "movements", "locations", ["to_id"], ["id"])
    op.create_check_constraint(
        op.f("reserved_units_are_on_the_shelf"),
        "lots",
        "on_hand >= 0 AND reserved >= 0 AND reserved <= on_shelf AND on_shelf <= on_hand",
    )
    op.create_check_constraint(
        op.f("expiry_precision_is_known"), "lots", "expiry_precision IN ('day', 'month', 'assumed')"
    )
    op.create_check_constraint(
        op.f("month_expires_on_its_last_day"),
        "lots",
        "expiry_precision <> 'month' OR extract(day FROM expires_on + 1) = 1",
    )
    op.create_check_constraint(
        op.f("assumed_expiry_has_a_reason"),
        "lots",
        "(expiry_precision = 'assumed') = (length(coalesce(no_expiry_reason, '')) BETWEEN 1 AND 200)",
    )
    op.create_index(
        "lots_sellable_idx",
        "lots",
        ["variant_id", "sellable_until"],
        postgresql_where=sa.text("status = 'available'"),
    )
    for statements in (SELLABLE, GUARDS, CHAINED, AT_COMMIT, GRANTS):
        op.execute(statements)


def _as_it_was(function: str) -> str:
    """The statement of migration 0007 that made this function, to replace what it is now."""
    module = op.get_context().script.get_revision("0007").module
    text = module.LEDGER + module.RESERVATIONS + module.AT_COMMIT
    found = re.search(rf"CREATE (FUNCTION {function}\(.*?\nEND \$\$;)", text, re.DOTALL)
    return f"CREATE OR REPLACE {found[1]}"


def downgrade() -> None:
    """Only while nothing has moved between places: that ledger has no word for it."""
    op.execute(
        "DROP TRIGGER lot_dated ON lots; DROP TRIGGER variants_lots_dated ON variants;"
        " DROP TRIGGER lot_heads_are_true ON lots;"
        " DROP FUNCTION lot_dated, variants_lots_dated, sellable_until"
    )
    for function in ("movement_chained", "part_held", "lot_heads_are_true"):
        op.execute(_as_it_was(function))
    op.execute(
        "CREATE CONSTRAINT TRIGGER lot_heads_are_true"
        " AFTER INSERT OR UPDATE OF on_hand, reserved, ledger_seq ON lots"
        " DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lot_heads_are_true();"
        " DROP FUNCTION lot_sale_guard, movement_leads, sells;"
        " GRANT INSERT (delta) ON movements TO aftercare_app, aftercare_worker"
    )
    op.drop_index("lots_sellable_idx", "lots", postgresql_where=sa.text("status = 'available'"))
    for name in (
        "reserved_units_are_on_the_shelf",
        "expiry_precision_is_known",
        "month_expires_on_its_last_day",
        "assumed_expiry_has_a_reason",
    ):
        op.drop_constraint(name, "lots", type_="check")
    op.create_check_constraint(
        op.f("reserved_units_are_on_hand"),
        "lots",
        "on_hand >= 0 AND reserved >= 0 AND reserved <= on_hand",
    )
    op.drop_constraint("movement_happens_once", "movements", type_="unique")
    for name in (
        "movement_moves_something",
        "movement_delta_is_its_legs",
        "movement_goes_its_kinds_way",
        "movement_kind_is_known",
    ):
        op.drop_constraint(name, "movements", type_="check")
    for column in ("units", "from_id", "to_id", "from_balance", "to_balance"):
        op.drop_column("movements", column)
    op.create_unique_constraint(
        "movement_happens_once", "movements", ["kind", "reference_id", "lot_id"]
    )
    op.create_check_constraint(op.f("movement_moves_something"), "movements", "delta <> 0")
    op.create_check_constraint(
        op.f("movement_goes_its_kinds_way"),
        "movements",
        "(kind IN ('receive', 'return_in')) = (delta > 0) OR kind = 'count_adjust'",
    )
    op.create_check_constraint(
        op.f("movement_kind_is_known"),
        "movements",
        "kind IN ('receive', 'ship', 'count_adjust', 'damage', 'expire', 'return_in',"
        " 'return_to_vendor', 'destroy', 'treatment_use')",
    )
    for column in ("expiry_precision", "no_expiry_reason", "on_shelf", "sellable_until"):
        op.drop_column("lots", column)
    op.drop_column("variants", "days_of_use")
    for table in ("holdings", "locations", "sites"):
        op.drop_table(table)
    op.execute("DROP FUNCTION holding_is_true, place_kept")
