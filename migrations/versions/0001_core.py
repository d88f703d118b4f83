"""The clock, the events table and its chain."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

CLOCK = """
CREATE TABLE shop_clock (
    singleton boolean PRIMARY KEY DEFAULT true CONSTRAINT one_clock CHECK (singleton),
    time_offset interval NOT NULL
);
INSERT INTO shop_clock (time_offset) VALUES ('0');

CREATE FUNCTION shop_now() RETURNS timestamptz LANGUAGE sql VOLATILE
    AS 'SELECT clock_timestamp() + time_offset FROM public.shop_clock';

-- National Provider Identifier: Luhn over "80840" and the number (CMS, NPI check digit).
CREATE FUNCTION npi_valid(npi text) RETURNS boolean LANGUAGE sql IMMUTABLE STRICT
RETURN npi ~ '^[12][0-9]{9}$' AND (
    SELECT sum(CASE WHEN place % 2 = 0 THEN digit
                    WHEN digit > 4 THEN digit * 2 - 9
                    ELSE digit * 2 END) % 10 = 0
    FROM (SELECT length(whole) - place AS place, substr(whole, place, 1)::int AS digit
          FROM (SELECT '80840' || npi AS whole) AS card,
               generate_series(1, length(whole)) AS place) AS digits
);
"""

CHAIN = """
-- Numbers the event, names its actor, stamps it after the subject's lock, and chains its hash.
CREATE FUNCTION event_chained() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before events%ROWTYPE;
BEGIN
    NEW.actor := coalesce(current_setting('app.actor', true), '');
    SELECT * INTO before FROM events
        WHERE subject_id = NEW.subject_id ORDER BY seq DESC LIMIT 1;
    NEW.seq := coalesce(before.seq, 0) + 1;
    NEW.from_state := coalesce(before.to_state, '');
    IF NEW.to_state IS NULL OR NEW.to_state = '' THEN
        NEW.to_state := NEW.from_state;
    END IF;
    NEW.at := shop_now();
    NEW.previous_hash := coalesce(before.hash, decode(repeat('00', 32), 'hex'));
    NEW.hash := sha256(convert_to(json_build_array(
        NEW.subject_id::text, NEW.seq::text, NEW.machine, NEW.kind, NEW.from_state, NEW.to_state,
        NEW.actor, (extract(epoch FROM NEW.at) * 1000000)::bigint::text, NEW.facts::text,
        NEW.request_id, encode(NEW.previous_hash, 'hex'))::text, 'UTF8'));
    RETURN NEW;
END $$;
CREATE TRIGGER event_chained BEFORE INSERT ON events
    FOR EACH ROW EXECUTE FUNCTION event_chained();

CREATE FUNCTION never_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME
        USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME, TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER events_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

GRANT USAGE ON SCHEMA public TO aftercare_app, aftercare_worker;
GRANT SELECT ON shop_clock, events, legal_transitions TO aftercare_app, aftercare_worker;
GRANT INSERT (subject_id, machine, kind, to_state, facts, request_id) ON events
    TO aftercare_app, aftercare_worker;

INSERT INTO legal_transitions (machine, from_state, to_state) VALUES ('', '', '');
"""


def upgrade() -> None:
    op.execute(CLOCK)
    op.create_table(
        "legal_transitions",
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint(
            "machine", "from_state", "to_state", name=op.f("legal_transitions_pkey")
        ),
    )
    op.create_table(
        "events",
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column(
            "previous_seq",
            sa.Integer(),
            sa.Computed("nullif(seq - 1, 0)", persisted=True),
            nullable=True,
        ),
        sa.Column("machine", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("from_state", sa.Text(), nullable=False),
        sa.Column("to_state", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "facts",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("request_id", sa.Text(), server_default="", nullable=False),
        sa.Column("previous_hash", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("actor ~ '^(person|system):.'", name=op.f("event_has_an_actor")),
        sa.CheckConstraint("octet_length(hash) = 32", name=op.f("event_hash_is_sha256")),
        sa.CheckConstraint(
            "seq > 1 OR from_state = ''", name=op.f("first_event_comes_from_nothing")
        ),
        sa.PrimaryKeyConstraint("subject_id", "seq", name=op.f("events_pkey")),
        sa.UniqueConstraint("subject_id", "seq", "to_state", name="events_state_key"),
        sa.ForeignKeyConstraint(
            ["machine", "from_state", "to_state"],
            [
                "legal_transitions.machine",
                "legal_transitions.from_state",
                "legal_transitions.to_state",
            ],
            name="event_is_a_legal_transition",
        ),
        sa.ForeignKeyConstraint(
            ["subject_id", "previous_seq", "from_state"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name="event_follows_the_one_before",
        ),
    )
    op.create_index("events_at_idx", "events", ["at"])
    op.execute(CHAIN)


def downgrade() -> None:
    op.drop_table("events")
    op.drop_table("legal_transitions")
    op.execute(
        "DROP FUNCTION event_chained(); DROP FUNCTION never_changed(); DROP FUNCTION npi_valid;"
        " DROP FUNCTION shop_now(); DROP TABLE shop_clock"
    )
    op.execute("REVOKE USAGE ON SCHEMA public FROM aftercare_app, aftercare_worker")
