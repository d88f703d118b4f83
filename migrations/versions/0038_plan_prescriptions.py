"""Requests and prescriptions may belong to a plan."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

BELONGING = """
-- A request names its plan when it begins, for good: one that goes on, and that others may read.
CREATE FUNCTION request_plan_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    broken := CASE
        WHEN TG_OP = 'UPDATE' THEN 'request_keeps_its_plan'
        WHEN EXISTS (SELECT FROM plans WHERE id = NEW.plan_id
                     AND status IN ('draft', 'completed', 'revoked'))
            THEN 'request_is_for_a_plan_that_goes_on'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'approval request %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER request_names_its_plan BEFORE INSERT ON approval_requests
    FOR EACH ROW WHEN (NEW.plan_id IS NOT NULL) EXECUTE FUNCTION request_plan_guard();
CREATE TRIGGER request_keeps_its_plan BEFORE UPDATE ON approval_requests
    FOR EACH ROW WHEN (OLD.plan_id IS DISTINCT FROM NEW.plan_id)
    EXECUTE FUNCTION request_plan_guard();

-- What is signed belongs to the plan of its request, whatever was written, unless that has ended.
CREATE FUNCTION prescription_of_a_plan() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    NEW.plan_id := (SELECT plans.id
                    FROM approval_requests JOIN plans ON plans.id = approval_requests.plan_id
                    WHERE approval_requests.id = NEW.request_id
                      AND plans.status NOT IN ('completed', 'revoked'));
    RETURN NEW;
END $$;
CREATE TRIGGER prescription_of_a_plan BEFORE INSERT ON prescriptions
    FOR EACH ROW EXECUTE FUNCTION prescription_of_a_plan();

GRANT INSERT (plan_id) ON approval_requests TO aftercare_app;
"""

# A plan is locked before its requests. A row that is updated twice in one transaction looks at what
# it points at, FOR KEY SHARE: so who holds a request and who holds its plan would wait for each
# other, were the plan locked against that, too. Its key never changes.
LOCKING = """
DO $do$
DECLARE
    guard regprocedure;
BEGIN
    FOREACH guard IN ARRAY ARRAY['plan_version_guard()', 'plan_start_guard()']::regprocedure[] LOOP
        EXECUTE replace(pg_get_functiondef(guard),
                        'FROM plans WHERE id = NEW.plan_id {was}',
                        'FROM plans WHERE id = NEW.plan_id {now}');
    END LOOP;
END $do$;
"""

TABLES = ("approval_requests", "prescriptions")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("plan_id", sa.Uuid(), nullable=True))
        op.create_index(
            f"{table}_plan_idx",
            table,
            ["plan_id"],
            postgresql_where=sa.text("plan_id IS NOT NULL"),
        )
    op.create_unique_constraint(
        "approval_requests_plan_key", "approval_requests", ["id", "plan_id"]
    )
    op.create_foreign_key(
        "request_is_for_a_plan_of_its_client",
        "approval_requests",
        "plans",
        ["plan_id", "client_id"],
        ["id", "client_id"],
    )
    op.create_foreign_key(
        "prescription_is_of_the_plan_it_was_asked_for",
        "prescriptions",
        "approval_requests",
        ["request_id", "plan_id"],
        ["id", "plan_id"],
    )
    op.execute(BELONGING)
    op.execute(LOCKING.format(was="FOR UPDATE", now="FOR NO KEY UPDATE"))


def downgrade() -> None:
    op.execute(LOCKING.format(was="FOR NO KEY UPDATE", now="FOR UPDATE"))
    op.execute(
        "DROP TRIGGER prescription_of_a_plan ON prescriptions;"
        " DROP TRIGGER request_keeps_its_plan ON approval_requests;"
        " DROP TRIGGER request_names_its_plan ON approval_requests;"
        " DROP FUNCTION prescription_of_a_plan, request_plan_guard"
    )
    op.drop_constraint("prescription_is_of_the_plan_it_was_asked_for", "prescriptions")
    op.drop_constraint("request_is_for_a_plan_of_its_client", "approval_requests")
    op.drop_constraint("approval_requests_plan_key", "approval_requests")
    for table in TABLES:
        op.drop_index(f"{table}_plan_idx", table)
        op.drop_column(table, "plan_id")
