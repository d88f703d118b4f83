"""Renewal, supersession, entry in error, and what a client is told once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

MACHINE = """
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('prescription', 'active', 'entered_in_error'),
    ('prescription', 'on_hold', 'entered_in_error'),
    ('prescription', 'revoked', 'entered_in_error'),
    ('prescription', 'superseded', 'entered_in_error'),
    ('prescription', 'entered_in_error', 'entered_in_error');
"""

# A request for more of what was prescribed before.
RENEWING = """
CREATE FUNCTION renewal_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    broken := CASE
        WHEN TG_OP = 'UPDATE' THEN 'request_keeps_what_it_renews'
        WHEN NOT EXISTS (SELECT FROM prescriptions
                         WHERE id = NEW.renews_id AND status = 'active')
             OR EXISTS (SELECT FROM supersessions WHERE prescription_id = NEW.renews_id)
            THEN 'only_an_active_prescription_is_renewed'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'approval request %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER renewal_begins BEFORE INSERT ON approval_requests
    FOR EACH ROW WHEN (NEW.renews_id IS NOT NULL) EXECUTE FUNCTION renewal_guard();
CREATE TRIGGER renewal_is_kept BEFORE UPDATE ON approval_requests
    FOR EACH ROW WHEN (OLD.renews_id IS DISTINCT FROM NEW.renews_id)
    EXECUTE FUNCTION renewal_guard();
"""

SUPERSEDING = """
CREATE FUNCTION supersession_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    replaced prescriptions%ROWTYPE;
    successor prescriptions%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO replaced FROM prescriptions WHERE id = NEW.prescription_id FOR UPDATE;
    SELECT * INTO successor FROM prescriptions WHERE id = NEW.successor_id;
    broken := CASE
        WHEN replaced.status <> 'active' THEN 'only_an_active_prescription_is_replaced'
        WHEN successor.status <> 'active' OR successor.signed_at <= replaced.signed_at
            THEN 'successor_is_signed_later'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'prescription %: %', replaced.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.superseded_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER supersession_guard BEFORE INSERT ON supersessions
    FOR EACH ROW EXECUTE FUNCTION supersession_guard();
CREATE TRIGGER supersessions_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON supersessions
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- What was promised before goes on under the old one; what is new is taken of its successor.
CREATE FUNCTION fill_is_of_the_latest() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM 1 FROM prescriptions WHERE id = NEW.prescription_id FOR SHARE;
    IF EXISTS (SELECT FROM supersessions WHERE prescription_id = NEW.prescription_id) THEN
        RAISE EXCEPTION 'prescription % was replaced', NEW.prescription_id
            USING ERRCODE = 'check_violation',
                CONSTRAINT = 'replaced_prescription_gives_no_new_fill', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fill_is_of_the_latest BEFORE INSERT ON fills
    FOR EACH ROW EXECUTE FUNCTION fill_is_of_the_latest();
-- Its name lets it fire after prescription_taken_away, whose lock is the stronger: the other way
-- round two at once would each wait for the other.
CREATE TRIGGER taken_away_is_of_the_latest BEFORE INSERT ON prescriptions_taken_away
    FOR EACH ROW EXECUTE FUNCTION fill_is_of_the_latest();

-- At commit: superseded is what was replaced and owes nothing any more.
CREATE FUNCTION supersession_agrees() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    row_of jsonb := to_jsonb(NEW);
    one prescriptions%ROWTYPE;
    replaced boolean;
    under_way boolean;
    broken text;
BEGIN
    SELECT * INTO one FROM prescriptions
        WHERE id = coalesce(row_of ->> 'prescription_id', row_of ->> 'id')::uuid
        FOR NO KEY UPDATE;
    replaced := EXISTS (SELECT FROM supersessions WHERE prescription_id = one.id);
    under_way := EXISTS (SELECT FROM fills WHERE prescription_id = one.id
                         AND status IN ('reserved', 'consumed'));
    broken := CASE
        WHEN one.status = 'superseded' AND NOT replaced
            THEN 'superseded_prescription_has_a_successor'
        WHEN one.status = 'superseded' AND under_way THEN 'superseded_prescription_owes_nothing'
        WHEN one.status = 'active' AND replaced AND NOT under_way
            THEN 'replaced_prescription_ends_with_what_it_owes'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'prescription %: %', one.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER replaced_prescription_is_superseded AFTER INSERT ON supersessions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION supersession_agrees();
CREATE CONSTRAINT TRIGGER prescription_agrees_with_its_supersession
    AFTER UPDATE OF status ON prescriptions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status IN ('active', 'superseded') AND OLD.status <> NEW.status)
    EXECUTE FUNCTION supersession_agrees();
CREATE CONSTRAINT TRIGGER last_fill_ends_what_was_replaced AFTER UPDATE OF status ON fills
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status IN ('dispensed', 'released') AND OLD.status <> NEW.status)
    EXECUTE FUNCTION supersession_agrees();

-- At commit: of one client and pack only the latest prescription gives fills, and what was taken
-- back is not renewed. One that waits for the client (pending_client) replaces nothing before she
-- accepts it, and is not in force, so nothing has to replace it.
CREATE FUNCTION prescription_takes_its_place() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    asked approval_requests%ROWTYPE;
    one prescriptions%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO asked FROM approval_requests WHERE id = NEW.request_id;
    SELECT * INTO one FROM prescriptions WHERE request_id = NEW.request_id;
    broken := CASE
        WHEN asked.status = 'approved' AND EXISTS (
                SELECT FROM prescriptions other JOIN approval_requests ON
                    approval_requests.id = other.request_id AND approval_requests.status = 'approved'
                WHERE other.client_id = one.client_id AND other.variant_id = one.variant_id
                  AND other.signed_at < one.signed_at
                  AND (other.status = 'active'
                       OR (other.status = 'on_hold' AND other.valid_until > one.signed_at))
                  AND NOT EXISTS (SELECT FROM supersessions WHERE prescription_id = other.id))
            THEN 'new_prescription_replaces_the_others'
        WHEN EXISTS (SELECT FROM prescriptions
                     WHERE id = asked.renews_id AND status IN ('revoked', 'entered_in_error'))
            THEN 'what_was_taken_back_is_not_renewed'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'prescription %: %', one.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER prescription_takes_its_place AFTER INSERT ON prescriptions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION prescription_takes_its_place();
CREATE CONSTRAINT TRIGGER accepted_prescription_takes_its_place AFTER INSERT ON acceptances
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION prescription_takes_its_place();
"""

# What leaves may be the last that a replaced prescription owed: then it is superseded at the commit
# that judges the line. It stood when its fill was dispensed, a moment ago (`fill_guard`).
LEAVING = """
CREATE OR REPLACE FUNCTION line_prescription_stands() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    the_prescription uuid;
    shortcoming text;
BEGIN
    SELECT p.id INTO the_prescription
        FROM prescriptions p JOIN fills f ON f.prescription_id = p.id
        WHERE f.id = NEW.fill_id FOR SHARE OF p;
    shortcoming := prescription_shortcoming(the_prescription, NEW.ship_to_state, shop_now());
    IF shortcoming IS NOT NULL AND NOT (
        shortcoming = 'prescription_not_superseded'
        AND EXISTS (SELECT FROM fills WHERE id = NEW.fill_id AND status = 'dispensed')) THEN
        RAISE EXCEPTION 'order line %: its prescription does not stand', NEW.id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'line_goes_on_under_a_standing_prescription',
                TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
"""
STAYING = """
CREATE OR REPLACE FUNCTION line_prescription_stands() RETURNS trigger LANGUAGE plpgsql
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
"""

ERRING = """
-- A physician says that a prescription should never have been; another person agrees.
CREATE FUNCTION error_report_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    role_of text;
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        SELECT role INTO role_of FROM people
            WHERE id = NEW.reported_by_id AND disabled_at IS NULL;
        broken := CASE
            WHEN role_of IS DISTINCT FROM 'physician' THEN 'error_is_reported_by_a_physician'
            WHEN NEW.confirmed IS NOT NULL THEN 'error_report_begins_undecided'
            END;
        NEW.reported_at := shop_now();
    ELSE
        SELECT role INTO role_of FROM people
            WHERE id = NEW.decided_by_id AND disabled_at IS NULL;
        IF (NEW.id, NEW.prescription_id, NEW.client_id, NEW.reported_by_id, NEW.reported_at,
            NEW.reason_sealed) IS DISTINCT FROM
           (OLD.id, OLD.prescription_id, OLD.client_id, OLD.reported_by_id, OLD.reported_at,
            OLD.reason_sealed)
        THEN
            broken := 'error_report_keeps_what_was_said';
        ELSIF OLD.confirmed IS NOT NULL THEN
            broken := 'error_report_is_decided_once';
        ELSIF coalesce(role_of NOT IN ('physician', 'manager'), true) THEN
            broken := 'error_is_decided_by_a_physician_or_manager';
        END IF;
        NEW.decided_at := shop_now();
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'error report %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER error_report_guard BEFORE INSERT OR UPDATE ON error_reports
    FOR EACH ROW EXECUTE FUNCTION error_report_guard();
CREATE TRIGGER error_reports_are_kept BEFORE DELETE OR TRUNCATE ON error_reports
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit: entered in error is what two people say it is.
CREATE FUNCTION error_agrees() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    row_of jsonb := to_jsonb(NEW);
    one prescriptions%ROWTYPE;
    confirmed boolean;
    broken text;
BEGIN
    SELECT * INTO one FROM prescriptions
        WHERE id = coalesce(row_of ->> 'prescription_id', row_of ->> 'id')::uuid;
    confirmed := EXISTS (SELECT FROM error_reports AS said
                         WHERE said.prescription_id = one.id AND said.confirmed);
    broken := CASE
        WHEN one.status = 'entered_in_error' AND NOT confirmed
            THEN 'entered_in_error_by_two_people'
        WHEN confirmed AND one.status <> 'entered_in_error'
            THEN 'confirmed_error_ends_its_prescription'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'prescription %: %', one.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER prescription_agrees_with_its_error AFTER UPDATE OF status ON prescriptions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status = 'entered_in_error') EXECUTE FUNCTION error_agrees();
CREATE CONSTRAINT TRIGGER error_agrees_with_its_prescription AFTER UPDATE ON error_reports
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.confirmed) EXECUTE FUNCTION error_agrees();
"""

GRANTS = """
GRANT SELECT ON supersessions, error_reports TO aftercare_app, aftercare_worker;
GRANT INSERT (renews_id) ON approval_requests TO aftercare_app;
GRANT INSERT (prescription_id, successor_id, client_id, variant_id) ON supersessions
    TO aftercare_app;
GRANT INSERT (id, prescription_id, client_id, reported_by_id, reason_sealed, decided_by_id,
              confirmed),
    UPDATE (decided_by_id, confirmed) ON error_reports TO aftercare_app;
"""

TEMPLATES = (
    "'account_confirmation', 'account_exists', 'request_received', 'request_news', 'order_paid',"
    " 'order_shipped', 'order_cancelled', 'order_expired', 'order_held', 'order_resumed',"
    " 'refund_sent', 'licence_expiring', 'signing_key_expiring', 'case_news', 'request_escalated'"
)


def _letters(templates: str) -> None:
    op.drop_constraint("letter_template_is_known", "letters", type_="check")
    op.create_check_constraint(
        op.f("letter_template_is_known"), "letters", f"template IN ({templates})"
    )


def upgrade() -> None:
    op.create_unique_constraint("prescriptions_client_key", "prescriptions", ["id", "client_id"])
    op.create_unique_constraint(
        "prescriptions_pack_key", "prescriptions", ["id", "client_id", "variant_id"]
    )
    op.add_column("approval_requests", sa.Column("renews_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        "request_renews_a_prescription_of_its_client_and_pack",
        "approval_requests",
        "prescriptions",
        ["renews_id", "client_id", "variant_id"],
        ["id", "client_id", "variant_id"],
    )
    op.create_table(
        "supersessions",
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column("successor_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column(
            "superseded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["prescription_id", "client_id", "variant_id"],
            ["prescriptions.id", "prescriptions.client_id", "prescriptions.variant_id"],
            name="superseded_is_of_this_client_and_pack",
        ),
        sa.ForeignKeyConstraint(
            ["successor_id", "client_id", "variant_id"],
            ["prescriptions.id", "prescriptions.client_id", "prescriptions.variant_id"],
            name="successor_is_of_this_client_and_pack",
        ),
        sa.PrimaryKeyConstraint("prescription_id", name=op.f("supersessions_pkey")),
    )
    op.create_index("supersessions_successor_idx", "supersessions", ["successor_id"])
    op.create_table(
        "error_reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("reported_by_id", sa.Uuid(), nullable=False),
        sa.Column(
            "reported_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed", sa.Boolean(), nullable=True),
        sa.CheckConstraint("reported_by_id <> client_id", name=op.f("client_reports_no_error")),
        sa.CheckConstraint("decided_by_id <> client_id", name=op.f("client_decides_no_error")),
        sa.CheckConstraint(
            "NOT confirmed OR decided_by_id <> reported_by_id",
            name=op.f("error_is_confirmed_by_another"),
        ),
        sa.CheckConstraint(
            "(confirmed IS NULL) = (decided_by_id IS NULL)"
            " AND (confirmed IS NULL) = (decided_at IS NULL)",
            name=op.f("error_is_decided_by_someone"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_by_id"], ["people.id"], name=op.f("error_reports_decided_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["prescription_id", "client_id"],
            ["prescriptions.id", "prescriptions.client_id"],
            name="error_is_in_a_prescription_of_this_client",
        ),
        sa.ForeignKeyConstraint(
            ["reported_by_id"], ["people.id"], name=op.f("error_reports_reported_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("error_reports_pkey")),
    )
    op.create_index(
        "error_reports_one_live",
        "error_reports",
        ["prescription_id"],
        unique=True,
        postgresql_where=sa.text("confirmed IS NOT FALSE"),
    )
    op.create_index(
        "prescription_notices_once",
        "events",
        ["subject_id", "kind"],
        unique=True,
        postgresql_where=sa.text(
            "kind IN ('prescription_ending', 'prescription_depleted', 'prescription_expired')"
        ),
    )
    _letters(f"{TEMPLATES}, 'prescription_renewable'")
    for statements in (MACHINE, RENEWING, SUPERSEDING, LEAVING, ERRING, GRANTS):
        op.execute(statements)


def downgrade() -> None:
    op.execute("DROP TRIGGER accepted_prescription_takes_its_place ON acceptances")
    op.execute("DROP TRIGGER taken_away_is_of_the_latest ON prescriptions_taken_away")
    op.execute(STAYING)
    _letters(TEMPLATES)
    op.drop_index(
        "prescription_notices_once",
        table_name="events",
        postgresql_where=sa.text(
            "kind IN ('prescription_ending', 'prescription_depleted', 'prescription_expired')"
        ),
    )
    op.execute(
        "DROP TRIGGER prescription_agrees_with_its_error ON prescriptions;"
        " DROP TRIGGER prescription_takes_its_place ON prescriptions;"
        " DROP TRIGGER last_fill_ends_what_was_replaced ON fills;"
        " DROP TRIGGER prescription_agrees_with_its_supersession ON prescriptions;"
        " DROP TRIGGER fill_is_of_the_latest ON fills;"
        " DROP TRIGGER renewal_is_kept ON approval_requests;"
        " DROP TRIGGER renewal_begins ON approval_requests"
    )
    op.drop_table("error_reports")
    op.drop_table("supersessions")
    op.execute(
        "DROP FUNCTION error_agrees, error_report_guard, prescription_takes_its_place,"
        " supersession_agrees, fill_is_of_the_latest, supersession_guard, renewal_guard"
    )
    op.drop_constraint(
        "request_renews_a_prescription_of_its_client_and_pack",
        "approval_requests",
        type_="foreignkey",
    )
    op.drop_column("approval_requests", "renews_id")
    op.drop_constraint("prescriptions_pack_key", "prescriptions", type_="unique")
    op.drop_constraint("prescriptions_client_key", "prescriptions", type_="unique")
    op.execute("DELETE FROM legal_transitions WHERE to_state = 'entered_in_error'")
