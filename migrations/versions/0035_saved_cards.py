"""Cards that clients save with their consent, and charges of them while they are away."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

SETUPS = """
CREATE FUNCTION card_setup_guard() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.consented_at := shop_now();
        broken := CASE
            WHEN NOT EXISTS (SELECT FROM people WHERE id = NEW.client_id AND role = 'client')
                THEN 'card_is_saved_by_a_client'
            WHEN coalesce(NEW.provider_session_id, NEW.url) IS NOT NULL
                THEN 'card_setup_begins_without_its_page'
            END;
    ELSIF (NEW.id, NEW.client_id, NEW.statement, NEW.statement_version, NEW.consented_at,
           NEW.page_ends_at)
        IS DISTINCT FROM
        (OLD.id, OLD.client_id, OLD.statement, OLD.statement_version, OLD.consented_at,
         OLD.page_ends_at) THEN
        broken := 'consent_stays_as_given';
    ELSIF OLD.provider_session_id <> coalesce(NEW.provider_session_id, '') THEN
        broken := 'card_setup_has_one_page';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'setup %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER card_setup_guard BEFORE INSERT OR UPDATE ON card_setups
    FOR EACH ROW EXECUTE FUNCTION card_setup_guard();
CREATE TRIGGER card_setups_are_kept BEFORE DELETE OR TRUNCATE ON card_setups
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

CARDS = """
-- A card is born saved; the one thing that can become of it is that it is removed.
CREATE FUNCTION saved_card_guard() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
DECLARE
    broken text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.saved_at := shop_now();
        NEW.removed_at := NULL;
    ELSIF (NEW.id, NEW.setup_id, NEW.client_id, NEW.provider_customer_id, NEW.provider_method_id,
           NEW.brand, NEW.last4, NEW.exp_month, NEW.exp_year, NEW.saved_at)
        IS DISTINCT FROM
        (OLD.id, OLD.setup_id, OLD.client_id, OLD.provider_customer_id, OLD.provider_method_id,
         OLD.brand, OLD.last4, OLD.exp_month, OLD.exp_year, OLD.saved_at) THEN
        broken := 'card_stays_as_saved';
    ELSIF OLD.removed_at IS DISTINCT FROM NEW.removed_at THEN
        IF OLD.removed_at IS NOT NULL THEN
            broken := 'removed_card_stays_removed';
        END IF;
        NEW.removed_at := shop_now();
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'card %: %', NEW.id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER saved_card_guard BEFORE INSERT OR UPDATE ON saved_cards
    FOR EACH ROW EXECUTE FUNCTION saved_card_guard();
CREATE TRIGGER saved_cards_are_kept BEFORE DELETE OR TRUNCATE ON saved_cards
    FOR EACH STATEMENT EXECUTE FUNCTION never_changed();
"""

CHARGES = """
-- Whose card, and whether it still may be charged. FOR SHARE: who removes it at this moment waits,
-- or we do. Its name is before payment_may_begin's in the alphabet, so it speaks first.
CREATE FUNCTION charge_may_begin() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    payer uuid := (SELECT client_id FROM orders WHERE id = NEW.order_id);
    owner uuid;
    removed timestamptz;
    broken text;
BEGIN
    IF NEW.card_id IS NOT NULL THEN
        SELECT client_id, removed_at INTO owner, removed
            FROM saved_cards WHERE id = NEW.card_id FOR SHARE;
        broken := CASE
            WHEN owner IS DISTINCT FROM payer THEN 'card_is_charged_for_its_owners_order'
            WHEN removed IS NOT NULL THEN 'removed_card_is_not_charged'
            END;
    ELSIF NEW.setup_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM card_setups
        WHERE id = NEW.setup_id AND client_id = payer AND page_ends_at IS NULL) THEN
        broken := 'card_is_saved_while_its_owner_pays';
    END IF;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'payment of order %: %', NEW.order_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER charge_may_begin BEFORE INSERT ON payments
    FOR EACH ROW EXECUTE FUNCTION charge_may_begin();

CREATE FUNCTION charge_is_kept() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    RAISE EXCEPTION 'payment %: its card never changes', OLD.id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'charge_is_kept', TABLE = TG_TABLE_NAME;
END $$;
CREATE TRIGGER charge_is_kept BEFORE UPDATE ON payments FOR EACH ROW
    WHEN ((OLD.card_id, OLD.setup_id) IS DISTINCT FROM (NEW.card_id, NEW.setup_id))
    EXECUTE FUNCTION charge_is_kept();
"""

GRANTS = """
GRANT SELECT ON card_setups, saved_cards TO aftercare_app, aftercare_worker;
GRANT INSERT (id, client_id, statement, statement_version, page_ends_at, provider_session_id, url),
    UPDATE (provider_session_id, url) ON card_setups TO aftercare_app, aftercare_worker;
GRANT INSERT (id, setup_id, client_id, provider_customer_id, provider_method_id, brand, last4,
              exp_month, exp_year, removed_at),
    UPDATE (removed_at) ON saved_cards TO aftercare_app, aftercare_worker;
GRANT INSERT (card_id, setup_id) ON payments TO aftercare_app, aftercare_worker;
"""

OPERATIONS = "'open_session', 'expire_session', 'refund'"
CARD_OPERATIONS = "'open_setup', 'detach_card'"


def upgrade() -> None:
    _setups()
    _cards()
    _payments()
    _calls(f"{OPERATIONS}, 'charge_card', {CARD_OPERATIONS}")
    op.alter_column("provider_calls", "order_id", nullable=True)
    op.create_check_constraint(
        op.f("call_is_about_an_order_or_a_card"),
        "provider_calls",
        f"(order_id IS NULL) = (operation IN ({CARD_OPERATIONS}))",
    )
    for statements in (SETUPS, CARDS, CHARGES, GRANTS):
        op.execute(statements)


def _setups() -> None:
    op.create_table(
        "card_setups",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("statement_version", sa.Text(), nullable=False),
        sa.Column("consented_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("provider_session_id", sa.Text(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("page_ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "length(statement) BETWEEN 50 AND 2000 AND statement_version <> ''",
            name=op.f("card_setup_says_what_was_agreed_to"),
        ),
        sa.CheckConstraint(
            "page_ends_at IS NOT NULL OR coalesce(provider_session_id, url) IS NULL",
            name=op.f("card_setup_of_a_payment_has_no_page"),
        ),
        sa.ForeignKeyConstraint(
            ["client_id"], ["people.id"], name=op.f("card_setups_client_id_fkey")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("card_setups_pkey")),
        sa.UniqueConstraint("id", "client_id", name="card_setups_client_key"),
        sa.UniqueConstraint("provider_session_id", name="card_setups_session_key"),
    )
    op.create_index(op.f("card_setups_client_id_idx"), "card_setups", ["client_id"])


def _cards() -> None:
    op.create_table(
        "saved_cards",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("setup_id", sa.Uuid(), nullable=False),
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("provider_customer_id", sa.Text(), nullable=False),
        sa.Column("provider_method_id", sa.Text(), nullable=False),
        sa.Column("brand", sa.Text(), nullable=False),
        sa.Column("last4", sa.Text(), nullable=False),
        sa.Column("exp_month", sa.Integer(), nullable=False),
        sa.Column("exp_year", sa.Integer(), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("brand ~ '^[a-z_]{1,40}$'", name=op.f("card_brand_is_a_word")),
        sa.CheckConstraint("last4 ~ '^[0-9]{4}$'", name=op.f("card_shows_four_digits")),
        sa.CheckConstraint(
            "exp_month BETWEEN 1 AND 12 AND exp_year BETWEEN 2000 AND 2200",
            name=op.f("card_ends_in_a_month"),
        ),
        sa.CheckConstraint(
            "provider_customer_id <> '' AND provider_method_id <> ''",
            name=op.f("card_has_its_provider_names"),
        ),
        sa.ForeignKeyConstraint(
            ["setup_id", "client_id"],
            ["card_setups.id", "card_setups.client_id"],
            name="card_is_saved_with_its_clients_consent",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("saved_cards_pkey")),
        sa.UniqueConstraint("setup_id", name="saved_cards_setup_key"),
        sa.UniqueConstraint("provider_method_id", name="saved_cards_method_key"),
    )
    op.create_index("saved_cards_of_client_idx", "saved_cards", ["client_id"])


PAYMENT_CHECKS = {
    "payment_has_a_page_or_a_card": "(card_id IS NULL) = (page_ends_at IS NOT NULL)",
    "charge_has_no_page": "card_id IS NULL OR coalesce(provider_session_id, url) IS NULL",
    "charge_is_never_open": "card_id IS NULL OR status <> 'open'",
    "charge_saves_no_card": "card_id IS NULL OR setup_id IS NULL",
}


def _payments() -> None:
    op.add_column("payments", sa.Column("setup_id", sa.Uuid(), nullable=True))
    op.add_column("payments", sa.Column("card_id", sa.Uuid(), nullable=True))
    op.alter_column("payments", "page_ends_at", nullable=True)
    op.create_foreign_key(
        op.f("payments_setup_id_fkey"), "payments", "card_setups", ["setup_id"], ["id"]
    )
    op.create_foreign_key(
        op.f("payments_card_id_fkey"), "payments", "saved_cards", ["card_id"], ["id"]
    )
    op.create_unique_constraint("payments_setup_key", "payments", ["setup_id"])
    for name, condition in PAYMENT_CHECKS.items():
        op.create_check_constraint(op.f(name), "payments", condition)


def _calls(operations: str) -> None:
    op.drop_constraint("call_operation_is_known", "provider_calls", type_="check")
    op.create_check_constraint(
        op.f("call_operation_is_known"), "provider_calls", f"operation IN ({operations})"
    )


def downgrade() -> None:
    """Only while no saved card was charged: such a payment cannot be told without its card."""
    op.execute(
        "DROP TRIGGER charge_may_begin ON payments; DROP TRIGGER charge_is_kept ON payments;"
        " DROP FUNCTION charge_may_begin, charge_is_kept"
    )
    op.drop_constraint("call_is_about_an_order_or_a_card", "provider_calls", type_="check")
    op.execute("ALTER TABLE provider_calls DISABLE TRIGGER provider_calls_are_kept")
    op.execute(f"DELETE FROM provider_calls WHERE operation IN ({CARD_OPERATIONS})")
    op.execute("ALTER TABLE provider_calls ENABLE TRIGGER provider_calls_are_kept")
    _calls(OPERATIONS)
    op.alter_column("provider_calls", "order_id", nullable=False)
    for name in PAYMENT_CHECKS:
        op.drop_constraint(name, "payments", type_="check")
    op.alter_column("payments", "page_ends_at", nullable=False)
    op.drop_column("payments", "card_id")
    op.drop_column("payments", "setup_id")
    op.drop_table("saved_cards")
    op.drop_table("card_setups")
    op.execute("DROP FUNCTION saved_card_guard, card_setup_guard")
