"""Store credit: accounts, their chained ledger, gift cards, corrections; and what it pays of orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None

SHARED = """
-- Nobody yet is nobody wrong.
CREATE FUNCTION makes_credit(person uuid) RETURNS boolean LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    SELECT person IS NULL OR EXISTS (SELECT FROM people WHERE id = person
                                     AND role IN ('staff', 'manager') AND disabled_at IS NULL) $$;

-- Whether so many cents take a second person. What the same person made within a day, of gift cards
-- and by corrections, counts together, so that nothing large is done in small steps.
-- shop/credit/limits.py says the same.
CREATE FUNCTION credit_is_large(person uuid, made bigint) RETURNS boolean LANGUAGE sql STABLE
    SET search_path = public, pg_temp AS $$
    SELECT made + (SELECT coalesce(sum(cents), 0) FROM gift_cards
                   WHERE proposed_by_id = person AND status <> 'declined'
                     AND proposed_at > shop_now() - interval '1 day')
                + (SELECT coalesce(sum(delta_cents), 0) FROM credit_corrections
                   WHERE proposed_by_id = person AND status <> 'declined' AND delta_cents > 0
                     AND proposed_at > shop_now() - interval '1 day') > 10000 $$;
"""

LEDGER = """
CREATE FUNCTION account_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.opened_at := shop_now();
        broken := CASE WHEN NOT EXISTS (SELECT FROM people WHERE id = NEW.client_id
                                        AND role = 'client')
            THEN 'credit_account_is_a_clients' END;
    ELSIF (NEW.client_id, NEW.opened_at) IS DISTINCT FROM (OLD.client_id, OLD.opened_at) THEN
        broken := 'account_stays_its_clients';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'credit account %: %', NEW.client_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER account_guard BEFORE INSERT OR UPDATE ON credit_accounts
    FOR EACH ROW EXECUTE FUNCTION account_guard();
CREATE TRIGGER credit_accounts_are_kept BEFORE DELETE OR TRUNCATE ON credit_accounts
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- Locks the account, numbers the entry, chains its balance, names its actor, stamps it after the
-- lock, and moves the account's head, which the application may not.
CREATE FUNCTION credit_entry_chained() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    account credit_accounts%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO account FROM credit_accounts WHERE client_id = NEW.client_id FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'client % has no account of credit', NEW.client_id
            USING ERRCODE = 'foreign_key_violation',
                  CONSTRAINT = 'credit_entries_client_id_fkey', TABLE = TG_TABLE_NAME;
    END IF;
    broken := CASE
        WHEN NEW.kind = 'returned' AND NEW.delta_cents >
             (SELECT coalesce(-sum(delta_cents), 0) FROM credit_entries
              WHERE order_id = NEW.order_id AND client_id = NEW.client_id)
            THEN 'no_more_credit_returns_than_was_spent'
        WHEN NEW.correction_id IS NOT NULL AND NOT EXISTS (
             SELECT FROM credit_corrections WHERE id = NEW.correction_id AND status = 'booked')
            THEN 'credit_is_corrected_as_was_booked'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'credit of %: %', NEW.client_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    NEW.seq := coalesce(account.ledger_seq, 0) + 1;
    NEW.previous_cents := account.balance_cents;
    NEW.balance_cents := account.balance_cents + NEW.delta_cents;
    NEW.actor := coalesce(current_setting('app.actor', true), '');
    NEW.at := shop_now();
    -- Below nought the entry's own CHECK speaks.
    UPDATE credit_accounts SET balance_cents = greatest(NEW.balance_cents, 0), ledger_seq = NEW.seq
        WHERE client_id = NEW.client_id;
    RETURN NEW;
END $$;
CREATE TRIGGER credit_entry_chained BEFORE INSERT ON credit_entries
    FOR EACH ROW EXECUTE FUNCTION credit_entry_chained();
CREATE TRIGGER credit_entries_are_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit an account shows its last entry. Whoever changed it holds its row.
CREATE FUNCTION account_shows_its_ledger() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
DECLARE
    account credit_accounts%ROWTYPE;
    head credit_entries%ROWTYPE;
BEGIN
    SELECT * INTO account FROM credit_accounts WHERE client_id = NEW.client_id;
    SELECT * INTO head FROM credit_entries WHERE client_id = NEW.client_id
        ORDER BY seq DESC LIMIT 1;
    IF (account.ledger_seq, account.balance_cents)
        IS DISTINCT FROM (head.seq, coalesce(head.balance_cents, 0)) THEN
        RAISE EXCEPTION 'the account of % does not show its last entry', NEW.client_id
            USING ERRCODE = 'check_violation', CONSTRAINT = 'account_shows_its_last_entry',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER account_shows_its_ledger
    AFTER INSERT OR UPDATE OF balance_cents, ledger_seq ON credit_accounts
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION account_shows_its_ledger();
"""

CARDS = """
-- Stamps size and times; two that one person makes at once are judged one after the other.
CREATE FUNCTION gift_card_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('makes credit ' || NEW.proposed_by_id, 0));
        broken := CASE
            WHEN NEW.status <> 'proposed' THEN 'gift_card_begins_proposed'
            WHEN NOT makes_credit(NEW.proposed_by_id)
                THEN 'gift_card_is_by_who_works_at_the_desk' END;
        NEW.proposed_at := shop_now();
        NEW.large := credit_is_large(NEW.proposed_by_id, NEW.cents);
    ELSIF (NEW.id, NEW.number, NEW.cents, NEW.origin, NEW.note, NEW.proposed_by_id, NEW.large,
           NEW.proposed_at)
          IS DISTINCT FROM
          (OLD.id, OLD.number, OLD.cents, OLD.origin, OLD.note, OLD.proposed_by_id, OLD.large,
           OLD.proposed_at) THEN
        broken := 'gift_card_keeps_what_was_proposed';
    ELSIF OLD.status <> 'proposed'
          AND (NEW.decided_by_id, NEW.code_hash, NEW.last4, NEW.issued_at)
              IS DISTINCT FROM (OLD.decided_by_id, OLD.code_hash, OLD.last4, OLD.issued_at) THEN
        broken := 'gift_card_is_issued_once';
    ELSIF OLD.status IN ('redeemed', 'voided')
          AND (NEW.redeemed_by_id, NEW.voided_by_id, NEW.void_reason, NEW.ended_at)
              IS DISTINCT FROM
              (OLD.redeemed_by_id, OLD.voided_by_id, OLD.void_reason, OLD.ended_at) THEN
        broken := 'gift_card_ends_once';
    ELSE
        broken := CASE
            WHEN NOT makes_credit(NEW.decided_by_id) THEN 'gift_card_is_by_who_works_at_the_desk'
            WHEN NEW.voided_by_id IS NOT NULL AND NOT EXISTS (
                SELECT FROM people WHERE id = NEW.voided_by_id AND role = 'manager'
                    AND disabled_at IS NULL)
                THEN 'gift_card_is_voided_by_a_manager' END;
        IF NEW.status <> OLD.status THEN
            IF NEW.status = 'issued' THEN
                NEW.issued_at := shop_now();
            ELSIF NEW.status <> 'declined' THEN
                NEW.ended_at := shop_now();
            END IF;
        END IF;
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'gift card %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER gift_card_guard BEFORE INSERT OR UPDATE ON gift_cards
    FOR EACH ROW EXECUTE FUNCTION gift_card_guard();
CREATE TRIGGER gift_card_goes_along_an_arrow BEFORE UPDATE ON gift_cards
    FOR EACH ROW EXECUTE FUNCTION ordering_goes_on('gift_card');
CREATE TRIGGER gift_cards_are_kept BEFORE DELETE OR TRUNCATE ON gift_cards
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

CORRECTIONS = """
CREATE FUNCTION credit_correction_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM pg_advisory_xact_lock(hashtextextended('makes credit ' || NEW.proposed_by_id, 0));
        broken := CASE
            WHEN NEW.status <> 'proposed' THEN 'credit_correction_begins_proposed'
            WHEN NOT makes_credit(NEW.proposed_by_id)
                THEN 'credit_correction_is_by_who_works_at_the_desk' END;
        NEW.proposed_at := shop_now();
        NEW.large := NEW.delta_cents < 0 OR credit_is_large(NEW.proposed_by_id, NEW.delta_cents);
    ELSIF (NEW.id, NEW.number, NEW.client_id, NEW.delta_cents, NEW.note, NEW.proposed_by_id,
           NEW.large, NEW.proposed_at)
          IS DISTINCT FROM
          (OLD.id, OLD.number, OLD.client_id, OLD.delta_cents, OLD.note, OLD.proposed_by_id,
           OLD.large, OLD.proposed_at) THEN
        broken := 'credit_correction_keeps_what_was_proposed';
    ELSIF OLD.status <> 'proposed'
          AND NEW.decided_by_id IS DISTINCT FROM OLD.decided_by_id THEN
        broken := 'credit_correction_is_decided_once';
    ELSIF NOT makes_credit(NEW.decided_by_id) THEN
        broken := 'credit_correction_is_by_who_works_at_the_desk';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'correction %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER credit_correction_guard BEFORE INSERT OR UPDATE ON credit_corrections
    FOR EACH ROW EXECUTE FUNCTION credit_correction_guard();
CREATE TRIGGER credit_correction_goes_along_an_arrow BEFORE UPDATE ON credit_corrections
    FOR EACH ROW EXECUTE FUNCTION ordering_goes_on('credit_correction');
CREATE TRIGGER credit_corrections_are_kept BEFORE DELETE OR TRUNCATE ON credit_corrections
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();

-- At commit: what was booked is in the account.
CREATE FUNCTION booked_correction_moved() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM credit_entries WHERE correction_id = NEW.id) THEN
        RAISE EXCEPTION 'correction % moved nothing', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'booked_correction_moved_its_credit',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER booked_correction_moved AFTER UPDATE OF status ON credit_corrections
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.status = 'booked') EXECUTE FUNCTION booked_correction_moved();
"""

ORDERS = """
-- At commit an order says what its client's account spent for it, and one that has ended gave all
-- of it back. Judged from both sides.
CREATE FUNCTION order_has_its_credit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    the_order uuid;
    o orders%ROWTYPE;
    spent bigint;
    returned bigint;
    wrong text;
BEGIN
    IF TG_TABLE_NAME = 'orders' THEN
        the_order := NEW.id;
    ELSE
        the_order := NEW.order_id;
    END IF;
    SELECT * INTO o FROM orders WHERE id = the_order;
    SELECT coalesce(-sum(delta_cents) FILTER (WHERE kind = 'spent'), 0),
           coalesce(sum(delta_cents) FILTER (WHERE kind = 'returned'), 0) INTO spent, returned
        FROM credit_entries WHERE order_id = o.id AND client_id = o.client_id;
    wrong := CASE
        WHEN spent <> o.credit_cents THEN 'order_spent_its_credit'
        WHEN o.status IN ('cancelled', 'expired') AND returned <> spent
            THEN 'ended_order_gave_its_credit_back' END;
    IF wrong IS NOT NULL THEN
        RAISE EXCEPTION 'order %: %', o.number, wrong
            USING ERRCODE = 'check_violation', CONSTRAINT = wrong, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER order_has_its_credit
    AFTER INSERT OR UPDATE OF status, credit_cents ON orders
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.credit_cents > 0) EXECUTE FUNCTION order_has_its_credit();
CREATE CONSTRAINT TRIGGER credit_is_its_orders AFTER INSERT ON credit_entries
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (NEW.order_id IS NOT NULL) EXECUTE FUNCTION order_has_its_credit();
"""

# An order that nothing is due of is judged when it is placed, too: it is paid then.
JUDGED_WHEN = """
DROP TRIGGER paid_order_has_its_money ON orders;
CREATE CONSTRAINT TRIGGER paid_order_has_its_money AFTER INSERT OR UPDATE OF status ON orders
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ({when}) EXECUTE FUNCTION order_has_its_money();
"""
WHEN_PAID = "NEW.status IN ('paid', 'closed')"
WHEN_NOTHING_IS_DUE = f"{WHEN_PAID} OR NEW.total_cents = NEW.credit_cents"

MONEY = """
-- What is kept of the money for an order: all that came{and_credit}, less what went back or is on
-- its way.
CREATE OR REPLACE FUNCTION money_kept(the_order uuid) RETURNS bigint LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT {credit}coalesce(sum(captured_cents - refunded_cents), 0) FROM payments
        WHERE order_id = the_order AND status = 'succeeded' $$;
"""
CREDIT = """(SELECT coalesce(-sum(delta_cents), 0) FROM credit_entries
            WHERE order_id = the_order)::bigint
        + """

LEAVING = """
-- A parcel leaves an order whose money is here; what is picked up is handed to the client, and
-- nothing else is.{free}
CREATE OR REPLACE FUNCTION shipment_guard() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = public, pg_temp AS $$
DECLARE
    o orders%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO o FROM orders WHERE id = NEW.order_id;
    broken := CASE
        WHEN {costs}money_kept(o.id) <= 0 THEN 'shipment_is_paid_for'
        WHEN (o.shipping_method = 'pickup') <> (NEW.handed_to IS NOT NULL)
            THEN 'what_is_picked_up_is_handed_over'
        WHEN NEW.handed_to <> (SELECT name FROM people WHERE id = o.client_id)
            THEN 'handed_over_to_the_client'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'shipment %: %', NEW.number, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
"""

TRANSITIONS = """
INSERT INTO legal_transitions (machine, from_state, to_state) VALUES
    ('gift_card', '', 'proposed'),
    ('gift_card', 'proposed', 'issued'), ('gift_card', 'proposed', 'declined'),
    ('gift_card', 'issued', 'redeemed'), ('gift_card', 'issued', 'voided'),
    ('credit_correction', '', 'proposed'),
    ('credit_correction', 'proposed', 'booked'), ('credit_correction', 'proposed', 'declined');
-- Events that leave the state as it is.
INSERT INTO legal_transitions (machine, from_state, to_state)
    SELECT DISTINCT machine, to_state, to_state FROM legal_transitions
    WHERE machine IN ('gift_card', 'credit_correction');
"""

GRANTS = """
GRANT SELECT ON credit_accounts, credit_entries, gift_cards, credit_corrections
    TO aftercare_app, aftercare_worker;
GRANT INSERT (client_id), UPDATE (client_id) ON credit_accounts  -- UPDATE only to lock the row
    TO aftercare_app, aftercare_worker;
GRANT INSERT (client_id, kind, delta_cents, card_id, order_id, correction_id, request_key, reason)
    ON credit_entries TO aftercare_app, aftercare_worker;
GRANT INSERT (credit_cents) ON orders TO aftercare_app, aftercare_worker;
GRANT INSERT (id, number, cents, origin, note, status, state_seq, proposed_by_id),
    UPDATE (status, state_seq, decided_by_id, code_hash, last4, redeemed_by_id, voided_by_id,
        void_reason) ON gift_cards TO aftercare_app;
GRANT INSERT (id, number, client_id, delta_cents, note, status, state_seq, proposed_by_id),
    UPDATE (status, state_seq, decided_by_id) ON credit_corrections TO aftercare_app;
"""

NOW = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "credit_accounts",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("balance_cents", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("ledger_seq", sa.Integer(), nullable=True),
        sa.Column("opened_at", NOW, nullable=False),
        sa.CheckConstraint("balance_cents >= 0", name=op.f("account_is_never_overdrawn")),
        _points("credit_accounts", "client_id", "people"),
        sa.PrimaryKeyConstraint("client_id", name=op.f("credit_accounts_pkey")),
    )
    _gift_cards()
    _corrections()
    _entries()
    op.create_foreign_key(
        "account_head_is_its_last_entry",
        "credit_accounts",
        "credit_entries",
        ["client_id", "ledger_seq", "balance_cents"],
        ["client_id", "seq", "balance_cents"],
        initially="DEFERRED",
        deferrable=True,
    )
    op.create_foreign_key(
        "redeemed_card_is_in_the_account",
        "gift_cards",
        "credit_entries",
        ["id", "redeemed_by_id", "cents"],
        ["card_id", "client_id", "delta_cents"],
        initially="DEFERRED",
        deferrable=True,
    )
    for statements in (SHARED, LEDGER, CARDS, CORRECTIONS, ORDERS):
        op.execute(statements)
    op.execute(JUDGED_WHEN.format(when=WHEN_NOTHING_IS_DUE))
    op.execute(MONEY.format(and_credit=" and all credit it spent", credit=CREDIT))
    op.execute(
        LEAVING.format(free=" What costs nothing is paid for.", costs="o.total_cents > 0 AND ")
    )
    op.execute(TRANSITIONS)
    op.execute(GRANTS)


def _state(machine: str) -> list[sa.SchemaItem]:
    """What every table with a life cycle has."""
    return [
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("state_seq", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.ForeignKeyConstraint(
            ["id", "state_seq", "status"],
            ["events.subject_id", "events.seq", "events.to_state"],
            name=f"{machine}_status_has_its_event",
            initially="DEFERRED",
            deferrable=True,
        ),
    ]


def _decided(what: str) -> list[sa.SchemaItem]:
    """What two people decide."""
    return [
        sa.Column("proposed_by_id", sa.Uuid(), nullable=False),
        sa.Column("decided_by_id", sa.Uuid(), nullable=True),
        sa.Column("large", sa.Boolean(), nullable=False),
        sa.Column("proposed_at", NOW, nullable=False),
        sa.CheckConstraint(
            "decided_by_id <> proposed_by_id", name=op.f(f"{what}_is_decided_by_another")
        ),
        sa.CheckConstraint(
            "CASE status WHEN 'proposed' THEN decided_by_id IS NULL"
            " WHEN 'declined' THEN decided_by_id IS NOT NULL ELSE true END",
            name=op.f(f"{what}_is_decided_by_someone"),
        ),
        _points(f"{what}s", "proposed_by_id", "people"),
        _points(f"{what}s", "decided_by_id", "people"),
        sa.PrimaryKeyConstraint("id", name=op.f(f"{what}s_pkey")),
        sa.UniqueConstraint("number", name=op.f(f"{what}s_number_key")),
    ]


def _points(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"{table}_{column}_fkey"))


def _gift_cards() -> None:
    op.create_table(
        "gift_cards",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("cents", sa.Integer(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=True),
        sa.Column("last4", sa.Text(), nullable=True),
        sa.Column("issued_at", NOW, nullable=True),
        sa.Column("redeemed_by_id", sa.Uuid(), nullable=True),
        sa.Column("voided_by_id", sa.Uuid(), nullable=True),
        sa.Column("void_reason", sa.Text(), nullable=True),
        sa.Column("ended_at", NOW, nullable=True),
        *_state("gift_card"),
        *_decided("gift_card"),
        sa.CheckConstraint("cents BETWEEN 500 AND 100000", name=op.f("gift_card_amount_is_sane")),
        sa.CheckConstraint("origin IN ('sold', 'given')", name=op.f("gift_card_origin_is_known")),
        sa.CheckConstraint("char_length(note) BETWEEN 1 AND 200", name=op.f("gift_card_says_more")),
        sa.CheckConstraint(
            "CASE WHEN status IN ('proposed', 'declined')"
            " THEN num_nonnulls(code_hash, last4, issued_at) = 0"
            " ELSE num_nonnulls(code_hash, last4, issued_at) = 3 END",
            name=op.f("issued_card_has_a_code"),
        ),
        sa.CheckConstraint("octet_length(code_hash) = 32", name=op.f("card_code_is_hashed")),
        sa.CheckConstraint(
            "last4 ~ '^[0-9A-HJKMNP-TV-Z]{4}$'", name=op.f("card_shows_four_characters")
        ),
        sa.CheckConstraint(
            "status IN ('proposed', 'declined') OR NOT large OR decided_by_id IS NOT NULL",
            name=op.f("large_gift_card_is_confirmed"),
        ),
        sa.CheckConstraint(
            "(status = 'redeemed') = (redeemed_by_id IS NOT NULL)",
            name=op.f("redeemed_card_says_by_whom"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(voided_by_id, void_reason) = CASE status WHEN 'voided' THEN 2 ELSE 0 END"
            " AND char_length(void_reason) BETWEEN 1 AND 200",
            name=op.f("voided_card_says_why"),
        ),
        sa.CheckConstraint(
            "(status IN ('redeemed', 'voided')) = (ended_at IS NOT NULL)",
            name=op.f("card_ended_at_some_time"),
        ),
        _points("gift_cards", "redeemed_by_id", "people"),
        _points("gift_cards", "voided_by_id", "people"),
        sa.UniqueConstraint("code_hash", name=op.f("gift_cards_code_hash_key")),
        sa.UniqueConstraint("id", "redeemed_by_id", "cents", name="gift_cards_redeemed_key"),
    )
    op.create_index("gift_cards_proposed_idx", "gift_cards", ["proposed_at", "id"])
    op.create_index("gift_cards_proposer_idx", "gift_cards", ["proposed_by_id", "proposed_at"])


def _corrections() -> None:
    op.create_table(
        "credit_corrections",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("delta_cents", sa.Integer(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        *_state("credit_correction"),
        *_decided("credit_correction"),
        sa.CheckConstraint(
            "delta_cents <> 0 AND abs(delta_cents) <= 100000",
            name=op.f("corrected_credit_is_sane"),
        ),
        sa.CheckConstraint(
            "char_length(note) BETWEEN 1 AND 200", name=op.f("credit_correction_says_more")
        ),
        sa.CheckConstraint(
            "status <> 'booked' OR NOT large OR decided_by_id IS NOT NULL",
            name=op.f("large_credit_correction_is_confirmed"),
        ),
        sa.CheckConstraint("large OR delta_cents > 0", name=op.f("credit_is_taken_back_by_two")),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["credit_accounts.client_id"],
            name=op.f("credit_corrections_client_id_fkey"),
        ),
        sa.UniqueConstraint("id", "client_id", "delta_cents", name="credit_corrections_terms_key"),
    )
    op.create_index("credit_corrections_client_idx", "credit_corrections", ["client_id"])
    op.create_index(
        "credit_corrections_proposer_idx", "credit_corrections", ["proposed_by_id", "proposed_at"]
    )


def _entries() -> None:
    op.create_table(
        "credit_entries",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column(
            "previous_seq",
            sa.Integer(),
            sa.Computed("nullif(seq - 1, 0)", persisted=True),
            nullable=True,
        ),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("delta_cents", sa.Integer(), nullable=False),
        sa.Column("previous_cents", sa.Integer(), nullable=False),
        sa.Column("balance_cents", sa.Integer(), nullable=False),
        sa.Column("card_id", sa.Uuid(), nullable=True),
        sa.Column("order_id", sa.Uuid(), nullable=True),
        sa.Column("correction_id", sa.Uuid(), nullable=True),
        sa.Column("request_key", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", NOW, nullable=False),
        sa.CheckConstraint(
            "kind IN ('issued', 'redeemed', 'spent', 'returned', 'taken_back')",
            name=op.f("entry_kind_is_known"),
        ),
        sa.CheckConstraint(
            "CASE WHEN kind IN ('spent', 'taken_back') THEN delta_cents < 0"
            " ELSE delta_cents > 0 END",
            name=op.f("entry_goes_its_kinds_way"),
        ),
        sa.CheckConstraint(
            "balance_cents = previous_cents + delta_cents AND balance_cents >= 0",
            name=op.f("credit_is_never_negative"),
        ),
        sa.CheckConstraint("seq > 1 OR previous_cents = 0", name=op.f("credit_begins_at_zero")),
        sa.CheckConstraint(
            "(kind = 'redeemed') = (card_id IS NOT NULL)"
            " AND (kind IN ('spent', 'returned')) = (order_id IS NOT NULL)"
            " AND (kind IN ('issued', 'taken_back')) = (correction_id IS NOT NULL)",
            name=op.f("entry_says_what_it_is_of"),
        ),
        sa.CheckConstraint(
            "CASE kind WHEN 'returned' THEN num_nonnulls(request_key, reason) = 2"
            " ELSE num_nonnulls(request_key, reason) = 0 END"
            " AND reason ~ '^[a-z_]{1,40}$' AND char_length(request_key) BETWEEN 1 AND 100",
            name=op.f("returned_credit_says_why"),
        ),
        sa.CheckConstraint("actor ~ '^(person|system):.'", name=op.f("entry_has_an_actor")),
        sa.ForeignKeyConstraint(
            ["client_id", "previous_seq", "previous_cents"],
            ["credit_entries.client_id", "credit_entries.seq", "credit_entries.balance_cents"],
            name="entry_follows_the_one_before",
        ),
        sa.ForeignKeyConstraint(
            ["card_id", "client_id", "delta_cents"],
            ["gift_cards.id", "gift_cards.redeemed_by_id", "gift_cards.cents"],
            name="card_is_redeemed_whole",
        ),
        sa.ForeignKeyConstraint(
            ["order_id", "client_id"],
            ["orders.id", "orders.client_id"],
            name="credit_is_of_the_orders_client",
        ),
        sa.ForeignKeyConstraint(
            ["correction_id", "client_id", "delta_cents"],
            [
                "credit_corrections.id",
                "credit_corrections.client_id",
                "credit_corrections.delta_cents",
            ],
            name="entry_is_what_was_corrected",
        ),
        sa.ForeignKeyConstraint(
            ["client_id"],
            ["credit_accounts.client_id"],
            name=op.f("credit_entries_client_id_fkey"),
        ),
        sa.PrimaryKeyConstraint("client_id", "seq", name=op.f("credit_entries_pkey")),
        sa.UniqueConstraint("client_id", "seq", "balance_cents", name="credit_entries_balance_key"),
        sa.UniqueConstraint(
            "card_id", "client_id", "delta_cents", name="gift_card_is_redeemed_once"
        ),
        sa.UniqueConstraint("order_id", "request_key", name="credit_is_returned_once_a_request"),
        sa.UniqueConstraint("correction_id", name="correction_is_booked_once"),
    )
    op.create_index(
        "order_spends_credit_once",
        "credit_entries",
        ["order_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'spent'"),
    )


def downgrade() -> None:
    op.execute(
        "DELETE FROM legal_transitions WHERE machine IN ('gift_card', 'credit_correction');"
        "REVOKE INSERT (credit_cents) ON orders FROM aftercare_app, aftercare_worker"
    )
    op.execute(LEAVING.format(free="", costs=""))
    op.execute(MONEY.format(and_credit="", credit=""))
    op.execute(JUDGED_WHEN.format(when=WHEN_PAID))
    op.execute("DROP TRIGGER order_has_its_credit ON orders")
    op.drop_constraint("account_head_is_its_last_entry", "credit_accounts", type_="foreignkey")
    op.drop_constraint("redeemed_card_is_in_the_account", "gift_cards", type_="foreignkey")
    for table in ("credit_entries", "credit_corrections", "gift_cards", "credit_accounts"):
        op.drop_table(table)
    op.execute(
        "DROP FUNCTION order_has_its_credit(); DROP FUNCTION booked_correction_moved();"
        "DROP FUNCTION credit_correction_guard(); DROP FUNCTION gift_card_guard();"
        "DROP FUNCTION account_shows_its_ledger(); DROP FUNCTION credit_entry_chained();"
        "DROP FUNCTION account_guard(); DROP FUNCTION credit_is_large(uuid, bigint);"
        "DROP FUNCTION makes_credit(uuid)"
    )
