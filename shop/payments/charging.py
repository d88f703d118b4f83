"""Charge a saved card for an order while its owner is away.

Decided and planned here, sent by `calls.send_for` outside of any transaction, and settled like
every payment. Where the bank refuses, or wants to see the client, the order waits on: she pays it
on the hosted page by the ordinary button (`settling.declined`).
"""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa

from shop.core import events
from shop.core.db import db, locked
from shop.core.errors import NotAllowed
from shop.core.events import Kind
from shop.orders.models import Order
from shop.payments import queries, settling
from shop.payments.errors import CardRemoved, PaymentUnderWay
from shop.payments.gateway import CURRENCY
from shop.payments.models import Payment, SavedCard
from shop.payments.planning import Operation, plan
from shop.payments.states import PaymentStatus


def charge(order: Order, card: SavedCard, *, at: datetime) -> Payment:
    """Plan to charge the (locked) order's total to a card, or return the charge under way.

    Asks the whole gate again: nobody is charged for what cannot be delivered. Plans the one call;
    whoever commits sends it. Raises NotAllowed, NotPayable, RouteClosed, TooLate, CardRemoved,
    PaymentUnderWay, and what the gate refuses (orders.judging.insist).
    """
    if card.client_id != order.client_id:
        raise NotAllowed("A card is charged for its owner's orders only.")
    settling.insist_online(order, at=at)
    held = db.session.execute(
        locked(sa.select(SavedCard).where(SavedCard.id == card.id))
    ).scalar_one()
    if held.removed_at is not None:
        raise CardRemoved("This card was removed and is not charged any more.", card=str(held.id))
    under_way = queries.live_payment(order.id)
    if under_way is not None:
        return _the_same(under_way, held)
    settling.insist_in_time(order, at=at)
    payment = Payment(
        id=uuid.uuid4(),
        order_id=order.id,
        amount_cents=order.due_cents,
        currency=CURRENCY,
        status=PaymentStatus.CREATED,
        card_id=held.id,
    )
    db.session.add(payment)
    db.session.flush()  # the call and the event point at it
    events.record(
        Kind.PAYMENT_BEGUN,
        payment,
        order=order.number,
        cents=payment.amount_cents,
        card=str(held.id),
    )
    plan(
        Operation.CHARGE_CARD,
        payment.id,
        order_id=order.id,
        order_ref=order.number,
        payment_ref=str(payment.id),
        amount_cents=payment.amount_cents,
        customer_id=held.provider_customer_id,
        method_id=held.provider_method_id,
    )
    return payment


def _the_same(payment: Payment, card: SavedCard) -> Payment:
    if payment.card_id != card.id or payment.status is not PaymentStatus.CREATED:
        raise PaymentUnderWay(
            "Another attempt to pay this order is under way.", payment=str(payment.id)
        )
    return payment
