"""Approval requests, refusals, prescriptions, fills."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


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
