"""A physician may prescribe another pack or quantity; the client's acceptance puts it in force."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

SHORTCOMING = """
CREATE OR REPLACE FUNCTION prescription_shortcoming(prescription uuid, for_state text, moment timestamptz)
RETURNS text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT CASE
        WHEN signed.id IS NULL THEN 'prescription_exists'
        WHEN signed.status = 'revoked' THEN 'prescription_not_revoked'
        WHEN signed.status = 'superseded' THEN 'prescription_not_superseded'
        WHEN signed.status = 'on_hold' THEN 'prescription_not_held'
        WHEN signed.status <> 'active' THEN 'prescription_is_active'
        {accepted}
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
"""
ACCEPTED = """WHEN (SELECT status FROM approval_requests WHERE id = signed.request_id) <> 'approved'
            THEN 'prescription_is_accepted'"""

SIGNED = """
CREATE OR REPLACE FUNCTION prescription_signed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    claimed boolean := holds_the_claim(NEW.request_id, NEW.prescriber_id);
    asked approval_requests%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO asked FROM approval_requests WHERE id = NEW.request_id;
    broken := CASE
        WHEN NOT claimed THEN 'signed_under_a_claim'
        {as_requested}
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
"""
AS_REQUESTED = """WHEN (NEW.variant_id, NEW.quantity_per_fill) IS DISTINCT FROM
             (asked.variant_id, asked.quantity) THEN 'prescribed_as_requested'"""

ACCEPTANCES = """
-- Only the client takes what differs from what she asked for, while it is offered to her.
CREATE FUNCTION acceptance_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    asked approval_requests%ROWTYPE;
    priced prices%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO asked FROM approval_requests WHERE id = NEW.request_id FOR UPDATE;
    SELECT * INTO priced FROM prices WHERE id = NEW.price_id;
    NEW.accepted_at := shop_now();
    broken := CASE
        WHEN asked.status IS DISTINCT FROM 'pending_client' THEN 'accepted_while_it_is_offered'
        WHEN current_setting('app.actor', true) IS DISTINCT FROM 'person:' || NEW.client_id
            THEN 'accepted_by_the_client'
        WHEN (SELECT valid_until FROM prescriptions WHERE id = NEW.prescription_id)
             <= NEW.accepted_at THEN 'accepted_before_it_is_over'
        WHEN NOT (priced.valid_from <= NEW.accepted_at
                  AND NEW.accepted_at < coalesce(priced.valid_until, 'infinity'))
            THEN 'accepted_at_todays_price'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'approval request %: %', asked.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER acceptance_guard BEFORE INSERT ON acceptances
    FOR EACH ROW EXECUTE FUNCTION acceptance_guard();
CREATE TRIGGER acceptances_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON acceptances
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit: what differs waits for the client, is accepted by her, and only then in force.
CREATE FUNCTION change_agrees() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    row_of jsonb := to_jsonb(NEW);
    asked approval_requests%ROWTYPE;
    signed prescriptions%ROWTYPE;
    accepted uuid;
    changed boolean;
    broken text;
BEGIN
    SELECT * INTO asked FROM approval_requests
        WHERE id = coalesce(row_of ->> 'request_id', row_of ->> 'id')::uuid;
    SELECT * INTO signed FROM prescriptions WHERE request_id = asked.id;
    SELECT prescription_id INTO accepted FROM acceptances WHERE request_id = asked.id;
    changed := (signed.variant_id, signed.quantity_per_fill) <> (asked.variant_id, asked.quantity);
    broken := CASE
        WHEN asked.status = 'approved' AND changed AND accepted IS NULL
            THEN 'changes_are_accepted_by_the_client'
        WHEN asked.status = 'pending_client' AND NOT changed
            THEN 'only_a_change_waits_for_the_client'
        WHEN accepted IS NOT NULL AND asked.status <> 'approved'
            THEN 'acceptance_approves_its_request'
        WHEN accepted IS NOT NULL AND (accepted IS DISTINCT FROM signed.id OR NOT changed)
            THEN 'acceptance_is_of_the_change'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'approval request %: %', asked.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER request_agrees_with_its_acceptance
    AFTER UPDATE OF status ON approval_requests
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_agrees();
CREATE CONSTRAINT TRIGGER acceptance_agrees_with_its_request AFTER INSERT ON acceptances
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION change_agrees();
"""

GRANTS = """
GRANT SELECT ON acceptances TO aftercare_app, aftercare_worker;
GRANT INSERT (request_id, client_id, prescription_id, variant_id, fills_allowed, quantity, price_id,
              unit_cents) ON acceptances TO aftercare_app;
"""


def upgrade() -> None:
    op.create_table(
        "acceptances",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("prescription_id", sa.Uuid(), nullable=False),
        sa.Column("variant_id", sa.Uuid(), nullable=False),
        sa.Column("fills_allowed", sa.Integer(), nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.Column("price_id", sa.Uuid(), nullable=False),
        sa.Column("unit_cents", sa.Integer(), nullable=False),
        sa.Column(
            "accepted_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("shop_now()"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("request_id", name=op.f("acceptances_pkey")),
        sa.ForeignKeyConstraint(
            ["request_id", "client_id"],
            ["approval_requests.id", "approval_requests.client_id"],
            name="acceptance_is_of_its_request",
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
            name="acceptance_is_of_what_was_signed",
        ),
        sa.ForeignKeyConstraint(
            ["price_id", "variant_id", "unit_cents"],
            ["prices.id", "prices.variant_id", "prices.cents"],
            name="acceptance_names_the_price_shown",
        ),
    )
    op.execute(SHORTCOMING.format(accepted=ACCEPTED))
    op.execute(SIGNED.format(as_requested=""))
    op.execute(ACCEPTANCES)
    op.execute(GRANTS)


def downgrade() -> None:
    op.execute("DROP TRIGGER request_agrees_with_its_acceptance ON approval_requests")
    op.drop_table("acceptances")
    op.execute("DROP FUNCTION change_agrees()")
    op.execute("DROP FUNCTION acceptance_guard()")
    op.execute(SHORTCOMING.format(accepted=""))
    op.execute(SIGNED.format(as_requested=AS_REQUESTED))
