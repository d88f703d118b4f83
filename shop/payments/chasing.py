"""What nobody waits for: pages that closed, orders that ran out of time, orders that ended.

Each order is handled in transactions of its own, and no call is made inside one: this module
commits.
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa
import structlog

from shop.core.clock import now
from shop.core.db import db
from shop.orders import expiring
from shop.orders import queries as orders
from shop.orders.models import Order
from shop.orders.states import OrderStatus
from shop.payments import calls, following, queries, settling
from shop.payments.gateway import Gateway, GatewayError
from shop.payments.models import Payment, ProviderCall
from shop.payments.planning import PENDING
from shop.payments.states import PaymentStatus

ROUND = 50

log = structlog.get_logger()


def order_ended(order_id: uuid.UUID, gateway: Gateway) -> None:
    """Follow the end of an order: close its page, send its money back. Repeatable."""
    settling.wind_up(queries.locked_order(order_id), at=now())
    db.session.commit()
    calls.send_for(order_id, gateway)


def lines_cancelled(order_id: uuid.UUID, gateway: Gateway) -> None:
    """Some lines of an order are off: send back what was paid for them. Repeatable."""
    settling.give_back_lines(orders.locked_order(order_id), at=now())
    db.session.commit()
    calls.send_for(order_id, gateway)


def overdue_orders(gateway: Gateway) -> int:
    """Expire the orders nobody paid in time, each after its page; tells how many were tried."""
    query = (
        sa.select(Order.id)
        .where(Order.status == OrderStatus.AWAITING_PAYMENT, Order.pay_by <= now())
        .order_by(Order.pay_by)
        .limit(ROUND)
    )
    overdue = list(db.session.scalars(query))
    for order_id in overdue:
        overdue_order(order_id, gateway)
    return len(overdue)


def overdue_order(order_id: uuid.UUID, gateway: Gateway) -> bool:
    """Close the page of an order whose time is over, then expire the order; False if not now.

    While the provider cannot say whether money came, the order waits. Money that comes all the
    same is booked and sent back.
    """
    if not _page_is_closed(order_id, gateway):
        return False
    order = queries.locked_order(order_id)
    at = now()
    over = order.status is OrderStatus.AWAITING_PAYMENT and order.pay_by <= at
    if over and queries.live_payment(order_id) is None:
        expiring.expire(order, at=at)
    db.session.commit()
    return over


def _page_is_closed(order_id: uuid.UUID, gateway: Gateway) -> bool:
    """Whether no payment is under way any more, after asking the provider to end it."""
    order = queries.locked_order(order_id)
    payment = queries.live_payment(order_id)
    if order.status is not OrderStatus.AWAITING_PAYMENT or order.pay_by > now():
        db.session.commit()
        return False
    if payment is not None and payment.status is PaymentStatus.OPEN:
        settling.close_page(payment)
    db.session.commit()
    calls.send_for(order_id, gateway)
    if payment is not None and payment.card_id is not None:
        _read(payment.id, gateway)  # a charge has no page to close: what is said of it decides
    return _gave_up(order_id)


def close_for_desk(order_id: uuid.UUID, gateway: Gateway) -> bool:
    """Close the payment page of an order whose client stands at the desk with her money.

    Whether no attempt counts any more, so that the desk may take it. Where the provider does not
    answer, or says that she has paid there, it is False or the order is paid; money that comes
    later all the same is sent back (`settling`).
    """
    for _ in range(2):  # a page that was only being opened is closed once it is
        queries.locked_order(order_id)
        payment = queries.live_payment(order_id)
        if payment is not None and payment.status is PaymentStatus.OPEN:
            settling.close_page(payment)
        db.session.commit()
        if payment is None:
            return True
        calls.send_for(order_id, gateway)
        _read(payment.id, gateway)
    closed = queries.live_payment(order_id) is None
    db.session.commit()
    return closed


def _read(payment_id: uuid.UUID, gateway: Gateway) -> None:
    """Apply what the provider says of a payment's page and money, if it says anything."""
    try:
        following.payment(payment_id, gateway)
    except GatewayError as error:
        log.warning("payment_not_read", payment=str(payment_id), code=error.code)
        db.session.rollback()


def _gave_up(order_id: uuid.UUID) -> bool:
    """An attempt that the provider never confirmed, and nobody is asking for, is over.

    A charge whose intent is known is not: the provider has still to say what comes of it. Where
    nobody knows of one, the order waits on for its client to pay by hand.
    """
    order = queries.locked_order(order_id)
    payment = queries.live_payment(order_id)
    waits = db.session.scalar(
        sa.select(sa.func.count())
        .select_from(ProviderCall)
        .where(ProviderCall.order_id == order_id, ProviderCall.status.in_(PENDING))
    )
    if payment is not None and not waits:
        if payment.card_id is None:
            settling.cancel(payment, why="page_never_confirmed")
        elif payment.provider_intent_id is None:
            settling.declined(payment, order, why="charge_never_confirmed", at=now())
    db.session.commit()
    return payment is None or not payment.live


def closed_pages(gateway: Gateway) -> int:
    """Read the payments whose page has closed, in case no webhook told; tells how many."""
    query = (
        sa.select(Payment.id)
        .where(Payment.status == PaymentStatus.OPEN, Payment.page_ends_at <= now())
        .order_by(Payment.page_ends_at)
        .limit(ROUND)
    )
    closed = list(db.session.scalars(query))
    for payment_id in closed:
        try:
            orders = following.payment(payment_id, gateway)
        except GatewayError as error:
            log.warning("page_not_read", payment=str(payment_id), code=error.code)
            return closed.index(payment_id)
        for order_id in orders:
            calls.send_for(order_id, gateway)
    return len(closed)
