"""What physicians ask clients before they decide, with the answers as they were."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

# The body of 0006 with the time zone of 0012; FROZEN says which columns are kept once a request was handed in.
REQUEST_GUARD = """
CREATE OR REPLACE FUNCTION request_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET timezone = 'UTC' AS $$
DECLARE
    moment timestamptz := shop_now();
    lives_in text;
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.created_at := moment;
        NEW.submitted_at := NULL;
        NEW.claim_count := 0;
        IF NEW.status <> 'draft' THEN
            broken := 'request_begins_as_a_draft';
        END IF;
    ELSE
        NEW.submitted_at := OLD.submitted_at;
        NEW.claim_count := OLD.claim_count;
        IF (NEW.id, NEW.number, NEW.client_id, NEW.requested_by_id, NEW.variant_id, NEW.created_at)
           IS DISTINCT FROM
           (OLD.id, OLD.number, OLD.client_id, OLD.requested_by_id, OLD.variant_id, OLD.created_at)
        THEN
            broken := 'request_keeps_who_and_what';
        ELSIF {frozen}
        THEN
            broken := 'answers_are_frozen_once_submitted';
        END IF;
        IF OLD.status = 'draft' AND NEW.status IN ('queued', 'referred', 'declined') THEN
            NEW.submitted_at := moment;
            NEW.consented_at := CASE WHEN NEW.consented_at IS NOT NULL THEN moment END;
        END IF;
        IF NEW.status = 'in_review' AND OLD.status <> 'in_review' THEN
            SELECT state INTO lives_in FROM people WHERE id = NEW.client_id;
            IF NOT (prescriber_licensed(NEW.claimed_by_id, NEW.ship_to_state, moment::date)
                    AND prescriber_licensed(NEW.claimed_by_id, lives_in, moment::date)) THEN
                broken := 'reviewer_is_licensed';
            END IF;
            NEW.claim_count := OLD.claim_count + 1;
            NEW.claimed_until := moment + interval '15 minutes';
        ELSIF NEW.status = 'in_review' THEN
            IF NEW.claimed_by_id IS DISTINCT FROM OLD.claimed_by_id THEN
                broken := 'claim_is_not_taken_over';
            END IF;
            IF NEW.claimed_until IS DISTINCT FROM OLD.claimed_until THEN
                NEW.claimed_until := moment + interval '15 minutes';
            END IF;
        END IF;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'approval request %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
"""

# A reply may change the answers and their hash, on its one arrow. What was handed in before is in
# the inquiry that the reply closes.
FROZEN_BUT_FOR_A_REPLY = """OLD.status <> 'draft' AND (
           (NEW.quantity, NEW.ship_to_state, NEW.questionnaire_version, NEW.consented_at)
           IS DISTINCT FROM
           (OLD.quantity, OLD.ship_to_state, OLD.questionnaire_version, OLD.consented_at)
           OR (NOT (OLD.status = 'info_requested' AND NEW.status = 'queued')
               AND (NEW.answers_sealed, NEW.answers_hash)
                   IS DISTINCT FROM (OLD.answers_sealed, OLD.answers_hash)))"""
FROZEN = """OLD.status <> 'draft' AND
           (NEW.quantity, NEW.ship_to_state, NEW.questionnaire_version, NEW.answers_sealed,
            NEW.answers_hash, NEW.consented_at)
           IS DISTINCT FROM
           (OLD.quantity, OLD.ship_to_state, OLD.questionnaire_version, OLD.answers_sealed,
            OLD.answers_hash, OLD.consented_at)"""

DAYS_FROZEN = """
DROP TRIGGER answer_days_are_frozen_once_submitted ON approval_requests;
CREATE TRIGGER answer_days_are_frozen_once_submitted BEFORE UPDATE ON approval_requests
    FOR EACH ROW WHEN (OLD.status <> 'draft'{but}
                       AND NEW.answered_on_sealed IS DISTINCT FROM OLD.answered_on_sealed)
    EXECUTE FUNCTION answer_days_are_frozen();
"""
BUT_FOR_A_REPLY = " AND NOT (OLD.status = 'info_requested' AND NEW.status = 'queued')"

GUARDS = """
-- A question is put under a claim, about the answers that are there; it is answered once, while the
-- request waits for it, and keeps what was asked. Its times are stamped after the request's lock.
CREATE FUNCTION inquiry_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    asked approval_requests%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO asked FROM approval_requests WHERE id = NEW.request_id FOR UPDATE;
    IF TG_OP = 'INSERT' THEN
        IF NOT holds_the_claim(NEW.request_id, NEW.asked_by_id) THEN
            broken := 'asked_under_a_claim';
        ELSIF NEW.answers_hash IS DISTINCT FROM asked.answers_hash THEN
            broken := 'inquiry_keeps_the_answers_it_is_about';
        END IF;
        NEW.asked_at := shop_now();
        NEW.reply_sealed := NULL;
        NEW.answered_at := NULL;
    ELSE
        IF (NEW.id, NEW.request_id, NEW.asked_by_id, NEW.question_sealed, NEW.said_sealed,
            NEW.answers_hash, NEW.due_at, NEW.asked_at)
           IS DISTINCT FROM
           (OLD.id, OLD.request_id, OLD.asked_by_id, OLD.question_sealed, OLD.said_sealed,
            OLD.answers_hash, OLD.due_at, OLD.asked_at)
        THEN
            broken := 'inquiry_keeps_what_was_asked';
        ELSIF OLD.answered_at IS NOT NULL OR asked.status <> 'info_requested' THEN
            broken := 'inquiry_is_answered_once';
        END IF;
        NEW.answered_at := shop_now();
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'approval request %: %', asked.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER inquiry_guard BEFORE INSERT OR UPDATE ON inquiries
    FOR EACH ROW EXECUTE FUNCTION inquiry_guard();
CREATE TRIGGER inquiries_are_kept BEFORE DELETE OR TRUNCATE ON inquiries
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit: a request waits for an answer while, and only while, a question of it is open. One that
-- ended otherwise may leave its question open.
CREATE FUNCTION inquiry_agrees() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    row_of jsonb := to_jsonb(NEW);
    asked approval_requests%ROWTYPE;
    waits boolean;
    broken text;
BEGIN
    SELECT * INTO asked FROM approval_requests
        WHERE id = coalesce(row_of ->> 'request_id', row_of ->> 'id')::uuid;
    waits := EXISTS (SELECT FROM inquiries WHERE request_id = asked.id AND answered_at IS NULL);
    broken := CASE
        WHEN asked.status = 'info_requested' AND NOT waits THEN 'request_waits_for_an_answer'
        WHEN waits AND asked.status NOT IN ('info_requested', 'withdrawn', 'expired')
            THEN 'question_holds_up_its_request'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'approval request %: %', asked.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER request_agrees_with_its_inquiries AFTER UPDATE ON approval_requests
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status <> OLD.status AND 'info_requested' IN (NEW.status, OLD.status))
    EXECUTE FUNCTION inquiry_agrees();
CREATE CONSTRAINT TRIGGER inquiry_agrees_with_its_request AFTER INSERT OR UPDATE ON inquiries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION inquiry_agrees();

GRANT SELECT ON inquiries TO aftercare_app, aftercare_worker;
GRANT INSERT (id, request_id, asked_by_id, question_sealed, said_sealed, answers_hash, due_at),
    UPDATE (reply_sealed) ON inquiries TO aftercare_app;
"""

TEMPLATES = (
    "template IN ('account_confirmation', 'account_exists', 'request_received', 'request_news',{more}"
    " 'order_paid', 'order_shipped', 'order_cancelled', 'order_expired', 'order_held',"
    " 'order_resumed', 'refund_sent', 'licence_expiring', 'signing_key_expiring')"
)


def upgrade() -> None:
    op.create_table(
        "inquiries",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by_id", sa.Uuid(), nullable=False),
        sa.Column("question_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("said_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("answers_hash", sa.LargeBinary(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "asked_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("reply_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "substring(question_sealed, 1, 1) = '\\x01' AND octet_length(question_sealed) >= 97"
            " AND substring(said_sealed, 1, 1) = '\\x01' AND octet_length(said_sealed) >= 97"
            " AND (reply_sealed IS NULL OR substring(reply_sealed, 1, 1) = '\\x01'"
            " AND octet_length(reply_sealed) >= 97)",
            name=op.f("inquiry_is_sealed"),
        ),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (reply_sealed IS NULL)",
            name=op.f("inquiry_is_answered_by_a_reply"),
        ),
        sa.ForeignKeyConstraint(
            ["request_id"], ["approval_requests.id"], name=op.f("inquiries_request_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["asked_by_id"], ["people.id"], name=op.f("inquiries_asked_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("inquiries_pkey")),
    )
    op.create_index(
        "inquiries_one_open",
        "inquiries",
        ["request_id"],
        unique=True,
        postgresql_where=sa.text("answered_at IS NULL"),
    )
    op.create_index("inquiries_request_idx", "inquiries", ["request_id", "asked_at"], unique=False)
    op.execute(REQUEST_GUARD.format(frozen=FROZEN_BUT_FOR_A_REPLY))
    op.execute(DAYS_FROZEN.format(but=BUT_FOR_A_REPLY))
    op.execute(GUARDS)
    _letters(" 'case_news',")


def downgrade() -> None:
    op.execute("DELETE FROM letters WHERE template = 'case_news'")
    _letters("")
    op.execute("DROP TRIGGER request_agrees_with_its_inquiries ON approval_requests")
    op.drop_table("inquiries")
    op.execute("DROP FUNCTION inquiry_agrees, inquiry_guard")
    op.execute(DAYS_FROZEN.format(but=""))
    op.execute(REQUEST_GUARD.format(frozen=FROZEN))


def _letters(more: str) -> None:
    """Close the vocabulary of letters anew."""
    op.drop_constraint("letter_template_is_known", "letters", type_="check")
    op.create_check_constraint(
        op.f("letter_template_is_known"), "letters", TEMPLATES.format(more=more)
    )
