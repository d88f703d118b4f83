"""Treatment plans: what each version says, who started them; sessions, their moves, what was done."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

MACHINES = """
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('plan', '', 'draft'),
    ('plan', 'draft', 'proposed'),
    ('plan', 'draft', 'revoked'),
    ('plan', 'proposed', 'awaiting_physician'),
    ('plan', 'proposed', 'active'),
    ('plan', 'proposed', 'revoked'),
    ('plan', 'awaiting_physician', 'active'),
    ('plan', 'awaiting_physician', 'revoked'),
    ('plan', 'active', 'on_hold'),
    ('plan', 'active', 'completed'),
    ('plan', 'active', 'revoked'),
    ('plan', 'on_hold', 'active'),
    ('plan', 'on_hold', 'revoked'),
    ('session', '', 'proposed'),
    ('session', 'proposed', 'booked'),
    ('session', 'proposed', 'cancelled'),
    ('session', 'booked', 'performed'),
    ('session', 'booked', 'cancelled'),
    ('session', 'booked', 'no_show'),
    ('session', 'no_show', 'booked'),
    ('session', 'no_show', 'cancelled');
-- Events that leave the state as it is.
INSERT INTO legal_transitions (machine, from_state, to_state)
    SELECT DISTINCT machine, to_state, to_state FROM legal_transitions
    WHERE machine IN ('plan', 'session');
"""

PLANS = """
CREATE FUNCTION plan_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        broken := CASE
            WHEN NEW.status <> 'draft' THEN 'plan_begins_as_a_draft'
            WHEN NOT EXISTS (SELECT FROM people WHERE id = NEW.client_id AND role = 'client')
                THEN 'plan_is_of_a_client'
            WHEN NOT EXISTS (SELECT FROM people WHERE id = NEW.drafted_by_id
                             AND role IN ('esthetician', 'physician') AND disabled_at IS NULL)
                THEN 'plan_is_drafted_by_a_clinician'
            END;
        NEW.created_at := shop_now();
    ELSIF (NEW.id, NEW.number, NEW.client_id, NEW.drafted_by_id, NEW.state, NEW.zone,
           NEW.template, NEW.template_version, NEW.created_at)
          IS DISTINCT FROM
          (OLD.id, OLD.number, OLD.client_id, OLD.drafted_by_id, OLD.state, OLD.zone,
           OLD.template, OLD.template_version, OLD.created_at)
    THEN
        broken := 'plan_keeps_who_and_where';
    ELSIF NEW.status = 'active' AND OLD.status <> 'active'
          AND NOT EXISTS (SELECT FROM plan_starts WHERE plan_id = NEW.id) THEN
        broken := 'active_plan_was_started';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'plan %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER plan_guard BEFORE INSERT OR UPDATE ON plans
    FOR EACH ROW EXECUTE FUNCTION plan_guard();
CREATE TRIGGER plan_goes_along_an_arrow BEFORE UPDATE ON plans
    FOR EACH ROW EXECUTE FUNCTION prescribing_goes_on('plan');
CREATE TRIGGER plans_are_kept BEFORE DELETE OR TRUNCATE ON plans
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit: a plan says something from its first moment.
CREATE FUNCTION plan_says_something() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM plan_versions WHERE plan_id = NEW.id) THEN
        RAISE EXCEPTION 'plan % has no version', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'plan_has_a_version',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER plan_says_something AFTER INSERT ON plans
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION plan_says_something();

-- Versions follow one another. Locks the plan.
CREATE FUNCTION plan_version_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    plan plans%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO plan FROM plans WHERE id = NEW.plan_id FOR UPDATE;
    broken := CASE
        WHEN NEW.number <> 1 + (SELECT count(*) FROM plan_versions WHERE plan_id = NEW.plan_id)
            THEN 'plan_versions_follow_one_another'
        WHEN plan.status IN ('completed', 'revoked') THEN 'ended_plan_says_no_more'
        WHEN NOT EXISTS (SELECT FROM people WHERE id = NEW.written_by_id
                         AND role IN ('esthetician', 'physician') AND disabled_at IS NULL
                         AND id <> plan.client_id)
            THEN 'plan_is_written_by_a_clinician'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'plan %: %', plan.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.written_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER plan_version_guard BEFORE INSERT ON plan_versions
    FOR EACH ROW EXECUTE FUNCTION plan_version_guard();
CREATE TRIGGER plan_versions_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON plan_versions
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- A physician licensed where the clinic is starts what was proposed, as it is now. Locks the plan.
CREATE FUNCTION plan_start_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    plan plans%ROWTYPE;
    moment timestamptz;
    broken text;
BEGIN
    SELECT * INTO plan FROM plans WHERE id = NEW.plan_id FOR UPDATE;
    moment := shop_now();
    broken := CASE
        WHEN plan.status NOT IN ('proposed', 'awaiting_physician')
            THEN 'plan_is_started_once_proposed'
        WHEN NOT prescriber_licensed(NEW.physician_id, plan.state,
                                     (moment AT TIME ZONE 'UTC')::date)
            THEN 'plan_is_started_by_a_licensed_physician'
        WHEN NEW.version <> (SELECT max(number) FROM plan_versions WHERE plan_id = NEW.plan_id)
            THEN 'plan_is_started_as_it_is_now'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'plan %: %', plan.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.started_at := moment;
    RETURN NEW;
END $$;
CREATE TRIGGER plan_start_guard BEFORE INSERT ON plan_starts
    FOR EACH ROW EXECUTE FUNCTION plan_start_guard();
CREATE TRIGGER plan_starts_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON plan_starts
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit: a plan that was started is active.
CREATE FUNCTION plan_start_agrees() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM plans WHERE id = NEW.plan_id
               AND status IN ('draft', 'proposed', 'awaiting_physician')) THEN
        RAISE EXCEPTION 'plan % was started and is not active', NEW.plan_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'start_makes_its_plan_active',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER plan_start_agrees AFTER INSERT ON plan_starts
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION plan_start_agrees();
"""

SESSIONS = """
-- Holds the plan as it is. What a started plan does not do yet, a physician adds.
CREATE FUNCTION session_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    plan plans%ROWTYPE;
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM 1 FROM plans WHERE id = NEW.plan_id FOR SHARE;
        broken := CASE
            WHEN NEW.status <> 'proposed' THEN 'session_begins_proposed'
            WHEN NEW.version <> (SELECT max(number) FROM plan_versions
                                 WHERE plan_id = NEW.plan_id)
                THEN 'session_is_added_by_the_last_version'
            WHEN EXISTS (SELECT FROM plan_starts WHERE plan_id = NEW.plan_id)
                 AND NOT EXISTS (SELECT FROM sessions
                                 WHERE plan_id = NEW.plan_id AND procedure = NEW.procedure)
                 AND NOT EXISTS (SELECT FROM plan_versions AS said
                                 JOIN people ON people.id = said.written_by_id
                                 WHERE said.plan_id = NEW.plan_id
                                   AND said.number = NEW.version AND role = 'physician')
                THEN 'new_procedure_is_added_by_a_physician'
            END;
        NEW.created_at := shop_now();
    ELSE
        IF (NEW.id, NEW.plan_id, NEW.client_id, NEW.version, NEW.procedure, NEW.area,
            NEW.created_at)
           IS DISTINCT FROM
           (OLD.id, OLD.plan_id, OLD.client_id, OLD.version, OLD.procedure, OLD.area,
            OLD.created_at)
        THEN
            broken := 'session_keeps_what_was_planned';
        ELSIF OLD.status IN ('performed', 'cancelled') AND
           (NEW.starts_at, NEW.ends_at, NEW.performer_id, NEW.reason_sealed)
           IS DISTINCT FROM
           (OLD.starts_at, OLD.ends_at, OLD.performer_id, OLD.reason_sealed)
        THEN
            broken := 'session_that_is_over_is_kept';
        ELSIF NEW.status = 'booked' AND OLD.status <> 'booked' THEN
            SELECT * INTO plan FROM plans WHERE id = NEW.plan_id FOR SHARE;
            broken := CASE
                WHEN plan.status NOT IN ('proposed', 'awaiting_physician', 'active')
                    THEN 'session_is_booked_under_an_open_plan'
                WHEN NEW.starts_at < shop_now() - interval '1 day'
                    THEN 'session_is_booked_ahead'
                END;
        ELSIF NEW.status = 'no_show' AND OLD.status <> 'no_show'
              AND NEW.starts_at > shop_now() THEN
            broken := 'no_show_is_known_once_it_began';
        END IF;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'session %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER session_guard BEFORE INSERT OR UPDATE ON sessions
    FOR EACH ROW EXECUTE FUNCTION session_guard();
CREATE TRIGGER session_goes_along_an_arrow BEFORE UPDATE ON sessions
    FOR EACH ROW EXECUTE FUNCTION prescribing_goes_on('session');
CREATE TRIGGER sessions_are_kept BEFORE DELETE OR TRUNCATE ON sessions
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit: nothing of an ended plan is ahead, and what is complete was done.
CREATE FUNCTION ended_plan_agrees() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    row_of jsonb := to_jsonb(NEW);
    plan plans%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO plan FROM plans WHERE id = coalesce(row_of ->> 'plan_id', row_of ->> 'id')::uuid;
    broken := CASE
        WHEN plan.status IN ('completed', 'revoked')
             AND EXISTS (SELECT FROM sessions WHERE plan_id = plan.id
                         AND status IN ('proposed', 'booked'))
            THEN 'ended_plan_has_nothing_ahead'
        WHEN plan.status = 'completed'
             AND NOT EXISTS (SELECT FROM sessions WHERE plan_id = plan.id
                             AND status = 'performed')
            THEN 'completed_plan_was_performed'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'plan %: %', plan.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ended_plan_agrees AFTER UPDATE OF status ON plans
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status IN ('completed', 'revoked')) EXECUTE FUNCTION ended_plan_agrees();
CREATE CONSTRAINT TRIGGER session_is_not_of_an_ended_plan AFTER INSERT ON sessions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ended_plan_agrees();

-- Who moves a session writes this row, and nothing else moves one: nobody may write its times.
CREATE FUNCTION session_moved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    moved sessions%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO moved FROM sessions WHERE id = NEW.session_id FOR UPDATE;
    broken := CASE
        WHEN moved.status NOT IN ('proposed', 'booked', 'no_show')
            THEN 'only_what_was_not_performed_is_moved'
        WHEN NEW.starts_at < shop_now() - interval '1 day' THEN 'session_is_moved_ahead'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'session %: %', NEW.session_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.number := 1 + (SELECT count(*) FROM session_moves WHERE session_id = NEW.session_id);
    NEW.from_starts_at := moved.starts_at;
    NEW.from_ends_at := moved.ends_at;
    NEW.moved_at := shop_now();
    UPDATE sessions SET starts_at = NEW.starts_at, ends_at = NEW.ends_at WHERE id = NEW.session_id;
    RETURN NEW;
END $$;
CREATE TRIGGER session_moved BEFORE INSERT ON session_moves
    FOR EACH ROW EXECUTE FUNCTION session_moved();
CREATE TRIGGER session_moves_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON session_moves
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- Done under an active plan, after it was started, by somebody with a licence there that day.
-- Locks the session, holds the plan.
CREATE FUNCTION performance_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    done sessions%ROWTYPE;
    plan plans%ROWTYPE;
    on_day date := (NEW.performed_at AT TIME ZONE 'UTC')::date;
    broken text;
BEGIN
    SELECT * INTO done FROM sessions WHERE id = NEW.session_id FOR UPDATE;
    SELECT * INTO plan FROM plans WHERE id = done.plan_id FOR SHARE;
    broken := CASE
        WHEN done.status <> 'booked' THEN 'only_what_is_booked_is_performed'
        WHEN plan.status <> 'active' THEN 'session_is_performed_under_an_active_plan'
        WHEN NEW.performed_at < (SELECT started_at FROM plan_starts WHERE plan_id = plan.id)
            THEN 'session_is_performed_once_its_plan_started'
        WHEN NOT EXISTS (
            SELECT FROM licences JOIN people ON people.id = licences.person_id
            WHERE people.id = NEW.performer_id AND people.disabled_at IS NULL
              AND people.role IN ('esthetician', 'physician') AND licences.state = plan.state
              AND valid_from <= on_day AND on_day < valid_until
              AND (ended_on IS NULL OR on_day < ended_on))
            THEN 'session_is_performed_under_a_licence'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'session %: %', NEW.session_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.recorded_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER performance_guard BEFORE INSERT ON performances
    FOR EACH ROW EXECUTE FUNCTION performance_guard();
CREATE TRIGGER performances_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON performances
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit: performed is what somebody says they did, and what they say they did is performed.
CREATE FUNCTION performance_agrees() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    row_of jsonb := to_jsonb(NEW);
    the_session uuid := coalesce(row_of ->> 'session_id', row_of ->> 'id')::uuid;
    performed boolean;
    broken text;
BEGIN
    SELECT status = 'performed' INTO performed FROM sessions WHERE id = the_session;
    broken := CASE
        WHEN performed AND NOT EXISTS (SELECT FROM performances WHERE session_id = the_session)
            THEN 'performed_session_has_its_record'
        WHEN NOT performed AND EXISTS (SELECT FROM performances WHERE session_id = the_session)
            THEN 'recorded_session_is_performed'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'session %: %', the_session, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER session_agrees_with_its_performance AFTER UPDATE OF status ON sessions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status = 'performed') EXECUTE FUNCTION performance_agrees();
CREATE CONSTRAINT TRIGGER performance_agrees_with_its_session AFTER INSERT ON performances
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION performance_agrees();
"""

GRANTS = """
GRANT SELECT ON plans, plan_versions, plan_starts, sessions, session_moves, performances
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, number, client_id, drafted_by_id, state, zone, template, template_version,
              status, state_seq),
    UPDATE (status, state_seq, reason_sealed) ON plans TO aftercare_app;
GRANT INSERT (id, plan_id, number, content_sealed, content_hash, written_by_id)
    ON plan_versions TO aftercare_app;
GRANT INSERT (plan_id, client_id, version, content_hash, physician_id, fresh_id, fresh_kind,
              fresh_at) ON plan_starts TO aftercare_app;
GRANT INSERT (id, plan_id, client_id, version, procedure, area, starts_at, ends_at, performer_id,
              status, state_seq),
    UPDATE (performer_id, status, state_seq, reason_sealed) ON sessions TO aftercare_app;
GRANT INSERT (id, session_id, starts_at, ends_at, reason_sealed, moved_by_id)
    ON session_moves TO aftercare_app;
GRANT INSERT (id, session_id, client_id, performer_id, performed_at, area, note_sealed)
    ON performances TO aftercare_app;
"""


def _is_sealed(column: str) -> str:
    return f"substring({column}, 1, 1) = '\\x01' AND octet_length({column}) >= 97"


def _moment(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=False)


def _id(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Uuid(), nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=nullable)


def _state(name: str) -> list[Any]:
    return [
        _text("status"),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name=f"{name}_status_has_its_event",
            deferrable=True,
            initially="DEFERRED",
        ),
    ]


def _person(table: str, column: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["people.id"], name=op.f(f"{table}_{column}_fkey"))


def upgrade() -> None:
    op.execute(MACHINES)
    _plans()
    _versions()
    _starts()
    _sessions()
    _moves()
    _performances()
    op.execute(PLANS)
    op.execute(SESSIONS)
    op.execute(GRANTS)


def _plans() -> None:
    op.create_table(
        "plans",
        _id("id"),
        _text("number"),
        _id("client_id"),
        _id("drafted_by_id"),
        _text("state"),
        _text("zone"),
        _text("template", nullable=True),
        _text("template_version", nullable=True),
        *_state("plan"),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=True),
        _moment("created_at"),
        sa.CheckConstraint("drafted_by_id <> client_id", name=op.f("nobody_plans_for_themselves")),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name=op.f("plan_state_is_a_usps_code")),
        sa.CheckConstraint(
            "(template IS NULL) = (template_version IS NULL)",
            name=op.f("plan_names_its_template_whole"),
        ),
        sa.CheckConstraint(_is_sealed("reason_sealed"), name=op.f("plan_reason_is_sealed")),
        _person("plans", "client_id"),
        _person("plans", "drafted_by_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("plans_pkey")),
        sa.UniqueConstraint("number", name=op.f("plans_number_key")),
        sa.UniqueConstraint("id", "client_id", name="plans_client_key"),
    )
    op.create_index(
        "plans_one_open_per_template",
        "plans",
        ["client_id", "template"],
        unique=True,
        postgresql_where=sa.text(
            "status IN ('draft', 'proposed', 'awaiting_physician', 'active', 'on_hold')"
        ),
    )
    op.create_index("plans_drafted_by_idx", "plans", ["drafted_by_id"])


def _versions() -> None:
    op.create_table(
        "plan_versions",
        _id("id"),
        _id("plan_id"),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        _id("written_by_id"),
        _moment("written_at"),
        sa.CheckConstraint("octet_length(content_hash) = 32", name=op.f("plan_version_is_hashed")),
        sa.CheckConstraint(_is_sealed("content_sealed"), name=op.f("plan_version_is_sealed")),
        sa.ForeignKeyConstraint(["plan_id"], ["plans.id"], name=op.f("plan_versions_plan_id_fkey")),
        _person("plan_versions", "written_by_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("plan_versions_pkey")),
        sa.UniqueConstraint("plan_id", "number", name="plan_versions_number_key"),
        sa.UniqueConstraint("plan_id", "number", "content_hash", name="plan_versions_hash_key"),
    )


def _starts() -> None:
    op.create_table(
        "plan_starts",
        _id("plan_id"),
        _id("client_id"),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.LargeBinary(), nullable=False),
        _id("physician_id"),
        _id("fresh_id"),
        sa.Column("fresh_kind", sa.Text(), server_default="fresh", nullable=False),
        _moment("fresh_at"),
        _moment("started_at"),
        sa.CheckConstraint("physician_id <> client_id", name=op.f("nobody_starts_their_own_plan")),
        sa.CheckConstraint("fresh_kind = 'fresh'", name=op.f("started_after_a_fresh_sign_in")),
        sa.CheckConstraint(
            "fresh_at <= started_at AND started_at - fresh_at <= interval '5 minutes'",
            name=op.f("sign_in_was_fresh_when_started"),
        ),
        sa.ForeignKeyConstraint(
            ["plan_id", "client_id"],
            ["plans.id", "plans.client_id"],
            name="start_is_of_its_plans_client",
        ),
        sa.ForeignKeyConstraint(
            ["plan_id", "version", "content_hash"],
            ["plan_versions.plan_id", "plan_versions.number", "plan_versions.content_hash"],
            name="start_is_of_what_was_read",
        ),
        sa.ForeignKeyConstraint(
            ["fresh_id", "physician_id", "fresh_kind", "fresh_at"],
            ["auth_events.id", "auth_events.person_id", "auth_events.kind", "auth_events.at"],
            name="started_after_this_fresh_sign_in",
        ),
        sa.PrimaryKeyConstraint("plan_id", name=op.f("plan_starts_pkey")),
    )


def _sessions() -> None:
    op.create_table(
        "sessions",
        _id("id"),
        _id("plan_id"),
        _id("client_id"),
        sa.Column("version", sa.Integer(), nullable=False),
        _text("procedure"),
        _text("area"),
        _moment("starts_at"),
        _moment("ends_at"),
        _id("performer_id", nullable=True),
        *_state("session"),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=True),
        _moment("created_at"),
        sa.CheckConstraint(
            "procedure ~ '^[a-z][a-z0-9_]*$'", name=op.f("session_names_a_procedure")
        ),
        sa.CheckConstraint(
            "starts_at < ends_at AND ends_at <= starts_at + interval '12 hours'",
            name=op.f("session_ends_the_same_day"),
        ),
        sa.CheckConstraint(
            "status NOT IN ('booked', 'performed') OR performer_id IS NOT NULL",
            name=op.f("booked_session_has_a_performer"),
        ),
        sa.CheckConstraint(
            "(status = 'cancelled') = (reason_sealed IS NOT NULL)",
            name=op.f("cancelled_session_says_why"),
        ),
        sa.CheckConstraint(_is_sealed("reason_sealed"), name=op.f("session_reason_is_sealed")),
        sa.ForeignKeyConstraint(
            ["plan_id", "client_id"],
            ["plans.id", "plans.client_id"],
            name="session_is_of_its_plans_client",
        ),
        sa.ForeignKeyConstraint(
            ["plan_id", "version"],
            ["plan_versions.plan_id", "plan_versions.number"],
            name="session_is_in_a_version",
        ),
        _person("sessions", "performer_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("sessions_pkey")),
        sa.UniqueConstraint("id", "client_id", name="sessions_client_key"),
    )
    for who in ("client", "performer"):
        op.execute(
            f"ALTER TABLE sessions ADD CONSTRAINT {who}_is_in_one_session_at_a_time"
            f" EXCLUDE USING gist ({who}_id WITH =, tstzrange(starts_at, ends_at) WITH &&)"
            " WHERE (status = 'booked')"
        )
    op.create_index("sessions_plan_idx", "sessions", ["plan_id", "starts_at"])


def _moves() -> None:
    op.create_table(
        "session_moves",
        _id("id"),
        _id("session_id"),
        sa.Column("number", sa.Integer(), nullable=False),
        _moment("from_starts_at"),
        _moment("from_ends_at"),
        _moment("starts_at"),
        _moment("ends_at"),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=True),
        _id("moved_by_id"),
        _moment("moved_at"),
        sa.CheckConstraint(_is_sealed("reason_sealed"), name=op.f("move_reason_is_sealed")),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name=op.f("session_moves_session_id_fkey")
        ),
        _person("session_moves", "moved_by_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("session_moves_pkey")),
        sa.UniqueConstraint("session_id", "number", name="session_moves_number_key"),
    )


def _performances() -> None:
    op.create_table(
        "performances",
        _id("id"),
        _id("session_id"),
        _id("client_id"),
        _id("performer_id"),
        _moment("performed_at"),
        _text("area"),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        _moment("recorded_at"),
        sa.CheckConstraint("performer_id <> client_id", name=op.f("nobody_treats_themselves")),
        sa.CheckConstraint("performed_at <= recorded_at", name=op.f("nothing_is_performed_ahead")),
        sa.CheckConstraint(_is_sealed("note_sealed"), name=op.f("performance_note_is_sealed")),
        sa.ForeignKeyConstraint(
            ["session_id", "client_id"],
            ["sessions.id", "sessions.client_id"],
            name="performance_is_of_its_sessions_client",
        ),
        _person("performances", "performer_id"),
        sa.PrimaryKeyConstraint("id", name=op.f("performances_pkey")),
        sa.UniqueConstraint("session_id", name="sessions_are_performed_once"),
    )


def downgrade() -> None:
    for table in (
        "performances",
        "session_moves",
        "sessions",
        "plan_starts",
        "plan_versions",
        "plans",
    ):
        op.drop_table(table)
    op.execute(
        "DROP FUNCTION performance_agrees, performance_guard, session_moved, ended_plan_agrees,"
        " session_guard, plan_start_agrees, plan_start_guard, plan_version_guard,"
        " plan_says_something, plan_guard"
    )
    op.execute("DELETE FROM legal_transitions WHERE machine IN ('plan', 'session')")
