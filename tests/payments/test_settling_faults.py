"""A call is planned, sent and recorded: what happens when something dies in between."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core.clock import now
from shop.core.db import db
from shop.orders import cancelling
from shop.orders.models import Order
from shop.payments import calls, chasing, following, planning, queries
from shop.payments.calls import Outcome
from shop.payments.gateway import Gateway
from shop.payments.models import Payment, ProviderCall
from shop.payments.sandbox.in_process import Visitor, in_process
from shop.payments.states import CallStatus, PaymentStatus
from shop.payments.stripe_gateway import StripeGateway
from tests.payments.conftest import Control
from tests.payments.orders_to_pay import OutsideTransactions, an_order, begun, how, opened

STARTED = datetime.now(UTC) - timedelta(hours=1)


@pytest.fixture
def gateway(gateway: Gateway) -> OutsideTransactions:
    """The real one, which fails the test when the shop calls it inside a transaction."""
    return OutsideTransactions(gateway)


def call_of(payment: Payment, operation: str = "open_session") -> ProviderCall:
    return db.session.execute(
        sa.select(ProviderCall)
        .where(ProviderCall.reference_id == payment.id, ProviderCall.operation == operation)
        .execution_options(populate_existing=True)
    ).scalar_one()


def lapse(order: Order) -> None:
    """Let every lease and pause of an order's calls run out."""
    db.session.execute(
        sa.update(ProviderCall)
        .where(ProviderCall.order_id == order.id)
        .values(lease_until=now() - timedelta(seconds=1))
    )
    db.session.commit()


def pages(order: Order, gateway: OutsideTransactions) -> int:
    db.session.commit()
    return len(
        [one for one in gateway.bank.sessions_since(STARTED) if one.order_ref == order.number]
    )


def test_killed_before_it_was_sent(app: Flask, gateway: OutsideTransactions) -> None:
    """F1: the call is there; whoever comes next sends it, once."""
    order = an_order()
    payment = begun(order)
    assert calls.send_due(gateway) == 0  # who planned it still has time to send it
    lapse(order)

    assert calls.send_due(gateway) == 1
    assert calls.send_due(gateway) == 0

    assert queries.payment(payment.id).status is PaymentStatus.OPEN
    assert pages(order, gateway) == 1


def executed_and_lost(payment: Payment, gateway: OutsideTransactions) -> calls.Lease:
    """The provider did it; whoever asked died before writing that down."""
    lease = calls._leased(call_of(payment).id)
    db.session.commit()
    assert lease is not None
    calls._asked(lease, gateway)
    return lease


def test_killed_after_it_was_sent(app: Flask, gateway: OutsideTransactions) -> None:
    """F2: sent again under the same key, the provider answers with what it did."""
    order = an_order()
    payment = begun(order)
    executed_and_lost(payment, gateway)
    assert calls.send_due(gateway) == 0  # the lease holds
    lapse(order)

    assert calls.send_due(gateway) == 1

    assert queries.payment(payment.id).status is PaymentStatus.OPEN
    assert pages(order, gateway) == 1


def test_paid_before_it_was_recorded_that_there_is_a_page(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    """The answer kept under the key shows an open page; the page is read again."""
    order = an_order()
    payment = begun(order)
    executed_and_lost(payment, gateway)
    page = next(gateway.bank.sessions_since(STARTED))
    assert visitor.pay(page.url or "").status == 303
    lapse(order)

    calls.send_due(gateway)

    assert how(order) == ("paid", ["succeeded"])


def test_a_webhook_overtakes_the_answer(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = an_order()
    payment = begun(order)
    executed_and_lost(payment, gateway)
    page = next(gateway.bank.sessions_since(STARTED))
    visitor.pay(page.url or "")

    following.session(page.id, gateway)

    assert how(order) == ("paid", ["succeeded"])


def test_who_lost_the_lease_records_nothing(app: Flask, gateway: OutsideTransactions) -> None:
    order = an_order()
    payment = begun(order)
    slow = executed_and_lost(payment, gateway)
    lapse(order)
    calls.send_due(gateway)

    recorded = calls._recorded(slow, Outcome(CallStatus.REJECTED, "too_late"))
    db.session.commit()

    assert not recorded
    assert queries.payment(payment.id).status is PaymentStatus.OPEN
    assert call_of(payment).status is CallStatus.DONE


def test_who_holds_the_lease_is_alone(app: Flask, gateway: OutsideTransactions) -> None:
    order = an_order()
    payment = begun(order)
    assert calls._leased(call_of(payment).id) is not None
    db.session.commit()

    assert calls.send(call_of(payment).id, gateway) is None
    assert pages(order, gateway) == 0


PASSING = ["dropped_before", "dropped_after", "429", "409", "500_after"]


@pytest.mark.parametrize("fault", PASSING)
def test_a_fault_that_passes_leaves_one_page(
    fault: str, app: Flask, gateway: OutsideTransactions, control: Control
) -> None:
    """F3, F4, F5: the same key and the same words, until the provider answers or is looked at."""
    order = an_order()
    payment = begun(order)
    control.post("faults", mode=fault, method="POST", path="/v1/checkout/sessions")

    calls.send_for(order.id, gateway)
    assert call_of(payment).status is CallStatus.IN_FLIGHT
    tries = 0
    while call_of(payment).status is CallStatus.IN_FLIGHT:
        lapse(order)
        calls.send_due(gateway)
        tries += 1

    assert tries == (planning.TRIES if fault == "500_after" else 1)
    assert call_of(payment).status is CallStatus.DONE
    assert queries.payment(payment.id).status is PaymentStatus.OPEN
    assert pages(order, gateway) == 1


def test_an_error_that_stays_is_looked_at_and_left_to_a_person(
    app: Flask, gateway: OutsideTransactions, control: Control
) -> None:
    order = an_order()
    payment = begun(order)
    control.post("faults", mode="500_before", method="POST", path="/v1/checkout/sessions")

    calls.send_for(order.id, gateway)
    for _ in range(planning.TRIES):
        lapse(order)
        calls.send_due(gateway)

    call = call_of(payment)
    assert (call.status, call.answer) == (CallStatus.HUMAN, "not_found")
    assert pages(order, gateway) == 0


def grown_old(payment: Payment, operation: str = "open_session") -> None:
    """First sent a day ago, and nobody knows what came of it."""
    call = call_of(payment, operation)
    call.first_sent_at = now() - planning.KEY_LIFE - timedelta(minutes=1)
    call.status, call.tries = CallStatus.IN_FLIGHT, 1
    db.session.commit()


def test_an_old_key_is_never_sent_again(app: Flask, gateway: OutsideTransactions) -> None:
    order = an_order()
    payment = begun(order)
    grown_old(payment)

    calls.send_for(order.id, gateway)

    assert call_of(payment).status is CallStatus.HUMAN
    assert pages(order, gateway) == 0


def test_an_old_call_that_was_done_is_found(app: Flask, gateway: OutsideTransactions) -> None:
    order = an_order()
    payment = begun(order)
    call, terms = call_of(payment), call_of(payment).parameters
    db.session.commit()
    gateway.bank.open_session(
        order_ref=terms["order_ref"],
        amount_cents=terms["amount_cents"],
        success_url=terms["success_url"],
        cancel_url=terms["cancel_url"],
        expires_at=payment.page_ends_at,
        key=call.idempotency_key,
    )
    grown_old(payment)

    calls.send_for(order.id, gateway)

    assert (call_of(payment).status, call_of(payment).answer) == (CallStatus.DONE, "found")
    assert queries.payment(payment.id).status is PaymentStatus.OPEN


def test_a_wrong_key_stops_the_round_and_loses_nothing(
    app: Flask, gateway: OutsideTransactions, sandbox_app: Flask
) -> None:
    wrong = StripeGateway("sk_test_wrong", ("whsec_x",), transport=in_process(sandbox_app))
    orders = [an_order(), an_order()]
    payments = [begun(order) for order in orders]
    for order in orders:
        lapse(order)

    assert calls.send_due(wrong) == 1
    assert [str(call_of(payment).status) for payment in payments] == ["planned", "planned"]
    for order in orders:
        lapse(order)
    assert calls.send_due(gateway) == 2
    assert [how(order)[1] for order in orders] == [["open"], ["open"]]


def test_other_words_under_the_same_key_need_a_person(
    app: Flask, gateway: OutsideTransactions
) -> None:
    order = an_order()
    payment = begun(order)
    key = call_of(payment).idempotency_key
    db.session.commit()
    gateway.bank.open_session(
        order_ref="A-OTHER",
        amount_cents=100,
        success_url="http://localhost/x",
        cancel_url="http://localhost/x",
        expires_at=payment.page_ends_at,
        key=key,
    )

    calls.send_for(order.id, gateway)

    call = call_of(payment)
    assert call.status is CallStatus.HUMAN


def refused_page(
    app: Flask, gateway: OutsideTransactions, control: Control
) -> tuple[Order, Payment]:
    """The provider says no to opening the page: too little time is left."""
    order = an_order()
    payment = begun(order)
    control.post("clock", advance=10 * 60)
    calls.send_for(order.id, gateway)
    return order, payment


def test_a_page_the_provider_refuses_makes_room_for_another(
    app: Flask, gateway: OutsideTransactions, control: Control
) -> None:
    order, payment = refused_page(app, gateway, control)

    assert call_of(payment).status is CallStatus.REJECTED
    assert how(order) == ("awaiting_payment", ["cancelled"])
    control.post("clock", offset=0)
    assert opened(order, gateway).status is PaymentStatus.OPEN


def test_a_page_that_would_not_close_is_not_called_closed(
    app: Flask, gateway: OutsideTransactions, control: Control
) -> None:
    """The provider's error stays; the look shows an open page, which closes by itself."""
    order = an_order()
    payment = opened(order, gateway)
    held = queries.locked_order(order.id)
    cancelling.cancel(held, reason="changed_mind", by=held.client, at=now())
    db.session.commit()
    control.post("faults", mode="500_before", method="POST", path="/v1/checkout/sessions/")

    chasing.order_ended(order.id, gateway)
    until_sent(order, gateway)

    call = call_of(payment, "expire_session")
    assert (call.status, call.answer) == (CallStatus.REJECTED, "page_still_open")
    control.post("clock", advance=60 * 60)
    db.session.commit()
    following.payment(payment.id, gateway)
    assert how(order) == ("cancelled", ["cancelled"])


REFUND_FAULTS = ["dropped_before", "dropped_after", "429", "409", "500_after"]


@pytest.mark.parametrize("fault", REFUND_FAULTS)
def test_money_goes_back_once_whatever_the_network_does(
    fault: str, app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    order = an_order()
    payment = opened(order, gateway)
    visitor.pay(payment.url or "")
    following.payment(payment.id, gateway)
    held = queries.locked_order(order.id)
    cancelling.cancel(held, reason="changed_mind", by=held.client, at=now())
    db.session.commit()
    control.post("faults", mode=fault, method="POST", path="/v1/refunds")

    chasing.order_ended(order.id, gateway)
    until_sent(order, gateway)

    payment = queries.payment(payment.id)
    [refund] = payment.refunds
    assert (str(refund.status), payment.refunded_cents) == ("done", order.total_cents)
    db.session.commit()
    assert payment.provider_intent_id is not None
    assert len(gateway.bank.refunds_of(payment.provider_intent_id)) == 1


def until_sent(order: Order, gateway: OutsideTransactions) -> None:
    for _ in range(planning.TRIES + 1):
        lapse(order)
        calls.send_due(gateway)


def test_a_bank_that_sends_the_money_back_is_noticed(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    order = an_order()
    payment = opened(order, gateway)
    visitor.pay(payment.url or "")
    following.payment(payment.id, gateway)
    held = queries.locked_order(order.id)
    cancelling.cancel(held, reason="changed_mind", by=held.client, at=now())
    db.session.commit()
    chasing.order_ended(order.id, gateway)
    [refund] = queries.payment(payment.id).refunds
    control.post(f"refunds/{refund.provider_refund_id}", status="failed")
    db.session.commit()

    following.refund(refund.provider_refund_id or "", gateway)

    payment = queries.payment(payment.id)
    assert str(refund.status) == "failed"
    assert payment.refunded_cents == 0
