"""What store credit paid of an order comes back as credit, and only that."""

from __future__ import annotations

import pytest
from flask import Flask

from shop.core.clock import now
from shop.core.db import db
from shop.credit import queries as credit
from shop.credit import returning
from shop.orders import cancelling
from shop.orders.models import Order
from shop.orders.queries import locked_order
from shop.payments import proposing, queries, settling, splitting
from shop.payments.errors import RefundTooLarge
from shop.payments.models import Refund
from shop.payments.proposing import Wanted
from shop.payments.states import RefundStatus
from tests.credit.builders import with_credit
from tests.orders.things import leave, paid, placed
from tests.payments.money_back import on_the_shelf, payment_of, propose, units
from tests.people import alice


def partly_by_credit(credit_cents: int = 30_00, *, ships: bool = True) -> Order:
    """Three packs for $72, shipping and tax with them; credit paid a part and money the rest."""
    client = with_credit(credit_cents, alice())
    order = paid(client, {on_the_shelf(): 3}, use_credit=True)
    (payment,) = queries.payments_of(order.id)
    payment.provider_intent_id = f"pi_{payment.id.hex}"
    if ships:
        leave(order)
    db.session.commit()
    return locked_order(order.id)


def went_back(order: Order) -> tuple[int, int]:
    """As money and as credit, in cents."""
    given = queries.refunds_of(order)
    return sum(one.amount_cents for one in given), sum(one.credit_cents for one in given)


def test_money_goes_back_first_and_then_credit(app: Flask) -> None:
    order = partly_by_credit()
    line, held = order.lines[0], credit.balance(order.client)
    money = payment_of(order).captured_cents
    first = propose(order, units(order, 2))
    second = propose(order, units(order, 1))

    assert first.total_cents + second.total_cents == line.paid_cents
    assert first.credit_cents == max(0, first.total_cents - money)
    assert went_back(order)[0] == min(money, line.paid_cents)
    assert credit.balance(order.client) == held + went_back(order)[1]
    rest = propose(order, proposing.everything_left(locked_order(order.id)))
    assert went_back(order) == (order.due_cents, order.credit_cents)
    assert rest.status is RefundStatus.DONE  # of nothing but credit: nobody is asked to send it
    assert credit.balance(order.client) == held + order.credit_cents


def test_no_more_goes_back_than_both_paid(app: Flask) -> None:
    order = partly_by_credit()
    with pytest.raises(RefundTooLarge) as refused:
        propose(order, Wanted(other_cents=order.total_cents + 1))
    assert refused.value.facts["left_cents"] == order.total_cents
    assert went_back(order) == (0, 0)


def test_a_cancelled_line_gives_back_what_was_paid_for_it_of_both(app: Flask) -> None:
    client = with_credit(30_00, alice())
    order = paid(client, {on_the_shelf(): 1, on_the_shelf(): 2}, use_credit=True)
    sku = order.lines[0].sku
    terms = {"reason": "changed_mind", "by": client, "at": now()}
    cancelling.cancel_lines(locked_order(order.id), [sku], **terms)
    for _twice in range(2):
        settling.give_back_lines(locked_order(order.id), at=now())
    db.session.commit()
    (refund,) = queries.refunds_of(order)
    assert refund.total_cents == order.lines[0].paid_cents
    assert [one.cents for one in refund.lines] == [order.lines[0].paid_cents]


def test_an_order_that_ends_after_a_line_did_gives_all_of_both_back_once(app: Flask) -> None:
    client = with_credit(60_00, alice())
    held = credit.balance(client)
    order = paid(client, {on_the_shelf(): 2, on_the_shelf(): 1}, use_credit=True)
    terms = {"reason": "changed_mind", "by": client, "at": now()}
    first, second = (line.sku for line in order.lines)
    cancelling.cancel_lines(locked_order(order.id), [first], **terms)
    settling.give_back_lines(locked_order(order.id), at=now())
    db.session.commit()
    (refund,) = queries.refunds_of(order)
    assert refund.credit_cents > 0  # more was paid for it than came as money
    cancelling.cancel_lines(locked_order(order.id), [second], **terms)
    settling.wind_up(locked_order(order.id), at=now())
    db.session.commit()

    (payment,) = queries.payments_of(order.id)
    assert (payment.refunded_cents, returning.left(order.id)) == (payment.captured_cents, 0)
    assert credit.balance(client) == held


def test_of_an_order_that_credit_paid_whole_a_line_comes_back_as_credit(app: Flask) -> None:
    client = with_credit(100_00, alice())
    order = placed(client, {on_the_shelf(): 1, on_the_shelf(): 1}, use_credit=True)
    held = credit.balance(client)
    cancelling.cancel_lines(
        locked_order(order.id), [order.lines[0].sku], reason="changed_mind", by=client, at=now()
    )
    for _twice in range(2):
        settling.give_back_lines(locked_order(order.id), at=now())
    db.session.commit()
    assert credit.balance(client) == held + order.lines[0].paid_cents
    assert db.session.query(Refund).count() == 0


def test_what_is_split_is_what_was_asked_for(app: Flask) -> None:
    payment = payment_of(partly_by_credit())
    for cents in (1, payment.captured_cents, payment.captured_cents + 1):
        back = splitting.split(payment, cents)
        assert back.payment_cents + back.credit_cents == cents
        assert back.payment_cents == min(cents, payment.captured_cents)
