"""The review desk: risk, assignment, escalation, refusal by a rule; duties and delegations."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

DUTIES = """
-- Managers charge people, never themselves; who answers for the rules of medicine is a physician.
CREATE FUNCTION duty_granted() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF NOT EXISTS (SELECT FROM people WHERE id = NEW.granted_by_id AND role = 'manager'
                   AND disabled_at IS NULL) THEN
        broken := 'duty_is_granted_by_a_manager';
    ELSIF NEW.duty = 'medical_director' AND NOT EXISTS (
        SELECT FROM people WHERE id = NEW.person_id AND role = 'physician') THEN
        broken := 'medical_director_is_a_physician';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'duty %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.granted_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER duty_granted BEFORE INSERT ON duties
    FOR EACH ROW EXECUTE FUNCTION duty_granted();

CREATE FUNCTION duty_only_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.ended_on IS NOT NULL
       OR (to_jsonb(NEW) - 'ended_on' - 'ended_by_id')
          <> (to_jsonb(OLD) - 'ended_on' - 'ended_by_id') THEN
        RAISE EXCEPTION 'a duty can only be ended, once' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'duties_are_only_ended', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER duties_are_only_ended BEFORE UPDATE OR DELETE ON duties
    FOR EACH ROW EXECUTE FUNCTION duty_only_ended();

GRANT SELECT ON duties TO aftercare_app, aftercare_worker;
GRANT INSERT (id, person_id, duty, valid_from, valid_until, granted_by_id),
    UPDATE (ended_on, ended_by_id) ON duties TO aftercare_app;
"""

DELEGATIONS = """
-- Physicians stand in for physicians, and on no day does the work come round to who is away. One
-- writer at a time: two that are fine alone could close a circle together.
CREATE FUNCTION delegation_made() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    PERFORM pg_advisory_xact_lock(5150024);
    IF 2 <> (SELECT count(*) FROM people WHERE id IN (NEW.absent_id, NEW.delegate_id)
             AND role = 'physician' AND disabled_at IS NULL)
       AND NEW.absent_id <> NEW.delegate_id THEN
        broken := 'physicians_stand_in_for_physicians';
    ELSIF NEW.absent_id <> NEW.delegate_id AND NEW.starts_on <= NEW.ends_on AND EXISTS (
        WITH RECURSIVE onward (person, days) AS (
            SELECT NEW.delegate_id, daterange(NEW.starts_on, NEW.ends_on, '[]')
            UNION
            SELECT next.delegate_id,
                   onward.days * daterange(next.starts_on, next.ends_on, '[]')
            FROM onward JOIN delegations AS next
              ON next.absent_id = onward.person AND next.withdrawn_at IS NULL
             AND daterange(next.starts_on, next.ends_on, '[]') && onward.days)
        SELECT FROM onward WHERE person = NEW.absent_id) THEN
        broken := 'nobody_comes_to_stand_in_for_themselves';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'delegation %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.created_at := shop_now();
    NEW.withdrawn_at := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER delegation_made BEFORE INSERT ON delegations
    FOR EACH ROW EXECUTE FUNCTION delegation_made();

CREATE FUNCTION delegation_only_withdrawn() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.withdrawn_at IS NOT NULL OR NEW.withdrawn_at IS NULL
       OR (to_jsonb(NEW) - 'withdrawn_at') <> (to_jsonb(OLD) - 'withdrawn_at') THEN
        RAISE EXCEPTION 'a delegation can only be withdrawn, once'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'delegations_are_only_withdrawn',
                TABLE = TG_TABLE_NAME;
    END IF;
    NEW.withdrawn_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER delegations_are_only_withdrawn BEFORE UPDATE OR DELETE ON delegations
    FOR EACH ROW EXECUTE FUNCTION delegation_only_withdrawn();

GRANT SELECT ON delegations TO aftercare_app, aftercare_worker;
GRANT INSERT (id, absent_id, delegate_id, starts_on, ends_on), UPDATE (withdrawn_at)
    ON delegations TO aftercare_app;
"""

DESK = """
-- What a request weighs, and whose it is, is found out when it comes to the desk, and stays so
-- while it lies there: nobody makes a request lighter to have it looked at later.
CREATE FUNCTION request_weighed() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF NEW.status <> 'queued' OR OLD.status = 'queued' THEN
        broken := 'request_is_weighed_on_its_way_to_the_desk';
    ELSIF NEW.assigned_to_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM people WHERE id = NEW.assigned_to_id AND role = 'physician') THEN
        broken := 'request_is_assigned_to_a_physician';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'approval request %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER request_weighed BEFORE UPDATE ON approval_requests
    FOR EACH ROW WHEN (OLD.risk <> NEW.risk
                       OR OLD.assigned_to_id IS DISTINCT FROM NEW.assigned_to_id)
    EXECUTE FUNCTION request_weighed();

GRANT UPDATE (risk, assigned_to_id) ON approval_requests TO aftercare_app, aftercare_worker;

-- Who waits too long is told of, step after step. Locks the request.
CREATE FUNCTION escalation_stamped() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    asked approval_requests%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO asked FROM approval_requests WHERE id = NEW.request_id FOR UPDATE;
    IF asked.status <> 'queued' THEN
        broken := 'only_what_waits_is_escalated';
    ELSIF NEW.step > 1 AND NOT EXISTS (
        SELECT FROM escalations WHERE request_id = NEW.request_id AND step = NEW.step - 1) THEN
        broken := 'escalation_goes_step_by_step';
    ELSIF NEW.called_id IN (asked.client_id, asked.requested_by_id) THEN
        broken := 'nobody_is_called_to_their_own_request';
    ELSIF NEW.called_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM people WHERE id = NEW.called_id AND role = 'physician') THEN
        broken := 'escalation_calls_a_physician';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'escalation of request %: %', asked.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER escalation_stamped BEFORE INSERT ON escalations
    FOR EACH ROW EXECUTE FUNCTION escalation_stamped();
CREATE TRIGGER escalations_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON escalations
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

GRANT SELECT ON escalations TO aftercare_app, aftercare_worker;
GRANT INSERT (id, request_id, step, called_id) ON escalations TO aftercare_app, aftercare_worker;
"""

# A person refuses under her claim, as before; a rule what is just being handed in.
BY_RULE = """
DROP TRIGGER refusal_guard ON refusals;
CREATE TRIGGER refusal_guard BEFORE INSERT ON refusals
    FOR EACH ROW WHEN (NEW.refused_by_id IS NOT NULL) EXECUTE FUNCTION refusal_guard();

CREATE FUNCTION refusal_by_rule() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    asked approval_requests%ROWTYPE;
BEGIN
    SELECT * INTO asked FROM approval_requests WHERE id = NEW.request_id FOR UPDATE;
    IF asked.status <> 'draft' THEN
        RAISE EXCEPTION 'a rule refuses only what is just being handed in'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'rule_refuses_what_is_handed_in',
                TABLE = TG_TABLE_NAME;
    END IF;
    NEW.refused_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER refusal_by_rule BEFORE INSERT ON refusals
    FOR EACH ROW WHEN (NEW.refused_by_id IS NULL) EXECUTE FUNCTION refusal_by_rule();

GRANT INSERT (rule_sealed, rules_version) ON refusals TO aftercare_app;
"""

BY_PERSON_ONLY = """
DROP TRIGGER refusal_by_rule ON refusals;
DROP FUNCTION refusal_by_rule();
DROP TRIGGER refusal_guard ON refusals;
CREATE TRIGGER refusal_guard BEFORE INSERT ON refusals
    FOR EACH ROW EXECUTE FUNCTION refusal_guard();
"""

TEMPLATES = (
    "template IN ('account_confirmation', 'account_exists', 'request_received', 'request_news',"
    "{} 'order_paid', 'order_shipped', 'order_cancelled', 'order_expired', 'order_held',"
    " 'order_resumed', 'refund_sent', 'licence_expiring', 'signing_key_expiring', 'case_news')"
)


def _letters(more: str) -> None:
    """Which letters there are."""
    op.drop_constraint("letter_template_is_known", "letters", type_="check")
    op.create_check_constraint(op.f("letter_template_is_known"), "letters", TEMPLATES.format(more))


def _moment(name: str) -> sa.Column[object]:
    kind = sa.DateTime(timezone=True)
    return sa.Column(name, kind, server_default=sa.text("shop_now()"), nullable=False)


def upgrade() -> None:
    _letters(" 'request_escalated',")
    _duties()
    _delegations()
    _desk()
    _refusals()


def _duties() -> None:
    op.create_table(
        "duties",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("duty", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        sa.Column("granted_by_id", sa.Uuid(), nullable=False),
        _moment("granted_at"),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint(
            "duty IN ('medical_director', 'counsel', 'privacy_officer', 'administrator')",
            name=op.f("duty_is_known"),
        ),
        sa.CheckConstraint("valid_from < valid_until", name=op.f("duty_range_is_forward")),
        sa.CheckConstraint(
            "(ended_on IS NULL) = (ended_by_id IS NULL)", name=op.f("duty_ended_by_someone")
        ),
        sa.CheckConstraint(
            "granted_by_id <> person_id", name=op.f("nobody_grants_themselves_a_duty")
        ),
        postgresql.ExcludeConstraint(
            (sa.column("person_id"), "="),
            (sa.column("duty"), "="),
            (sa.text("daterange(valid_from, valid_until)"), "&&"),
            using="gist",
            where=sa.text("ended_on IS NULL"),
            name="duties_do_not_overlap",
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("duties_person_id_fkey")),
        sa.ForeignKeyConstraint(
            ["granted_by_id"], ["people.id"], name=op.f("duties_granted_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["ended_by_id"], ["people.id"], name=op.f("duties_ended_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("duties_pkey")),
    )
    op.execute(DUTIES)


def _delegations() -> None:
    op.create_table(
        "delegations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("absent_id", sa.Uuid(), nullable=False),
        sa.Column("delegate_id", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        _moment("created_at"),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "absent_id <> delegate_id", name=op.f("nobody_stands_in_for_themselves")
        ),
        sa.CheckConstraint("starts_on <= ends_on", name=op.f("delegation_range_is_forward")),
        sa.CheckConstraint(
            "ends_on - starts_on < 366", name=op.f("delegation_lasts_a_year_at_most")
        ),
        postgresql.ExcludeConstraint(
            (sa.column("absent_id"), "="),
            (sa.text("daterange(starts_on, ends_on, '[]')"), "&&"),
            using="gist",
            where=sa.text("withdrawn_at IS NULL"),
            name="delegations_do_not_overlap",
        ),
        sa.ForeignKeyConstraint(
            ["absent_id"], ["people.id"], name=op.f("delegations_absent_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["delegate_id"], ["people.id"], name=op.f("delegations_delegate_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("delegations_pkey")),
    )
    op.execute(DELEGATIONS)


def _desk() -> None:
    # What nobody has weighed comes first.
    op.add_column(
        "approval_requests",
        sa.Column("risk", sa.Integer(), server_default=sa.text("1"), nullable=False),
    )
    op.add_column("approval_requests", sa.Column("assigned_to_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("approval_requests_assigned_to_id_fkey"),
        "approval_requests",
        "people",
        ["assigned_to_id"],
        ["id"],
    )
    op.create_check_constraint(op.f("risk_is_known"), "approval_requests", "risk BETWEEN 1 AND 3")
    op.create_check_constraint(
        op.f("nobody_is_assigned_their_own_request"),
        "approval_requests",
        "assigned_to_id <> client_id AND assigned_to_id <> requested_by_id",
    )
    op.create_index(
        "approval_requests_desk_idx",
        "approval_requests",
        ["risk", "due_at", "id"],
        postgresql_where=sa.text("status IN ('queued', 'in_review')"),
    )
    op.create_table(
        "escalations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("step", sa.Integer(), nullable=False),
        sa.Column("called_id", sa.Uuid(), nullable=True),
        _moment("at"),
        sa.CheckConstraint("step IN (1, 2)", name=op.f("escalation_step_is_known")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["approval_requests.id"], name=op.f("escalations_request_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["called_id"], ["people.id"], name=op.f("escalations_called_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("escalations_pkey")),
        sa.UniqueConstraint("request_id", "step", name="escalations_once_per_step"),
    )
    op.execute(DESK)


def _refusals() -> None:
    op.alter_column("refusals", "refused_by_id", nullable=True)
    op.add_column("refusals", sa.Column("rule_sealed", sa.LargeBinary(), nullable=True))
    op.add_column("refusals", sa.Column("rules_version", sa.Text(), nullable=True))
    op.create_check_constraint(
        op.f("refused_by_a_person_or_a_rule"),
        "refusals",
        "num_nonnulls(refused_by_id, rule_sealed) = 1"
        " AND (rule_sealed IS NULL) = (rules_version IS NULL)",
    )
    op.execute(BY_RULE)


def downgrade() -> None:
    op.execute(BY_PERSON_ONLY)
    op.drop_constraint("refused_by_a_person_or_a_rule", "refusals", type_="check")
    op.drop_column("refusals", "rules_version")
    op.drop_column("refusals", "rule_sealed")
    op.alter_column(
        "refusals", "refused_by_id", nullable=False
    )  # what a rule refused has no way back
    op.drop_table("escalations")
    op.execute("DROP FUNCTION escalation_stamped()")
    op.execute("DROP TRIGGER request_weighed ON approval_requests; DROP FUNCTION request_weighed()")
    op.drop_column("approval_requests", "assigned_to_id")
    op.drop_column("approval_requests", "risk")
    op.drop_table("delegations")
    op.execute("DROP FUNCTION delegation_only_withdrawn(), delegation_made()")
    op.drop_table("duties")
    op.execute("DROP FUNCTION duty_only_ended(), duty_granted()")
    op.execute("DELETE FROM letters WHERE template = 'request_escalated'")
    _letters("")
