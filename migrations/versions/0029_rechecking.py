"""What becomes known of a client's health holds her prescriptions until a physician has looked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

REVIEWING = """
-- By the prescriber, or who stands in for her. Follows the code within a day, so that midnight
-- between its clock and ours refuses nobody.
CREATE FUNCTION health_review_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    today CONSTANT date := (shop_now() AT TIME ZONE 'UTC')::date;
    broken text;
BEGIN
    broken := CASE
        WHEN NOT EXISTS (SELECT FROM people WHERE id = NEW.reviewed_by_id
                         AND role = 'physician' AND disabled_at IS NULL)
            THEN 'health_news_is_reviewed_by_a_physician'
        WHEN NOT EXISTS (
            WITH RECURSIVE onward (person) AS (
                SELECT prescriber_id FROM prescriptions WHERE id = NEW.prescription_id
                UNION
                SELECT next.delegate_id FROM onward JOIN delegations AS next
                    ON next.absent_id = onward.person AND next.withdrawn_at IS NULL
                   AND today BETWEEN next.starts_on AND next.ends_on + 1)
            SELECT FROM onward WHERE person = NEW.reviewed_by_id)
            THEN 'health_news_is_reviewed_by_who_stands_in'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'health review %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.reviewed_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER health_review_guard BEFORE INSERT ON health_reviews
    FOR EACH ROW EXECUTE FUNCTION health_review_guard();
CREATE TRIGGER health_reviews_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON health_reviews
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- It goes on only after somebody has looked at it while it was held.
CREATE FUNCTION health_hold_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM health_reviews
                   WHERE prescription_id = OLD.id AND reviewed_at >= OLD.held_at) THEN
        RAISE EXCEPTION 'prescription %: nobody has looked at it', OLD.number
            USING ERRCODE = 'check_violation',
                CONSTRAINT = 'health_news_is_reviewed_before_it_goes_on', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER health_hold_ends_with_a_review BEFORE UPDATE OF status ON prescriptions FOR EACH ROW
    WHEN (OLD.held_for = 'health_news' AND NEW.status = 'active')
    EXECUTE FUNCTION health_hold_guard();
"""

GRANTS = """
GRANT SELECT ON health_reviews TO aftercare_app, aftercare_worker;
GRANT INSERT (id, prescription_id, client_id, reviewed_by_id, seen_sealed, reason_sealed)
    ON health_reviews TO aftercare_app;
"""

TEMPLATES = (
    "'account_confirmation', 'account_exists', 'request_received', 'request_news', 'order_paid',"
    " 'order_shipped', 'order_cancelled', 'order_expired', 'order_held', 'order_resumed',"
    " 'refund_sent', 'licence_expiring', 'signing_key_expiring', 'case_news', 'request_escalated',"
    " 'prescription_renewable'"
)
SEALED = "substring({0}, 1, 1) = '\\x01' AND octet_length({0}) >= 97"


def _words(table: str, name: str, condition: str) -> None:
    op.drop_constraint(name, table, type_="check")
    op.create_check_constraint(op.f(name), table, condition)


def upgrade() -> None:
    op.create_table(
        "health_reviews",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("reviewed_by_id", sa.Uuid(), nullable=False),
        sa.Column(
            "reviewed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("seen_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("reviewed_by_id <> client_id", name=op.f("client_reviews_no_news")),
        sa.CheckConstraint(SEALED.format("seen_sealed"), name=op.f("what_was_seen_is_sealed")),
        sa.CheckConstraint(SEALED.format("reason_sealed"), name=op.f("reason_of_review_is_sealed")),
        sa.ForeignKeyConstraint(
            ["prescription_id", "client_id"],
            ["prescriptions.id", "prescriptions.client_id"],
            name="health_review_is_of_a_prescription_of_this_client",
        ),
        sa.ForeignKeyConstraint(
            ["reviewed_by_id"], ["people.id"], name=op.f("health_reviews_reviewed_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("health_reviews_pkey")),
    )
    op.create_index("health_reviews_prescription_idx", "health_reviews", ["prescription_id"])
    _words(
        "prescriptions", "held_for_a_known_reason", "held_for IN ('licence_lapsed', 'health_news')"
    )
    _words("letters", "letter_template_is_known", f"template IN ({TEMPLATES}, 'prescription_news')")
    for statements in (REVIEWING, GRANTS):
        op.execute(statements)


def downgrade() -> None:
    op.execute("DROP TRIGGER health_hold_ends_with_a_review ON prescriptions")
    _words("letters", "letter_template_is_known", f"template IN ({TEMPLATES})")
    _words("prescriptions", "held_for_a_known_reason", "held_for IN ('licence_lapsed')")
    op.drop_table("health_reviews")
    op.execute("DROP FUNCTION health_hold_guard, health_review_guard")
