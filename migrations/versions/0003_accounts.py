"""People, sign-ins, tokens, licences."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

RULES = """
CREATE TRIGGER auth_events_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON auth_events
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- What a signature refers to stays as it was recorded; a licence is ended, not edited.
CREATE FUNCTION licence_only_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.ended_on IS NOT NULL
       OR (to_jsonb(NEW) - 'ended_on' - 'ended_by_id')
          <> (to_jsonb(OLD) - 'ended_on' - 'ended_by_id') THEN
        RAISE EXCEPTION 'a licence can only be ended, once' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'licences_are_only_ended', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER licences_are_only_ended BEFORE UPDATE OR DELETE ON licences
    FOR EACH ROW EXECUTE FUNCTION licence_only_ended();

-- A session or token that was revoked never comes back, and none is prolonged or handed over.
CREATE FUNCTION revoked_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.revoked_at IS NOT NULL AND NEW.revoked_at IS DISTINCT FROM OLD.revoked_at THEN
        RAISE EXCEPTION 'what was revoked stays revoked' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'revoked_once', TABLE = TG_TABLE_NAME;
    END IF;
    IF NEW.revoked_at IS NOT NULL AND OLD.revoked_at IS NULL THEN
        NEW.revoked_at := shop_now();
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER revoked_once BEFORE UPDATE ON sign_ins
    FOR EACH ROW EXECUTE FUNCTION revoked_once();
CREATE TRIGGER revoked_once BEFORE UPDATE ON tokens
    FOR EACH ROW EXECUTE FUNCTION revoked_once();

-- A fresh sign-in serves the session of the person who made it, and only one of its own kind.
CREATE FUNCTION fresh_is_own() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.fresh_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM auth_events
        WHERE id = NEW.fresh_id AND person_id = NEW.person_id AND kind = 'fresh') THEN
        RAISE EXCEPTION 'a fresh sign-in belongs to the person who made it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'fresh_is_own', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fresh_is_own BEFORE INSERT OR UPDATE OF fresh_id ON sign_ins
    FOR EACH ROW EXECUTE FUNCTION fresh_is_own();
CREATE TRIGGER fresh_is_own BEFORE INSERT OR UPDATE OF fresh_id ON tokens
    FOR EACH ROW EXECUTE FUNCTION fresh_is_own();

-- Somebody disabled has no live session from that moment on: the epoch moves with it.
CREATE FUNCTION person_guarded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.session_epoch < OLD.session_epoch THEN
        RAISE EXCEPTION 'an epoch only moves on' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'epoch_moves_on', TABLE = TG_TABLE_NAME;
    END IF;
    IF OLD.disabled_at IS NULL AND NEW.disabled_at IS NOT NULL THEN
        NEW.disabled_at := shop_now();
        IF NEW.session_epoch = OLD.session_epoch THEN
            RAISE EXCEPTION 'who is disabled loses every session'
                USING ERRCODE = 'check_violation', CONSTRAINT = 'disabled_ends_sessions',
                TABLE = TG_TABLE_NAME;
        END IF;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER person_guarded BEFORE UPDATE ON people
    FOR EACH ROW EXECUTE FUNCTION person_guarded();

-- A mailed secret works once, before its end; only what is past its end is cleared away.
CREATE FUNCTION link_works_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF OLD.ends_at > shop_now() THEN
            RAISE EXCEPTION 'only an expired link is removed' USING ERRCODE = 'check_violation',
                CONSTRAINT = 'only_expired_links_go', TABLE = TG_TABLE_NAME;
        END IF;
        RETURN OLD;
    END IF;
    IF OLD.used_at IS NOT NULL THEN
        RAISE EXCEPTION 'a link works once' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'link_works_once', TABLE = TG_TABLE_NAME;
    END IF;
    IF NEW.used_at IS NOT NULL AND OLD.ends_at <= shop_now() THEN
        RAISE EXCEPTION 'the link is past its end' USING ERRCODE = 'check_violation',
            CONSTRAINT = 'link_used_in_time', TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER link_works_once BEFORE UPDATE OR DELETE ON mail_links
    FOR EACH ROW EXECUTE FUNCTION link_works_once();

GRANT SELECT ON people, licences, auth_events, sign_ins, tokens, sign_in_attempts, mail_links
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, email, name, role, birth_date, state, npi, password_hash, session_epoch,
    email_confirmed_at, disabled_at) ON people TO aftercare_app, aftercare_worker;
GRANT UPDATE (name, state, password_hash, email_confirmed_at, disabled_at, session_epoch)
    ON people TO aftercare_app, aftercare_worker;
GRANT INSERT (id, person_id, kind, state, number, valid_from, valid_until, verified_on,
    ended_on, ended_by_id) ON licences TO aftercare_app, aftercare_worker;
GRANT UPDATE (ended_on, ended_by_id) ON licences TO aftercare_app, aftercare_worker;
GRANT INSERT (id, person_id, kind, factors) ON auth_events TO aftercare_app;
GRANT INSERT (id, secret_hash, person_id, epoch, agent, ends_at, revoked_at, fresh_id) ON sign_ins
    TO aftercare_app;
GRANT UPDATE (seen_at, revoked_at, fresh_id) ON sign_ins TO aftercare_app;
GRANT INSERT (id, secret_hash, person_id, epoch, name, scopes, ends_at, used_at, revoked_at,
    fresh_id) ON tokens TO aftercare_app;
GRANT UPDATE (used_at, revoked_at, fresh_id) ON tokens TO aftercare_app;
GRANT INSERT (id, who_hash) ON sign_in_attempts TO aftercare_app;
GRANT INSERT (id, secret_hash, person_id, purpose, ends_at, used_at), UPDATE (used_at), DELETE
    ON mail_links TO aftercare_app, aftercare_worker;
"""


def upgrade() -> None:
    op.create_table(
        "people",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", postgresql.CITEXT(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("state", sa.Text(), nullable=True),
        sa.Column("npi", sa.Text(), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("email_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("session_epoch", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "role <> 'client' OR birth_date IS NOT NULL", name=op.f("client_has_an_age")
        ),
        sa.CheckConstraint(
            "role <> 'client' OR state IS NOT NULL", name=op.f("client_has_a_state")
        ),
        sa.CheckConstraint(
            "role <> 'physician' OR npi IS NOT NULL", name=op.f("physician_has_an_npi")
        ),
        sa.CheckConstraint(
            "role IN ('client', 'physician', 'esthetician', 'staff', 'manager')",
            name=op.f("role_is_known"),
        ),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name=op.f("state_is_a_usps_code")),
        sa.CheckConstraint("npi IS NULL OR npi_valid(npi)", name=op.f("npi_has_its_check_digit")),
        sa.PrimaryKeyConstraint("id", name=op.f("people_pkey")),
        sa.UniqueConstraint("email", name=op.f("people_email_key")),
        sa.UniqueConstraint("id", "npi", name="people_identity_key"),
        sa.UniqueConstraint("npi", name=op.f("people_npi_key")),
    )
    op.create_table(
        "sign_in_attempts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("who_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("shop_now()"), nullable=False
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("sign_in_attempts_pkey")),
    )
    op.create_index(
        "sign_in_attempts_who_idx", "sign_in_attempts", ["who_hash", "at"], unique=False
    )
    op.create_table(
        "auth_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("factors", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "at", sa.DateTime(timezone=True), server_default=sa.text("shop_now()"), nullable=False
        ),
        sa.CheckConstraint("kind IN ('sign_in', 'fresh')", name=op.f("auth_event_kind_is_known")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("auth_events_person_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("auth_events_pkey")),
        sa.UniqueConstraint("id", "person_id", "kind", "at", name="auth_events_proof_key"),
    )
    op.create_table(
        "licences",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=False),
        sa.Column("verified_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("ended_by_id", sa.Uuid(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.column("person_id"), "="),
            (sa.column("state"), "="),
            (sa.text("daterange(valid_from, valid_until)"), "&&"),
            where=sa.text("ended_on IS NULL"),
            using="gist",
            name="licences_do_not_overlap",
        ),
        sa.CheckConstraint("state ~ '^[A-Z]{2}$'", name=op.f("licence_state_is_a_usps_code")),
        sa.CheckConstraint(
            "(ended_on IS NULL) = (ended_by_id IS NULL)", name=op.f("licence_ended_by_someone")
        ),
        sa.CheckConstraint("valid_from < valid_until", name=op.f("licence_range_is_forward")),
        sa.ForeignKeyConstraint(
            ["ended_by_id"], ["people.id"], name=op.f("licences_ended_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("licences_person_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("licences_pkey")),
        sa.UniqueConstraint(
            "id", "person_id", "state", "valid_from", "valid_until", name="licences_terms_key"
        ),
    )
    op.create_table(
        "mail_links",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("purpose", sa.Text(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("octet_length(secret_hash) = 32", name=op.f("link_is_hashed")),
        sa.ForeignKeyConstraint(
            ["person_id"], ["people.id"], name=op.f("mail_links_person_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("mail_links_pkey")),
        sa.UniqueConstraint("secret_hash", name=op.f("mail_links_secret_hash_key")),
    )
    op.create_table(
        "sign_ins",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("agent", sa.Text(), server_default="", nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column(
            "seen_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fresh_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("octet_length(secret_hash) = 32", name=op.f("secret_is_hashed")),
        sa.ForeignKeyConstraint(
            ["fresh_id"], ["auth_events.id"], name=op.f("sign_ins_fresh_id_fkey")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("sign_ins_person_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("sign_ins_pkey")),
        sa.UniqueConstraint("secret_hash", name=op.f("sign_ins_secret_hash_key")),
    )
    op.create_index(op.f("sign_ins_person_id_idx"), "sign_ins", ["person_id"], unique=False)
    op.create_table(
        "tokens",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("secret_hash", sa.LargeBinary(), nullable=False),
        sa.Column("person_id", sa.Uuid(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fresh_id", sa.Uuid(), nullable=True),
        sa.CheckConstraint("cardinality(scopes) > 0", name=op.f("token_has_a_scope")),
        sa.CheckConstraint("octet_length(secret_hash) = 32", name=op.f("token_is_hashed")),
        sa.ForeignKeyConstraint(
            ["fresh_id"], ["auth_events.id"], name=op.f("tokens_fresh_id_fkey")
        ),
        sa.ForeignKeyConstraint(["person_id"], ["people.id"], name=op.f("tokens_person_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("tokens_pkey")),
        sa.UniqueConstraint("secret_hash", name=op.f("tokens_secret_hash_key")),
    )
    op.create_index(op.f("tokens_person_id_idx"), "tokens", ["person_id"], unique=False)
    op.execute(RULES)


def downgrade() -> None:
    op.drop_index(op.f("tokens_person_id_idx"), table_name="tokens")
    op.drop_table("tokens")
    op.drop_index(op.f("sign_ins_person_id_idx"), table_name="sign_ins")
    op.drop_table("sign_ins")
    op.drop_table("mail_links")
    op.drop_table("licences")
    op.drop_table("auth_events")
    op.drop_index("sign_in_attempts_who_idx", table_name="sign_in_attempts")
    op.drop_table("sign_in_attempts")
    op.drop_table("people")
    op.execute(
        "DROP FUNCTION licence_only_ended(); DROP FUNCTION revoked_once();"
        " DROP FUNCTION fresh_is_own(); DROP FUNCTION person_guarded();"
        " DROP FUNCTION link_works_once()"
    )
