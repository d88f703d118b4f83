"""Counts, adjustments with their reasons, and what came back: the second person, and the ledger's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None

SHARED = """
-- Nobody yet is nobody wrong.
CREATE FUNCTION keeps_the_shelf(person uuid) RETURNS boolean LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    SELECT person IS NULL OR EXISTS (SELECT FROM people WHERE id = person AND role IN ('staff', 'manager')
                   AND disabled_at IS NULL) $$;

-- What units of a variant sell for, in cents; NULL where it never had a price.
CREATE FUNCTION worth(variant uuid, units bigint) RETURNS bigint LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    SELECT units * (SELECT cents FROM prices WHERE variant_id = variant
                    AND valid_from <= shop_now() ORDER BY valid_from DESC LIMIT 1) $$;

-- From how much on a second person is needed; what nobody knows the worth of is much.
-- shop/inventory/limits.py says the same.
CREATE FUNCTION takes_two(units bigint, cents bigint) RETURNS boolean LANGUAGE sql IMMUTABLE
    AS $$ SELECT units > 5 OR coalesce(cents, 10001) > 10000 $$;
"""

COUNTS = """
-- What was found last of each lot of a count, over what should have been there.
CREATE FUNCTION variances(the_count uuid)
    RETURNS TABLE (line_id uuid, lot_id uuid, reason text, variance integer, ledger_seq integer)
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT l.id, l.lot_id, l.reason, e.units - e.expected, e.ledger_seq
    FROM count_lines l LEFT JOIN LATERAL (
        SELECT * FROM count_entries WHERE line_id = l.id ORDER BY number DESC LIMIT 1) e ON true
    WHERE l.count_id = the_count $$;

CREATE FUNCTION count_is_large(the_count uuid) RETURNS boolean LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    SELECT count(*) > 0
           AND takes_two(sum(abs(v.variance)),
                         sum(coalesce(worth(lots.variant_id, abs(v.variance)), 10001))::bigint)
    FROM variances(the_count) v JOIN lots ON lots.id = v.lot_id WHERE v.variance <> 0 $$;

CREATE FUNCTION count_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        broken := CASE
            WHEN NEW.status <> 'planned' THEN 'count_begins_planned'
            WHEN NOT keeps_the_shelf(NEW.planned_by_id) THEN 'count_is_by_who_keeps_the_shelf'
            END;
        NEW.planned_at := shop_now();
    ELSIF (NEW.id, NEW.number, NEW.location_id, NEW.cause, NEW.planned_by_id, NEW.planned_at)
          IS DISTINCT FROM
          (OLD.id, OLD.number, OLD.location_id, OLD.cause, OLD.planned_by_id, OLD.planned_at)
    THEN
        broken := 'count_keeps_what_it_is_of';
    ELSIF NEW.status = 'investigating' AND OLD.status <> 'investigating' THEN
        broken := CASE
            WHEN NOT EXISTS (SELECT FROM count_lines WHERE count_id = NEW.id)
                 OR EXISTS (SELECT FROM variances(NEW.id) WHERE variance IS NULL)
                THEN 'every_lot_is_counted' END;
    ELSIF NEW.status = 'approved' AND OLD.status <> 'approved' THEN
        broken := CASE
            WHEN NOT keeps_the_shelf(NEW.approved_by_id) THEN 'count_is_by_who_keeps_the_shelf'
            WHEN EXISTS (SELECT FROM variances(NEW.id) WHERE variance <> 0
                         AND (reason IS NULL OR (reason = 'found' AND variance < 0)
                              OR (reason NOT IN ('found', 'data_error') AND variance > 0)))
                THEN 'variance_has_its_reason'
            WHEN count_is_large(NEW.id) AND EXISTS (
                    SELECT FROM count_entries e JOIN count_lines l ON l.id = e.line_id
                    WHERE l.count_id = NEW.id AND e.counted_by_id = NEW.approved_by_id)
                THEN 'large_variance_is_approved_by_another'
            END;
    ELSIF NEW.approved_by_id IS DISTINCT FROM OLD.approved_by_id
          AND NEW.approved_by_id IS NOT NULL THEN
        broken := 'approval_is_not_rewritten';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'count %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER count_guard BEFORE INSERT OR UPDATE ON counts
    FOR EACH ROW EXECUTE FUNCTION count_guard();
CREATE TRIGGER count_goes_along_an_arrow BEFORE UPDATE ON counts
    FOR EACH ROW EXECUTE FUNCTION ordering_goes_on('count');
CREATE TRIGGER counts_are_kept BEFORE DELETE OR TRUNCATE ON counts
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- Lots are put on the sheet until all is counted; reasons are found after. Locks the count.
CREATE FUNCTION count_line_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    state text;
    broken text;
BEGIN
    SELECT status INTO state FROM counts WHERE id = NEW.count_id FOR UPDATE;
    IF TG_OP = 'INSERT' THEN
        broken := CASE WHEN state NOT IN ('planned', 'counting')
                       THEN 'lot_is_put_on_the_sheet_before_all_is_counted' END;
    ELSIF (NEW.id, NEW.count_id, NEW.lot_id)
          IS DISTINCT FROM (OLD.id, OLD.count_id, OLD.lot_id) THEN
        broken := 'count_line_keeps_its_lot';
    ELSIF state <> 'investigating' THEN
        broken := 'variance_is_explained_when_all_is_counted';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'count line %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER count_line_guard BEFORE INSERT OR UPDATE ON count_lines
    FOR EACH ROW EXECUTE FUNCTION count_line_guard();
CREATE TRIGGER count_lines_are_kept BEFORE DELETE OR TRUNCATE ON count_lines
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- What should be there is what the ledger says at this moment, the lot being locked: whatever comes
-- or goes later is no variance. Locks the count, then the lot.
CREATE FUNCTION count_entry_stamped() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    line count_lines%ROWTYPE;
    counted counts%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO line FROM count_lines WHERE id = NEW.line_id;
    SELECT * INTO counted FROM counts WHERE id = line.count_id FOR UPDATE;
    broken := CASE
        WHEN counted.status <> 'counting' THEN 'units_are_entered_while_counting'
        WHEN NOT keeps_the_shelf(NEW.counted_by_id) THEN 'count_is_by_who_keeps_the_shelf' END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'count %: %', counted.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    SELECT coalesce(ledger_seq, 0) INTO NEW.ledger_seq FROM lots WHERE id = line.lot_id FOR UPDATE;
    -- What was picked stands in its box, and is not counted with what lies in the place.
    NEW.expected := coalesce((SELECT on_hand FROM holdings WHERE lot_id = line.lot_id
                              AND location_id = counted.location_id), 0)
        - (SELECT coalesce(sum(p.units), 0)
           FROM picks p JOIN order_lines l ON l.id = p.order_line_id
           WHERE p.lot_id = line.lot_id AND p.location_id = counted.location_id
             AND p.put_back_at IS NULL
             AND l.status NOT IN ('shipped', 'delivered', 'returned'));
    NEW.number := 1 + (SELECT count(*) FROM count_entries WHERE line_id = NEW.line_id);
    NEW.counted_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER count_entry_stamped BEFORE INSERT ON count_entries
    FOR EACH ROW EXECUTE FUNCTION count_entry_stamped();
CREATE TRIGGER count_entries_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON count_entries
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit: what was posted moved every variance, as it was found.
CREATE FUNCTION posted_count_moved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (
        SELECT FROM variances(NEW.id) v WHERE v.variance <> 0 AND NOT EXISTS (
            SELECT FROM movements WHERE reference_id = v.line_id AND lot_id = v.lot_id)) THEN
        RAISE EXCEPTION 'count % moved less than it found', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'posted_count_moved_its_variances',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER posted_count_moved AFTER UPDATE OF status ON counts
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status = 'posted') EXECUTE FUNCTION posted_count_moved();
"""

ADJUSTMENTS = """
-- Whether so many units of a variant take a second person. What the same person adjusted of it
-- within a day counts together, so that nothing large is done in small steps.
CREATE FUNCTION adjustment_is_large(person uuid, variant uuid, units bigint) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT takes_two(units + coalesce(sum(abs(a.delta)), 0),
                     (worth(variant, units) + coalesce(sum(a.value_cents), 0))::bigint)
    FROM adjustments a JOIN lots ON lots.id = a.lot_id
    WHERE a.proposed_by_id = person AND lots.variant_id = variant AND a.status <> 'declined'
      AND a.proposed_at > shop_now() - interval '1 day' $$;

-- Stamps worth and size; two that one person proposes at once are judged one after the other.
CREATE FUNCTION adjustment_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    lot lots%ROWTYPE;
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('adjusts ' || NEW.proposed_by_id, 0));
        SELECT * INTO lot FROM lots WHERE id = NEW.lot_id;
        broken := CASE
            WHEN NEW.status <> 'proposed' THEN 'adjustment_begins_proposed'
            WHEN NOT keeps_the_shelf(NEW.proposed_by_id)
                THEN 'adjustment_is_by_who_keeps_the_shelf'
            WHEN NEW.reason = 'expired' AND lot.status <> 'expired'
                 AND lot.expires_on >= (shop_now() AT TIME ZONE 'UTC' + interval '14 hours')::date
                THEN 'only_what_expired_is_written_off_as_expired' END;
        NEW.proposed_at := shop_now();
        NEW.value_cents := worth(lot.variant_id, abs(NEW.delta));
        -- What others watch over (a witness, who receives) is not corrected past them.
        NEW.large := adjustment_is_large(NEW.proposed_by_id, lot.variant_id, abs(NEW.delta))
            OR EXISTS (SELECT FROM locations WHERE id = NEW.location_id
                       AND kind IN ('returns', 'in_transit', 'tester'));
    ELSIF (NEW.id, NEW.number, NEW.lot_id, NEW.location_id, NEW.delta, NEW.reason, NEW.note,
           NEW.proposed_by_id, NEW.value_cents, NEW.large, NEW.proposed_at)
          IS DISTINCT FROM
          (OLD.id, OLD.number, OLD.lot_id, OLD.location_id, OLD.delta, OLD.reason, OLD.note,
           OLD.proposed_by_id, OLD.value_cents, OLD.large, OLD.proposed_at) THEN
        broken := 'adjustment_keeps_what_was_proposed';
    ELSIF OLD.status <> 'proposed'
          AND NEW.decided_by_id IS DISTINCT FROM OLD.decided_by_id THEN
        broken := 'adjustment_is_decided_once';
    ELSIF NEW.decided_by_id IS NOT NULL AND NOT keeps_the_shelf(NEW.decided_by_id) THEN
        broken := 'adjustment_is_by_who_keeps_the_shelf';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'adjustment %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER adjustment_guard BEFORE INSERT OR UPDATE ON adjustments
    FOR EACH ROW EXECUTE FUNCTION adjustment_guard();
CREATE TRIGGER adjustment_goes_along_an_arrow BEFORE UPDATE ON adjustments
    FOR EACH ROW EXECUTE FUNCTION ordering_goes_on('adjustment');
CREATE TRIGGER adjustments_are_kept BEFORE DELETE OR TRUNCATE ON adjustments
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit: what was booked moved.
CREATE FUNCTION booked_adjustment_moved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM movements WHERE reference_id = NEW.id AND lot_id = NEW.lot_id) THEN
        RAISE EXCEPTION 'adjustment % moved nothing', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'booked_adjustment_moved_its_units',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER booked_adjustment_moved AFTER UPDATE OF status ON adjustments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status = 'booked') EXECUTE FUNCTION booked_adjustment_moved();
"""

MOVEMENTS = """
-- Units that are lost, found, broken or expired move by a count or an adjustment, as these say. What
-- was counted before another correction of the same place is not corrected a second time.
CREATE FUNCTION stock_correction_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    place uuid := coalesce(NEW.from_id, NEW.to_id);
    signed integer := CASE WHEN NEW.to_id IS NULL THEN -NEW.units ELSE NEW.units END;
    counted_at_seq integer;
    broken text;
BEGIN
    SELECT v.ledger_seq INTO counted_at_seq
        FROM count_lines l JOIN counts c ON c.id = l.count_id, variances(c.id) v
        WHERE l.id = NEW.reference_id AND v.line_id = l.id AND l.lot_id = NEW.lot_id
          AND c.location_id = place AND c.status = 'posted' AND v.variance = signed
          AND NEW.kind = 'count_adjust';
    broken := CASE
        WHEN counted_at_seq IS NULL AND NOT EXISTS (
            SELECT FROM adjustments a
            WHERE a.id = NEW.reference_id AND a.lot_id = NEW.lot_id AND a.location_id = place
              AND a.delta = signed AND a.status = 'booked'
              AND (NEW.kind = 'damage') = (a.reason = 'damaged')
              AND (NEW.kind = 'expire') = (a.reason = 'expired'))
            THEN 'correction_is_of_a_count_or_an_adjustment'
        WHEN EXISTS (
            SELECT FROM movements m
            WHERE m.lot_id = NEW.lot_id AND m.seq > counted_at_seq
              AND m.kind IN ('count_adjust', 'damage', 'expire', 'quarantine')
              AND place IN (m.from_id, m.to_id))
            THEN 'nothing_is_corrected_twice' END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'movement by %: %', NEW.reference_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER stock_correction_guard BEFORE INSERT ON movements
    FOR EACH ROW WHEN (NEW.kind IN ('count_adjust', 'damage', 'expire'))
    EXECUTE FUNCTION stock_correction_guard();

-- Units come back by a return, and leave the place of returns as was inspected and witnessed.
CREATE FUNCTION return_movement_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    one returns%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO one FROM returns
        WHERE id = NEW.reference_id AND lot_id = NEW.lot_id AND units = NEW.units;
    IF NEW.kind = 'return_in' THEN
        broken := CASE
            WHEN coalesce(one.status, '') <> 'received' THEN 'what_comes_back_is_a_return' END;
    ELSIF EXISTS (SELECT FROM locations WHERE id = NEW.from_id AND kind = 'returns') THEN
        broken := CASE
            WHEN coalesce(one.status, '') <> 'disposed'
                 OR NEW.kind <> replace(one.disposition, 'restock', 'release')
                THEN 'returned_units_go_as_was_witnessed' END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'movement by %: %', NEW.reference_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER return_movement_guard BEFORE INSERT ON movements
    FOR EACH ROW
    WHEN (NEW.kind IN ('return_in', 'release', 'destroy', 'return_to_vendor', 'quarantine',
                       'recall'))
    EXECUTE FUNCTION return_movement_guard();
"""

RETURNS = """
-- Why nothing of this goes back on the shelf; NULL where nothing speaks against it. A pack that was
-- out of the clinic's hands is not dispensed again: what needs a prescription, by its order or now.
CREATE FUNCTION restocking_is_refused(the_line uuid, the_lot uuid) RETURNS text
    LANGUAGE sql STABLE SET search_path = public, pg_temp AS $$
    SELECT CASE
        WHEN line.requires_prescription OR variant.doctor_only
             OR variant.legal_class IN ('rx', 'rx_unapproved')
            THEN 'prescription_goods_are_not_restocked'
        WHEN lot.status <> 'available' OR lot.sellable_until < day_at_the_latest()
            THEN 'only_a_sellable_lot_is_restocked' END
    FROM order_lines line, lots lot JOIN variants variant ON variant.id = lot.variant_id
    WHERE line.id = the_line AND lot.id = the_lot $$;

-- What came back of a parcel. Locks the parcel's line, so that no unit comes back twice.
CREATE FUNCTION return_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM shipment_lines WHERE id = NEW.shipment_line_id FOR UPDATE;
        broken := CASE
            WHEN NEW.status <> 'received' THEN 'return_begins_received'
            WHEN NEW.units + (SELECT coalesce(sum(units), 0) FROM returns
                              WHERE shipment_line_id = NEW.shipment_line_id)
                 > (SELECT units FROM shipment_lines WHERE id = NEW.shipment_line_id)
                THEN 'no_more_comes_back_than_left' END;
        NEW.received_at := shop_now();
    ELSIF (NEW.id, NEW.number, NEW.shipment_line_id, NEW.order_line_id, NEW.lot_id, NEW.units,
           NEW.reason, NEW.received_by_id, NEW.received_at)
          IS DISTINCT FROM
          (OLD.id, OLD.number, OLD.shipment_line_id, OLD.order_line_id, OLD.lot_id, OLD.units,
           OLD.reason, OLD.received_by_id, OLD.received_at) THEN
        broken := 'return_keeps_what_came_back';
    ELSIF OLD.status = 'disposed' AND NEW.witness_id IS DISTINCT FROM OLD.witness_id THEN
        broken := 'witness_is_not_rewritten';
    ELSIF NEW.status = 'disposed'
          AND (NEW.inspected_by_id, NEW.condition, NEW.storage, NEW.disposition, NEW.note)
              IS DISTINCT FROM
              (OLD.inspected_by_id, OLD.condition, OLD.storage, OLD.disposition, OLD.note) THEN
        broken := 'witness_sees_what_was_inspected';
    END IF;
    broken := coalesce(broken, CASE
        WHEN NOT (keeps_the_shelf(NEW.received_by_id) AND keeps_the_shelf(NEW.inspected_by_id)
                  AND keeps_the_shelf(NEW.witness_id))
            THEN 'return_is_by_who_keeps_the_shelf'
        WHEN NEW.disposition = 'restock'
            THEN restocking_is_refused(NEW.order_line_id, NEW.lot_id) END);
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'return %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER return_guard BEFORE INSERT OR UPDATE ON returns
    FOR EACH ROW EXECUTE FUNCTION return_guard();
CREATE TRIGGER return_goes_along_an_arrow BEFORE UPDATE ON returns
    FOR EACH ROW EXECUTE FUNCTION ordering_goes_on('return');
CREATE TRIGGER returns_are_kept BEFORE DELETE OR TRUNCATE ON returns
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit: what came back came in, and what was witnessed went.
CREATE FUNCTION return_moved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM movements WHERE reference_id = NEW.id AND lot_id = NEW.lot_id
                   AND (kind = 'return_in') = (TG_OP = 'INSERT')) THEN
        RAISE EXCEPTION 'return % moved nothing', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'return_moved_its_units',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER return_came_in AFTER INSERT ON returns
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION return_moved();
CREATE CONSTRAINT TRIGGER return_went AFTER UPDATE OF status ON returns
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status = 'disposed') EXECUTE FUNCTION return_moved();
"""

TRANSITIONS = """
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('count', '', 'planned'),
    ('count', 'planned', 'counting'), ('count', 'planned', 'cancelled'),
    ('count', 'counting', 'investigating'), ('count', 'counting', 'cancelled'),
    ('count', 'investigating', 'counting'), ('count', 'investigating', 'approved'),
    ('count', 'investigating', 'cancelled'),
    ('count', 'approved', 'posted'), ('count', 'approved', 'counting'),
    ('count', 'approved', 'cancelled'),
    ('adjustment', '', 'proposed'),
    ('adjustment', 'proposed', 'booked'), ('adjustment', 'proposed', 'declined'),
    ('return', '', 'received'),
    ('return', 'received', 'inspected'),
    ('return', 'inspected', 'received'), ('return', 'inspected', 'disposed');
-- Events that leave the state as it is.
INSERT INTO legal_transitions (machine, from_state, to_state)
    SELECT DISTINCT machine, to_state, to_state FROM legal_transitions
    WHERE machine IN ('count', 'adjustment', 'return');
"""

GRANTS = """
GRANT SELECT ON counts, count_lines, count_entries, adjustments, returns
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, number, location_id, cause, status, state_seq, planned_by_id),
    UPDATE (status, state_seq, approved_by_id) ON counts TO aftercare_app;
GRANT INSERT (id, count_id, lot_id), UPDATE (reason, note) ON count_lines TO aftercare_app;
GRANT INSERT (id, line_id, units, counted_by_id) ON count_entries TO aftercare_app;
GRANT INSERT (id, number, lot_id, location_id, delta, reason, note, status, state_seq,
        proposed_by_id),
    UPDATE (status, state_seq, decided_by_id) ON adjustments TO aftercare_app;
GRANT INSERT (id, number, shipment_line_id, order_line_id, lot_id, units, reason, status,
        state_seq, received_by_id),
    UPDATE (status, state_seq, inspected_by_id, condition, storage, disposition, note, witness_id)
    ON returns TO aftercare_app;
"""

NOW = sa.DateTime(timezone=True)
REASONS = "'damaged', 'expired', 'theft_or_loss', 'sample_given', 'found', 'data_error'"


def upgrade() -> None:
    _counts()
    _count_lines()
    _count_entries()
    _adjustments()
    _returns()
    for statements in (SHARED, COUNTS, ADJUSTMENTS, RETURNS, MOVEMENTS, TRANSITIONS, GRANTS):
        op.execute(statements)


def _state(machine: str) -> list[sa.SchemaItem]:
    """What every table with a life cycle has."""
    return [
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name=f"{machine}_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
    ]


def _points(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"{table}_{column}_fkey"))


def _counts() -> None:
    op.create_table(
        "counts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("location_id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("planned_by_id", sa.Uuid(), nullable=False),
        sa.Column("planned_at", NOW, nullable=False),
        sa.Column("approved_by_id", sa.Uuid(), nullable=True),
        *_state("count"),
        sa.CheckConstraint(
            "cause IN ('cycle', 'asked', 'short_pick')", name=op.f("count_cause_is_known")
        ),
        sa.CheckConstraint(
            "(status IN ('approved', 'posted')) = (approved_by_id IS NOT NULL)",
            name=op.f("approved_count_says_by_whom"),
        ),
        _points("counts", "location_id", "locations"),
        _points("counts", "planned_by_id", "people"),
        _points("counts", "approved_by_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("counts_pkey")),
        sa.UniqueConstraint("number", name=op.f("counts_number_key")),
    )
    op.create_index("counts_location_idx", "counts", ["location_id"])


def _count_lines() -> None:
    op.create_table(
        "count_lines",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("count_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.CheckConstraint(f"reason IN ({REASONS})", name=op.f("count_line_reason_is_known")),
        sa.CheckConstraint(
            "(reason IS NULL) = (note IS NULL) AND char_length(note) BETWEEN 1 AND 500",
            name=op.f("count_line_reason_has_its_note"),
        ),
        _points("count_lines", "count_id", "counts"),
        _points("count_lines", "lot_id", "lots"),
        sa.PrimaryKeyConstraint("id", name=op.f("count_lines_pkey")),
        sa.UniqueConstraint("count_id", "lot_id", name="count_lines_lot_key"),
    )
    op.create_index(op.f("count_lines_lot_id_idx"), "count_lines", ["lot_id"])


def _count_entries() -> None:
    op.create_table(
        "count_entries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("line_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("ledger_seq", sa.Integer(), nullable=False),
        sa.Column("counted_by_id", sa.Uuid(), nullable=False),
        sa.Column("counted_at", NOW, nullable=False),
        sa.CheckConstraint("units BETWEEN 0 AND 1000000", name=op.f("counted_units_are_sane")),
        _points("count_entries", "line_id", "count_lines"),
        _points("count_entries", "counted_by_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("count_entries_pkey")),
        sa.UniqueConstraint("line_id", "number", name="count_entries_number_key"),
    )


def _adjustments() -> None:
    op.create_table(
        "adjustments",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("location_id", sa.Uuid(), nullable=False),
        sa.Column("delta", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("proposed_by_id", sa.Uuid(), nullable=False),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("value_cents", sa.BigInteger(), nullable=True),
        sa.Column("large", sa.Boolean(), nullable=False),
        sa.Column("proposed_at", NOW, nullable=False),
        *_state("adjustment"),
        sa.CheckConstraint(
            "delta <> 0 AND abs(delta) <= 100000", name=op.f("adjusted_units_are_sane")
        ),
        sa.CheckConstraint(f"reason IN ({REASONS})", name=op.f("adjustment_reason_is_known")),
        sa.CheckConstraint(
            "CASE reason WHEN 'found' THEN delta > 0 WHEN 'data_error' THEN true"
            " ELSE delta < 0 END",
            name=op.f("adjustment_goes_its_reasons_way"),
        ),
        sa.CheckConstraint(
            "char_length(note) BETWEEN 1 AND 500", name=op.f("adjustment_says_more")
        ),
        sa.CheckConstraint(
            "status <> 'booked' OR NOT large OR decided_by_id IS NOT NULL",
            name=op.f("large_adjustment_is_confirmed"),
        ),
        sa.CheckConstraint(
            "decided_by_id <> proposed_by_id", name=op.f("adjustment_is_decided_by_another")
        ),
        sa.CheckConstraint(
            "CASE status WHEN 'proposed' THEN decided_by_id IS NULL"
            " WHEN 'declined' THEN decided_by_id IS NOT NULL ELSE true END",
            name=op.f("adjustment_is_decided_by_someone"),
        ),
        _points("adjustments", "lot_id", "lots"),
        _points("adjustments", "location_id", "locations"),
        _points("adjustments", "proposed_by_id", "people"),
        _points("adjustments", "decided_by_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("adjustments_pkey")),
        sa.UniqueConstraint("number", name=op.f("adjustments_number_key")),
    )
    op.create_index(op.f("adjustments_lot_id_idx"), "adjustments", ["lot_id"])
    op.create_index("adjustments_proposer_idx", "adjustments", ["proposed_by_id", "proposed_at"])


def _returns() -> None:
    op.create_unique_constraint(
        "shipment_lines_lot_key", "shipment_lines", ["id", "order_line_id", "lot_id"]
    )
    op.create_table(
        "returns",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("shipment_line_id", sa.Uuid(), nullable=False),
        sa.Column("order_line_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("received_by_id", sa.Uuid(), nullable=False),
        sa.Column("received_at", NOW, nullable=False),
        sa.Column("inspected_by_id", sa.Uuid(), nullable=True),
        sa.Column("condition", sa.Text(), nullable=True),
        sa.Column("storage", sa.Text(), nullable=True),
        sa.Column("disposition", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("witness_id", sa.Uuid(), nullable=True),
        *_state("return"),
        sa.CheckConstraint("units > 0", name=op.f("something_came_back")),
        sa.CheckConstraint(
            "reason IN ('changed_mind', 'wrong_item', 'damaged', 'undeliverable', 'recalled',"
            " 'other')",
            name=op.f("return_reason_is_known"),
        ),
        sa.CheckConstraint(
            "condition IN ('unopened', 'opened', 'damaged')",
            name=op.f("return_condition_is_known"),
        ),
        sa.CheckConstraint(
            "storage IN ('as_labelled', 'cold', 'unknown')", name=op.f("return_storage_is_known")
        ),
        sa.CheckConstraint(
            "disposition IN ('restock', 'destroy', 'return_to_vendor')",
            name=op.f("return_disposition_is_known"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(inspected_by_id, condition, storage, disposition)"
            " = CASE status WHEN 'received' THEN 0 ELSE 4 END",
            name=op.f("inspected_return_says_what_was_found"),
        ),
        sa.CheckConstraint(
            "char_length(note) BETWEEN 1 AND 500", name=op.f("return_note_is_short")
        ),
        sa.CheckConstraint(
            "disposition <> 'restock' OR condition = 'unopened' AND storage = 'as_labelled'",
            name=op.f("opened_goods_are_not_restocked"),
        ),
        sa.CheckConstraint(
            "(status = 'disposed') = (witness_id IS NOT NULL)", name=op.f("disposal_has_a_witness")
        ),
        sa.CheckConstraint("witness_id <> inspected_by_id", name=op.f("witness_is_another")),
        sa.ForeignKeyConstraint(
            ["shipment_line_id", "order_line_id", "lot_id"],
            ["shipment_lines.id", "shipment_lines.order_line_id", "shipment_lines.lot_id"],
            name="return_is_of_a_parcel",
        ),
        _points("returns", "received_by_id", "people"),
        _points("returns", "inspected_by_id", "people"),
        _points("returns", "witness_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f("returns_pkey")),
        sa.UniqueConstraint("number", name=op.f("returns_number_key")),
    )
    op.create_index("returns_parcel_idx", "returns", ["shipment_line_id"])
    op.create_index("returns_line_idx", "returns", ["order_line_id"])


def downgrade() -> None:
    op.execute(
        "DELETE FROM legal_transitions WHERE machine IN ('count', 'adjustment', 'return');"
        "DROP TRIGGER stock_correction_guard ON movements;"
        "DROP TRIGGER return_movement_guard ON movements;"
        "DROP FUNCTION stock_correction_guard(); DROP FUNCTION return_movement_guard()"
    )
    for table in ("returns", "adjustments", "count_entries", "count_lines", "counts"):
        op.drop_table(table)
    op.drop_constraint("shipment_lines_lot_key", "shipment_lines", type_="unique")
    op.execute(
        "DROP FUNCTION return_guard(); DROP FUNCTION return_moved();"
        "DROP FUNCTION restocking_is_refused(uuid, uuid);"
        "DROP FUNCTION adjustment_guard(); DROP FUNCTION adjustment_is_large(uuid, uuid, bigint);"
        "DROP FUNCTION booked_adjustment_moved();"
        "DROP FUNCTION count_guard(); DROP FUNCTION count_line_guard();"
        "DROP FUNCTION count_entry_stamped(); DROP FUNCTION posted_count_moved();"
        "DROP FUNCTION count_is_large(uuid); DROP FUNCTION variances(uuid);"
        "DROP FUNCTION takes_two(bigint, bigint); DROP FUNCTION worth(uuid, bigint);"
        "DROP FUNCTION keeps_the_shelf(uuid)"
    )
