"""Who may do which procedure, what procedures ask of home care, and which licences there are."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

RULE = (  # the columns every kind of rule has
    ("status", sa.Text(), False),
    ("id", sa.Uuid(), False),
    ("number", sa.Text(), False),
    ("version", sa.Integer(), False),
    ("jurisdiction", sa.Text(), False),
    ("valid_from", sa.Date(), False),
    ("valid_until", sa.Date(), True),
    ("source", sa.Text(), False),
    ("grade", sa.Text(), False),
    ("review_by", sa.Date(), False),
    ("owner_id", sa.Uuid(), False),
    ("authored_by_id", sa.Uuid(), False),
    ("reviewed_by_id", sa.Uuid(), True),
    ("activated_by_id", sa.Uuid(), True),
    ("end_on", sa.Date(), True),
    ("end_proposed_by_id", sa.Uuid(), True),
    ("ended_by_id", sa.Uuid(), True),
)
CHECKS = {
    "rule_is_of_a_jurisdiction": "jurisdiction ~ '^[A-Z]{2}$'",
    "rule_range_is_forward": "valid_until >= valid_from",
    "rule_has_a_number": "version > 0 AND number <> ''",
    "rule_has_a_source": "source <> ''",
    "rule_grade_is_known": "grade IN ('A', 'B', 'C', 'D', 'U')",
    "rule_is_reviewed_by_someone": "(reviewed_by_id IS NOT NULL) = (status <> 'draft')",
    "rule_is_reviewed_by_another": "reviewed_by_id <> authored_by_id",
    "rule_is_activated_by_someone": (
        "(activated_by_id IS NOT NULL) = (status IN ('active', 'superseded'))"
    ),
    "rule_is_activated_by_another": "activated_by_id <> authored_by_id",
    "superseded_rule_has_a_last_day": "status <> 'superseded' OR valid_until IS NOT NULL",
    "rule_end_is_proposed_by_someone": "(end_on IS NULL) = (end_proposed_by_id IS NULL)",
    "ended_rule_ends_as_proposed": (
        "ended_by_id IS NULL OR (end_on IS NOT NULL AND valid_until IS NOT NULL"
        " AND valid_until <= end_on)"
    ),
    "rule_is_ended_by_another": "ended_by_id <> end_proposed_by_id",
}
# The functions are those of the law's rules, which every kind of rule goes by.
EACH_KIND = """
CREATE TRIGGER rule_moves_on BEFORE UPDATE ON {table}
    FOR EACH ROW EXECUTE FUNCTION rule_moves_on();
CREATE TRIGGER rule_goes_along_an_arrow BEFORE UPDATE ON {table} FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.state_seq <> NEW.state_seq)
    EXECUTE FUNCTION ordering_goes_on('{machine}');
CREATE CONSTRAINT TRIGGER superseded_by_its_successor AFTER UPDATE OF status ON {table}
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.status = 'superseded')
    EXECUTE FUNCTION superseded_by_its_successor();
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('{machine}', '', 'draft'),
    ('{machine}', 'draft', 'reviewed'),
    ('{machine}', 'reviewed', 'active'),
    ('{machine}', 'active', 'superseded'),
    ('{machine}', 'draft', 'draft'),
    ('{machine}', 'reviewed', 'reviewed'),
    ('{machine}', 'active', 'active'),
    ('{machine}', 'superseded', 'superseded');
GRANT SELECT ON {table} TO aftercare_app, aftercare_worker;
GRANT INSERT (id, number, version, jurisdiction, valid_from, valid_until, source, grade, review_by,
        owner_id, authored_by_id, status, state_seq, {own}),
    UPDATE (status, state_seq, valid_until, reviewed_by_id, activated_by_id, end_on,
        end_proposed_by_id, ended_by_id) ON {table} TO aftercare_app;
"""
LICENCES = "('MD', 'DO', 'NP', 'PA', 'RN', 'advanced_esthetician', 'esthetician')"
CODE = "~ '^[a-z][a-z0-9_]*$'"


def _rules(
    table: str,
    machine: str,
    own: list[sa.Column[Any]],
    key: list[tuple[Any, str]],
    alone: str,
    **checks: str,
) -> None:
    """A table for a kind of rule: what all kinds have (core/rules.py), its own columns, its key."""
    op.create_table(
        table,
        *own,
        *(sa.Column(name, type_, nullable=nullable) for name, type_, nullable in RULE),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        *(sa.CheckConstraint(text, name=op.f(name)) for name, text in (CHECKS | checks).items()),
        *(
            sa.ForeignKeyConstraint([name], ["people.id"], name=op.f(f"{table}_{name}_fkey"))
            for name, _type, _null in RULE
            if name == "owner_id" or name.endswith("_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name=f"{machine}_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"{table}_pkey")),
        sa.UniqueConstraint("number", "version", name=f"{table}_version_key"),
        postgresql.ExcludeConstraint(
            (sa.column("jurisdiction"), "="),
            *key,
            (sa.text("daterange(valid_from, valid_until)"), "&&"),
            using="gist",
            where=sa.text("status IN ('active', 'superseded')"),
            name=alone,
        ),
    )
    own_names = ", ".join(column.name for column in own)
    op.execute(EACH_KIND.format(table=table, machine=machine, own=own_names))


def _text(name: str, **given: Any) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=False, **given)


def _scope() -> None:
    _rules(
        "scope_rules",
        "scope_rule",
        [
            _text("procedure"),
            _text("licence"),
            _text("verdict"),
            _text("supervision", server_default=""),
        ],
        [(sa.column("procedure"), "="), (sa.column("licence"), "=")],
        "scope_rules_do_not_overlap",
        ruled_procedure_is_a_code=f"procedure {CODE}",
        ruled_licence_is_known=f"licence IN {LICENCES}",
        verdict_is_known="verdict IN ('allowed', 'needs_supervision', 'forbidden')",
        needed_supervision_is_described="(verdict = 'needs_supervision') = (supervision <> '')",
    )


def _windows() -> None:
    _rules(
        "window_rules",
        "window_rule",
        [
            _text("procedure"),
            _text("subject"),
            _text("anchor"),
            sa.Column("from_day", sa.Integer(), nullable=False),
            sa.Column("to_day", sa.Integer(), nullable=False),
            _text("action"),
            _text("severity"),
            _text("published"),
            sa.Column("condition", postgresql.JSONB(), nullable=False),
        ],
        [
            (sa.column("procedure"), "="),
            (sa.column("subject"), "="),
            (sa.column("anchor"), "="),
            (sa.column("action"), "="),
            (sa.text("(condition::text)"), "="),
            (sa.text("int4range(from_day, to_day)"), "&&"),
        ],
        "window_rules_do_not_overlap",
        windowed_procedure_is_a_code=f"procedure {CODE}",
        windowed_subject_is_a_code=f"subject {CODE}",
        anchor_is_known="anchor IN ('start', 'end')",
        window_action_is_known="action IN ('stop', 'avoid', 'require', 'prime', 'allow')",
        window_severity_is_known="severity IN ('info', 'warn', 'soft_stop', 'hard_stop')",
        window_is_forward="from_day < to_day",
        window_is_within_400_days="from_day >= -400 AND to_day <= 400",
        what_stops_nothing_is_told=(
            "action NOT IN ('prime', 'allow') OR severity IN ('info', 'warn')"
        ),
        window_says_what_was_published="published <> ''",
        condition_is_an_object="jsonb_typeof(condition) = 'object'",
    )


def upgrade() -> None:
    op.create_check_constraint(op.f("licence_kind_is_known"), "licences", f"kind IN {LICENCES}")
    _scope()
    _windows()


def downgrade() -> None:
    op.drop_table("window_rules")
    op.drop_table("scope_rules")
    op.execute("DELETE FROM legal_transitions WHERE machine IN ('scope_rule', 'window_rule')")
    op.drop_constraint("licence_kind_is_known", "licences", type_="check")
