"""Approval requests, refusals, prescriptions, fills."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MACHINES = """
INSERT INTO legal_transitions (machine, from_state, to_state)
SELECT machine, from_state, unnest(string_to_array(after, ' '))
FROM (VALUES
    ('approval_request', '', 'draft'),
    ('approval_request', 'draft', 'draft queued referred declined withdrawn expired'),
    ('approval_request', 'queued', 'queued in_review withdrawn'),
    ('approval_request', 'in_review',
        'in_review queued info_requested approved pending_client declined referred'),
    ('approval_request', 'info_requested', 'info_requested queued withdrawn expired'),
    ('approval_request', 'referred', 'referred queued withdrawn expired'),
    ('approval_request', 'pending_client', 'pending_client approved withdrawn expired'),
    ('approval_request', 'approved', 'approved'),
    ('approval_request', 'declined', 'declined'),
    ('approval_request', 'withdrawn', 'withdrawn'),
    ('approval_request', 'expired', 'expired'),
    ('prescription', '', 'active'),
    ('prescription', 'active', 'active on_hold revoked superseded'),
    ('prescription', 'on_hold', 'on_hold active revoked'),
    ('prescription', 'revoked', 'revoked'),
    ('prescription', 'superseded', 'superseded'),
    ('fill', '', 'reserved'),
    ('fill', 'reserved', 'reserved consumed released'),
    ('fill', 'consumed', 'consumed dispensed released'),
    ('fill', 'dispensed', 'dispensed'),
    ('fill', 'released', 'released')
) AS arrows (machine, from_state, after);
"""

LICENCES = """
-- An active physician with a licence to prescribe in this state, in force on this day.
CREATE FUNCTION prescriber_licensed(prescriber uuid, in_state text, on_day date) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT 1 FROM people JOIN licences ON licences.person_id = people.id
        WHERE people.id = prescriber AND people.role = 'physician' AND people.disabled_at IS NULL
          AND licences.kind IN ('MD', 'DO', 'NP', 'PA') AND licences.state = in_state
          AND licences.valid_from <= on_day AND on_day < licences.valid_until
          AND (licences.ended_on IS NULL OR on_day < licences.ended_on));
$$;

-- What keeps a prescription from being used for this state at this moment: the name of the rule it
-- breaks, or NULL when it stands. Who relies on the answer locks the row first.
CREATE FUNCTION prescription_shortcoming(prescription uuid, for_state text, moment timestamptz)
RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT CASE
        WHEN signed.id IS NULL THEN 'prescription_exists'
        WHEN signed.status = 'revoked' THEN 'prescription_not_revoked'
        WHEN signed.status = 'superseded' THEN 'prescription_not_superseded'
        WHEN signed.status = 'on_hold' THEN 'prescription_not_held'
        WHEN signed.status <> 'active' THEN 'prescription_is_active'
        WHEN NOT (signed.valid_from <= moment AND moment < signed.valid_until)
            THEN 'prescription_in_time'
        WHEN covered.state IS NULL THEN 'prescription_covers_the_state'
        WHEN NOT (prescriber_licensed(signed.prescriber_id, for_state, day)
                  AND prescriber_licensed(signed.prescriber_id, signed.client_state, day))
            THEN 'prescriber_licensed_now'
        END
    FROM (SELECT (moment AT TIME ZONE 'UTC')::date AS day) AS today
    LEFT JOIN prescriptions AS signed ON signed.id = prescription
    LEFT JOIN prescription_states AS covered
        ON covered.prescription_id = signed.id AND covered.state = for_state;
$$;

CREATE FUNCTION prescription_stands(prescription uuid, state text, at timestamptz)
RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT prescription_shortcoming(prescription, state, at) IS NULL;
$$;
"""

GUARDS = """
-- A status goes along an arrow, and never back to an event that has been. TG_ARGV[0]: the machine.
CREATE FUNCTION prescribing_goes_on() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NEW.state_seq < OLD.state_seq
       OR (NEW.status <> OLD.status AND NOT EXISTS (
            SELECT 1 FROM legal_transitions
            WHERE machine = TG_ARGV[0] AND from_state = OLD.status AND to_state = NEW.status))
    THEN
        RAISE EXCEPTION '% cannot become %', OLD.status, NEW.status
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION request_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
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
        ELSIF OLD.status <> 'draft' AND
           (NEW.quantity, NEW.ship_to_state, NEW.questionnaire_version, NEW.answers_sealed,
            NEW.answers_hash, NEW.consented_at)
           IS DISTINCT FROM
           (OLD.quantity, OLD.ship_to_state, OLD.questionnaire_version, OLD.answers_sealed,
            OLD.answers_hash, OLD.consented_at)
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
CREATE TRIGGER request_guard BEFORE INSERT OR UPDATE ON approval_requests
    FOR EACH ROW EXECUTE FUNCTION request_guard();
CREATE TRIGGER request_goes_along_an_arrow BEFORE UPDATE ON approval_requests
    FOR EACH ROW EXECUTE FUNCTION prescribing_goes_on('approval_request');

-- Whether this person holds the request in review now. Locks the request.
CREATE FUNCTION holds_the_claim(request uuid, reviewer uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    asked approval_requests%ROWTYPE;
BEGIN
    SELECT * INTO asked FROM approval_requests WHERE id = request FOR UPDATE;
    RETURN coalesce(asked.status = 'in_review' AND asked.claimed_by_id = reviewer
                    AND shop_now() < asked.claimed_until, false);
END $$;

CREATE FUNCTION refusal_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT holds_the_claim(NEW.request_id, NEW.refused_by_id) THEN
        RAISE EXCEPTION 'only who holds the request in review refuses it'
            USING ERRCODE = 'check_violation', CONSTRAINT = 'refused_under_a_claim',
                  TABLE = TG_TABLE_NAME;
    END IF;
    NEW.refused_at := shop_now();
    RETURN NEW;
END $$;
CREATE TRIGGER refusal_guard BEFORE INSERT ON refusals
    FOR EACH ROW EXECUTE FUNCTION refusal_guard();

CREATE FUNCTION prescription_signed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    claimed boolean := holds_the_claim(NEW.request_id, NEW.prescriber_id);
    asked approval_requests%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO asked FROM approval_requests WHERE id = NEW.request_id;
    broken := CASE
        WHEN NOT claimed THEN 'signed_under_a_claim'
        WHEN (NEW.variant_id, NEW.quantity_per_fill) IS DISTINCT FROM
             (asked.variant_id, asked.quantity) THEN 'prescribed_as_requested'
        WHEN NEW.client_state IS DISTINCT FROM
             (SELECT state FROM people WHERE id = NEW.client_id) THEN 'client_lives_in_this_state'
        WHEN NEW.status <> 'active' THEN 'prescription_begins_active'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'prescription %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.signed_at := shop_now();
    NEW.signed_on := (NEW.signed_at AT TIME ZONE 'UTC')::date;
    NEW.held_at := NULL;
    NEW.revoked_at := NULL;
    NEW.reason_sealed := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER prescription_signed BEFORE INSERT ON prescriptions
    FOR EACH ROW EXECUTE FUNCTION prescription_signed();

CREATE FUNCTION prescription_kept() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    may_change CONSTANT text[] := ARRAY['status', 'state_seq', 'held_at', 'held_by_id',
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
CREATE TRIGGER prescription_kept BEFORE UPDATE ON prescriptions
    FOR EACH ROW EXECUTE FUNCTION prescription_kept();
CREATE TRIGGER prescription_goes_along_an_arrow BEFORE UPDATE ON prescriptions
    FOR EACH ROW EXECUTE FUNCTION prescribing_goes_on('prescription');

-- The states are part of what is signed: added while the request is in review, never after.
CREATE FUNCTION state_signed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    signed prescriptions%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO signed FROM prescriptions WHERE id = NEW.prescription_id;
    NEW.signed_on := signed.signed_on;
    broken := CASE
        WHEN NOT holds_the_claim(signed.request_id, signed.prescriber_id)
            THEN 'states_are_signed_with_it'
        WHEN NOT prescriber_licensed(NEW.prescriber_id, NEW.state, NEW.signed_on)
            THEN 'licence_was_not_ended_when_signed'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'prescription %: %', signed.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER state_signed BEFORE INSERT ON prescription_states
    FOR EACH ROW EXECUTE FUNCTION state_signed();

-- At commit: a decided request has its one decision, and a decision has its decided request.
CREATE FUNCTION decision_agrees() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    row_of jsonb := to_jsonb(NEW);
    asked approval_requests%ROWTYPE;
    signed prescriptions%ROWTYPE;
    refused boolean;
    broken text;
BEGIN
    SELECT * INTO asked FROM approval_requests
        WHERE id = coalesce(row_of ->> 'request_id', row_of ->> 'id')::uuid;
    SELECT * INTO signed FROM prescriptions WHERE request_id = asked.id;
    refused := EXISTS (SELECT 1 FROM refusals WHERE request_id = asked.id);
    broken := CASE
        WHEN signed.id IS NOT NULL AND refused THEN 'request_has_one_decision'
        WHEN asked.status IN ('approved', 'pending_client') AND signed.id IS NULL
            THEN 'approved_by_a_prescription'
        WHEN asked.status = 'declined' AND NOT refused THEN 'declined_by_a_refusal'
        WHEN refused AND asked.status <> 'declined' THEN 'refusal_declines_its_request'
        WHEN signed.id IS NOT NULL
             AND asked.status NOT IN ('approved', 'pending_client', 'withdrawn', 'expired')
            THEN 'prescription_approves_its_request'
        WHEN signed.id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM prescription_states
                WHERE prescription_id = signed.id AND state = asked.ship_to_state)
            THEN 'prescription_covers_the_ship_to_state'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'approval request %: %', asked.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER request_agrees_with_its_decision
    AFTER INSERT OR UPDATE OF status ON approval_requests
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION decision_agrees();
CREATE CONSTRAINT TRIGGER prescription_agrees_with_its_request AFTER INSERT ON prescriptions
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION decision_agrees();
CREATE CONSTRAINT TRIGGER refusal_agrees_with_its_request AFTER INSERT ON refusals
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION decision_agrees();

-- A fill is taken and used only of a prescription that stands; its times are stamped after the lock.
CREATE FUNCTION fill_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    moment timestamptz;
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.consumed_at := NULL;
        NEW.dispensed_at := NULL;
        NEW.released_at := NULL;
        IF NEW.status <> 'reserved' THEN
            broken := 'fill_begins_reserved';
        END IF;
    ELSE
        IF (NEW.id, NEW.prescription_id, NEW.number, NEW.client_id, NEW.variant_id, NEW.state,
            NEW.quantity, NEW.fills_allowed, NEW.reserved_at, NEW.consumed_at, NEW.dispensed_at,
            NEW.released_at) IS DISTINCT FROM
           (OLD.id, OLD.prescription_id, OLD.number, OLD.client_id, OLD.variant_id, OLD.state,
            OLD.quantity, OLD.fills_allowed, OLD.reserved_at, OLD.consumed_at, OLD.dispensed_at,
            OLD.released_at)
        THEN
            broken := 'fill_keeps_its_terms';
        ELSIF OLD.status = 'dispensed' AND NEW.status <> 'dispensed' THEN
            broken := 'dispensed_fill_is_never_given_back';
        END IF;
    END IF;
    IF broken IS NULL AND (TG_OP = 'INSERT' OR
        (NEW.status <> OLD.status AND NEW.status IN ('consumed', 'dispensed'))) THEN
        PERFORM 1 FROM prescriptions WHERE id = NEW.prescription_id FOR SHARE;
        broken := prescription_shortcoming(NEW.prescription_id, NEW.state, shop_now());
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'fill % of prescription %: %', NEW.number, NEW.prescription_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    moment := shop_now();
    IF TG_OP = 'INSERT' THEN
        NEW.reserved_at := moment;
    ELSIF NEW.status <> OLD.status THEN
        NEW.consumed_at := CASE NEW.status WHEN 'consumed' THEN moment ELSE OLD.consumed_at END;
        NEW.dispensed_at := CASE NEW.status WHEN 'dispensed' THEN moment END;
        NEW.released_at := CASE NEW.status WHEN 'released' THEN moment END;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER fill_guard BEFORE INSERT OR UPDATE ON fills
    FOR EACH ROW EXECUTE FUNCTION fill_guard();
CREATE TRIGGER fill_goes_along_an_arrow BEFORE UPDATE ON fills
    FOR EACH ROW EXECUTE FUNCTION prescribing_goes_on('fill');

CREATE TRIGGER requests_are_kept BEFORE DELETE OR TRUNCATE ON approval_requests
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER refusals_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON refusals
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER prescriptions_are_kept BEFORE DELETE OR TRUNCATE ON prescriptions
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER prescription_states_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE
    ON prescription_states FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
CREATE TRIGGER fills_are_kept BEFORE DELETE OR TRUNCATE ON fills
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

# Requests and prescriptions are written by people, so by the web server only.
GRANTS = """
GRANT SELECT ON approval_requests, refusals, prescriptions, prescription_states, fills
    TO aftercare_app, aftercare_worker;
GRANT INSERT (id, number, client_id, requested_by_id, variant_id, quantity, ship_to_state, status,
              state_seq, questionnaire_version, answers_sealed, answers_hash, consented_at, due_at,
              claimed_by_id) ON approval_requests TO aftercare_app;
GRANT UPDATE (status, state_seq, quantity, ship_to_state, questionnaire_version, answers_sealed,
              answers_hash, consented_at, due_at, claimed_by_id, claimed_until)
    ON approval_requests TO aftercare_app, aftercare_worker;
GRANT INSERT (id, request_id, client_id, refused_by_id, reason, message_sealed, note_sealed)
    ON refusals TO aftercare_app;
GRANT INSERT (id, number, request_id, client_id, variant_id, quantity_per_fill, fills_allowed,
              days_supply, interval_days, directions_sealed, indication_sealed, client_state, valid_from,
              valid_until, prescriber_id, prescriber_name, prescriber_npi, examination_mode,
              examined_on, statement_sealed, statement_hash, fresh_id, fresh_kind, fresh_at,
              factors, status, state_seq, held_by_id, revoked_by_id, reason_sealed)
    ON prescriptions TO aftercare_app;
GRANT UPDATE (status, state_seq, held_by_id, revoked_by_id, reason_sealed)
    ON prescriptions TO aftercare_app, aftercare_worker;
GRANT INSERT (prescription_id, state, prescriber_id, licence_id, licence_number, licence_from,
              licence_until) ON prescription_states TO aftercare_app;
GRANT INSERT (id, prescription_id, number, client_id, variant_id, state, quantity, fills_allowed,
              status, state_seq) ON fills TO aftercare_app;
GRANT UPDATE (status, state_seq) ON fills TO aftercare_app, aftercare_worker;
"""


def upgrade() -> None:
    op.create_table(
        "approval_requests",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("requested_by_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("ship_to_state", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("questionnaire_version", sa.Text(), nullable=False),
        sa.Column("answers_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("answers_hash", sa.LargeBinary(), nullable=True),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claimed_by_id", sa.Uuid(), nullable=True),
        sa.Column("claimed_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claim_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status = 'in_review') = (claimed_by_id IS NOT NULL AND claimed_until IS NOT NULL)",
            name=op.f("in_review_by_someone"),
        ),
        sa.CheckConstraint(
            "ship_to_state ~ '^[A-Z]{2}$'", name=op.f("request_state_is_a_usps_code")
        ),
        sa.CheckConstraint(
            "status IN ('draft', 'withdrawn', 'expired') OR (submitted_at IS NOT NULL AND consented_at IS NOT NULL AND answers_hash IS NOT NULL)",
            name=op.f("submitted_with_consent_and_answers"),
        ),
        sa.CheckConstraint(
            "claimed_by_id <> client_id", name=op.f("nobody_reviews_their_own_request")
        ),
        sa.CheckConstraint(
            "claimed_by_id <> requested_by_id", name=op.f("nobody_reviews_what_they_asked_for")
        ),
        sa.CheckConstraint("quantity BETWEEN 1 AND 20", name=op.f("requested_quantity_is_sane")),
        sa.ForeignKeyConstraint(
            ["claimed_by_id"], ["people.id"], name=op.f("approval_requests_claimed_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["people.id"], name=op.f("approval_requests_client_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="approval_request_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["requested_by_id"], ["people.id"], name=op.f("approval_requests_requested_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variants.id"], name=op.f("approval_requests_variant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("approval_requests_pkey")),
        sa.UniqueConstraint("id", "client_id", name="approval_requests_client_key"),
        sa.UniqueConstraint("number", name=op.f("approval_requests_number_key")),
    )
    op.create_index(
        "approval_requests_one_live",
        "approval_requests",
        ["client_id", "variant_id"],
        unique=True,
        postgresql_where=sa.text("status NOT IN ('approved', 'declined', 'withdrawn', 'expired')"),
    )
    op.create_index(
        "approval_requests_queue_idx", "approval_requests", ["status", "due_at"], unique=False
    )
    op.create_table(
        "prescriptions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("quantity_per_fill", sa.Integer(), nullable=False),
        sa.Column("fills_allowed", sa.Integer(), nullable=False),
        sa.Column("days_supply", sa.Integer(), nullable=False),
        sa.Column("interval_days", sa.Integer(), nullable=True),
        sa.Column("directions_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("indication_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("client_state", sa.Text(), nullable=False),
        sa.Column("valid_from", sa.DateTime(timezone=True), nullable=False),
        sa.Column("valid_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("prescriber_id", sa.Uuid(), nullable=False),
        sa.Column("prescriber_name", sa.Text(), nullable=False),
        sa.Column("prescriber_npi", sa.Text(), nullable=False),
        sa.Column("examination_mode", sa.Text(), nullable=False),
        sa.Column("examined_on", sa.Date(), nullable=False),
        sa.Column("statement_sealed", sa.LargeBinary(), nullable=False),
        sa.Column("statement_hash", sa.LargeBinary(), nullable=False),
        sa.Column(
            "signed_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column(
            "signed_on",
            sa.Date(),
            server_default=sa.text("(shop_now() AT TIME ZONE 'UTC')::date"),
            nullable=False,
        ),
        sa.Column("fresh_id", sa.Uuid(), nullable=False),
        sa.Column("fresh_kind", sa.Text(), server_default="fresh", nullable=False),
        sa.Column("fresh_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("factors", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("held_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_by_id", sa.Uuid(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by_id", sa.Uuid(), nullable=True),
        sa.Column("reason_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status = 'on_hold') = (held_at IS NOT NULL AND held_by_id IS NOT NULL)",
            name=op.f("held_by_someone"),
        ),
        sa.CheckConstraint(
            "(status = 'revoked') = (revoked_at IS NOT NULL AND revoked_by_id IS NOT NULL)",
            name=op.f("revoked_by_someone"),
        ),
        sa.CheckConstraint(
            "examination_mode IN ('in_person', 'video', 'asynchronous')",
            name=op.f("examination_mode_is_known"),
        ),
        sa.CheckConstraint(
            "fresh_at <= signed_at AND signed_at - fresh_at <= interval '5 minutes'",
            name=op.f("sign_in_was_fresh_when_signed"),
        ),
        sa.CheckConstraint("fresh_kind = 'fresh'", name=op.f("signed_after_a_fresh_sign_in")),
        sa.CheckConstraint(
            "signed_on = (signed_at AT TIME ZONE 'UTC')::date", name=op.f("signed_on_is_signed_at")
        ),
        sa.CheckConstraint(
            "valid_from < valid_until AND valid_until <= valid_from + interval '366 days'",
            name=op.f("valid_for_a_year_at_most"),
        ),
        sa.CheckConstraint("days_supply BETWEEN 1 AND 366", name=op.f("days_supply_is_sane")),
        sa.CheckConstraint("interval_days BETWEEN 1 AND 366", name=op.f("interval_is_sane")),
        sa.CheckConstraint("examined_on <= signed_on", name=op.f("examined_before_signing")),
        sa.CheckConstraint("fills_allowed BETWEEN 1 AND 12", name=op.f("fills_allowed_is_sane")),
        sa.CheckConstraint("octet_length(statement_hash) = 32", name=op.f("statement_is_hashed")),
        sa.CheckConstraint("prescriber_id <> client_id", name=op.f("no_self_prescription")),
        sa.CheckConstraint(
            "quantity_per_fill BETWEEN 1 AND 20", name=op.f("fill_quantity_is_sane")
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["people.id"], name=op.f("prescriptions_client_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["fresh_id", "prescriber_id", "fresh_kind", "fresh_at"],
            ["auth_events.id", "auth_events.person_id", "auth_events.kind", "auth_events.at"],
            name="signed_after_this_fresh_sign_in",
        ),
        sa.ForeignKeyConstraint(
            ["held_by_id"], ["people.id"], name=op.f("prescriptions_held_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="prescription_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["prescriber_id", "prescriber_npi"],
            ["people.id", "people.npi"],
            name="prescriber_has_this_npi",
        ),
        sa.ForeignKeyConstraint(
            ["prescriber_id"], ["people.id"], name=op.f("prescriptions_prescriber_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["request_id", "client_id"],
            ["approval_requests.id", "approval_requests.client_id"],
            name="prescription_is_for_the_requesting_client",
        ),
        sa.ForeignKeyConstraint(
            ["revoked_by_id"], ["people.id"], name=op.f("prescriptions_revoked_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variants.id"], name=op.f("prescriptions_variant_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("prescriptions_pkey")),
        sa.UniqueConstraint(
            "id",
            "client_id",
            "variant_id",
            "fills_allowed",
            "quantity_per_fill",
            name="prescriptions_terms_key",
        ),
        sa.UniqueConstraint("id", "prescriber_id", "signed_on", name="prescriptions_signature_key"),
        sa.UniqueConstraint("number", name=op.f("prescriptions_number_key")),
        sa.UniqueConstraint("request_id", name="prescriptions_one_per_request"),
    )
    op.create_index(
        "prescriptions_client_idx", "prescriptions", ["client_id", "variant_id"], unique=False
    )
    op.create_table(
        "refusals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("refused_by_id", sa.Uuid(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("message_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("note_sealed", sa.LargeBinary(), nullable=True),
        sa.Column(
            "refused_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.CheckConstraint(
            "reason IN ('contraindicated', 'insufficient_information', 'exam_required', 'outside_scope', 'out_of_state', 'duplicate_therapy', 'misuse_suspected', 'better_alternative', 'product_unavailable', 'identity_unverified', 'minor')",
            name=op.f("refusal_reason_is_known"),
        ),
        sa.CheckConstraint("refused_by_id <> client_id", name=op.f("nobody_refuses_themselves")),
        sa.ForeignKeyConstraint(
            ["refused_by_id"], ["people.id"], name=op.f("refusals_refused_by_id_fkey")
        ),
        sa.ForeignKeyConstraint(
            ["request_id", "client_id"],
            ["approval_requests.id", "approval_requests.client_id"],
            name="refusal_is_of_its_request",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("refusals_pkey")),
        sa.UniqueConstraint("request_id", name="refusals_one_per_request"),
    )
    op.create_table(
        "prescription_states",
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("prescriber_id", sa.Uuid(), nullable=False),
        sa.Column(
            "signed_on",
            sa.Date(),
            server_default=sa.text("(shop_now() AT TIME ZONE 'UTC')::date"),
            nullable=False,
        ),
        sa.Column("licence_id", sa.Uuid(), nullable=False),
        sa.Column("licence_number", sa.Text(), nullable=False),
        sa.Column("licence_from", sa.Date(), nullable=False),
        sa.Column("licence_until", sa.Date(), nullable=False),
        sa.CheckConstraint(
            "licence_from <= signed_on AND signed_on < licence_until",
            name=op.f("licensed_when_signed"),
        ),
        sa.ForeignKeyConstraint(
            ["licence_id", "prescriber_id", "state", "licence_from", "licence_until"],
            [
                "licences.id",
                "licences.person_id",
                "licences.state",
                "licences.valid_from",
                "licences.valid_until",
            ],
            name="licence_is_the_prescribers",
        ),
        sa.ForeignKeyConstraint(
            ["prescription_id", "prescriber_id", "signed_on"],
            ["prescriptions.id", "prescriptions.prescriber_id", "prescriptions.signed_on"],
            name="state_is_of_its_prescription",
        ),
        sa.PrimaryKeyConstraint("prescription_id", "state", name=op.f("prescription_states_pkey")),
    )
    op.create_table(
        "fills",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("fills_allowed", sa.Integer(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column(
            "reserved_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.Column("consumed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dispensed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.CheckConstraint(
            "(status = 'dispensed') = (dispensed_at IS NOT NULL)",
            name=op.f("dispensed_at_some_time"),
        ),
        sa.CheckConstraint(
            "(status = 'released') = (released_at IS NOT NULL)", name=op.f("released_at_some_time")
        ),
        sa.CheckConstraint(
            "status NOT IN ('consumed', 'dispensed') OR consumed_at IS NOT NULL",
            name=op.f("consumed_at_some_time"),
        ),
        sa.CheckConstraint(
            "number BETWEEN 1 AND fills_allowed", name=op.f("fill_within_allowance")
        ),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="fill_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
        sa.ForeignKeyConstraint(
            ["prescription_id", "client_id", "variant_id", "fills_allowed", "quantity"],
            [
                "prescriptions.id",
                "prescriptions.client_id",
                "prescriptions.variant_id",
                "prescriptions.fills_allowed",
                "prescriptions.quantity_per_fill",
            ],
            name="fill_is_on_its_prescriptions_terms",
        ),
        sa.ForeignKeyConstraint(
            ["prescription_id", "state"],
            ["prescription_states.prescription_id", "prescription_states.state"],
            name="fill_is_for_a_covered_state",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("fills_pkey")),
        sa.UniqueConstraint(
            "id", "client_id", "variant_id", "state", "quantity", name="fills_terms_key"
        ),
    )
    op.create_index(
        "fills_one_per_number",
        "fills",
        ["prescription_id", "number"],
        unique=True,
        postgresql_where=sa.text("status <> 'released'"),
    )
    op.create_foreign_key(
        "prescription_covers_the_clients_state",
        "prescriptions",
        "prescription_states",
        ["id", "client_state"],
        ["prescription_id", "state"],
        initially="DEFERRED",
        deferrable=True,
    )

    for statements in (MACHINES, LICENCES, GUARDS, GRANTS):
        op.execute(statements)


def downgrade() -> None:
    op.drop_constraint("prescription_covers_the_clients_state", "prescriptions", type_="foreignkey")
    op.drop_index(
        "fills_one_per_number", table_name="fills", postgresql_where=sa.text("status <> 'released'")
    )
    op.drop_table("fills")
    op.drop_table("prescription_states")
    op.drop_table("refusals")
    op.drop_index("prescriptions_client_idx", table_name="prescriptions")
    op.drop_table("prescriptions")
    op.drop_index("approval_requests_queue_idx", table_name="approval_requests")
    op.drop_index(
        "approval_requests_one_live",
        table_name="approval_requests",
        postgresql_where=sa.text("status NOT IN ('approved', 'declined', 'withdrawn', 'expired')"),
    )
    op.drop_table("approval_requests")
    op.execute(
        "DROP FUNCTION fill_guard, decision_agrees, state_signed, prescription_kept,"
        " prescription_signed, refusal_guard, holds_the_claim, request_guard, prescribing_goes_on,"
        " prescription_stands, prescription_shortcoming, prescriber_licensed"
    )
    op.execute(
        "DELETE FROM legal_transitions"
        " WHERE machine IN ('approval_request', 'prescription', 'fill')"
    )
