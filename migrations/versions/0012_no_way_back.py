"""Payments, refunds and lots never go back to an event that has been."""

from __future__ import annotations

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# The key to the events lets a row point at any of its events, so at an old one too: a lot that was
# recalled could be available again, a refund that is done planned, without a word. Requests,
# prescriptions, fills, orders and lines have had this rule from the beginning.
GUARDS = """
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


def upgrade() -> None:
    op.execute(GUARDS)


def downgrade() -> None:
    op.execute(
        "DROP TRIGGER lot_goes_along_an_arrow ON lots;"
        " DROP TRIGGER refund_goes_along_an_arrow ON refunds;"
        " DROP TRIGGER payment_goes_along_an_arrow ON payments"
    )
