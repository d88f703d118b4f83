"""What credit pays of an order, and how it comes back."""

from __future__ import annotations

import pytest
from flask import Flask

from shop.core.clock import now
from shop.core.db import db
from shop.core.money import LEAST_CENTS
from shop.credit import returning, spending
from shop.credit.errors import CreditNotSpent
from shop.orders import cancelling, expiring, queries
from shop.orders.errors import TotalTooSmall
from shop.orders.states import LineStatus, OrderStatus
from shop.payments import queries as payments
from shop.payments import settling
from shop.payments.errors import NotPayable
from tests.builders import a_cream, a_variant
from tests.credit.builders import balance, ledger, with_credit
from tests.inventory.lots import a_lot
from tests.orders.things import history, leave, paid, placed
from tests.people import alice, dr_chen
from tests.prescriptions import builders as prescriptions

PICKUP = {"shipping_method": "pickup"}


@pytest.mark.parametrize(
    ("total", "held", "used"),
    [
        (1000, 0, 0),
        (1000, 400, 400),
        (1000, 950, 950),
        (1000, 951, 950),  # less than 50 cents left is more than a card network takes
        (1000, 999, 950),
        (1000, 1000, 1000),
        (1000, 5000, 1000),
        (50, 49, 0),
        (50, 50, 50),
        (40, 39, 0),  # neither nothing nor enough is left: such an order is refused
        (40, 40, 40),
        (0, 70, 0),
    ],
)
def test_credit_leaves_nothing_or_what_a_card_can_pay(total: int, held: int, used: int) -> None:
    assert spending.payable(total, held) == used
    assert total < LEAST_CENTS or total - used in {0, *range(LEAST_CENTS, total + 1)}


def test_credit_pays_a_part_and_money_the_rest(app: Flask) -> None:
    client, soap = with_credit(10_00), a_variant(cents=2400)
    a_lot(soap)

    order = placed(client, {soap: 1}, use_credit=True)
    payment = settling.begin(order, by=client, at=now(), base_url="http://x")
    db.session.commit()

    assert (order.total_cents, order.credit_cents, order.due_cents) == (3269, 1000, 2269)
    assert (str(order.status), payment.amount_cents) == ("awaiting_payment", 2269)
    assert ledger(client) == [("issued", 1000, 1000), ("spent", -1000, 0)]
    assert balance(client) == 0


def test_credit_is_left_alone_where_she_does_not_ask_for_it(app: Flask) -> None:
    client, soap = with_credit(10_00), a_variant()
    a_lot(soap)

    order = placed(client, {soap: 1})

    assert (order.credit_cents, order.due_cents, balance(client)) == (0, 3269, 1000)


def test_what_credit_pays_whole_is_paid_when_it_is_placed_and_ships(app: Flask) -> None:
    client, cream = with_credit(90_00), a_cream(cents=6200)
    a_lot(cream)
    prescriptions.a_prescription(client, cream, by=dr_chen())

    order = placed(client, {cream: 1}, use_credit=True)

    assert (order.status, order.due_cents) == (OrderStatus.PAID, 0)
    assert [line.status for line in order.lines] == [LineStatus.READY]
    assert str(order.lines[0].fill.status) == "consumed"
    assert payments.payments_of(order.id) == []
    assert history(order) == ["order_placed", "order_paid"]
    assert balance(client) == 90_00 - order.total_cents
    with pytest.raises(NotPayable):
        settling.begin(order, by=client, at=now(), base_url="http://x")

    leave(order)
    db.session.commit()
    assert str(order.status) == "closed"


def test_too_little_left_for_a_card_is_refused_and_nothing_spent(app: Flask) -> None:
    client, sweet = with_credit(30), a_variant(cents=40)
    a_lot(sweet)

    with pytest.raises(TotalTooSmall):
        placed(client, {sweet: 1}, use_credit=True, **PICKUP)
    db.session.rollback()


def test_a_cancelled_order_gives_its_credit_back_at_once(app: Flask) -> None:
    client, soap = with_credit(10_00), a_variant()
    a_lot(soap)
    order = placed(client, {soap: 1}, use_credit=True)

    cancelling.cancel(order, reason="asked_for", by=client, at=now())
    db.session.commit()

    assert ledger(client)[1:] == [("spent", -1000, 0), ("returned", 1000, 1000)]


def test_an_order_that_credit_paid_whole_can_be_cancelled(app: Flask) -> None:
    client, soap = with_credit(50_00), a_variant()
    a_lot(soap)
    order = placed(client, {soap: 1}, use_credit=True)
    assert order.status is OrderStatus.PAID

    cancelling.cancel(order, reason="asked_for", by=client, at=now())
    db.session.commit()

    assert (str(order.status), balance(client)) == ("cancelled", 50_00)


def test_an_expired_order_gives_its_credit_back(app: Flask) -> None:
    client, soap = with_credit(10_00), a_variant()
    a_lot(soap)
    order = placed(client, {soap: 1}, use_credit=True, days=-1)

    expiring.expire(order, at=now())
    db.session.commit()

    assert (str(order.status), balance(client)) == ("expired", 1000)


def test_a_part_comes_back_once_a_request_and_never_more_than_was_spent(app: Flask) -> None:
    client, soap = with_credit(10_00), a_variant()
    a_lot(soap)
    order = queries.locked_order(paid(client, {soap: 1}, use_credit=True).id)
    asked = {"reason": "refund", "by": client, "at": now()}

    first = returning.give_back(order, 400, request_key="refund:1", **asked)
    again = returning.give_back(order, 400, request_key="refund:1", **asked)
    returning.give_back(order, 100, **asked)
    with pytest.raises(CreditNotSpent) as refused:
        returning.give_back(order, 501, **asked)
    db.session.commit()

    assert again is first
    assert refused.value.facts == {"wanted_cents": 501, "left_cents": 500}
    assert (returning.left(order.id), balance(client)) == (500, 500)

    cancelling.cancel(order, reason="asked_for", by=client, at=now())
    db.session.commit()
    assert (returning.left(order.id), balance(client)) == (0, 1000)


def test_nothing_comes_back_of_an_order_that_spent_nothing(app: Flask) -> None:
    client, soap = alice(), a_variant()
    a_lot(soap)
    order = placed(client, {soap: 1})

    with pytest.raises(CreditNotSpent):
        returning.give_back(order, 1, reason="refund", by=client, at=now())
    cancelling.cancel(order, reason="asked_for", by=client, at=now())
    db.session.commit()

    assert ledger(client) == []
