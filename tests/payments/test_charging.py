"""A saved card is charged for an order while its owner is away."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotAllowed, Refused
from shop.orders import cancelling
from shop.orders.models import Order
from shop.payments import (
    calls,
    charging,
    chasing,
    following,
    planning,
    queries,
    reconciling,
    removing,
)
from shop.payments.errors import CardRemoved, PaymentUnderWay
from shop.payments.gateway import Gateway, IntentState, Refund
from shop.payments.models import Payment, SavedCard
from shop.payments.sandbox import cards
from shop.payments.sandbox.in_process import Visitor
from shop.payments.settling import PAY_BY_HAND
from shop.payments.states import CallStatus
from shop.prescriptions import revoking
from tests.payments.conftest import Control
from tests.payments.orders_to_pay import OutsideTransactions, a_cream_order, an_order, begun, how
from tests.payments.orders_to_pay import opened as page_opened
from tests.payments.refill_orders import planned
from tests.payments.saved_cards import a_card_at_the_bank, a_saved_card
from tests.payments.test_settling_faults import STARTED, call_of, grown_old, lapse
from tests.people import alice, bob


@pytest.fixture
def gateway(gateway: Gateway) -> OutsideTransactions:
    """The real one, which fails the test when the shop calls it inside a transaction."""
    return OutsideTransactions(gateway)


def waiting(
    gateway: OutsideTransactions, visitor: Visitor, *, number: str = cards.PAYS
) -> tuple[Order, SavedCard]:
    """An order that waits for its money, and a card of its client's that the bank keeps."""
    client = alice()
    order = an_order(client)
    return order, a_card_at_the_bank(client, gateway, visitor, number=number)


def taken(order: Order, gateway: OutsideTransactions) -> int:
    """How often the provider took money for an order."""
    db.session.commit()
    return len(
        [
            one
            for one in gateway.bank.intents_since(STARTED)
            if one.order_ref == order.number and one.state is IntentState.SUCCEEDED
        ]
    )


def test_a_charge_pays_the_order(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order, card = waiting(gateway, visitor)
    payment = planned(order, card)
    assert planned(order, card) is payment  # asked again, it is the same

    calls.send_for(order.id, gateway)

    assert how(order) == ("paid", ["succeeded"])
    assert taken(order, gateway) == 1
    assert reconciling.differences(gateway) == []
    assert (payment.url, payment.page_ends_at) == (None, None)


@pytest.mark.parametrize(
    ("number", "why"),
    [(cards.DECLINES_LATER, "generic_decline"), (cards.ALWAYS_ASKS, "authentication_required")],
)
def test_a_refused_charge_leaves_the_order_to_be_paid_by_hand(
    number: str, why: str, app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order, card = waiting(gateway, visitor, number=number)
    payment = planned(order, card)

    calls.send_for(order.id, gateway)

    assert how(order) == ("awaiting_payment", ["cancelled"])
    assert events.of(payment.id)[-1].facts == {"why": why}
    assert call_of(payment, "charge_card").status is CallStatus.REJECTED
    assert order.pay_by > now() + PAY_BY_HAND - timedelta(minutes=1)
    visitor.pay(page_opened(order, gateway).url or "")
    reconciling.repair(gateway)
    assert how(order) == ("paid", ["cancelled", "succeeded"])
    assert reconciling.differences(gateway) == []


@pytest.mark.parametrize("fault", ["dropped_before", "dropped_after", "429", "500_after"])
def test_whatever_the_network_does_one_charge(
    fault: str, app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    order, card = waiting(gateway, visitor)
    payment = planned(order, card)
    control.post("faults", mode=fault, method="POST", path="/v1/payment_intents")

    calls.send_for(order.id, gateway)
    assert call_of(payment, "charge_card").status is CallStatus.IN_FLIGHT
    with pytest.raises(PaymentUnderWay):
        begun(order)  # she does not pay beside it
    db.session.rollback()
    for _ in range(planning.TRIES + 1):
        lapse(order)
        calls.send_due(gateway)

    assert how(order) == ("paid", ["succeeded"])
    assert taken(order, gateway) == 1


@pytest.mark.parametrize("fault", ["dropped_before", "429"])
def test_an_outage_is_waited_for(
    fault: str, app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    """Nothing was executed, so nothing counts against the charge: it is sent when the line is back."""
    order, card = waiting(gateway, visitor)
    payment = planned(order, card)
    control.post("faults", mode=fault, path="/v1/payment_intents", times=planning.TRIES + 2)
    for _ in range(planning.TRIES + 2):
        calls.send_due(gateway)
        calls.send_for(order.id, gateway)
        assert call_of(payment, "charge_card").status is CallStatus.IN_FLIGHT
        lapse(order)

    calls.send_due(gateway)

    assert how(order) == ("paid", ["succeeded"])
    assert taken(order, gateway) == 1


@pytest.mark.parametrize("why", ["order_over", "card_removed"])
def test_what_was_tried_in_vain_is_looked_for_and_not_sent_once_nobody_wants_it(
    why: str, app: Flask, gateway: OutsideTransactions, visitor: Visitor, control: Control
) -> None:
    order, card = waiting(gateway, visitor)
    payment = planned(order, card)
    control.post("faults", mode="429", method="POST", path="/v1/payment_intents")
    calls.send_for(order.id, gateway)
    if why == "order_over":
        held = queries.locked_order(order.id)
        cancelling.cancel(held, reason="changed_mind", by=held.client, at=now())
    else:
        removing.remove(card, by=order.client, at=now())
    lapse(order)

    calls.send_due(gateway)

    call = call_of(payment, "charge_card")
    assert (call.status, call.answer) == (CallStatus.REJECTED, why)
    assert how(order)[1] == ["cancelled"]
    assert taken(order, gateway) == 0
    assert reconciling.differences(gateway) == []


def executed_and_lost(payment: Payment, gateway: OutsideTransactions) -> calls.Lease:
    """The provider did it; whoever asked died before writing that down."""
    lease = calls._leased(call_of(payment, "charge_card").id)
    db.session.commit()
    assert lease is not None
    calls._asked(lease, gateway)
    return lease


@pytest.mark.parametrize("first", ["webhook", "reconciler", "worker"])
def test_killed_between_sending_and_recording(
    first: str, app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    """Whoever comes first books the money, once; the others change nothing."""
    order, card = waiting(gateway, visitor)
    payment = planned(order, card)
    late = executed_and_lost(payment, gateway)
    lapse(order)
    if first == "webhook":
        (intent,) = [one for one in gateway.bank.intents_since(STARTED) if one.payment_ref]
        db.session.commit()
        following.intent(intent.id, gateway)
    elif first == "reconciler":
        reconciling.repair(gateway)
    calls.send_due(gateway)

    assert how(order) == ("paid", ["succeeded"])
    assert not calls._recorded(late, calls.Outcome(CallStatus.REJECTED, "too_late"))
    db.session.commit()
    assert taken(order, gateway) == 1
    assert reconciling.differences(gateway) == []


def test_a_decline_told_by_the_webhook_first_stays_one_decline(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order, card = waiting(gateway, visitor, number=cards.DECLINES_LATER)
    payment = planned(order, card)
    lease = calls._leased(call_of(payment, "charge_card").id)
    db.session.commit()
    assert lease is not None
    outcome = calls._asked(lease, gateway)
    (intent,) = [one for one in gateway.bank.intents_since(STARTED) if one.payment_ref]
    following.intent(intent.id, gateway)
    told = len(events.of(payment.id))
    begun(order)  # she has begun to pay by hand when the answer arrives at last

    assert calls._recorded(lease, outcome)
    db.session.commit()

    assert how(order) == ("awaiting_payment", ["cancelled", "created"])
    assert len(events.of(payment.id)) == told


def test_an_old_key_that_was_executed_is_found_and_not_sent_again(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order, card = waiting(gateway, visitor)
    payment = planned(order, card)
    call = call_of(payment, "charge_card")
    terms, key = call.parameters, call.idempotency_key
    db.session.commit()
    gateway.bank.charge_card(**terms, key=key)
    grown_old(payment, "charge_card")

    calls.send_for(order.id, gateway)

    assert call_of(payment, "charge_card").answer == "found"
    assert how(order) == ("paid", ["succeeded"])
    assert taken(order, gateway) == 1


def test_an_old_key_that_nobody_finds_is_left_to_a_person_and_paid_by_hand(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order, card = waiting(gateway, visitor)
    payment = planned(order, card)
    grown_old(payment, "charge_card")
    order.pay_by = now()
    db.session.commit()

    chasing.overdue_orders(gateway)

    call = call_of(payment, "charge_card")
    assert (call.status, call.answer) == (CallStatus.HUMAN, "not_found")
    assert how(order) == ("awaiting_payment", ["cancelled"])
    assert taken(order, gateway) == 0
    late = gateway.bank.charge_card(**call.parameters, key="it was on its way all the time")
    visitor.pay(page_opened(order, gateway).url or "")
    reconciling.repair(gateway)
    assert how(order) == ("paid", ["succeeded", "succeeded"])
    db.session.commit()
    assert len(gateway.bank.refunds_of(late.id)) + len(refunds_by_hand(order, gateway)) == 1
    assert [one.kind for one in reconciling.differences(gateway)] == ["call_needs_a_person"]


def refunds_by_hand(order: Order, gateway: OutsideTransactions) -> list[Refund]:
    """What went back of the money that came over the page."""
    paid = queries.payments_of(order.id)[-1].provider_intent_id
    db.session.commit()
    assert paid is not None
    return gateway.bank.refunds_of(paid)  # type: ignore[no-any-return]


def test_money_that_comes_after_the_order_ended_goes_back(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order, card = waiting(gateway, visitor)
    payment = planned(order, card)
    executed_and_lost(payment, gateway)
    held = queries.locked_order(order.id)
    cancelling.cancel(held, reason="changed_mind", by=held.client, at=now())
    db.session.commit()
    lapse(order)

    calls.send_due(gateway)
    calls.send_for(order.id, gateway)

    assert how(order) == ("cancelled", ["succeeded"])
    [refund] = queries.payment(payment.id).refunds
    assert (refund.amount_cents, str(refund.status)) == (order.total_cents, "done")


def test_what_was_not_sent_is_not_sent_once_the_card_is_removed(
    app: Flask, gateway: OutsideTransactions, visitor: Visitor
) -> None:
    order, card = waiting(gateway, visitor)
    planned(order, card)
    removing.remove(card, by=order.client, at=now())
    db.session.commit()

    calls.send_for(order.id, gateway)
    calls.send_about(card.id, gateway)

    assert how(order) == ("awaiting_payment", ["cancelled"])
    assert taken(order, gateway) == 0
    assert gateway.bank.card(card.provider_method_id).customer_id is None


def test_a_removed_card_is_not_charged(app: Flask) -> None:
    client = alice()
    order, card = an_order(client), a_saved_card(client)
    removing.remove(card, by=client, at=now())
    db.session.commit()

    with pytest.raises(CardRemoved):
        charging.charge(queries.locked_order(order.id), card, at=now())
    with pytest.raises(sa.exc.IntegrityError, match="removed_card_is_not_charged"):
        db.session.execute(
            sa.insert(Payment).values(
                order_id=order.id,
                amount_cents=order.total_cents,
                status="created",
                card_id=card.id,
            )
        )
    db.session.rollback()
    assert queries.payments_of(order.id) == []
    assert queries.cards_of(client) == []


def test_only_its_owners_orders_are_charged(app: Flask) -> None:
    order, card = an_order(alice()), a_saved_card(bob())
    with pytest.raises(NotAllowed):
        charging.charge(queries.locked_order(order.id), card, at=now())
    assert queries.payments_of(order.id) == []


def test_the_gate_is_asked_again(app: Flask) -> None:
    client = alice()
    (order, prescription), card = a_cream_order(client), a_saved_card(client)
    revoking.revoke(prescription, reason="A test.", by=prescription.prescriber, at=now())
    with pytest.raises(Refused):
        charging.charge(queries.locked_order(order.id), card, at=now())
    assert queries.payments_of(order.id) == []


def test_a_card_is_not_charged_beside_an_open_page(app: Flask) -> None:
    client = alice()
    order, card = an_order(client), a_saved_card(client)
    begun(order)
    with pytest.raises(PaymentUnderWay):
        charging.charge(queries.locked_order(order.id), card, at=now())
