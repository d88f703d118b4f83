"""Letters that are resent and ended, what their readers chose, and long work that is found again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

TRANSITIONS = """
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('work', '', 'waiting'), ('work', '', 'running'),
    ('work', 'waiting', 'running'), ('work', 'waiting', 'stopped'), ('work', 'waiting', 'failed'),
    ('work', 'running', 'done'), ('work', 'running', 'failed'), ('work', 'running', 'stopped'),
    ('work', 'failed', 'waiting'), ('work', 'failed', 'running'),
    ('work', 'stopped', 'waiting'), ('work', 'stopped', 'running'),
    ('work', 'waiting', 'waiting'), ('work', 'running', 'running'), ('work', 'done', 'done'),
    ('work', 'failed', 'failed'), ('work', 'stopped', 'stopped');
"""

WORKS = """
-- Who takes work up moves its fence; who carried it before is refused from then on. `seen_at` is the
-- last sign of life: work that runs and gives none is stopped.
CREATE FUNCTION work_guard() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
    before text := CASE TG_OP WHEN 'INSERT' THEN '' ELSE OLD.status END;
BEGIN
    IF NOT EXISTS (SELECT FROM legal_transitions WHERE machine = 'work'
                   AND from_state = before AND to_state = NEW.status) THEN
        broken := 'work_goes_along_an_arrow';
    ELSIF TG_OP = 'UPDATE' THEN
        broken := CASE
            WHEN OLD.status = 'done' THEN 'work_that_is_done_stays_as_it_is'
            WHEN NEW.fence = OLD.fence AND (NEW.done < OLD.done OR NEW.failed < OLD.failed)
                OR NEW.fence < OLD.fence THEN 'progress_goes_forward'
            WHEN OLD.status <> 'running' AND NEW.status = 'running' AND NEW.fence = OLD.fence
                THEN 'work_is_taken_up_with_a_new_fence'
        END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'work %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    IF TG_OP = 'INSERT' THEN
        NEW.asked_at := shop_now();
        NEW.began_at := CASE WHEN NEW.status = 'running' THEN NEW.asked_at END;
    ELSIF NEW.fence <> OLD.fence THEN
        NEW.began_at := shop_now();
    END IF;
    NEW.seen_at := shop_now();
    NEW.ended_at := CASE
        WHEN NEW.status IN ('waiting', 'running') THEN NULL
        WHEN before = NEW.status THEN OLD.ended_at
        ELSE shop_now() END;
    RETURN NEW;
END $$;
CREATE TRIGGER work_guard BEFORE INSERT OR UPDATE ON works
    FOR EACH ROW EXECUTE FUNCTION work_guard();
CREATE TRIGGER works_are_kept BEFORE DELETE OR TRUNCATE ON works
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- A file is made by work that runs, is never changed, and goes when its day is over.
CREATE FUNCTION work_file_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        broken := CASE WHEN OLD.expires_at > shop_now() THEN 'file_is_kept_until_it_expires' END;
    ELSE
        broken := CASE WHEN NOT EXISTS (SELECT FROM works WHERE id = NEW.work_id
                                        AND status = 'running')
            THEN 'file_is_made_by_work_that_runs' END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'file of work: %', broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    NEW.made_at := shop_now();
    NEW.expires_at := NEW.made_at + interval '24 hours';
    RETURN NEW;
END $$;
CREATE TRIGGER work_file_guard BEFORE INSERT OR DELETE ON work_files
    FOR EACH ROW EXECUTE FUNCTION work_file_guard();
CREATE TRIGGER work_files_are_never_changed BEFORE UPDATE OR TRUNCATE ON work_files
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

CHOICES = """
-- Locks the reader, so that two words of hers come one after the other.
CREATE FUNCTION mail_choice_stamped() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM 1 FROM people WHERE id = NEW.person_id FOR NO KEY UPDATE;
    NEW.number := 1 + (SELECT count(*) FROM mail_choices WHERE person_id = NEW.person_id);
    NEW.chosen_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER mail_choice_stamped BEFORE INSERT ON mail_choices
    FOR EACH ROW EXECUTE FUNCTION mail_choice_stamped();
CREATE TRIGGER mail_choices_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON mail_choices
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- What its reader ended is not written.
CREATE FUNCTION letter_is_wanted() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    broken := CASE
        WHEN NEW.template = 'refill_due' AND NOT coalesce((
                SELECT wanted FROM reminder_choices WHERE client_id = NEW.recipient_id
                ORDER BY number DESC LIMIT 1), true)
            THEN 'ended_reminder_is_not_written'
        WHEN NEW.template = 'prescription_renewable' AND NOT coalesce((
                SELECT wanted FROM mail_choices WHERE person_id = NEW.recipient_id
                AND topic = 'renewals' ORDER BY number DESC LIMIT 1), true)
            THEN 'ended_letter_is_not_written'
    END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'letter to %: %', NEW.recipient_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER letter_is_wanted BEFORE INSERT ON letters FOR EACH ROW
    WHEN (NEW.template IN ('refill_due', 'prescription_renewable'))
    EXECUTE FUNCTION letter_is_wanted();
"""

RESENDS = """
CREATE FUNCTION letter_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    broken := CASE
        WHEN OLD.sent_at IS NOT NULL AND NEW.sent_at IS DISTINCT FROM OLD.sent_at
            THEN 'sent_letter_stays_sent'
        WHEN OLD.failed_at IS NOT NULL AND NEW.failed_at IS DISTINCT FROM OLD.failed_at
            AND NEW.resends = OLD.resends THEN 'given_up_letter_is_resent_by_somebody'
        WHEN NEW.resends <> (SELECT count(*) FROM letter_resends WHERE letter_id = NEW.id)
            THEN 'letter_counts_its_resends'
        WHEN NEW.tries < OLD.tries THEN 'tries_only_grow'
    END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'letter %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    IF NEW.resends > OLD.resends THEN
        NEW.due_since := shop_now();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER letter_guard BEFORE UPDATE ON letters
    FOR EACH ROW EXECUTE FUNCTION letter_guard();

-- Locks the letter: it is resent once at a time, and keeps why it was given up.
CREATE FUNCTION letter_resend_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    the_letter letters%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO the_letter FROM letters WHERE id = NEW.letter_id FOR NO KEY UPDATE;
    broken := CASE
        WHEN the_letter.failed_at IS NULL THEN 'only_a_letter_given_up_is_resent'
        WHEN the_letter.error = 'ended' THEN 'ended_letter_is_not_resent'
        WHEN NOT EXISTS (SELECT FROM people WHERE id = NEW.by_id AND disabled_at IS NULL
                         AND role IN ('staff', 'manager')) THEN 'who_works_here_resends'
    END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'letter %: %', NEW.letter_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.number := the_letter.resends + 1;
    NEW.error := the_letter.error;
    NEW.asked_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER letter_resend_guard BEFORE INSERT ON letter_resends
    FOR EACH ROW EXECUTE FUNCTION letter_resend_guard();
CREATE TRIGGER letter_resends_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON letter_resends
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

GRANTS = """
GRANT SELECT ON works, work_files, mail_choices, letter_resends TO aftercare_app, aftercare_worker;
GRANT INSERT (id, kind, title, terms, subject_id, asked_by_id, status, total, done, failed, fence,
        error),
    UPDATE (status, total, done, failed, fence, error)
    ON works TO aftercare_app, aftercare_worker;
GRANT INSERT (work_id, name, media_type, content_sealed) ON work_files
    TO aftercare_app, aftercare_worker;
GRANT DELETE ON work_files TO aftercare_worker;
GRANT INSERT (id, person_id, topic, wanted, via) ON mail_choices TO aftercare_app;
GRANT INSERT (id, letter_id, by_id) ON letter_resends TO aftercare_app;
GRANT INSERT (work_id) ON letters TO aftercare_app, aftercare_worker;
GRANT UPDATE (next_try_at, resends) ON letters TO aftercare_app, aftercare_worker;
"""


def upgrade() -> None:
    op.execute(TRANSITIONS)
    op.create_table(
        "works",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("terms", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("asked_by_id", sa.Uuid(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("fence", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('import', 'rehearsal', 'recall_letters', 'report', 'export')",
            name=op.f("work_kind_is_known"),
        ),
        sa.CheckConstraint("length(title) BETWEEN 1 AND 300", name=op.f("work_says_what_it_is")),
        sa.CheckConstraint(
            "done >= 0 AND failed >= 0 AND (total IS NULL OR done + failed <= total)",
            name=op.f("work_stays_within_its_total"),
        ),
        sa.CheckConstraint(
            "status <> 'done' OR total IS NULL OR done + failed = total",
            name=op.f("done_work_is_whole"),
        ),
        sa.CheckConstraint("status <> 'failed' OR error <> ''", name=op.f("failed_work_says_why")),
        sa.CheckConstraint(
            "(ended_at IS NULL) = (status IN ('waiting', 'running'))",
            name=op.f("work_ends_once_it_is_over"),
        ),
        sa.ForeignKeyConstraint(
            ["asked_by_id"], ["people.id"], name=op.f("works_asked_by_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("works_pkey")),
    )
    op.create_index("works_asked_idx", "works", ["asked_by_id", "asked_at"])
    op.create_index("works_newest_idx", "works", ["asked_at", "id"])
    op.create_index("works_subject_idx", "works", ["subject_id"])
    op.create_index(
        "works_open_idx",
        "works",
        ["seen_at"],
        postgresql_where=sa.text("status IN ('waiting', 'running')"),
    )
    op.create_table(
        "work_files",
        sa.Column("work_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "name ~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$'", name=op.f("file_has_a_plain_name")
        ),
        sa.CheckConstraint("media_type = 'text/csv'", name=op.f("file_type_is_known")),
        sa.CheckConstraint(
            "octet_length(content_sealed) > 33 AND get_byte(content_sealed, 0) = 1",
            name=op.f("file_is_sealed"),
        ),
        sa.ForeignKeyConstraint(["work_id"], ["works.id"], name=op.f("work_files_work_id_fkey")),
        sa.PrimaryKeyConstraint("work_id", name=op.f("work_files_pkey")),
    )
    op.create_table(
        "mail_choices",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("wanted", sa.Boolean(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("topic IN ('renewals')", name=op.f("mail_topic_is_known")),
        sa.CheckConstraint("via IN ('page', 'link')", name=op.f("mail_choice_way_is_known")),
        sa.CheckConstraint("via = 'page' OR NOT wanted", name=op.f("link_only_ends_letters")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("mail_choices_person_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("mail_choices_pkey")),
        sa.UniqueConstraint("person_id", "number", name="mail_choices_number_key"),
    )
    op.create_table(
        "letter_resends",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("letter_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("error", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["letter_id"], ["letters.id"], name=op.f("letter_resends_letter_id_fkey")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["people.id"], name=op.f("letter_resends_by_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("letter_resends_pkey")),
        sa.UniqueConstraint("letter_id", "number", name="letter_resends_number_key"),
    )
    op.add_column("letters", sa.Column("next_try_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "letters", sa.Column("resends", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "letters",
        sa.Column(
            "due_since",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
    )
    op.execute("UPDATE letters SET due_since = queued_at")
    op.add_column("letters", sa.Column("work_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("letters_work_id_fkey"), "letters", "works", ["work_id"], ["id"])
    op.create_index(
        "letters_work_idx", "letters", ["work_id"], postgresql_where=sa.text("work_id IS NOT NULL")
    )
    op.create_index("letters_newest_idx", "letters", ["queued_at", "id"])
    for block in (WORKS, CHOICES, RESENDS, GRANTS):
        op.execute(block)


def downgrade() -> None:
    op.execute("DROP TRIGGER letter_guard ON letters; DROP TRIGGER letter_is_wanted ON letters")
    op.drop_index("letters_newest_idx", table_name="letters")
    for column in ("work_id", "due_since", "resends", "next_try_at"):
        op.drop_column("letters", column)
    for table in ("letter_resends", "mail_choices", "work_files", "works"):
        op.drop_table(table)
    for function in (
        "letter_guard",
        "letter_is_wanted",
        "letter_resend_guard",
        "mail_choice_stamped",
        "work_file_guard",
        "work_guard",
    ):
        op.execute(f"DROP FUNCTION {function}()")
    op.execute("DELETE FROM legal_transitions WHERE machine = 'work'")
