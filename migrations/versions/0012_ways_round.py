"""Ways round the rules that attacks by direct SQL found, closed."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# The key to the events lets a row point at any of its events, so at an old one too: a lot that was
# recalled could be available again, a refund that is done planned, without a word. Requests,
# prescriptions, fills, orders and lines have had this rule from the beginning.
NO_WAY_BACK = """
CREATE TRIGGER payment_goes_along_an_arrow BEFORE UPDATE ON payments FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.state_seq <> NEW.state_seq)
    EXECUTE FUNCTION ordering_goes_on('payment');
CREATE TRIGGER refund_goes_along_an_arrow BEFORE UPDATE ON refunds FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.state_seq <> NEW.state_seq)
    EXECUTE FUNCTION ordering_goes_on('refund');
CREATE TRIGGER lot_goes_along_an_arrow BEFORE UPDATE ON lots FOR EACH ROW
    WHEN (OLD.status <> NEW.status OR OLD.state_seq <> NEW.state_seq)
    EXECUTE FUNCTION ordering_goes_on('lot');
"""

# A session's temporary table stands before a table of the same name, and a trigger's function that
# runs as its caller believed it; a session's time zone decided on which day a reviewer is licensed.
NOT_THE_CALLERS = """
ALTER FUNCTION event_chained() SET search_path = public, pg_temp;
ALTER FUNCTION fresh_is_own() SET search_path = public, pg_temp;
ALTER FUNCTION product_guarded() SET search_path = public, pg_temp;
ALTER FUNCTION product_is_searchable() SET search_path = public, pg_temp;
ALTER FUNCTION shipment_line_is_true() SET search_path = public, pg_temp;
ALTER FUNCTION request_guard() SET timezone = 'UTC';
"""

# A request is born as a draft, of which there is nothing to judge.
JUDGED_WHEN_DECIDED = """
DROP TRIGGER request_agrees_with_its_decision ON approval_requests;
CREATE CONSTRAINT TRIGGER request_agrees_with_its_decision
    AFTER {} ON approval_requests
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION decision_agrees();
"""


def upgrade() -> None:
    op.execute(NO_WAY_BACK)
    op.execute(NOT_THE_CALLERS)
    op.execute(JUDGED_WHEN_DECIDED.format("UPDATE OF status"))
    op.create_unique_constraint("auth_events_factors_key", "auth_events", ["id", "factors"])
    op.create_foreign_key(
        "signed_with_these_factors",
        "prescriptions",
        "auth_events",
        ["fresh_id", "factors"],
        ["id", "factors"],
    )
    op.create_unique_constraint("licences_number_key", "licences", ["id", "number"])
    op.create_foreign_key(
        "licence_has_this_number",
        "prescription_states",
        "licences",
        ["licence_id", "licence_number"],
        ["id", "number"],
    )


def downgrade() -> None:
    op.drop_constraint("licence_has_this_number", "prescription_states", type_="foreignkey")
    op.drop_constraint("licences_number_key", "licences", type_="unique")
    op.drop_constraint("signed_with_these_factors", "prescriptions", type_="foreignkey")
    op.drop_constraint("auth_events_factors_key", "auth_events", type_="unique")
    op.execute(JUDGED_WHEN_DECIDED.format("INSERT OR UPDATE OF status"))
    op.execute(
        "ALTER FUNCTION request_guard() RESET timezone;"
        " ALTER FUNCTION shipment_line_is_true() RESET search_path;"
        " ALTER FUNCTION product_is_searchable() RESET search_path;"
        " ALTER FUNCTION product_guarded() RESET search_path;"
        " ALTER FUNCTION fresh_is_own() RESET search_path;"
        " ALTER FUNCTION event_chained() RESET search_path;"
        " DROP TRIGGER lot_goes_along_an_arrow ON lots;"
        " DROP TRIGGER refund_goes_along_an_arrow ON refunds;"
        " DROP TRIGGER payment_goes_along_an_arrow ON payments"
    )
