"""Orders in every stage of being paid, without a provider: what it says is told here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID, uuid4

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db
from shop.orders import queries
from shop.payments import following, settling
from shop.payments.following import Fact
from shop.payments.gateway import CheckoutSession, Intent, IntentState, SessionState
from shop.payments.models import Payment
from tests.at_once import Act
from tests.orders.things import placed
from tests.people import alice
from tests.prescriptions.builders import a_prescription
from tests.races.acts import boxed

SHOP = "http://localhost"


@dataclass(frozen=True)
class Attempt:
    """An order whose payment page is open, and what the provider says once it is paid."""

    order_id: UUID
    payment_id: UUID
    page: CheckoutSession
    money: Intent


@dataclass(frozen=True)
class Prescribed:
    """A prescription and the one order placed under it."""

    prescription_id: UUID
    attempt: Attempt

    @property
    def order_id(self) -> UUID:
        return self.attempt.order_id


def an_attempt(variant_id: UUID, client: Person | None = None, *, late: bool = False) -> Attempt:
    """An order of one pack, with the page open; where it is `late`, its time to pay is over."""
    order = placed(client or alice(), {db.session.get_one(Variant, variant_id): 1})
    held = queries.locked_order(order.id)
    payment = settling.begin(held, by=held.client, at=now(), base_url=SHOP)
    db.session.flush()
    page, money = _told_of(payment, order.number)
    following.apply([page], of=payment.id)
    if late:
        held.pay_by = now() - timedelta(seconds=1)
    return Attempt(order.id, payment.id, page, money)


def _told_of(payment: Payment, number: str) -> tuple[CheckoutSession, Intent]:
    """The open page of a payment, and its money once it is there."""
    word = uuid4().hex
    page = CheckoutSession(
        id=f"cs_test_{word}",
        url=f"https://checkout.stripe.com/c/pay/cs_test_{word}",
        state=SessionState.OPEN,
        paid=False,
        intent_id=f"pi_{word}",
        amount_cents=payment.amount_cents,
        currency=payment.currency,
        order_ref=number,
        livemode=False,
        expires_at=payment.page_ends_at,
    )
    money = Intent(
        id=f"pi_{word}",
        state=IntentState.SUCCEEDED,
        amount_cents=payment.amount_cents,
        received_cents=payment.amount_cents,
        currency=payment.currency,
        order_ref=number,
        livemode=False,
        failure_code=None,
    )
    return page, money


def prescribed(chen_id: UUID, cream_id: UUID) -> Prescribed:
    """A new client's prescription, and her order under it with the page open."""
    client = alice()
    chen, cream = db.session.get_one(Person, chen_id), db.session.get_one(Variant, cream_id)
    signed = a_prescription(client, cream, by=chen)
    return Prescribed(signed.id, an_attempt(cream_id, client))


def paid(chen_id: UUID, cream_id: UUID) -> Prescribed:
    """As `prescribed`, and the money came."""
    scene = prescribed(chen_id, cream_id)
    following.apply([scene.attempt.money])
    boxed(scene.order_id)
    return scene


def learn(attempt: Attempt) -> Act:
    """Somebody learns from the provider that the page was paid: a webhook, a returning client, the
    reconciler. Money is never refused.
    """
    complete = replace(attempt.page, state=SessionState.COMPLETE, paid=True, url=None)
    return _told(attempt, complete, attempt.money)


def receive(attempt: Attempt) -> Act:
    """As `learn`, of the money alone."""
    return _told(attempt, attempt.money)


def _told(attempt: Attempt, *facts: Fact) -> Act:
    def act() -> str:
        assert following.apply(facts) == {attempt.order_id}
        return "learnt"

    return act


def pay(order_id: UUID) -> Act:
    """The client begins to pay and pays, all at once."""

    def act() -> str:
        held = queries.locked_order(order_id)
        payment = settling.begin(held, by=held.client, at=now(), base_url=SHOP)
        db.session.flush()
        following.apply(_told_of(payment, held.number), of=payment.id)
        return "paid"

    return act
