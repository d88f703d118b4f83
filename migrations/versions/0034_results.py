"""How skin did after a session, and what is more than expected; adverse reactions and their clock."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

REPORTING = """
-- Of a day since it was performed, in the clinic's days. Locks the session.
CREATE FUNCTION session_report_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    zone text;
    performed timestamptz;
    broken text;
BEGIN
    PERFORM 1 FROM sessions WHERE id = NEW.session_id FOR UPDATE;
    SELECT plans.zone, performances.performed_at INTO zone, performed
        FROM sessions JOIN plans ON plans.id = sessions.plan_id
        LEFT JOIN performances ON performances.session_id = sessions.id
        WHERE sessions.id = NEW.session_id;
    broken := CASE
        WHEN performed IS NULL THEN 'only_what_was_performed_is_reported_of'
        WHEN NEW.on_day < (performed AT TIME ZONE zone)::date
             OR NEW.on_day > (shop_now() AT TIME ZONE zone)::date
            THEN 'report_is_of_a_day_since_the_session'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'report %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.number := 1 + (SELECT count(*) FROM session_reports WHERE session_id = NEW.session_id);
    NEW.reported_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER session_report_guard BEFORE INSERT ON session_reports
    FOR EACH ROW EXECUTE FUNCTION session_report_guard();
CREATE TRIGGER session_reports_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON session_reports
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- A physician answers; what is only watched, an esthetician may. Nobody answers herself.
CREATE FUNCTION report_answer_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    report session_reports%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO report FROM session_reports WHERE id = NEW.report_id;
    broken := CASE
        WHEN report.course = 'expected' THEN 'expected_report_needs_no_answer'
        WHEN NEW.answered_by_id = report.client_id
             OR NOT EXISTS (SELECT FROM people WHERE id = NEW.answered_by_id
                            AND disabled_at IS NULL
                            AND (role = 'physician'
                                 OR role = 'esthetician' AND report.course = 'watched'))
            THEN 'report_is_answered_by_one_who_may'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'report %: %', NEW.report_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.answered_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER report_answer_guard BEFORE INSERT ON report_answers
    FOR EACH ROW EXECUTE FUNCTION report_answer_guard();
CREATE TRIGGER report_answers_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON report_answers
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

REACTIONS = """
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('reaction', '', 'open'),
    ('reaction', 'open', 'reported'),
    ('reaction', 'open', 'closed'),
    ('reaction', 'reported', 'open'),
    ('reaction', 'reported', 'closed'),
    ('reaction', 'closed', 'open');
-- Events that leave the state as it is.
INSERT INTO legal_transitions (machine, from_state, to_state)
    SELECT DISTINCT machine, to_state, to_state FROM legal_transitions WHERE machine = 'reaction';

CREATE FUNCTION reaction_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    reported integer;
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        broken := CASE
            WHEN NEW.status <> 'open' THEN 'reaction_begins_open'
            WHEN NOT EXISTS (SELECT FROM people WHERE id = NEW.client_id AND role = 'client')
                THEN 'reaction_is_of_a_client'
            END;
        NEW.created_at := shop_now();
    ELSIF (NEW.id, NEW.number, NEW.client_id, NEW.variant_id, NEW.lot_id, NEW.created_at)
          IS DISTINCT FROM
          (OLD.id, OLD.number, OLD.client_id, OLD.variant_id, OLD.lot_id, OLD.created_at)
    THEN
        broken := 'reaction_keeps_whose_and_what';
    ELSIF NEW.status IN ('reported', 'closed') AND NEW.status <> OLD.status THEN
        SELECT coalesce(max(through), 0) INTO reported FROM reaction_filings
            WHERE reaction_id = NEW.id;
        broken := CASE
            WHEN EXISTS (SELECT FROM reaction_accounts WHERE reaction_id = NEW.id
                         AND serious AND number > reported)
                THEN 'serious_reaction_is_reported_first'
            WHEN NEW.status = 'reported' AND reported = 0 THEN 'reported_reaction_was_filed'
            END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'reaction %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER reaction_guard BEFORE INSERT OR UPDATE ON reactions
    FOR EACH ROW EXECUTE FUNCTION reaction_guard();
CREATE TRIGGER reaction_goes_along_an_arrow BEFORE UPDATE ON reactions
    FOR EACH ROW EXECUTE FUNCTION prescribing_goes_on('reaction');
CREATE TRIGGER reactions_are_kept BEFORE DELETE OR TRUNCATE ON reactions
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- Written by who works here and is not the client. Locks the reaction.
CREATE FUNCTION reaction_account_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    whose uuid;
    broken text;
BEGIN
    SELECT client_id INTO whose FROM reactions WHERE id = NEW.reaction_id FOR UPDATE;
    broken := CASE
        WHEN NEW.recorded_by_id = whose
             OR NOT EXISTS (SELECT FROM people WHERE id = NEW.recorded_by_id
                            AND role <> 'client' AND disabled_at IS NULL)
            THEN 'account_is_recorded_by_who_works_here'
        WHEN NEW.received_on > (shop_now() AT TIME ZONE 'UTC')::date
            THEN 'nothing_is_received_ahead'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'reaction %: %', NEW.reaction_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.number := 1 + (SELECT count(*) FROM reaction_accounts
                       WHERE reaction_id = NEW.reaction_id);
    NEW.recorded_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER reaction_account_guard BEFORE INSERT ON reaction_accounts
    FOR EACH ROW EXECUTE FUNCTION reaction_account_guard();
CREATE TRIGGER reaction_accounts_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON reaction_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit: what is serious and not reported is open.
CREATE FUNCTION reaction_account_agrees() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.serious AND EXISTS (
        SELECT FROM reactions WHERE id = NEW.reaction_id AND status <> 'open'
          AND NEW.number > (SELECT coalesce(max(through), 0) FROM reaction_filings
                            WHERE reaction_id = NEW.reaction_id)) THEN
        RAISE EXCEPTION 'reaction % is not open', NEW.reaction_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'serious_news_opens_its_reaction',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER reaction_account_agrees AFTER INSERT ON reaction_accounts
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION reaction_account_agrees();

-- By a manager or a physician, not the client.
CREATE FUNCTION reaction_filing_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    broken := CASE
        WHEN NOT EXISTS (SELECT FROM people JOIN reactions ON reactions.id = NEW.reaction_id
                         WHERE people.id = NEW.filed_by_id AND people.id <> reactions.client_id
                           AND role IN ('manager', 'physician') AND disabled_at IS NULL)
            THEN 'reaction_is_filed_by_a_manager_or_physician'
        WHEN NEW.filed_on > (shop_now() AT TIME ZONE 'UTC')::date THEN 'nothing_is_filed_ahead'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'reaction %: %', NEW.reaction_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.recorded_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER reaction_filing_guard BEFORE INSERT ON reaction_filings
    FOR EACH ROW EXECUTE FUNCTION reaction_filing_guard();
CREATE TRIGGER reaction_filings_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON reaction_filings
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

GRANTS = """
GRANT SELECT ON reactions, reaction_accounts, reaction_filings TO aftercare_app;
GRANT INSERT (id, number, client_id, variant_id, lot_id, status, state_seq),
    UPDATE (status, state_seq, reason_sealed) ON reactions TO aftercare_app;
GRANT INSERT (id, reaction_id, serious, received_on, due_on, told_sealed, recorded_by_id)
    ON reaction_accounts TO aftercare_app;
GRANT INSERT (id, reaction_id, through, reference, filed_on, filed_by_id)
    ON reaction_filings TO aftercare_app;
GRANT SELECT ON session_reports, report_answers TO aftercare_app, aftercare_worker;
GRANT INSERT (id, session_id, client_id, on_day, said_sealed, course, rules_version, replaces_id)
    ON session_reports TO aftercare_app;
GRANT INSERT (id, report_id, answered_by_id, message_sealed) ON report_answers TO aftercare_app;
"""

TEMPLATES = (
    "'account_confirmation', 'account_exists', 'request_received', 'request_news', 'order_paid',"
    " 'order_shipped', 'order_cancelled', 'order_expired', 'order_held', 'order_resumed',"
    " 'refund_sent', 'licence_expiring', 'signing_key_expiring', 'case_news', 'request_escalated',"
    " 'prescription_renewable', 'prescription_news'"
)
SEALED = "substring({0}, 1, 1) = '\\x01' AND octet_length({0}) >= 97"


def _letters(words: str) -> None:
    op.drop_constraint("letter_template_is_known", "letters", type_="check")
    op.create_check_constraint(
        op.f("letter_template_is_known"), "letters", f"template IN ({words})"
    )


def upgrade() -> None:
    _reports()
    _answers()
    _reactions()
    _told()
    _filings()
    _letters(f"{TEMPLATES}, 'report_news'")
    for statements in (REPORTING, REACTIONS, GRANTS):
        op.execute(statements)


def _reports() -> None:
    op.create_table(
        "session_reports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("said_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("course", sa.Text(), nullable=False),
        sa.Column("rules_version", sa.Text(), nullable=False),
        sa.Column("replaces_id", sa.Uuid(), nullable=True),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("replaces_id <> id", name=op.f("report_replaces_another")),
        sa.CheckConstraint("number BETWEEN 1 AND 100", name=op.f("session_takes_100_reports")),
        sa.CheckConstraint(
            "course IN ('expected', 'watched', 'out_of_course')",
            name=op.f("report_course_is_known"),
        ),
        sa.CheckConstraint("rules_version <> ''", name=op.f("report_was_judged_by_rules")),
        sa.CheckConstraint(SEALED.format("said_sealed"), name=op.f("report_is_sealed")),
        sa.ForeignKeyConstraint(
            ["session_id", "client_id"],
            ["sessions.id", "sessions.client_id"],
            name="report_is_of_its_sessions_client",
        ),
        sa.ForeignKeyConstraint(
            ["replaces_id", "session_id"],
            ["session_reports.id", "session_reports.session_id"],
            name="report_replaces_one_of_its_session",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("session_reports_pkey")),
        sa.UniqueConstraint("id", "session_id", name="session_reports_session_key"),
        sa.UniqueConstraint("session_id", "number", name="session_reports_number_key"),
        sa.UniqueConstraint("replaces_id", name="report_is_replaced_once"),
    )
    op.create_index(
        "session_reports_to_answer_idx",
        "session_reports",
        ["session_id"],
        postgresql_where=sa.text("course <> 'expected'"),
    )


def _answers() -> None:
    op.create_table(
        "report_answers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("report_id", sa.Uuid(), nullable=False),
        sa.Column("answered_by_id", sa.Uuid(), nullable=False),
        sa.Column("message_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(SEALED.format("message_sealed"), name=op.f("report_answer_is_sealed")),
        sa.ForeignKeyConstraint(
            ["report_id"], ["session_reports.id"], name=op.f("report_answers_report_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["answered_by_id"], ["people.id"], name=op.f("report_answers_answered_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("report_answers_pkey")),
        sa.UniqueConstraint("report_id", name="reports_are_answered_once"),
    )


def _reactions() -> None:
    op.create_table(
        "reactions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("lot_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status = 'closed') = (reason_sealed IS NOT NULL)",
            name=op.f("closed_reaction_says_why"),
        ),
        sa.CheckConstraint(SEALED.format("reason_sealed"), name=op.f("reaction_reason_is_sealed")),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="reaction_status_has_its_event",
            deferrable=True,
            initially="DEFERRED",
        ),
        sa.ForeignKeyConstraint(
            ["lot_id", "variant_id"],
            ["lots.id", "lots.variant_id"],
            name="reaction_is_to_a_lot_of_its_product",
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["people.id"], name=op.f("reactions_client_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variants.id"], name=op.f("reactions_variant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("reactions_pkey")),
        sa.UniqueConstraint("number", name=op.f("reactions_number_key")),
    )
    op.create_index("reactions_lot_idx", "reactions", ["lot_id"])


def _told() -> None:
    op.create_table(
        "reaction_accounts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reaction_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("serious", sa.Boolean(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("told_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_by_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("serious = (due_on IS NOT NULL)", name=op.f("serious_account_is_due")),
        sa.CheckConstraint(
            "due_on BETWEEN received_on + 15 AND received_on + 40",
            name=op.f("account_is_due_in_weeks"),
        ),
        sa.CheckConstraint(SEALED.format("told_sealed"), name=op.f("account_is_sealed")),
        sa.ForeignKeyConstraint(
            ["reaction_id"], ["reactions.id"], name=op.f("reaction_accounts_reaction_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by_id"],
            ["people.id"],
            name=op.f("reaction_accounts_recorded_by_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("reaction_accounts_pkey")),
        sa.UniqueConstraint("reaction_id", "number", name="reaction_accounts_number_key"),
    )


def _filings() -> None:
    op.create_table(
        "reaction_filings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reaction_id", sa.Uuid(), nullable=False),
        sa.Column("through", sa.Integer(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column("filed_on", sa.Date(), nullable=False),
        sa.Column("filed_by_id", sa.Uuid(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "length(reference) BETWEEN 1 AND 200", name=op.f("filing_has_its_reference")
        ),
        sa.ForeignKeyConstraint(
            ["reaction_id", "through"],
            ["reaction_accounts.reaction_id", "reaction_accounts.number"],
            name="filing_covers_what_was_told",
        ),
        sa.ForeignKeyConstraint(
            ["filed_by_id"], ["people.id"], name=op.f("reaction_filings_filed_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("reaction_filings_pkey")),
        sa.UniqueConstraint("reaction_id", "through", name="reaction_is_filed_once"),
    )


def downgrade() -> None:
    for table in ("reaction_filings", "reaction_accounts", "reactions"):
        op.drop_table(table)
    op.execute(
        "DROP FUNCTION reaction_filing_guard, reaction_account_agrees, reaction_account_guard,"
        " reaction_guard"
    )
    op.execute("DELETE FROM legal_transitions WHERE machine = 'reaction'")
    op.drop_table("report_answers")
    op.drop_table("session_reports")
    op.execute("DROP FUNCTION report_answer_guard, session_report_guard")
    op.execute("DELETE FROM letters WHERE template = 'report_news'")
    _letters(TEMPLATES)
