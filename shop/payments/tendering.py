"""Take what is due of an order at the desk: a payment that is born and succeeds in one transaction.

Nothing is asked of the provider. The gate is asked as for every payment, before the money changes
hands. Whose drawer it lies in is `tills.taking`'s, and PostgreSQL wants to see it there at commit.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from shop.core import events
from shop.core.db import db
from shop.core.errors import StartAgain
from shop.core.events import Kind
from shop.orders import paying
from shop.orders.models import Order
from shop.payments import queries, settling
from shop.payments.errors import PaymentUnderWay
from shop.payments.gateway import CURRENCY
from shop.payments.models import Payment
from shop.payments.states import PaymentStatus, Tender


def tender(order: Order, kind: Tender, *, at: datetime) -> Payment:
    """The whole of what is due of a (locked) order has been handed over.

    Never beside an attempt that still counts: its page is closed first (`chasing.close_for_desk`).
    Raises NotPayable, TooLate, PaymentUnderWay, and what the gate refuses (orders.judging.insist).
    """
    settling.insist_payable(order, at=at)
    settling.insist_in_time(order, at=at)
    if queries.live_payment(order.id) is not None:
        raise PaymentUnderWay(
            "The client is paying this order online. Take nothing until that is over; look again"
            " in a minute.",
            number=order.number,
        )
    payment = Payment(
        id=uuid.uuid4(),
        order_id=order.id,
        amount_cents=order.due_cents,
        currency=CURRENCY,
        status=PaymentStatus.CREATED,
        tender=kind,
    )
    db.session.add(payment)
    db.session.flush()  # the event points at it
    facts = {"order": order.number, "cents": payment.amount_cents, "tender": kind.value}
    events.record(Kind.PAYMENT_BEGUN, payment, **facts)
    if paying.mark_paid(order, at=at) is not paying.Outcome.PAID:
        raise StartAgain  # the gate closed since it was asked a moment ago
    payment.captured_cents = payment.amount_cents
    payment.status = PaymentStatus.SUCCEEDED
    events.record(Kind.PAYMENT_SUCCEEDED, payment, **facts)
    return payment
