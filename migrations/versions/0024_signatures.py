"""Signing keys with dates, Ed25519 signatures, the screening of each decision, holds by a rule."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

KEYS = """
-- A key is recorded before it signs; the one change: it is retired, once and for good.
CREATE FUNCTION signing_key_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.recorded_at := shop_now();
        NEW.retired_at := NULL;
        IF NEW.valid_from < shop_now() - interval '1 minute' THEN
            broken := 'key_begins_now_or_later';
        END IF;
    ELSE
        IF (NEW.id, NEW.public_key, NEW.valid_from, NEW.valid_until, NEW.recorded_at)
           IS DISTINCT FROM
           (OLD.id, OLD.public_key, OLD.valid_from, OLD.valid_until, OLD.recorded_at)
        THEN
            broken := 'key_is_only_retired';
        ELSIF OLD.retired_at IS NOT NULL THEN
            broken := 'key_is_retired_once';
        END IF;
        NEW.retired_at := shop_now();
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'signing key %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER signing_key_guard BEFORE INSERT OR UPDATE ON signing_keys
    FOR EACH ROW EXECUTE FUNCTION signing_key_guard();
CREATE TRIGGER signing_keys_are_kept BEFORE DELETE OR TRUNCATE ON signing_keys
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

SIGNATURES = """
-- A signature comes with its prescription, while the claim stands, by a key that is not retired.
-- Locks the key: retiring waits for whoever is signing, and the other way round.
CREATE FUNCTION signature_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    signed prescriptions%ROWTYPE;
    used signing_keys%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO signed FROM prescriptions WHERE id = NEW.prescription_id;
    SELECT * INTO used FROM signing_keys WHERE id = NEW.key_id FOR SHARE;
    NEW.signed_at := signed.signed_at;
    broken := CASE
        WHEN NOT holds_the_claim(signed.request_id, signed.prescriber_id)
            THEN 'signed_with_its_prescription'
        WHEN used.retired_at <= shop_now() THEN 'key_was_not_retired_when_signed'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'signature of prescription %: %', signed.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER signature_guard BEFORE INSERT ON signatures
    FOR EACH ROW EXECUTE FUNCTION signature_guard();
CREATE TRIGGER signatures_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON signatures
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- Prescriptions of before this table have none; from here on none is signed without.
CREATE FUNCTION signature_there() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM signatures WHERE prescription_id = NEW.id) THEN
        RAISE EXCEPTION 'prescription % has no signature', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'prescription_has_its_signature',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER prescription_has_its_signature AFTER INSERT ON prescriptions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION signature_there();
"""

SCREENINGS = """
-- What was checked is written down before the decision, in its transaction. Locks the request.
CREATE FUNCTION screening_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    asked approval_requests%ROWTYPE;
BEGIN
    SELECT * INTO asked FROM approval_requests WHERE id = NEW.request_id FOR UPDATE;
    NEW.screened_at := shop_now();
    IF coalesce(asked.status, '') NOT IN ('draft', 'in_review') THEN
        RAISE EXCEPTION 'approval request % is not to be decided now', asked.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'screened_when_it_is_decided',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER screening_guard BEFORE INSERT ON screenings
    FOR EACH ROW EXECUTE FUNCTION screening_guard();
CREATE TRIGGER screenings_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON screenings
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

CREATE FUNCTION screening_there() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM screenings WHERE request_id = NEW.request_id) THEN
        RAISE EXCEPTION 'approval request % was decided without a screening', NEW.request_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'decision_has_its_screening',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER prescription_has_its_screening AFTER INSERT ON prescriptions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION screening_there();
CREATE CONSTRAINT TRIGGER refusal_has_its_screening AFTER INSERT ON refusals
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION screening_there();

CREATE FUNCTION decision_there() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM prescriptions WHERE request_id = NEW.request_id)
       AND NOT EXISTS (SELECT FROM refusals WHERE request_id = NEW.request_id) THEN
        RAISE EXCEPTION 'approval request % was screened for no decision', NEW.request_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'screening_is_of_a_decision',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER screening_is_of_a_decision AFTER INSERT ON screenings
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION decision_there();
"""

# `what_was_signed_never_changes` lets one column more change with the status: held_for.
KEPT = """
CREATE OR REPLACE FUNCTION prescription_kept() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    may_change CONSTANT text[] := ARRAY['status', 'state_seq', 'held_at', 'held_by_id',{}
                                        'revoked_at', 'revoked_by_id', 'reason_sealed'];
BEGIN
    IF to_jsonb(NEW) - may_change IS DISTINCT FROM to_jsonb(OLD) - may_change
       OR (NEW.status = OLD.status AND to_jsonb(NEW) - 'state_seq'::text
                                       IS DISTINCT FROM to_jsonb(OLD) - 'state_seq'::text) THEN
        RAISE EXCEPTION 'prescription % was signed as it is', OLD.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'what_was_signed_never_changes',
                  TABLE = TG_TABLE_NAME;
    END IF;
    IF NEW.status <> OLD.status THEN
        NEW.held_at := CASE WHEN NEW.status = 'on_hold' THEN shop_now() END;
        NEW.revoked_at := CASE WHEN NEW.status = 'revoked' THEN shop_now() END;
    END IF;
    RETURN NEW;
END $$;
"""

HOLDS = """
-- A hold for a lapsed licence is true when it begins, and ends only with a licence in force.
CREATE FUNCTION hold_follows_the_licence() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    licensed boolean := prescriber_licensed(NEW.prescriber_id, NEW.client_state,
                                            (shop_now() AT TIME ZONE 'UTC')::date);
    broken text;
BEGIN
    broken := CASE
        WHEN NEW.status = 'on_hold' AND licensed THEN 'licence_has_lapsed'
        WHEN NEW.status = 'active' AND NOT licensed THEN 'licence_is_in_force_again'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'prescription %: %', OLD.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER hold_follows_the_licence BEFORE UPDATE OF status ON prescriptions FOR EACH ROW
    WHEN (OLD.status <> NEW.status AND (OLD.held_for = 'licence_lapsed'
                                        OR NEW.held_for = 'licence_lapsed'))
    EXECUTE FUNCTION hold_follows_the_licence();
"""

GRANTS = """
GRANT SELECT ON signing_keys, signatures, screenings TO aftercare_app, aftercare_worker;
GRANT INSERT (id, public_key, valid_from, valid_until), UPDATE (retired_at) ON signing_keys
    TO aftercare_app;
GRANT INSERT (id, prescription_id, key_id, key_from, key_until, document_sealed, document_hash,
              signature) ON signatures TO aftercare_app;
GRANT INSERT (id, request_id, checks_sealed) ON screenings TO aftercare_app;
GRANT INSERT (held_for) ON prescriptions TO aftercare_app;
GRANT UPDATE (held_for) ON prescriptions TO aftercare_app, aftercare_worker;
"""

HELD_BY = "(status = 'on_hold') = (held_at IS NOT NULL AND held_by_id IS NOT NULL)"
HELD_BY_OR_FOR = (
    "(status = 'on_hold') = (held_at IS NOT NULL AND num_nonnulls(held_by_id, held_for) = 1)"
)
TEMPLATES = (
    "account_confirmation",
    "account_exists",
    "request_received",
    "request_news",
    "order_paid",
    "order_shipped",
    "order_cancelled",
    "order_expired",
    "order_held",
    "order_resumed",
    "refund_sent",
)
MORE_TEMPLATES = ("licence_expiring", "signing_key_expiring")
SEALED = "substring({0}, 1, 1) = '\\x01' AND octet_length({0}) >= 97"


def upgrade() -> None:
    _screenings()
    _signing_keys()
    op.create_unique_constraint("prescriptions_moment_key", "prescriptions", ["id", "signed_at"])
    _signatures()
    op.add_column("prescriptions", sa.Column("held_for", sa.Text(), nullable=True))
    op.drop_constraint("held_by_someone", "prescriptions", type_="check")
    op.create_check_constraint("held_by_someone", "prescriptions", HELD_BY_OR_FOR)
    op.create_check_constraint(
        "held_for_a_known_reason", "prescriptions", "held_for IN ('licence_lapsed')"
    )
    _letters((*TEMPLATES, *MORE_TEMPLATES), ["recipient_id"])
    for statements in (KEYS, SIGNATURES, SCREENINGS, KEPT.format(" 'held_for',"), HOLDS, GRANTS):
        op.execute(statements)


def downgrade() -> None:
    op.execute("DROP TRIGGER hold_follows_the_licence ON prescriptions")
    for trigger in ("prescription_has_its_signature", "prescription_has_its_screening"):
        op.execute(f"DROP TRIGGER {trigger} ON prescriptions")
    op.execute("DROP TRIGGER refusal_has_its_screening ON refusals")
    op.execute(KEPT.format(""))
    _letters(TEMPLATES, [])
    op.drop_constraint("held_for_a_known_reason", "prescriptions", type_="check")
    op.drop_constraint("held_by_someone", "prescriptions", type_="check")
    op.create_check_constraint("held_by_someone", "prescriptions", HELD_BY)
    op.drop_column("prescriptions", "held_for")
    op.drop_table("signatures")
    op.drop_constraint("prescriptions_moment_key", "prescriptions", type_="unique")
    op.drop_table("signing_keys")
    op.drop_table("screenings")
    op.execute(
        "DROP FUNCTION hold_follows_the_licence, signature_there, screening_there, decision_there,"
        " screening_guard, signature_guard, signing_key_guard"
    )


def _screenings() -> None:
    op.create_table(
        "screenings",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("checks_sealed", sa.LargeBinary(), nullable=False),
        sa.Column(
            "screened_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.CheckConstraint(SEALED.format("checks_sealed"), name=op.f("checks_are_sealed")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["approval_requests.id"], name=op.f("screenings_request_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("screenings_pkey")),
        sa.UniqueConstraint("request_id", name="screenings_one_per_request"),
    )
    op.create_index("screenings_time_idx", "screenings", ["screened_at"])


def _signing_keys() -> None:
    op.create_table(
        "signing_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "recorded_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("octet_length(public_key) = 32", name=op.f("public_key_is_ed25519")),
        sa.CheckConstraint("valid_from < valid_until", name=op.f("key_range_is_forward")),
        sa.PrimaryKeyConstraint("id", name=op.f("signing_keys_pkey")),
        sa.UniqueConstraint("id", "valid_from", "valid_until", name="signing_keys_terms_key"),
        sa.UniqueConstraint("public_key", name="signing_keys_public_key_key"),
    )
    op.execute(  # after the keys, which are so asked first
        "ALTER TABLE signing_keys ADD CONSTRAINT signing_keys_do_not_overlap EXCLUDE USING gist"
        " (tstzrange(valid_from, GREATEST(valid_from, LEAST(valid_until, retired_at))) WITH &&)"
    )


def _signatures() -> None:
    op.create_table(
        "signatures",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column(
            "signed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("key_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("key_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("document_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("document_hash", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "key_from <= signed_at AND signed_at < key_until",
            name=op.f("key_was_valid_when_signed"),
        ),
        sa.CheckConstraint(SEALED.format("document_sealed"), name=op.f("document_is_sealed")),
        sa.CheckConstraint("octet_length(document_hash) = 32", name=op.f("document_is_hashed")),
        sa.CheckConstraint("octet_length(signature) = 64", name=op.f("signature_is_ed25519")),
        sa.ForeignKeyConstraint(
            ["key_id", "key_from", "key_until"],
            ["signing_keys.id", "signing_keys.valid_from", "signing_keys.valid_until"],
            name="key_is_as_it_was_recorded",
        ),
        sa.ForeignKeyConstraint(
            ["prescription_id", "signed_at"],
            ["prescriptions.id", "prescriptions.signed_at"],
            name="signature_is_of_its_prescription",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("signatures_pkey")),
        sa.UniqueConstraint("prescription_id", name="signatures_one_per_prescription"),
    )


def _letters(templates: tuple[str, ...], also: list[str]) -> None:
    """Which letters there are, and what one of them is once for."""
    op.drop_constraint("letter_template_is_known", "letters", type_="check")
    known = ", ".join(repr(name) for name in templates)
    op.create_check_constraint("letter_template_is_known", "letters", f"template IN ({known})")
    op.drop_constraint("letters_once_per_version", "letters", type_="unique")
    op.create_unique_constraint(
        "letters_once_per_version", "letters", ["template", "subject_id", "version", *also]
    )
