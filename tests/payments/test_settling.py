"""Paying an order: what comes of it, whatever the provider answers and whenever it says so."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotAllowed, Refused
from shop.orders import cancelling, expiring
from shop.orders.models import Order
from shop.payments import calls, chasing, following, queries, refunding, settling
from shop.payments.errors import NotPayable, PageClosed, RefundTooLarge, TooLate
from shop.payments.gateway import Gateway, Intent
from shop.payments.models import Payment
from shop.payments.sandbox import cards
from shop.payments.sandbox.in_process import Visitor
from shop.payments.states import PaymentStatus
from shop.prescriptions import holding, revoking
from tests.payments.conftest import Control
from tests.payments.orders_to_pay import (
    SHOP,
    OutsideTransactions,
    a_cream_order,
    an_order,
    begun,
    how,
    opened,
)
from tests.people import bob


@pytest.fixture
def gateway(gateway: Gateway) -> OutsideTransactions:
    """The real one, which fails the test when the shop calls it inside a transaction."""
    return OutsideTransactions(gateway)


def kinds(payment: Payment) -> list[str]:
    return [event.kind for event in events.of(payment.id)]


def paid(order: Order, gateway: OutsideTransactions, visitor: Visitor) -> Payment:
    """The client pays on the page, and the shop reads it."""
    payment = opened(order, gateway)
    assert payment.url is not None
    assert visitor.pay(payment.url).status == 303
    following.payment(payment.id, gateway)
    return queries.payment(payment.id)


def test_a_page_is_opened_for_the_whole_total_and_nothing_else_is_told(
    app: Flask, gateway: OutsideTransactions
) -> None:
    order = an_order()
    payment = opened(order, gateway)

    assert payment.status is PaymentStatus.OPEN
    assert payment.provider_session_id is not None
    page = gateway.bank.session(payment.provider_session_id)
    assert (page.amount_cents, page.order_ref) == (order.total_cents, order.number)
    assert page.url == payment.url
    assert page.expires_at == payment.page_ends_at <= order.pay_by
    assert kinds(payment) == ["payment_begun", "payment_opened"]


def test_beginning_twice_is_beginning_once(app: Flask, gateway: OutsideTransactions) -> None:
    order = an_order()
    first = begun(order)

    assert begun(order).id == first.id
    calls.send_for(order.id, gateway)
    assert begun(order).id == first.id
    assert len(list(gateway.bank.sessions_since(now() - timedelta(hours=1)))) == 1


def test_paid_on_the_page_is_paid_here(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = an_order()
    payment = paid(order, gateway, visitor)

    assert how(order) == ("paid", ["succeeded"])
    assert payment.captured_cents == order.total_cents
    assert payment.url is None


def test_reading_it_ten_times_pays_once(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = an_order()
    payment = paid(order, gateway, visitor)
    told = kinds(payment)

    for _ in range(10):
        following.payment(payment.id, gateway)

    assert kinds(payment) == told == ["payment_begun", "payment_opened", "payment_succeeded"]
    assert how(order) == ("paid", ["succeeded"])


def test_a_declined_card_leaves_the_page_open_and_is_told_once(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = an_order()
    payment = opened(order, gateway)
    assert payment.url is not None
    visitor.pay(payment.url, number=cards.NO_FUNDS)

    following.payment(payment.id, gateway)
    following.payment(payment.id, gateway)

    assert kinds(payment) == ["payment_begun", "payment_opened", "payment_failed"]
    assert how(order) == ("awaiting_payment", ["open"])
    assert events.of(payment.id)[-1].facts == {"code": "insufficient_funds"}

    visitor.pay(payment.url)
    following.payment(payment.id, gateway)
    assert how(order) == ("paid", ["succeeded"])


def test_a_page_that_expired_gives_way_to_another_attempt(
    app: Flask, gateway: OutsideTransactions
) -> None:
    order = an_order(pay_by=now() + timedelta(hours=3))
    payment = opened(order, gateway)
    assert payment.provider_session_id is not None
    gateway.bank.expire_session(payment.provider_session_id, key="by hand")

    following.payment(payment.id, gateway)
    second = opened(order, gateway)

    assert second.id != payment.id
    assert how(order) == ("awaiting_payment", ["cancelled", "open"])


MISFITS = {
    "too little": {"received_cents": 1},
    "another amount": {"amount_cents": 1},
    "another currency": {"currency": "cad"},
    "another order": {"order_ref": "A-OTHER"},
    "the other mode": {"livemode": True},
}


@pytest.mark.parametrize("case", MISFITS)
def test_money_that_does_not_fit_waits_for_a_person(
    case: str, app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = an_order()
    payment, intent = learnt(order, gateway, visitor)

    settling.apply_intent(replace(intent, **MISFITS[case]), at=now())
    settling.apply_intent(replace(intent, **MISFITS[case]), at=now())
    db.session.commit()

    assert how(order) == ("awaiting_payment", ["questioned"])
    assert kinds(payment).count("payment_questioned") == 1
    with pytest.raises(PageClosed):
        begun(order)

    settling.apply_intent(intent, at=now())  # it was misread; the provider's word now fits
    db.session.commit()
    assert how(order) == ("paid", ["succeeded"])


def learnt(order: Order, gateway: OutsideTransactions, visitor: Visitor) -> tuple[Payment, Intent]:
    """A payment whose intent is known and paid there, and not applied here yet."""
    payment = opened(order, gateway)
    assert payment.url is not None
    assert payment.provider_session_id is not None
    visitor.pay(payment.url)
    page = gateway.bank.session(payment.provider_session_id)
    settling.apply_session(page, at=now())
    db.session.commit()
    assert page.intent_id is not None
    return queries.payment(payment.id), gateway.bank.intent(page.intent_id)


@pytest.mark.parametrize("end", ["cancelled", "expired"])
def test_money_for_an_order_that_is_over_is_booked_and_goes_back(
    end: str, app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = an_order()
    payment, intent = learnt(order, gateway, visitor)
    late(order)
    held = queries.locked_order(order.id)
    if end == "cancelled":
        cancelling.cancel(held, reason="changed_mind", by=held.client, at=now())
    else:
        expiring.expire(held, at=now())
    db.session.commit()

    settling.apply_intent(intent, at=now())
    db.session.commit()
    calls.send_for(order.id, gateway)

    assert how(order) == (end, ["succeeded"])
    payment = queries.payment(payment.id)
    assert payment.captured_cents == payment.refunded_cents == order.total_cents
    [refund] = gateway.bank.refunds_of(intent.id)
    assert refund.amount_cents == order.total_cents
    assert [str(row.status) for row in payment.refunds] == ["done"]


def test_a_second_attempt_that_pays_too_goes_back(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = an_order(pay_by=now() + timedelta(hours=3))
    first, intent = learnt(order, gateway, visitor)
    settling.cancel(queries.payment(first.id), why="given up for the test")
    db.session.commit()
    second = paid(order, gateway, visitor)

    settling.apply_intent(intent, at=now())
    db.session.commit()
    calls.send_for(order.id, gateway)

    assert how(order) == ("paid", ["succeeded", "succeeded"])
    assert queries.payment(first.id).refunded_cents == order.total_cents
    assert queries.payment(second.id).refunded_cents == 0


def test_money_on_an_old_attempt_closes_the_page_of_the_new_one(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = an_order(pay_by=now() + timedelta(hours=3))
    first, intent = learnt(order, gateway, visitor)
    settling.cancel(queries.payment(first.id), why="given up for the test")
    db.session.commit()
    page = opened(order, gateway).url

    settling.apply_intent(intent, at=now())
    db.session.commit()
    calls.send_for(order.id, gateway)

    assert how(order) == ("paid", ["succeeded", "cancelled"])
    assert visitor.pay(page or "").status == 410


def test_cancelling_a_paid_order_sends_its_money_back(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = an_order()
    payment = paid(order, gateway, visitor)
    held = queries.locked_order(order.id)
    cancelling.cancel(held, reason="changed_mind", by=held.client, at=now())
    db.session.commit()

    chasing.order_ended(order.id, gateway)
    chasing.order_ended(order.id, gateway)

    assert queries.payment(payment.id).refunded_cents == order.total_cents
    assert payment.provider_intent_id is not None
    assert len(gateway.bank.refunds_of(payment.provider_intent_id)) == 1


def test_cancelling_an_order_closes_its_page(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = an_order()
    page = opened(order, gateway).url
    held = queries.locked_order(order.id)
    cancelling.cancel(held, reason="changed_mind", by=held.client, at=now())
    db.session.commit()

    chasing.order_ended(order.id, gateway)

    assert how(order) == ("cancelled", ["cancelled"])
    assert visitor.pay(page or "").status == 410


def test_a_page_nobody_opened_yet_is_not_opened_for_an_order_that_is_over(
    app: Flask, gateway: OutsideTransactions
) -> None:
    order = an_order()
    begun(order)
    held = queries.locked_order(order.id)
    cancelling.cancel(held, reason="changed_mind", by=held.client, at=now())
    db.session.commit()

    calls.send_for(order.id, gateway)

    assert how(order) == ("cancelled", ["cancelled"])
    assert list(gateway.bank.sessions_since(now() - timedelta(hours=1))) == []


def test_nothing_is_begun_for_an_order_that_does_not_wait(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = an_order()
    paid(order, gateway, visitor)
    with pytest.raises(NotPayable):
        begun(order)


def test_nothing_is_begun_when_the_time_is_over(app: Flask) -> None:
    order = an_order()
    held = queries.locked_order(order.id)
    with pytest.raises(TooLate):
        settling.begin(held, by=held.client, at=order.pay_by, base_url=SHOP)
    assert queries.payments_of(order.id) == []


def test_nobody_else_begins_it(app: Flask) -> None:
    order = an_order()
    with pytest.raises(NotAllowed):
        settling.begin(queries.locked_order(order.id), by=bob(), at=now(), base_url=SHOP)


def test_an_order_nobody_paid_expires_after_its_page(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = an_order()
    page = opened(order, gateway).url
    late(order)

    assert chasing.overdue_orders(gateway) == 1

    assert how(order) == ("expired", ["cancelled"])
    assert visitor.pay(page or "").status == 410


def test_an_order_paid_at_the_last_moment_does_not_expire(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order = an_order()
    payment = opened(order, gateway)
    visitor.pay(payment.url or "")
    late(order)

    chasing.overdue_orders(gateway)

    assert how(order) == ("paid", ["succeeded"])


def test_an_order_waits_while_the_provider_cannot_say(
    app: Flask, gateway: OutsideTransactions, control: Control
) -> None:
    order = an_order()
    opened(order, gateway)
    late(order)
    control.post("faults", mode="dropped_before", times=5)

    chasing.overdue_orders(gateway)

    assert how(order) == ("awaiting_payment", ["open"])


def late(order: Order) -> None:
    order.pay_by = now() - timedelta(minutes=1)
    db.session.commit()


def test_a_page_that_closed_without_a_word_is_read(
    app: Flask, gateway: OutsideTransactions, control: Control
) -> None:
    order = an_order(pay_by=now() + timedelta(hours=3))
    payment = opened(order, gateway)
    control.post("clock", advance=36 * 60)
    assert chasing.closed_pages(gateway) == 0  # it has not closed by our clock

    following.payment(payment.id, gateway)

    assert how(order) == ("awaiting_payment", ["cancelled"])


def test_nothing_is_begun_under_a_prescription_that_was_revoked(
    app: Flask, gateway: OutsideTransactions
) -> None:
    """I16."""
    order, prescription = a_cream_order()
    revoking.revoke(prescription, reason="changed", by=prescription.prescriber, at=now())
    db.session.commit()

    with pytest.raises(Refused) as refused:
        begun(order)

    assert refused.value.facts["sku"] == order.lines[0].sku
    assert queries.payments_of(order.id) == []


def test_money_for_a_cream_whose_prescription_was_held_meanwhile_goes_back(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order, prescription = a_cream_order()
    payment = opened(order, gateway)
    visitor.pay(payment.url or "")
    holding.hold(prescription, reason="a question", by=prescription.prescriber, at=now())
    db.session.commit()

    following.payment(payment.id, gateway)
    calls.send_for(order.id, gateway)

    assert how(order) == ("cancelled", ["succeeded"])
    assert queries.payment(payment.id).refunded_cents == order.total_cents


def test_a_cream_is_paid_under_its_prescription(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order, _ = a_cream_order()
    paid(order, gateway, visitor)

    assert how(order) == ("paid", ["succeeded"])
    assert [str(line.fill.status) for line in order.lines if line.fill] == ["consumed"]


def test_refunds_never_exceed_what_came(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    """I15."""
    order = an_order()
    payment = paid(order, gateway, visitor)
    cancelling.cancel(order, reason="changed_mind", by=order.client, at=now())
    total = order.total_cents
    first = refunding.plan(payment, 100, request_key="a", reason="cancelled", at=now())
    again = refunding.plan(payment, 100, request_key="a", reason="cancelled", at=now())
    assert again is first

    for cents in (0, -1, total - 99):
        with pytest.raises(RefundTooLarge):
            refunding.plan(payment, cents, request_key="b", reason="cancelled", at=now())
    refunding.plan(payment, total - 100, request_key="b", reason="cancelled", at=now())
    db.session.commit()
    calls.send_for(order.id, gateway)

    payment = queries.payment(payment.id)
    assert payment.refunded_cents == total
    assert sorted(refund.amount_cents for refund in payment.refunds) == [100, total - 100]
    assert {str(refund.status) for refund in payment.refunds} == {"done"}
