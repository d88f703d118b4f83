"""Letters about plans: a session is booked, moved or off."""

from __future__ import annotations

from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

TEMPLATES = (
    "'account_confirmation', 'account_exists', 'request_received', 'request_news', 'order_paid',"
    " 'order_shipped', 'order_cancelled', 'order_expired', 'order_held', 'order_resumed',"
    " 'refund_sent', 'licence_expiring', 'signing_key_expiring', 'case_news', 'request_escalated',"
    " 'prescription_renewable', 'prescription_news', 'report_news', 'refill_due', 'refill_notice',"
    " 'refill_news', 'refill_unpaid', 'auto_refill_news'"
)


def _letters(words: str) -> None:
    op.drop_constraint("letter_template_is_known", "letters", type_="check")
    op.create_check_constraint(
        op.f("letter_template_is_known"), "letters", f"template IN ({words})"
    )


def upgrade() -> None:
    _letters(f"{TEMPLATES}, 'plan_news', 'session_news'")


def downgrade() -> None:
    op.execute("DELETE FROM letters WHERE template IN ('plan_news', 'session_news')")
    _letters(TEMPLATES)
