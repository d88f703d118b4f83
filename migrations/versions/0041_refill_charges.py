"""A saved card is charged for refills alone; who paused a refill goes on with it, nobody for her."""

from __future__ import annotations

from alembic import op

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None

GUARDS = """
-- At commit, since the charge is planned before its cycle names the order: nothing is charged while
-- its owner is away but the order of a refill, to the card and the address of her last consent.
CREATE FUNCTION charge_is_of_a_refill() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    refill uuid := (SELECT auto_refill_id FROM refill_cycles WHERE order_id = NEW.order_id);
    consent refill_consents%ROWTYPE;
    broken text;
BEGIN
    SELECT * INTO consent FROM refill_consents WHERE auto_refill_id = refill
        ORDER BY number DESC LIMIT 1;
    broken := CASE
        WHEN refill IS NULL THEN 'charge_is_of_a_refill'
        WHEN consent.saved_card_id <> NEW.card_id THEN 'refill_is_charged_to_the_card_she_named'
        WHEN NOT EXISTS (
            SELECT FROM orders WHERE id = NEW.order_id
                AND (name, line1, line2, city, ship_to_state, postal_code, shipping_method)
                    = (consent.name, consent.line1, consent.line2, consent.city, consent.state,
                       consent.postal_code, consent.shipping_method))
            THEN 'refill_goes_where_she_said'
        END;
    IF broken IS NOT NULL THEN
        RAISE EXCEPTION 'payment of order %: %', NEW.order_id, broken
            USING ERRCODE = 'check_violation', CONSTRAINT = broken, TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER charge_is_of_a_refill AFTER INSERT ON payments
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.card_id IS NOT NULL)
    EXECUTE FUNCTION charge_is_of_a_refill();

CREATE FUNCTION she_goes_on_with_her_refill() RETURNS trigger LANGUAGE plpgsql
    SET search_path = public, pg_temp AS $$
BEGIN
    IF current_setting('app.actor', true) IS DISTINCT FROM 'person:' || NEW.client_id THEN
        RAISE EXCEPTION 'auto-refill %: only she goes on with it', NEW.number
            USING ERRCODE = 'check_violation', CONSTRAINT = 'she_goes_on_with_her_refill',
                  TABLE = TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER she_goes_on_with_her_refill BEFORE UPDATE ON auto_refills
    FOR EACH ROW WHEN (OLD.status = 'paused' AND NEW.status = 'active')
    EXECUTE FUNCTION she_goes_on_with_her_refill();
"""


def upgrade() -> None:
    op.execute(GUARDS)


def downgrade() -> None:
    op.execute(
        "DROP TRIGGER she_goes_on_with_her_refill ON auto_refills;"
        " DROP TRIGGER charge_is_of_a_refill ON payments;"
        " DROP FUNCTION she_goes_on_with_her_refill, charge_is_of_a_refill"
    )
