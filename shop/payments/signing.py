"""Another person looks at what somebody proposed: signed, it goes; declined, it does not."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.errors import WrongState
from shop.core.events import Kind
from shop.payments import queries, refunding
from shop.payments.errors import PaymentDisputed, SecondPersonNeeded
from shop.payments.models import Refund
from shop.payments.states import CONTESTED, RefundStatus


def sign(refund: Refund, *, by: Person, at: datetime) -> None:
    """Let a (locked) refund go. Raises WrongState, SecondPersonNeeded, PaymentDisputed."""
    _insist(refund, by)
    payment = refunding.locked_payment(refund.payment)
    if queries.disputes_of(payment, CONTESTED):
        raise PaymentDisputed(
            "The client's bank is deciding about this payment: decline, or wait for its word."
        )
    if payment.refunded_cents + max(0, payment.disputed_cents) > payment.captured_cents:
        raise PaymentDisputed("The client's bank took this money already: decline it.")
    refund.decided_by_id = by.id
    refund.status = RefundStatus.PLANNED
    refunding.go(refund, payment, at=at)


def decline(refund: Refund, *, by: Person, at: datetime) -> None:
    """Do not let it go: cents and units are free again. Raises WrongState, SecondPersonNeeded."""
    _insist(refund, by)
    refund.decided_by_id = by.id
    refund.status = RefundStatus.DECLINED
    events.record(Kind.REFUND_DECLINED, refund, cents=refund.total_cents)
    db.session.flush()  # triggers free its cents


def lapse(refund: Refund) -> None:
    """Its order is over, and all its money goes back anyway: nobody has to sign a part of it."""
    if refund.status is RefundStatus.PROPOSED:
        refund.status = RefundStatus.DECLINED
        events.record(Kind.REFUND_DECLINED, refund, cents=refund.total_cents, why="order_over")
        db.session.flush()  # triggers free its cents


def _insist(refund: Refund, by: Person) -> None:
    if refund.status is not RefundStatus.PROPOSED:
        raise WrongState(f"This refund is {refund.status}.", status=refund.status)
    if by.id == refund.proposed_by_id:
        raise SecondPersonNeeded("Somebody else signs what you proposed.")
