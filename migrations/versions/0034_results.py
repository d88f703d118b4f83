"""Clients report how their skin does after a session; what is more than expected is answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0031"
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

GRANTS = """
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
    _letters(f"{TEMPLATES}, 'report_news'")
    for statements in (REPORTING, GRANTS):
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


def downgrade() -> None:
    op.drop_table("report_answers")
    op.drop_table("session_reports")
    op.execute("DROP FUNCTION report_answer_guard, session_report_guard")
    op.execute("DELETE FROM letters WHERE template = 'report_news'")
    _letters(TEMPLATES)
