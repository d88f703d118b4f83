"""People, sign-ins, tokens, licences."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


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
