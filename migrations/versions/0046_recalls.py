"""Recalls: lots that must come back, who got units of them, what became of each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None

ARROWS = """
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('recall', '', 'opened'),
    ('recall', 'opened', 'locked'),
    ('recall', 'opened', 'listed'),
    ('recall', 'locked', 'listed'),
    ('recall', 'listed', 'notified'),
    ('recall', 'listed', 'closed'),
    ('recall', 'notified', 'reconciled'),
    ('recall', 'reconciled', 'closed');
-- Events that leave the state as it is.
INSERT INTO legal_transitions (machine, from_state, to_state)
    SELECT DISTINCT machine, to_state, to_state FROM legal_transitions WHERE machine = 'recall';
"""

RECALLS = """
-- Whether a recall's list is exactly who got units of its lots, and how many.
CREATE FUNCTION recall_is_listed_whole(the_recall uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    -- An array, so that the planner knows how few lots these are.
    WITH named AS (SELECT array_agg(lot_id) AS lots FROM recall_lots
                   WHERE recall_id = the_recall),
    got AS (
        SELECT l.client_id, p.units AS retail, 0 AS treatment
        FROM shipment_lines p JOIN order_lines l ON l.id = p.order_line_id
        WHERE p.lot_id = ANY ((SELECT lots FROM named)::uuid[])
        UNION ALL
        SELECT s.client_id, 0, -m.delta
        FROM movements m JOIN performances d ON d.id = m.reference_id
            JOIN sessions s ON s.id = d.session_id
        WHERE m.kind = 'treatment_use' AND m.lot_id = ANY ((SELECT lots FROM named)::uuid[]))
    SELECT NOT EXISTS (
        SELECT FROM (SELECT client_id, sum(retail) AS retail, sum(treatment) AS treatment
                     FROM got GROUP BY client_id) AS due
            FULL JOIN (SELECT * FROM recall_clients WHERE recall_id = the_recall) AS listed
                USING (client_id)
        WHERE (due.retail, due.treatment)
            IS DISTINCT FROM (listed.retail_units, listed.treatment_units)) $$;
REVOKE EXECUTE ON FUNCTION recall_is_listed_whole(uuid) FROM PUBLIC;

CREATE FUNCTION recall_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        broken := CASE
            WHEN NOT keeps_the_shelf(NEW.opened_by_id)
                THEN 'recall_is_opened_by_who_keeps_the_shelf'
            END;
        NEW.opened_at := shop_now();
    ELSIF (NEW.id, NEW.number, NEW.drill, NEW.source, NEW.hazard_class, NEW.reference, NEW.reason,
           NEW.instructions, NEW.opened_by_id, NEW.opened_at) IS DISTINCT FROM
          (OLD.id, OLD.number, OLD.drill, OLD.source, OLD.hazard_class, OLD.reference, OLD.reason,
           OLD.instructions, OLD.opened_by_id, OLD.opened_at)
    THEN
        broken := 'recall_keeps_what_it_says';
    ELSIF NEW.status <> OLD.status THEN
        broken := CASE
            WHEN NOT EXISTS (SELECT FROM recall_lots WHERE recall_id = NEW.id)
                THEN 'recall_names_a_lot'
            WHEN NEW.status = 'locked' AND EXISTS (
                SELECT FROM recall_lots n JOIN lots t ON t.id = n.lot_id
                WHERE n.recall_id = NEW.id AND t.status NOT IN ('recalled', 'returned', 'destroyed'))
                THEN 'locked_recall_locks_its_lots'
            WHEN NEW.status = 'listed' AND OLD.status = 'opened' AND NOT NEW.drill
                THEN 'lots_are_locked_before_the_list'
            WHEN NEW.status = 'listed' AND NOT NEW.drill AND NOT recall_is_listed_whole(NEW.id)
                THEN 'recall_lists_everybody'
            WHEN NEW.status = 'reconciled' AND EXISTS (
                SELECT FROM recall_clients c WHERE c.recall_id = NEW.id AND c.retail_units > 0
                    AND NOT EXISTS (SELECT FROM recall_answers WHERE recall_client_id = c.id))
                THEN 'everybody_answered_or_was_not_reached'
            WHEN NEW.status = 'closed' AND OLD.status = 'listed' AND NOT NEW.drill
                THEN 'recall_is_reconciled_before_it_is_closed'
            WHEN NEW.status = 'closed' AND NOT NEW.drill AND EXISTS (
                SELECT FROM recall_lots n JOIN lots t ON t.id = n.lot_id
                WHERE n.recall_id = NEW.id AND t.on_hand > 0)
                THEN 'closed_recall_left_nothing_here'
            END;
    END IF;
    NEW.listed_at := CASE WHEN NEW.status IN ('opened', 'locked') THEN NULL
                          WHEN OLD.status IN ('opened', 'locked') THEN shop_now()
                          ELSE OLD.listed_at END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'recall %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER recall_guard BEFORE INSERT OR UPDATE ON recalls
    FOR EACH ROW EXECUTE FUNCTION recall_guard();
CREATE TRIGGER recall_goes_along_an_arrow BEFORE UPDATE ON recalls
    FOR EACH ROW EXECUTE FUNCTION prescribing_goes_on('recall');
CREATE TRIGGER recalls_are_kept BEFORE DELETE OR TRUNCATE ON recalls
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

CREATE FUNCTION recall_lot_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF (SELECT status FROM recalls WHERE id = NEW.recall_id FOR SHARE) <> 'opened' THEN
        RAISE EXCEPTION 'recall % has its lots', NEW.recall_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'lots_are_named_at_the_opening',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER recall_lot_guard BEFORE INSERT ON recall_lots
    FOR EACH ROW EXECUTE FUNCTION recall_lot_guard();
CREATE TRIGGER recall_lots_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON recall_lots
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- Once for all that are written down at a time, which may be many.
CREATE FUNCTION recall_client_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM recalls
               WHERE id IN (SELECT recall_id FROM added) AND status NOT IN ('opened', 'locked')) THEN
        RAISE EXCEPTION 'the list is made once'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'recall_is_listed_once',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER recall_client_guard AFTER INSERT ON recall_clients
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION recall_client_guard();
CREATE TRIGGER recall_clients_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON recall_clients
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

ANSWERS = """
-- Locks who is listed, so that two words of hers come one after the other.
CREATE FUNCTION recall_answer_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    listed recall_clients%ROWTYPE;
    standing text;
    broken text;
BEGIN
    SELECT * INTO listed FROM recall_clients WHERE id = NEW.recall_client_id FOR UPDATE;
    SELECT status INTO standing FROM recalls WHERE id = listed.recall_id;
    broken := CASE
        WHEN standing NOT IN ('notified', 'reconciled') THEN 'answers_come_after_the_letter'
        WHEN NEW.channel = 'page' AND NEW.recorded_by_id <> listed.client_id
            THEN 'client_answers_for_herself'
        WHEN NEW.channel <> 'page' AND NOT keeps_the_shelf(NEW.recorded_by_id)
            THEN 'answer_is_written_down_by_who_works_here'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'answer %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.number := 1 + (SELECT count(*) FROM recall_answers
                       WHERE recall_client_id = NEW.recall_client_id);
    NEW.recorded_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER recall_answer_guard BEFORE INSERT ON recall_answers
    FOR EACH ROW EXECUTE FUNCTION recall_answer_guard();
CREATE TRIGGER recall_answers_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON recall_answers
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

COMING_BACK = """
CREATE FUNCTION recall_collection_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    broken := CASE
        WHEN (SELECT status FROM recalls WHERE id = NEW.recall_id FOR SHARE)
             NOT IN ('locked', 'listed', 'notified', 'reconciled')
            OR (SELECT drill FROM recalls WHERE id = NEW.recall_id)
            THEN 'only_what_is_locked_is_collected'
        WHEN NOT keeps_the_shelf(NEW.collected_by_id) THEN 'collected_by_who_keeps_the_shelf'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'collection %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.collected_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER recall_collection_guard BEFORE INSERT ON recall_collections
    FOR EACH ROW EXECUTE FUNCTION recall_collection_guard();
CREATE TRIGGER recall_collections_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE
    ON recall_collections FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

CREATE FUNCTION recall_disposition_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        broken := CASE
            WHEN (SELECT status FROM recalls WHERE id = NEW.recall_id FOR SHARE)
                 NOT IN ('locked', 'listed', 'notified', 'reconciled')
                OR (SELECT drill FROM recalls WHERE id = NEW.recall_id)
                THEN 'only_what_is_locked_is_disposed_of'
            WHEN NOT keeps_the_shelf(NEW.planned_by_id)
                THEN 'disposition_is_planned_by_who_keeps_the_shelf'
            END;
        NEW.planned_at := shop_now();
        NEW.witnessed_by_id := NULL;
        NEW.witnessed_at := NULL;
    ELSE
        IF (NEW.id, NEW.recall_id, NEW.lot_id, NEW.outcome, NEW.units, NEW.reference,
            NEW.planned_by_id, NEW.planned_at) IS DISTINCT FROM
           (OLD.id, OLD.recall_id, OLD.lot_id, OLD.outcome, OLD.units, OLD.reference,
            OLD.planned_by_id, OLD.planned_at)
        THEN
            broken := 'disposition_keeps_what_was_planned';
        ELSIF OLD.witnessed_by_id IS NOT NULL THEN
            broken := 'disposition_is_witnessed_once';
        ELSIF NOT keeps_the_shelf(NEW.witnessed_by_id) THEN
            broken := 'witness_keeps_the_shelf';
        END IF;
        NEW.witnessed_at := shop_now();
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'disposition %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER recall_disposition_guard BEFORE INSERT OR UPDATE ON recall_dispositions
    FOR EACH ROW EXECUTE FUNCTION recall_disposition_guard();
CREATE TRIGGER recall_dispositions_are_kept BEFORE DELETE OR TRUNCATE ON recall_dispositions
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- Units of a recalled lot move by the recall: to quarantine (`movement_leads`) by who collected them,
-- and out of the house before a witness. After `movement_chained`, which holds the lot.
CREATE FUNCTION recalled_units_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF NEW.kind = 'recall' THEN
        broken := CASE
            WHEN NOT EXISTS (SELECT FROM recall_collections
                             WHERE id = NEW.reference_id AND lot_id = NEW.lot_id)
                THEN 'recall_movement_is_of_a_collection'
            END;
    ELSE
        broken := CASE
            WHEN EXISTS (SELECT FROM recall_lots WHERE lot_id = NEW.lot_id AND NOT drill)
                AND NOT EXISTS (
                    SELECT FROM recall_dispositions
                    WHERE id = NEW.reference_id AND lot_id = NEW.lot_id AND outcome = NEW.kind
                        AND units = NEW.units AND witnessed_by_id IS NOT NULL)
                -- What two people said elsewhere: of what came back, of what was lost on the way;
                -- and a tester, which one throws away.
                AND NOT EXISTS (SELECT FROM returns WHERE id = NEW.reference_id
                                AND status = 'disposed' AND disposition = NEW.kind)
                AND NOT EXISTS (SELECT FROM locations WHERE id = NEW.from_id
                                AND kind IN ('in_transit', 'tester') AND NEW.kind = 'destroy')
                THEN 'recalled_units_leave_before_a_witness'
            END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'movement of lot %: %', NEW.lot_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER recalled_units_guard BEFORE INSERT ON movements
    FOR EACH ROW WHEN (NEW.kind IN ('recall', 'return_to_vendor', 'destroy', 'expire', 'damage'))
    EXECUTE FUNCTION recalled_units_guard();

-- At commit: what was collected is what moved.
CREATE FUNCTION collection_is_what_moved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.units IS DISTINCT FROM (SELECT sum(units) FROM movements
                                   WHERE kind = 'recall' AND lot_id = NEW.lot_id
                                       AND reference_id = NEW.id) THEN
        RAISE EXCEPTION 'collection % is not what moved', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER collection_is_what_moved AFTER INSERT ON recall_collections
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION collection_is_what_moved();
"""

LINES = """
-- A line whose units went away with a recalled lot takes others when it goes on, and at no other time.
CREATE FUNCTION line_takes_new_units() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    broken := CASE
        WHEN (OLD.status, NEW.status) <> ('on_hold', 'ready')
            THEN 'line_takes_new_units_when_it_goes_on'
        WHEN EXISTS (SELECT FROM reservations WHERE id = OLD.reservation_id
                     AND released_at IS NULL)
            THEN 'line_gave_its_units_back_before'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'order line %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER line_takes_new_units BEFORE UPDATE OF reservation_id ON order_lines
    FOR EACH ROW WHEN (OLD.reservation_id IS DISTINCT FROM NEW.reservation_id)
    EXECUTE FUNCTION line_takes_new_units();
"""

GRANTS = """
GRANT SELECT ON recalls, recall_lots, recall_clients, recall_answers, recall_collections,
    recall_dispositions TO aftercare_app, aftercare_worker;
GRANT INSERT (id, number, drill, source, hazard_class, reference, reason, instructions, status,
              state_seq, opened_by_id),
    UPDATE (status, state_seq) ON recalls TO aftercare_app;
GRANT INSERT (recall_id, lot_id, drill) ON recall_lots TO aftercare_app;
GRANT INSERT (recall_id, client_id, retail_units, treatment_units) ON recall_clients
    TO aftercare_app;
GRANT INSERT (id, recall_client_id, retail_units, has, used_up, returned, never_got, unreachable,
              channel, recorded_by_id) ON recall_answers TO aftercare_app;
GRANT INSERT (id, recall_id, lot_id, units, collected_by_id) ON recall_collections
    TO aftercare_app;
GRANT INSERT (id, recall_id, lot_id, outcome, units, reference, planned_by_id),
    UPDATE (witnessed_by_id) ON recall_dispositions TO aftercare_app;
GRANT UPDATE (reservation_id) ON order_lines TO aftercare_app, aftercare_worker;
"""

TABLES = (
    "recall_dispositions",
    "recall_collections",
    "recall_answers",
    "recall_clients",
    "recall_lots",
    "recalls",
)
FUNCTIONS = (
    "line_takes_new_units",
    "collection_is_what_moved",
    "recalled_units_guard",
    "recall_disposition_guard",
    "recall_collection_guard",
    "recall_answer_guard",
    "recall_client_guard",
    "recall_lot_guard",
    "recall_guard",
    "recall_is_listed_whole",
)
LETTER = "recall_notice"


def _letters(change: str) -> None:
    """Take a template in or out of the CHECK, whatever others stand in it."""
    check = sa.text(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conname = 'letter_template_is_known'"
    )
    told = op.get_bind().execute(check).scalar_one()
    words = [word for word in told.split("'")[1::2] if word != LETTER]
    if change == "add":
        words.append(LETTER)
    op.drop_constraint("letter_template_is_known", "letters", type_="check")
    op.create_check_constraint(
        op.f("letter_template_is_known"),
        "letters",
        f"template IN ({', '.join(repr(word) for word in words)})",
    )


def _person(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["people.id"], name=op.f(f"{table}_{column}_fkey"))


def upgrade() -> None:
    _recalls()
    _clients()
    _coming_back()
    op.create_index(
        "movements_treatment_uses_idx",
        "movements",
        ["lot_id"],
        postgresql_where=sa.text("kind = 'treatment_use'"),
    )
    _letters("add")
    for statements in (ARROWS, RECALLS, ANSWERS, COMING_BACK, LINES, GRANTS):
        op.execute(statements)


def _recalls() -> None:
    op.create_table(
        "recalls",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("hazard_class", sa.Text(), nullable=True),
        sa.Column("reference", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("instructions", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("opened_by_id", sa.Uuid(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("listed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "source IN ('maker', 'fda', 'clinic')", name=op.f("recall_source_is_known")
        ),
        sa.CheckConstraint(
            "hazard_class IN ('I', 'II', 'III')", name=op.f("recall_class_is_known")
        ),
        sa.CheckConstraint(
            "length(reason) BETWEEN 1 AND 2000 AND length(instructions) BETWEEN 1 AND 2000"
            " AND length(reference) <= 200",
            name=op.f("recall_says_why_and_what_to_do"),
        ),
        sa.CheckConstraint(
            "NOT drill OR status IN ('opened', 'listed', 'closed')",
            name=op.f("drill_locks_nothing_and_writes_to_nobody"),
        ),
        sa.CheckConstraint(
            "(status IN ('opened', 'locked')) = (listed_at IS NULL)",
            name=op.f("recall_listed_at_some_time"),
        ),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="recall_status_has_its_event",
            deferrable=True,
            initially="DEFERRED",
        ),
        _person("recalls", "opened_by_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("recalls_pkey")),
        sa.UniqueConstraint("id", "drill", name="recalls_drill_key"),
        sa.UniqueConstraint("number", name=op.f("recalls_number_key")),
    )
    op.create_table(
        "recall_lots",
        sa.Column("recall_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("drill", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["recall_id", "drill"], ["recalls.id", "recalls.drill"], name="lot_is_of_its_recall"
        ),
        sa.ForeignKeyConstraint(["lot_id"], ["lots.id"], name=op.f("recall_lots_lot_id_fkey")),
        sa.PrimaryKeyConstraint("recall_id", "lot_id", name=op.f("recall_lots_pkey")),
    )
    op.create_index(
        "lot_is_recalled_once",
        "recall_lots",
        ["lot_id", "drill"],
        unique=True,
        postgresql_where=sa.text("NOT drill"),
    )


def _clients() -> None:
    op.create_table(
        "recall_clients",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("recall_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("retail_units", sa.Integer(), nullable=False),
        sa.Column("treatment_units", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "retail_units >= 0 AND treatment_units >= 0 AND retail_units + treatment_units > 0",
            name=op.f("listed_client_got_something"),
        ),
        sa.ForeignKeyConstraint(
            ["recall_id"], ["recalls.id"], name=op.f("recall_clients_recall_id_fkey")
        ),
        _person("recall_clients", "client_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("recall_clients_pkey")),
        sa.UniqueConstraint("recall_id", "client_id", name="client_is_listed_once"),
        sa.UniqueConstraint("id", "retail_units", name="recall_clients_units_key"),
    )
    op.create_index("recall_clients_client_idx", "recall_clients", ["client_id"])
    op.create_table(
        "recall_answers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recall_client_id", sa.Uuid(), nullable=False),
        sa.Column("retail_units", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("has", sa.Integer(), nullable=False),
        sa.Column("used_up", sa.Integer(), nullable=False),
        sa.Column("returned", sa.Integer(), nullable=False),
        sa.Column("never_got", sa.Integer(), nullable=False),
        sa.Column("unreachable", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "channel IN ('page', 'phone', 'mail', 'in_person')",
            name=op.f("answer_channel_is_known"),
        ),
        sa.CheckConstraint(
            "least(has, used_up, returned, never_got) >= 0",
            name=op.f("answered_units_are_not_negative"),
        ),
        sa.CheckConstraint(
            "has + used_up + returned + never_got"
            " = CASE WHEN unreachable THEN 0 ELSE retail_units END",
            name=op.f("answer_accounts_for_every_unit"),
        ),
        sa.CheckConstraint(
            "NOT (unreachable AND channel = 'page')", name=op.f("who_answers_was_reached")
        ),
        sa.ForeignKeyConstraint(
            ["recall_client_id", "retail_units"],
            ["recall_clients.id", "recall_clients.retail_units"],
            name="answer_is_about_what_she_got",
        ),
        _person("recall_answers", "recorded_by_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("recall_answers_pkey")),
        sa.UniqueConstraint("recall_client_id", "number", name="recall_answers_number_key"),
    )


def _coming_back() -> None:
    op.create_table(
        "recall_collections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recall_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("collected_by_id", sa.Uuid(), nullable=False),
        sa.Column("collected_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("units > 0", name=op.f("something_was_collected")),
        sa.ForeignKeyConstraint(
            ["recall_id", "lot_id"],
            ["recall_lots.recall_id", "recall_lots.lot_id"],
            name="collected_lot_is_of_the_recall",
        ),
        _person("recall_collections", "collected_by_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("recall_collections_pkey")),
    )
    op.create_index("recall_collections_recall_idx", "recall_collections", ["recall_id"])
    op.create_table(
        "recall_dispositions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("recall_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("units", sa.Integer(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("planned_by_id", sa.Uuid(), nullable=False),
        sa.Column("planned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("witnessed_by_id", sa.Uuid(), nullable=True),
        sa.Column("witnessed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "outcome IN ('return_to_vendor', 'destroy')", name=op.f("disposition_outcome_is_known")
        ),
        sa.CheckConstraint("units > 0", name=op.f("something_is_disposed_of")),
        sa.CheckConstraint(
            "length(reference) BETWEEN 1 AND 200", name=op.f("disposition_has_its_reference")
        ),
        sa.CheckConstraint(
            "witnessed_by_id <> planned_by_id", name=op.f("disposition_is_witnessed_by_another")
        ),
        sa.CheckConstraint(
            "(witnessed_by_id IS NULL) = (witnessed_at IS NULL)",
            name=op.f("witnessed_at_some_time"),
        ),
        sa.ForeignKeyConstraint(
            ["recall_id", "lot_id"],
            ["recall_lots.recall_id", "recall_lots.lot_id"],
            name="disposed_lot_is_of_the_recall",
        ),
        _person("recall_dispositions", "planned_by_id"),
        _person("recall_dispositions", "witnessed_by_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("recall_dispositions_pkey")),
    )
    op.create_index("recall_dispositions_recall_idx", "recall_dispositions", ["recall_id"])


def downgrade() -> None:
    op.execute("DROP TRIGGER line_takes_new_units ON order_lines")
    op.execute("DROP TRIGGER recalled_units_guard ON movements")
    op.execute("REVOKE UPDATE (reservation_id) ON order_lines FROM aftercare_app, aftercare_worker")
    op.drop_index("movements_treatment_uses_idx", "movements")
    for table in TABLES:
        op.drop_table(table)
    op.execute(f"DROP FUNCTION {', '.join(FUNCTIONS)}")
    op.execute("DELETE FROM legal_transitions WHERE machine = 'recall'")
    op.execute(f"DELETE FROM letters WHERE template = '{LETTER}'")
    _letters("remove")
