"""What the provider says of a dispute is written down, apart from refunds, and never refused.

Applying is monotone: a dispute goes forward only, what it moved is booked once by its name at the
provider, so that the same facts in any order, repeated or late, leave the same state.
"""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects.postgresql import insert

from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind
from shop.orders import disputing as orders
from shop.orders.models import Order
from shop.payments import gateway, queries
from shop.payments.gateway import DisputeState
from shop.payments.models import Dispute, DisputeMovement, Payment
from shop.payments.states import DISPUTE_ARROWS, DisputeStatus

HERE = {
    DisputeState.WARNING_NEEDS_RESPONSE: DisputeStatus.INQUIRY,
    DisputeState.WARNING_UNDER_REVIEW: DisputeStatus.INQUIRY,
    DisputeState.WARNING_CLOSED: DisputeStatus.WON,
    DisputeState.NEEDS_RESPONSE: DisputeStatus.OPEN,
    DisputeState.UNDER_REVIEW: DisputeStatus.UNDER_REVIEW,
    DisputeState.WON: DisputeStatus.WON,
    DisputeState.PREVENTED: DisputeStatus.WON,
    DisputeState.LOST: DisputeStatus.LOST,
}
KINDS = {DisputeStatus.WON: Kind.DISPUTE_WON, DisputeStatus.LOST: Kind.DISPUTE_LOST}

log = structlog.get_logger()


def apply(told: gateway.Dispute, *, at: datetime) -> Dispute | None:
    """Apply what the provider says of a dispute; None if it is of no payment of ours."""
    payment = None if told.intent_id is None else queries.payment_of_intent(told.intent_id)
    if payment is None:
        log.error("foreign_dispute", dispute=told.id, intent=told.intent_id)
        return None
    order = queries.locked_order(payment.order_id)
    db.session.execute(locked(sa.select(Payment).where(Payment.id == payment.id)))
    before = order.disputed
    dispute = _followed(told, payment)
    _book(told, dispute)
    _follow(order, before=before, at=at)
    _alert(payment)
    return dispute


def _followed(told: gateway.Dispute, payment: Payment) -> Dispute:
    """The dispute as it is now: new, further, or as it was."""
    status = HERE[told.state]
    dispute = db.session.scalar(
        locked(sa.select(Dispute).where(Dispute.provider_dispute_id == told.id))
    )
    if dispute is None:
        dispute = Dispute(
            id=uuid.uuid4(),
            payment_id=payment.id,
            provider_dispute_id=told.id,
            status=status,
            reason=told.reason,
            amount_cents=told.amount_cents,
            evidence_due_at=told.evidence_due_at,
            opened_at=told.opened_at,
        )
        db.session.add(dispute)
        _tell(Kind.DISPUTE_OPENED, dispute)
        return dispute
    dispute.amount_cents = max(dispute.amount_cents, told.amount_cents)
    if told.evidence_due_at is not None:
        before = dispute.evidence_due_at or told.evidence_due_at
        dispute.evidence_due_at = max(before, told.evidence_due_at)
    if status in DISPUTE_ARROWS[dispute.status]:
        dispute.status = status
        _tell(KINDS.get(status, Kind.DISPUTE_MOVED), dispute)
    return dispute


def _tell(kind: Kind, dispute: Dispute) -> None:
    events.record(kind, dispute, cents=dispute.amount_cents, reason=dispute.reason)
    log.warning("dispute", dispute=str(dispute.id), status=str(dispute.status))
    db.session.flush()  # its ledger points at it, its order is told by a trigger


def _book(told: gateway.Dispute, dispute: Dispute) -> None:
    """What it moved, each once by its name at the provider."""
    for one in told.moved:
        if one.cents or one.fee_cents:
            db.session.execute(
                insert(DisputeMovement)
                .values(id=one.id, dispute_id=dispute.id, cents=one.cents, fee_cents=one.fee_cents)
                .on_conflict_do_nothing(index_elements=["id"])
            )


def _follow(order: Order, *, before: bool, at: datetime) -> None:
    """What has not left waits, or goes on."""
    db.session.flush()
    db.session.refresh(order, ["disputed"])
    if order.disputed:
        orders.hold(order)
    elif before:
        orders.go_on(order, at=at)


def _alert(payment: Payment) -> None:
    """More went back than came: only a dispute can do that, and a person must know."""
    db.session.refresh(payment, ["disputed_cents", "refunded_cents"])
    together = payment.refunded_cents + max(0, payment.disputed_cents)
    if together > payment.captured_cents:
        log.error(
            "dispute_beyond_payment",
            payment=str(payment.id),
            captured_cents=payment.captured_cents,
            together_cents=together,
        )


def waits_for_evidence(dispute: Dispute) -> bool:
    return dispute.status is DisputeStatus.OPEN and dispute.evidence_at is None
