"""Passkeys; a client asks for her record, or for the end of her account."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

LETTERS = ("sign_in_changed", "record_ready", "closure_asked", "closure_withdrawn")

PASSKEYS = """
-- A passkey is used with a count that goes up (an authenticator that does not count says 0 for
-- ever), renamed and removed. With the removal its key goes.
CREATE FUNCTION passkey_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM people WHERE id = NEW.person_id FOR NO KEY UPDATE;
        broken := CASE
            WHEN NOT EXISTS (SELECT FROM people WHERE id = NEW.person_id AND disabled_at IS NULL)
                THEN 'passkey_is_of_somebody_who_signs_in'
            WHEN (SELECT count(*) FROM passkeys
                  WHERE person_id = NEW.person_id AND removed_at IS NULL) >= 20
                THEN 'passkeys_are_few' END;
        NEW.created_at := shop_now();
    ELSIF OLD.removed_at IS NOT NULL
          AND (NEW.removed_at, NEW.used_at, NEW.sign_count)
              IS DISTINCT FROM (OLD.removed_at, OLD.used_at, OLD.sign_count) THEN
        broken := 'removed_passkey_stays_removed';
    ELSIF OLD.removed_at IS NULL THEN
        broken := CASE
            WHEN NEW.sign_count < OLD.sign_count
                 OR (NEW.used_at IS DISTINCT FROM OLD.used_at AND OLD.sign_count > 0
                     AND NEW.sign_count = OLD.sign_count)
                THEN 'passkey_count_moves_on' END;
        IF NEW.used_at IS DISTINCT FROM OLD.used_at THEN
            NEW.used_at := shop_now();
        END IF;
        IF NEW.removed_at IS NOT NULL THEN
            NEW.removed_at := shop_now();
            NEW.credential_id := NULL;
            NEW.public_key := NULL;
        END IF;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'passkey %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER passkey_guard BEFORE INSERT OR UPDATE ON passkeys
    FOR EACH ROW EXECUTE FUNCTION passkey_guard();
CREATE TRIGGER passkeys_are_kept BEFORE DELETE OR TRUNCATE ON passkeys
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- A challenge lasts five minutes and is answered once.
CREATE FUNCTION challenge_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.ends_at := shop_now() + interval '5 minutes';
        RETURN NEW;
    END IF;
    IF TG_OP = 'DELETE' THEN
        broken := CASE WHEN OLD.ends_at > shop_now() AND NOT EXISTS (
                SELECT FROM sign_ins s JOIN people p ON p.id = s.person_id
                WHERE s.id = OLD.sign_in_id AND p.erased_at IS NOT NULL)
            THEN 'only_expired_challenges_go' END;
    ELSE
        broken := CASE
            WHEN OLD.used_at IS NOT NULL THEN 'challenge_works_once'
            WHEN OLD.ends_at <= shop_now() THEN 'challenge_is_answered_in_time' END;
        NEW.used_at := shop_now();
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'challenge %: %', OLD.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER challenge_guard BEFORE INSERT OR UPDATE OR DELETE ON passkey_challenges
    FOR EACH ROW EXECUTE FUNCTION challenge_guard();

-- What proves by a passkey names one that is there. Whose it is, its foreign key says.
CREATE FUNCTION passkey_proves() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.passkey_id IS NOT NULL AND EXISTS (
        SELECT FROM passkeys WHERE id = NEW.passkey_id AND removed_at IS NOT NULL) THEN
        RAISE EXCEPTION 'passkey % was removed', NEW.passkey_id USING ERRCODE = 'check_violation',
            CONSTRAINT = 'removed_passkey_proves_nothing', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER passkey_proves BEFORE INSERT ON auth_events
    FOR EACH ROW EXECUTE FUNCTION passkey_proves();
"""

ERASING = """
-- Who an account belonged to is taken out of it by a closure that is done, once and for good.
CREATE FUNCTION erasing_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF OLD.erased_at IS NOT NULL THEN
        broken := CASE WHEN to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD)
            THEN 'erased_stays_erased' END;
    ELSIF NEW.erased_at IS NOT NULL THEN
        NEW.erased_at := shop_now();
        broken := CASE WHEN NOT EXISTS (SELECT FROM account_closures
                                        WHERE client_id = NEW.id AND status = 'done')
            THEN 'erased_by_a_closure_that_is_done' END;
    ELSE
        broken := CASE WHEN NEW.email::text IS DISTINCT FROM OLD.email::text
            THEN 'address_goes_with_the_account' END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'person %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER erasing_guard BEFORE UPDATE ON people
    FOR EACH ROW EXECUTE FUNCTION erasing_guard();

CREATE FUNCTION sign_in_goes_with_its_person() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM people WHERE id = OLD.person_id AND erased_at IS NOT NULL) THEN
        RAISE EXCEPTION '% of somebody whose account stands', TG_TABLE_NAME
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN OLD;
END $$;
CREATE TRIGGER sign_in_goes_with_its_person BEFORE DELETE ON sign_ins
    FOR EACH ROW EXECUTE FUNCTION sign_in_goes_with_its_person();
CREATE TRIGGER token_goes_with_its_person BEFORE DELETE ON tokens
    FOR EACH ROW EXECUTE FUNCTION sign_in_goes_with_its_person();

-- What an account cannot be closed before; NULL where nothing is open. shop/privacy/obstacles.py
-- says the same, with what to do.
CREATE FUNCTION closure_waits_for(client uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
    SELECT what FROM (VALUES
        ('orders', EXISTS (SELECT FROM orders WHERE client_id = client
                           AND status IN ('awaiting_payment', 'paid'))),
        ('refunds', EXISTS (SELECT FROM refunds r JOIN payments p ON p.id = r.payment_id
                            JOIN orders o ON o.id = p.order_id
                            WHERE o.client_id = client AND r.status IN ('proposed', 'planned'))),
        ('disputes', EXISTS (SELECT FROM disputes d JOIN payments p ON p.id = d.payment_id
                             JOIN orders o ON o.id = p.order_id WHERE o.client_id = client
                             AND d.status IN ('inquiry', 'open', 'under_review'))),
        ('returns', EXISTS (SELECT FROM return_requests WHERE client_id = client
                            AND status IN ('requested', 'authorised', 'received', 'inspected'))),
        ('plans', EXISTS (SELECT FROM plans WHERE client_id = client
                          AND status IN ('proposed', 'awaiting_physician', 'active', 'on_hold'))),
        ('requests', EXISTS (SELECT FROM approval_requests WHERE client_id = client AND status IN
                     ('queued', 'in_review', 'info_requested', 'referred', 'pending_client'))),
        ('credit', EXISTS (SELECT FROM credit_accounts
                           WHERE client_id = client AND balance_cents > 0))
    ) AS things (what, is_open) WHERE is_open LIMIT 1 $$;
"""

EXPORTS = """
CREATE FUNCTION export_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.asked_at := shop_now();
        NEW.due_at := NEW.asked_at + interval '30 days';
        broken := CASE
            WHEN NEW.status <> 'asked' THEN 'export_begins_asked'
            WHEN NOT EXISTS (SELECT FROM people WHERE id = NEW.client_id AND role = 'client'
                             AND disabled_at IS NULL) THEN 'export_is_of_a_client' END;
    ELSIF (NEW.id, NEW.number, NEW.client_id, NEW.asked_at, NEW.due_at) IS DISTINCT FROM
          (OLD.id, OLD.number, OLD.client_id, OLD.asked_at, OLD.due_at) THEN
        broken := 'export_stays_as_it_was_asked';
    ELSIF NEW.status = OLD.status
          AND (NEW.ready_at, NEW.ends_at, NEW.ended_at, NEW.proof_id) IS DISTINCT FROM
              (OLD.ready_at, OLD.ends_at, OLD.ended_at, OLD.proof_id) THEN
        broken := 'export_moves_by_its_events';
    ELSIF NEW.status = OLD.status THEN
        RETURN NEW;  -- how far its making is
    ELSIF NEW.status = 'ready' THEN
        NEW.ready_at := shop_now();
        NEW.ends_at := NEW.ready_at + interval '7 days';
        broken := CASE WHEN NOT EXISTS (SELECT FROM export_files WHERE export_id = NEW.id)
            THEN 'ready_export_has_files' END;
    ELSIF NEW.status = 'fetched' THEN
        NEW.ended_at := shop_now();
        broken := CASE
            WHEN OLD.ends_at <= NEW.ended_at THEN 'export_is_fetched_in_time'
            WHEN NOT EXISTS (SELECT FROM auth_events WHERE id = NEW.proof_id AND kind = 'fresh'
                             AND person_id = NEW.client_id
                             AND at > NEW.ended_at - interval '5 minutes')
                THEN 'export_is_fetched_with_a_fresh_proof' END;
    ELSIF NEW.status = 'lapsed' THEN
        NEW.ended_at := shop_now();
        broken := CASE
            WHEN OLD.ends_at > NEW.ended_at AND NOT EXISTS (
                SELECT FROM people WHERE id = NEW.client_id AND disabled_at IS NOT NULL)
                THEN 'export_waits_for_its_client' END;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'export %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER export_guard BEFORE INSERT OR UPDATE ON record_exports
    FOR EACH ROW EXECUTE FUNCTION export_guard();
CREATE TRIGGER export_goes_along_an_arrow BEFORE UPDATE ON record_exports
    FOR EACH ROW EXECUTE FUNCTION ordering_goes_on('record_export');
CREATE TRIGGER record_exports_are_kept BEFORE DELETE OR TRUNCATE ON record_exports
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- Files are added while the export is made, and go when it was fetched or nobody came.
CREATE FUNCTION export_file_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    standing text;
    broken text;
BEGIN
    SELECT status INTO standing FROM record_exports
        WHERE id = CASE TG_OP WHEN 'DELETE' THEN OLD.export_id ELSE NEW.export_id END
        FOR NO KEY UPDATE;
    broken := CASE
        WHEN TG_OP = 'INSERT' AND standing <> 'asked' THEN 'files_are_added_while_it_is_made'
        WHEN TG_OP = 'DELETE' AND standing = 'ready' THEN 'ready_export_keeps_its_files' END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'file of an export that is %: %', standing, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END $$;
CREATE TRIGGER export_file_guard BEFORE INSERT OR DELETE ON export_files
    FOR EACH ROW EXECUTE FUNCTION export_file_guard();
CREATE TRIGGER export_files_are_never_changed BEFORE UPDATE OR TRUNCATE ON export_files
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

CREATE FUNCTION ended_export_is_empty() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM export_files f JOIN record_exports e ON e.id = f.export_id
               WHERE e.id = NEW.id AND e.status IN ('fetched', 'lapsed')) THEN
        RAISE EXCEPTION 'export % is over, and its files are here', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'ended_export_keeps_no_files',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER ended_export_is_empty AFTER UPDATE OF status ON record_exports
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION ended_export_is_empty();
"""

CLOSURES = """
CREATE FUNCTION closure_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM FROM people WHERE id = NEW.client_id FOR NO KEY UPDATE;
        NEW.asked_at := shop_now();
        NEW.runs_from := NEW.asked_at + interval '7 days';
        NEW.due_at := NEW.asked_at + interval '30 days';
        broken := CASE
            WHEN NEW.status <> 'asked' THEN 'closure_begins_asked'
            WHEN NOT EXISTS (SELECT FROM people WHERE id = NEW.client_id AND role = 'client'
                             AND disabled_at IS NULL) THEN 'closure_is_of_a_client'
            WHEN closure_waits_for(NEW.client_id) IS NOT NULL
                THEN 'closure_waits_for_what_is_open' END;
    ELSIF (NEW.id, NEW.number, NEW.client_id, NEW.asked_at, NEW.runs_from, NEW.due_at)
          IS DISTINCT FROM
          (OLD.id, OLD.number, OLD.client_id, OLD.asked_at, OLD.runs_from, OLD.due_at) THEN
        broken := 'closure_stays_as_it_was_asked';
    ELSIF NEW.status = OLD.status THEN
        broken := CASE
            WHEN NEW.ended_at IS DISTINCT FROM OLD.ended_at OR NEW.kept IS DISTINCT FROM OLD.kept
                THEN 'closure_moves_by_its_events' END;
    ELSE
        NEW.ended_at := shop_now();
        IF NEW.status = 'done' THEN
            PERFORM FROM people WHERE id = NEW.client_id FOR NO KEY UPDATE;
            broken := CASE
                WHEN NEW.ended_at < OLD.runs_from THEN 'closure_has_its_seven_days'
                WHEN closure_waits_for(NEW.client_id) IS NOT NULL
                    THEN 'closure_waits_for_what_is_open' END;
        END IF;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'closure %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER closure_guard BEFORE INSERT OR UPDATE ON account_closures
    FOR EACH ROW EXECUTE FUNCTION closure_guard();
CREATE TRIGGER closure_goes_along_an_arrow BEFORE UPDATE ON account_closures
    FOR EACH ROW EXECUTE FUNCTION ordering_goes_on('account_closure');
CREATE TRIGGER account_closures_are_kept BEFORE DELETE OR TRUNCATE ON account_closures
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit, what was to go is gone.
CREATE FUNCTION closure_has_erased() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.status = 'done' AND (
        EXISTS (SELECT FROM people WHERE id = NEW.client_id AND erased_at IS NULL)
        OR EXISTS (SELECT FROM sign_ins WHERE person_id = NEW.client_id)
        OR EXISTS (SELECT FROM tokens WHERE person_id = NEW.client_id)
        OR EXISTS (SELECT FROM carts WHERE client_id = NEW.client_id)
        OR EXISTS (SELECT FROM passkeys WHERE person_id = NEW.client_id AND removed_at IS NULL))
    THEN
        RAISE EXCEPTION 'closure % left something', NEW.number USING ERRCODE = 'check_violation',
            CONSTRAINT = 'done_closure_has_erased', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER closure_has_erased AFTER UPDATE OF status ON account_closures
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION closure_has_erased();
"""

GRANTS = """
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('record_export', '', 'asked'),
    ('record_export', 'asked', 'ready'), ('record_export', 'asked', 'failed'),
    ('record_export', 'failed', 'asked'),
    ('record_export', 'ready', 'fetched'), ('record_export', 'ready', 'lapsed'),
    ('account_closure', '', 'asked'),
    ('account_closure', 'asked', 'withdrawn'), ('account_closure', 'asked', 'done');
-- Events that leave the state as it is.
INSERT INTO legal_transitions (machine, from_state, to_state)
    SELECT DISTINCT machine, to_state, to_state FROM legal_transitions
    WHERE machine IN ('record_export', 'account_closure');

GRANT SELECT ON passkeys, passkey_challenges, record_exports, export_files, account_closures
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, person_id, credential_id, public_key, sign_count, name, transports, backed_up)
    ON passkeys TO aftercare_app;
GRANT UPDATE (name, sign_count, used_at, removed_at) ON passkeys TO aftercare_app;
GRANT UPDATE (name, removed_at) ON passkeys TO aftercare_worker;
GRANT INSERT (id, secret_hash, challenge, purpose, sign_in_id), UPDATE (used_at)
    ON passkey_challenges TO aftercare_app;
GRANT DELETE ON passkey_challenges TO aftercare_worker;
GRANT INSERT (passkey_id) ON auth_events TO aftercare_app;
GRANT UPDATE (email, erased_at) ON people TO aftercare_worker;
GRANT DELETE ON sign_ins, tokens TO aftercare_worker;
GRANT INSERT (id, client_id, wanted) ON reminder_choices TO aftercare_worker;
GRANT SELECT, UPDATE (ended_at) ON calendar_feeds TO aftercare_worker;
GRANT INSERT (id, number, client_id, status, state_seq) ON record_exports TO aftercare_app;
GRANT UPDATE (status, state_seq, proof_id, parts_done, parts_total) ON record_exports
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, export_id, name, content_sealed) ON export_files
    TO aftercare_app, aftercare_worker;
GRANT DELETE ON export_files TO aftercare_app, aftercare_worker;
GRANT INSERT (id, number, client_id, status, state_seq) ON account_closures TO aftercare_app;
GRANT UPDATE (status, state_seq, kept) ON account_closures TO aftercare_app, aftercare_worker;
"""


def _letters(change: str) -> None:
    """Take the templates in or out of the CHECK, whatever others stand in it."""
    check = sa.text(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
        " WHERE conname = 'letter_template_is_known'"
    )
    told = op.get_bind().execute(check).scalar_one()
    words = [word for word in told.split("'")[1::2] if word not in LETTERS]
    if change == "add":
        words.extend(LETTERS)
    op.drop_constraint("letter_template_is_known", "letters", type_="check")
    op.create_check_constraint(
        op.f("letter_template_is_known"),
        "letters",
        f"template IN ({', '.join(repr(word) for word in words)})",
    )


def _stateful(machine: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["id", "state_seq", "status"],
        ["events.subject_id", "events.seq", "events.to_state"],
        name=f"{machine}_status_has_its_event",
        deferrable=True,
        initially="DEFERRED",
    )


def upgrade() -> None:
    op.add_column("people", sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True))
    op.create_check_constraint(
        op.f("erased_person_has_no_name"),
        "people",
        "erased_at IS NULL OR disabled_at IS NOT NULL AND name = 'Former client'"
        " AND email::text = 'erased-' || id::text || '@erased.invalid' AND password_hash = '-'",
    )
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=True),
        sa.Column("public_key", sa.LargeBinary(), nullable=True),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("transports", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("backed_up", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("sign_count >= 0", name=op.f("passkey_count_is_sane")),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 60", name=op.f("passkey_has_a_name")),
        sa.CheckConstraint(
            "num_nonnulls(credential_id, public_key)"
            " = CASE WHEN removed_at IS NULL THEN 2 ELSE 0 END",
            name=op.f("passkey_has_its_key_until_removed"),
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("passkeys_person_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("passkeys_pkey")),
        sa.UniqueConstraint("credential_id", name=op.f("passkeys_credential_id_key")),
        sa.UniqueConstraint("id", "person_id", name="passkeys_owner_key"),
    )
    op.create_index(op.f("passkeys_person_id_idx"), "passkeys", ["person_id"])
    op.create_table(
        "passkey_challenges",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("challenge", sa.LargeBinary(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("sign_in_id", sa.Uuid(), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "octet_length(secret_hash) = 32", name=op.f("challenge_secret_is_hashed")
        ),
        sa.CheckConstraint(
            "octet_length(challenge) = 32", name=op.f("challenge_cannot_be_guessed")
        ),
        sa.CheckConstraint(
            "purpose IN ('register', 'sign_in', 'fresh')", name=op.f("challenge_purpose_is_known")
        ),
        sa.CheckConstraint(
            "(purpose = 'sign_in') = (sign_in_id IS NULL)",
            name=op.f("challenge_is_bound_to_its_session"),
        ),
        sa.ForeignKeyConstraint(
            ["sign_in_id"], ["sign_ins.id"], name=op.f("passkey_challenges_sign_in_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("passkey_challenges_pkey")),
        sa.UniqueConstraint("secret_hash", name=op.f("passkey_challenges_secret_hash_key")),
    )
    op.create_index(op.f("passkey_challenges_sign_in_id_idx"), "passkey_challenges", ["sign_in_id"])
    op.create_index(op.f("passkey_challenges_ends_at_idx"), "passkey_challenges", ["ends_at"])
    op.add_column("auth_events", sa.Column("passkey_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        "passkey_proof_is_her_own",
        "auth_events",
        "passkeys",
        ["passkey_id", "person_id"],
        ["id", "person_id"],
    )
    op.create_check_constraint(
        op.f("passkey_proof_names_its_passkey"),
        "auth_events",
        "('passkey' = ANY (factors)) = (passkey_id IS NOT NULL)",
    )
    op.create_check_constraint(
        op.f("auth_event_factors_are_known"),
        "auth_events",
        "factors <@ ARRAY['password', 'passkey'] AND cardinality(factors) > 0",
    )
    op.create_table(
        "record_exports",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ready_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("proof_id", sa.Uuid(), nullable=True),
        sa.Column("parts_done", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("parts_total", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint(
            "(status IN ('ready', 'fetched', 'lapsed')) = (ready_at IS NOT NULL)"
            " AND (ready_at IS NULL) = (ends_at IS NULL)",
            name=op.f("ready_export_has_a_last_day"),
        ),
        sa.CheckConstraint(
            "(status IN ('fetched', 'lapsed')) = (ended_at IS NOT NULL)",
            name=op.f("ended_export_says_when"),
        ),
        sa.CheckConstraint(
            "(status = 'fetched') = (proof_id IS NOT NULL)",
            name=op.f("fetched_export_names_its_proof"),
        ),
        sa.CheckConstraint(
            "parts_done BETWEEN 0 AND parts_total", name=op.f("export_progress_is_sane")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["people.id"], name=op.f("record_exports_client_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["proof_id"], ["auth_events.id"], name=op.f("record_exports_proof_id_fkey")
        ),
        _stateful("record_export"),
        sa.PrimaryKeyConstraint("id", name=op.f("record_exports_pkey")),
        sa.UniqueConstraint("number", name=op.f("record_exports_number_key")),
    )
    op.create_index("record_exports_client_idx", "record_exports", ["client_id", "asked_at"])
    op.create_index(
        "one_export_at_a_time",
        "record_exports",
        ["client_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('asked', 'ready', 'failed')"),
    )
    op.create_table(
        "export_files",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("export_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("content_sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "name ~ '^[a-z][A-Za-z0-9_-]*(/[A-Za-z0-9_-]+)?[.][a-z]+$' AND char_length(name) <= 120",
            name=op.f("export_file_has_a_plain_name"),
        ),
        sa.CheckConstraint(
            "substring(content_sealed, 1, 1) = '\\x01' AND octet_length(content_sealed) >= 97",
            name=op.f("export_file_is_sealed"),
        ),
        sa.ForeignKeyConstraint(
            ["export_id"], ["record_exports.id"], name=op.f("export_files_export_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("export_files_pkey")),
        sa.UniqueConstraint("export_id", "name", name="export_files_name_key"),
    )
    op.create_table(
        "account_closures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("runs_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kept", postgresql.JSONB(), nullable=True),
        sa.CheckConstraint(
            "(status = 'asked') = (ended_at IS NULL)", name=op.f("ended_closure_says_when")
        ),
        sa.CheckConstraint(
            "(status = 'done') = (kept IS NOT NULL)", name=op.f("done_closure_says_what_is_kept")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["people.id"], name=op.f("account_closures_client_id_fkey")
        ),
        _stateful("account_closure"),
        sa.PrimaryKeyConstraint("id", name=op.f("account_closures_pkey")),
        sa.UniqueConstraint("number", name=op.f("account_closures_number_key")),
    )
    op.create_index("account_closures_client_idx", "account_closures", ["client_id", "asked_at"])
    op.create_index(
        "one_closure_at_a_time",
        "account_closures",
        ["client_id"],
        unique=True,
        postgresql_where=sa.text("status IN ('asked', 'done')"),
    )
    for block in (PASSKEYS, ERASING, EXPORTS, CLOSURES, GRANTS):
        op.execute(block)
    _letters("add")


def downgrade() -> None:
    op.get_bind().execute(
        sa.text("DELETE FROM letters WHERE template = ANY(:names)"), {"names": list(LETTERS)}
    )
    _letters("remove")
    op.execute(
        "REVOKE UPDATE (email) ON people FROM aftercare_worker;"
        "REVOKE DELETE ON sign_ins, tokens FROM aftercare_worker;"
        "REVOKE INSERT (id, client_id, wanted) ON reminder_choices FROM aftercare_worker;"
        "REVOKE SELECT, UPDATE (ended_at) ON calendar_feeds FROM aftercare_worker;"
        "DROP TRIGGER passkey_proves ON auth_events;"
        "DROP TRIGGER erasing_guard ON people;"
        "DROP TRIGGER sign_in_goes_with_its_person ON sign_ins;"
        "DROP TRIGGER token_goes_with_its_person ON tokens;"
    )
    op.drop_table("account_closures")
    op.drop_table("export_files")
    op.drop_table("record_exports")
    op.drop_constraint("passkey_proof_is_her_own", "auth_events", type_="foreignkey")
    op.drop_constraint("passkey_proof_names_its_passkey", "auth_events", type_="check")
    op.drop_constraint("auth_event_factors_are_known", "auth_events", type_="check")
    op.drop_column("auth_events", "passkey_id")
    op.drop_table("passkey_challenges")
    op.drop_table("passkeys")
    op.drop_constraint("erased_person_has_no_name", "people", type_="check")
    op.drop_column("people", "erased_at")
    op.execute(
        "DROP FUNCTION passkey_guard(); DROP FUNCTION challenge_guard(); DROP FUNCTION passkey_proves();"
        " DROP FUNCTION erasing_guard(); DROP FUNCTION sign_in_goes_with_its_person();"
        " DROP FUNCTION closure_waits_for(uuid); DROP FUNCTION export_guard();"
        " DROP FUNCTION export_file_guard(); DROP FUNCTION ended_export_is_empty();"
        " DROP FUNCTION closure_guard(); DROP FUNCTION closure_has_erased();"
        " DELETE FROM legal_transitions WHERE machine IN ('record_export', 'account_closure');"
    )
