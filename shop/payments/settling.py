"""From an order that awaits payment to one that is paid, or to money that goes back.

What the provider says is applied here, whoever learned it: a webhook, the reconciler, the answer
to a call. Applying is monotone: the same facts, repeated or in another order, leave the same
state. A fact from outside is recorded, never refused.
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import sqlalchemy as sa
import structlog

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotAllowed
from shop.core.events import Kind
from shop.credit import returning
from shop.merchant import choosing
from shop.merchant.routes import Route
from shop.orders import judging, paying, routing
from shop.orders.models import Order, OrderLine
from shop.orders.paying import Outcome
from shop.orders.states import LineStatus, OrderStatus
from shop.payments import queries, refunding, saving, signing
from shop.payments.errors import (
    NotPayable,
    PageClosed,
    PaymentUnderWay,
    SavingDiffers,
    TooLate,
)
from shop.payments.gateway import CURRENCY, CheckoutSession, Intent, IntentState, SessionState
from shop.payments.models import Payment
from shop.payments.planning import Operation, plan
from shop.payments.splitting import left_of, money_left
from shop.payments.states import CONTESTED, PAID_TWICE, PaymentStatus, RefundReason
from shop.prescriptions.asking import Stage

# The provider keeps a page open for 30 minutes at least; the rest lets a call that was lost be
# sent again before that becomes too short.
PAGE_OPEN = timedelta(minutes=35)
# How long an order waits for its client where her saved card was not charged.
PAY_BY_HAND = timedelta(days=7)

log = structlog.get_logger()


def begin(
    order: Order, *, by: Person, at: datetime, base_url: str, consent: str | None = None
) -> Payment:
    """Begin to pay the (locked) order in full, or return the attempt under way.

    Asks the gate again, also for an attempt under way: nobody is sent to pay for what cannot be
    delivered. Plans the call that opens the provider's page; the order waits for as long as the
    page does. `base_url` is where the provider sends the client back to. `consent` is the version
    of the statement with which she has her card saved on the page, None if she has not.
    Raises NotPayable, RouteClosed, TooLate, PageClosed, PaymentUnderWay, SavingDiffers,
    OtherStatement, and what the gate refuses (orders.judging.insist).
    """
    if by.id != order.client_id:
        raise NotAllowed("Only the client pays for an order.")
    insist_online(order, at=at)
    under_way = queries.live_payment(order.id)
    if under_way is not None:
        return _still_open(under_way, at, saves=consent is not None)
    insist_in_time(order, at=at)
    setup = None if consent is None else saving.consented(by, consent)
    page_ends_at = (at + PAGE_OPEN).replace(microsecond=0)
    payment = Payment(
        id=uuid.uuid4(),
        order_id=order.id,
        amount_cents=order.due_cents,
        currency=CURRENCY,
        status=PaymentStatus.CREATED,
        page_ends_at=page_ends_at,
        setup_id=setup and setup.id,
    )
    db.session.add(payment)
    db.session.flush()  # the call and the event point at it
    order.pay_by = max(order.pay_by, page_ends_at)
    events.record(Kind.PAYMENT_BEGUN, payment, order=order.number, cents=payment.amount_cents)
    page = f"{base_url}/orders/{order.number}"
    plan(
        Operation.OPEN_SESSION,
        payment.id,
        order_id=order.id,
        order_ref=order.number,
        amount_cents=payment.amount_cents,
        success_url=f"{page}/paid",
        cancel_url=page,
        expires_at=page_ends_at.isoformat(),
        **({} if setup is None else {"setup_ref": str(setup.id)}),
    )
    return payment


def insist_payable(order: Order, *, at: datetime) -> None:
    """The (locked) order waits for money, and the gate is open for every line of it now.

    Raises NotPayable, and what the gate refuses (orders.judging.insist).
    """
    if order.status is not OrderStatus.AWAITING_PAYMENT:
        raise NotPayable(f"An order that is {order.status} takes no payment.", status=order.status)
    if not order.due_cents:
        raise NotPayable("Nothing is due of this order.", status=order.status)
    live = [line for line in order.lines if line.status is not LineStatus.CANCELLED]
    judging.insist(
        order.client,
        judging.wishes(live),
        ship_to_state=order.ship_to_state,
        at=at,
        stage=Stage.PAY,
    )


def insist_online(order: Order, *, at: datetime) -> None:
    """As `insist_payable`, and everything of the order may be paid online now.

    Raises RouteClosed, too.
    """
    insist_payable(order, at=at)
    choosing.insist(Route.ONLINE, routing.classes_of(order), at=at)


def insist_in_time(order: Order, *, at: datetime) -> None:
    """Raises TooLate once the time to pay is over."""
    if at >= order.pay_by:
        raise TooLate("The time to pay this order is over. Place it again.", number=order.number)


def _still_open(payment: Payment, at: datetime, *, saves: bool) -> Payment:
    if payment.status is PaymentStatus.QUESTIONED:
        raise PageClosed("We are looking at your payment and will tell you what we find.")
    if payment.page_ends_at is None:
        raise PaymentUnderWay("Your saved card is being charged. Look again in a minute.")
    if at >= payment.page_ends_at:
        raise PageClosed("The payment page has closed. Try again in a minute.")
    if saves is not (payment.setup_id is not None):
        raise SavingDiffers(DIFFERS[saves], ends_at=payment.page_ends_at.isoformat())
    return payment


# What she is told who changes her mind about saving the card while a payment page is open.
DIFFERS = {
    True: (
        "Your payment page is open already, and it does not save the card. Pay there without"
        " saving; under Your cards in your account you can save a card at any time."
    ),
    False: (
        "Your payment page is open already, and it saves the card, as you agreed. Go on as"
        " before and remove the card afterwards, or wait until that page has closed."
    ),
}


def apply_session(
    session: CheckoutSession, *, at: datetime, payment_id: uuid.UUID | None = None
) -> Payment | None:
    """Apply what the provider says of a page; None if the page is none of ours.

    `payment_id` is known to whoever asked for the page. That a page was paid is not believed
    until its intent says so: apply that too.
    """
    payment = _payment_of(session, payment_id)
    if payment is None:
        log.warning("foreign_session", session=session.id, order=session.order_ref)
        return None
    order = queries.locked_order(payment.order_id)
    payment = queries.payment(payment.id)
    payment.provider_session_id = session.id
    if payment.livemode is None:
        payment.livemode = session.livemode
    if payment.provider_intent_id is None:
        payment.provider_intent_id = session.intent_id
    if wrong := _differences(payment, order, session):
        _question(payment, wrong)
    elif session.state is SessionState.EXPIRED:
        cancel(payment, why="page_expired")
    else:
        _opened(payment, order, session)
    return payment


def _payment_of(session: CheckoutSession, payment_id: uuid.UUID | None) -> Payment | None:
    """Whose page it is: asked for by it, known by its id, or recognised by order and end."""
    if payment_id is not None:
        return db.session.get(Payment, payment_id)
    return queries.payment_of_session(session.id) or db.session.scalar(
        sa.select(Payment)
        .join(Order, Order.id == Payment.order_id)
        .where(
            Order.number == session.order_ref,
            Payment.provider_session_id.is_(None),
            Payment.page_ends_at == session.expires_at,
        )
    )


def _opened(payment: Payment, order: Order, session: CheckoutSession) -> None:
    payment.url = session.url if payment.status is not PaymentStatus.SUCCEEDED else None
    if payment.status is PaymentStatus.CREATED:
        payment.status = PaymentStatus.OPEN
        events.record(Kind.PAYMENT_OPENED, payment, session=session.id)
    wanted = payment.live and order.status is OrderStatus.AWAITING_PAYMENT
    if session.state is SessionState.OPEN and not wanted:
        close_page(payment)


def apply_intent(intent: Intent, *, at: datetime) -> Payment | None:
    """Apply what the provider says of the money of a payment; None if it belongs to none of ours.

    An intent is learnt from its page: apply the page first. One that charges a saved card names
    its payment.
    """
    found = queries.payment_of_intent(intent.id) or queries.charge_named(intent.payment_ref)
    if found is None:
        log.warning("foreign_intent", intent=intent.id, order=intent.order_ref)
        return None
    order = queries.locked_order(found.order_id)
    payment = queries.payment(found.id)
    if payment.card_id is not None:
        payment.provider_intent_id, payment.livemode = intent.id, intent.livemode
    if payment.status is PaymentStatus.SUCCEEDED:
        return payment
    if intent.state is IntentState.SUCCEEDED:
        _arrived(payment, order, intent, at)
    elif intent.state is IntentState.REQUIRES_CAPTURE:
        _question(payment, {"state": str(intent.state)})
    elif intent.state is IntentState.CANCELED:
        cancel(payment, why="intent_cancelled")
    elif intent.failure_code is not None:
        _failed(payment, order, intent.failure_code, at)
    return payment


def _arrived(payment: Payment, order: Order, intent: Intent, at: datetime) -> None:
    """The money is there: it pays the order that waits for it, or goes back."""
    if wrong := _differences(payment, order, intent):
        return _question(payment, wrong)
    outcome = paying.mark_paid(order, at=at)
    payment.captured_cents, payment.url = payment.amount_cents, None
    payment.status = PaymentStatus.SUCCEEDED
    events.record(Kind.PAYMENT_SUCCEEDED, payment, cents=payment.amount_cents, order=order.number)
    for other in queries.payments_of(order.id):
        if other.status is PaymentStatus.OPEN:
            close_page(other)
    if outcome is not Outcome.PAID:
        _send_back(payment, BACK[outcome], reason=outcome.value, at=at)
    return None


def _send_back(payment: Payment, request_key: str, *, reason: str, at: datetime) -> None:
    """What is left of a payment goes back; what a bank is deciding about waits for its word."""
    left = money_left(payment)
    if left and not queries.disputes_of(payment, CONTESTED):
        refunding.plan(payment, left, request_key=request_key, reason=reason, at=at)


# What asks for the money back where it did not pay the order.
BACK = {
    Outcome.TOO_LATE: refunding.ORDER_OVER,
    Outcome.NOT_DELIVERABLE: refunding.ORDER_OVER,
    Outcome.ALREADY_PAID: PAID_TWICE,
}


def _differences(payment: Payment, order: Order, told: CheckoutSession | Intent) -> dict[str, str]:
    """In what the provider's object is not what we asked for."""
    asked: dict[str, tuple[object, object]] = {
        "amount_cents": (told.amount_cents, payment.amount_cents),
        "currency": (told.currency, payment.currency),
        "order_ref": (told.order_ref, order.number),
        "livemode": (told.livemode, payment.livemode),
    }
    if isinstance(told, Intent):
        asked["received_cents"] = (told.received_cents, payment.amount_cents)
    return {name: f"{got}, not {want}" for name, (got, want) in asked.items() if got != want}


def _question(payment: Payment, why: dict[str, str]) -> None:
    """What came does not fit what was asked: a person decides."""
    log.error("payment_questioned", payment=str(payment.id), **why)
    if payment.status is PaymentStatus.SUCCEEDED or _told_last(payment, Kind.PAYMENT_QUESTIONED):
        return
    if payment.status in {PaymentStatus.CREATED, PaymentStatus.OPEN}:
        payment.status = PaymentStatus.QUESTIONED
    events.record(Kind.PAYMENT_QUESTIONED, payment, why=why)


def _failed(payment: Payment, order: Order, code: str, at: datetime) -> None:
    """A card was refused; the page stays open for another. Told once per reason."""
    if payment.card_id is not None:
        declined(payment, order, why=code, at=at)
    elif payment.live and _told_last(payment, Kind.PAYMENT_FAILED) != code:
        events.record(Kind.PAYMENT_FAILED, payment, code=code)


def _told_last(payment: Payment, kind: Kind) -> object:
    """What the latest event of a payment says, if it is of that kind."""
    history = events.of(payment.id)
    if not history or history[-1].kind != kind:
        return None
    return history[-1].facts.get("code", kind.value)


def cancel(payment: Payment, *, why: str) -> None:
    """Give an attempt up that no money can come from any more. Its order is locked.

    Changes nothing where money came or a person is looking.
    """
    if payment.status in {PaymentStatus.CREATED, PaymentStatus.OPEN}:
        payment.status, payment.url = PaymentStatus.CANCELLED, None
        events.record(Kind.PAYMENT_CANCELLED, payment, why=why)


def declined(payment: Payment, order: Order, *, why: str, at: datetime) -> None:
    """A saved card was not charged: the (locked) order waits for its client to pay by hand.

    Nobody else can confirm the intent that was left, so no money comes from it any more.
    """
    if payment.status is not PaymentStatus.CREATED:
        return
    cancel(payment, why=why)
    if order.status is OrderStatus.AWAITING_PAYMENT:
        order.pay_by = max(order.pay_by, at + PAY_BY_HAND)


def close_page(payment: Payment) -> None:
    """Plan to close the provider's page, so that nobody pays for nothing."""
    plan(
        Operation.EXPIRE_SESSION,
        payment.id,
        order_id=payment.order_id,
        session_id=payment.provider_session_id,
    )


def give_back_lines(order: Order, *, at: datetime) -> None:
    """What was paid for cancelled lines of a (locked) order that goes on goes back. Repeatable.

    Of an order that ended as a whole everything goes back at once (`wind_up`), shipping with it.
    """
    if order.status not in {OrderStatus.PAID, OrderStatus.CLOSED}:
        return
    payment = queries.payment_that_paid(order.id)
    if payment is not None and queries.disputes_of(payment, CONTESTED):
        return  # the bank's word brings us back
    for line in order.lines:
        if line.status is LineStatus.CANCELLED:
            _give_back_line(order, line, payment, at=at)


def _give_back_line(
    order: Order, line: OrderLine, payment: Payment | None, *, at: datetime
) -> None:
    key, why = refunding.of_line(line), RefundReason.LINE_CANCELLED
    left = returning.left(order.id) if payment is None else left_of(payment)
    if not (cents := min(line.paid_cents, left)):
        return
    if payment is not None:
        refunding.plan(payment, cents, request_key=key, reason=why, at=at)
    else:  # credit paid all of it
        returning.give_back(order, cents, reason=why.value, by=None, at=at, request_key=key)


def wind_up(order: Order, *, at: datetime) -> None:
    """What follows the end of a (locked) order: pages close, and money goes back. Repeatable."""
    if order.status not in {OrderStatus.CANCELLED, OrderStatus.EXPIRED}:
        return
    for payment in queries.payments_of(order.id):
        if payment.status is PaymentStatus.OPEN:
            close_page(payment)
        for refund in payment.refunds:
            signing.lapse(refund)
        db.session.refresh(payment)
        _send_back(payment, refunding.ORDER_OVER, reason=order.status.value, at=at)
