"""What a physician waives before a session; what was used up in one that was performed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

WAIVERS = """
-- For a session that is booked, at the time it has, by a physician licensed where the clinic is.
-- What a hard stop of a procedure speaks of is waived by nobody, whatever the row says. Locks the
-- session, holds the plan.
CREATE FUNCTION session_waiver_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    waived sessions%ROWTYPE;
    plan plans%ROWTYPE;
    moment timestamptz;
    on_day date;
    broken text;
BEGIN
    SELECT * INTO waived FROM sessions WHERE id = NEW.session_id FOR UPDATE;
    SELECT * INTO plan FROM plans WHERE id = waived.plan_id FOR SHARE;
    moment := shop_now();
    on_day := (NEW.starts_at AT TIME ZONE plan.zone)::date;
    broken := CASE
        WHEN waived.status <> 'booked' THEN 'only_what_is_booked_is_waived_for'
        WHEN NEW.starts_at <> waived.starts_at THEN 'waiver_is_for_the_time_it_names'
        WHEN NOT prescriber_licensed(NEW.physician_id, plan.state,
                                     (moment AT TIME ZONE 'UTC')::date)
            THEN 'waiver_is_by_a_licensed_physician'
        WHEN EXISTS (SELECT FROM unnest(NEW.findings) AS finding
                     WHERE coalesce(finding, '') !~ '^[a-z_]+:[!-~]{1,64}$'
                        OR split_part(finding, ':', 1) NOT IN
                           ('told_late', 'used', 'still_used', 'planned_use', 'too_near',
                            'conflict', 'not_known', 'not_dispensed', 'not_prescribed',
                            'report_watched', 'report_bad'))
            THEN 'waiver_names_what_may_be_waived'
        WHEN EXISTS (
            SELECT FROM unnest(NEW.findings) AS finding
            JOIN window_rules AS rule
                ON rule.subject = split_part(finding, ':', 2)
                OR finding LIKE 'not_known:%' AND rule.condition ? coalesce(
                    '{"fitzpatrick": "fitzpatrick_from", "isotretinoin": "isotretinoin_days"}'::jsonb
                        ->> split_part(finding, ':', 2),
                    split_part(finding, ':', 2))
            WHERE rule.severity = 'hard_stop' AND rule.status IN ('active', 'superseded')
              AND rule.jurisdiction IN
                  ('US', plan.state, (SELECT state FROM people WHERE id = waived.client_id))
              AND rule.valid_from <= on_day
              AND (rule.valid_until IS NULL OR on_day < rule.valid_until)
              AND (rule.procedure = waived.procedure
                   OR rule.subject = 'other_procedure'
                      AND rule.procedure IN (SELECT procedure FROM sessions
                                             WHERE client_id = waived.client_id)))
            THEN 'no_waiver_over_a_hard_stop'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'session %: %', NEW.session_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.waived_at := moment;
    RETURN NEW;
END $$;
CREATE TRIGGER session_waiver_guard BEFORE INSERT ON session_waivers
    FOR EACH ROW EXECUTE FUNCTION session_waiver_guard();
CREATE TRIGGER session_waivers_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON session_waivers
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

USES = """
-- Units that leave for the treatment room leave for what was performed; rows of that are kept for
-- ever. After `movement_chained`, which refuses what may not leave at all.
CREATE FUNCTION treatment_use_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM performances WHERE id = NEW.reference_id) THEN
        RAISE EXCEPTION 'nothing was performed as %', NEW.reference_id
            USING ERRCODE = 'foreign_key_violation',
                  CONSTRAINT = 'treatment_use_is_of_a_performance', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER treatment_use_guard BEFORE INSERT ON movements
    FOR EACH ROW WHEN (NEW.kind = 'treatment_use') EXECUTE FUNCTION treatment_use_guard();
"""

GRANTS = """
GRANT SELECT ON session_waivers TO aftercare_app, aftercare_worker;
GRANT INSERT (id, session_id, client_id, physician_id, starts_at, findings, reason_sealed)
    ON session_waivers TO aftercare_app;
"""


def upgrade() -> None:
    op.create_table(
        "session_waivers",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("session_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("physician_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("findings", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("waived_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("physician_id <> client_id", name=op.f("nobody_waives_for_themselves")),
        sa.CheckConstraint(
            "cardinality(findings) BETWEEN 1 AND 40", name=op.f("waiver_names_its_findings")
        ),
        sa.CheckConstraint(
            "substring(reason_sealed, 1, 1) = '\\x01' AND octet_length(reason_sealed) >= 97",
            name=op.f("waiver_reason_is_sealed"),
        ),
        sa.ForeignKeyConstraint(
            ["session_id", "client_id"],
            ["sessions.id", "sessions.client_id"],
            name="waiver_is_of_its_sessions_client",
        ),
        sa.ForeignKeyConstraint(
            ["physician_id"], ["people.id"], name=op.f("session_waivers_physician_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("session_waivers_pkey")),
    )
    op.create_index("session_waivers_session_idx", "session_waivers", ["session_id"])
    for statements in (WAIVERS, USES, GRANTS):
        op.execute(statements)


def downgrade() -> None:
    op.execute("DROP TRIGGER treatment_use_guard ON movements")
    op.execute("DROP FUNCTION treatment_use_guard")
    op.drop_table("session_waivers")
    op.execute("DROP FUNCTION session_waiver_guard")
