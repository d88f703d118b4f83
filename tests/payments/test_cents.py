"""Random carts, discounts, credit and refunds: each cent is where every book says that it is.

Lines, order, payment, refunds, the ledger of credit, and what moved on the account at the provider.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import pytest
import sqlalchemy as sa
from flask import Flask

from shop import create_app
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.errors import Refusal
from shop.credit import returning
from shop.discounts.models import Discount
from shop.orders import cancelling
from shop.orders.models import Order
from shop.orders.queries import locked_order
from shop.payments import following, proposing, queries, reconciling, settling, signing
from shop.payments.gateway import Gateway
from shop.payments.models import Refund
from shop.payments.proposing import Wanted
from shop.payments.sandbox.in_process import Visitor
from shop.payments.states import RefundStatus
from tests.conftest import Database, config_for
from tests.credit.builders import with_credit
from tests.discounts.builders import AMOUNT, a_discount, a_serum
from tests.orders.things import leave, placed
from tests.payments.money_back import bought, propose, went
from tests.payments.orders_to_pay import opened
from tests.people import alice, mona
from tests.regime import SEED, SOAK, counted

STORIES = 500 if SOAK else 25


@pytest.fixture
def shop(live: Database, gateway: Gateway) -> Iterator[Flask]:
    app = create_app(config_for(live), gateway=gateway)
    with app.app_context():
        act_as("system:test")
        yield app
        db.session.remove()
        db.engine.dispose()


@dataclass
class Story:
    """A cart, what was taken off it, what paid it, and what went back."""

    chance: Random
    gateway: Gateway
    visitor: Visitor

    def order(self) -> Order:
        """Paid at the provider, or by credit alone; all of it left, or a line was cancelled."""
        chance, client = self.chance, alice()
        if chance.random() < 0.6:
            with_credit(chance.randint(1, 90_00), client)
        code = self._discount().code if chance.random() < 0.6 else None
        packs = {
            a_serum(cents=chance.randint(101, 60_00)): chance.randint(1, 4)
            for _ in range(chance.randint(1, 3))
        }
        terms = {"discount_code": code, "use_credit": chance.random() < 0.7}
        method = chance.choice(["standard", "express"])
        order = placed(client, packs, shipping_method=method, **terms)
        if order.due_cents:
            payment = opened(order, self.gateway)
            assert self.visitor.pay(payment.url or "").status == 303
            following.payment(payment.id, self.gateway)
        if len(packs) > 1 and chance.random() < 0.4:
            sku = order.lines[0].sku
            cancelling.cancel_lines(
                locked_order(order.id), [sku], reason="changed_mind", by=client, at=now()
            )
            settling.give_back_lines(locked_order(order.id), at=now())
        leave(locked_order(order.id))
        db.session.commit()
        return locked_order(order.id)

    def _discount(self) -> Discount:
        if self.chance.random() < 0.5:
            return a_discount(value=self.chance.randint(1, 100))
        return a_discount(kind=AMOUNT, value=self.chance.randint(1, 40_00))

    def some_goes_back(self, order: Order) -> None:
        """Units, shipping, amounts; too much of each now and then. What is large another signs."""
        for _ in range(self.chance.randint(0, 5)):
            try:
                refund = propose(locked_order(order.id), self._wanted(order))
                if refund.status is RefundStatus.PROPOSED:
                    held = db.session.get_one(Refund, refund.id)
                    act = self.chance.choice([signing.sign, signing.decline])
                    act(held, by=mona(), at=now())
                    db.session.commit()
            except Refusal:
                db.session.rollback()
        went(order, self.gateway)

    def _wanted(self, order: Order) -> Wanted:
        chance = self.chance
        if chance.random() < 0.2:
            return proposing.everything_left(locked_order(order.id))
        return Wanted(
            units={
                line.sku: chance.randint(1, line.quantity)
                for line in order.lines
                if chance.random() < 0.5
            },
            shipping_cents=order.shipping_cents if chance.random() < 0.3 else 0,
            other_cents=chance.choice([0, 0, 1, chance.randint(1, 30_00)]),
        )

    def agrees(self, order: Order) -> None:
        """Every book of this order says the same."""
        lines = order.lines
        assert sum(line.total_cents for line in lines) == order.subtotal_cents
        assert sum(line.discount_cents for line in lines) == order.discount_cents
        assert sum(line.tax_cents for line in lines) == order.tax_cents
        paid = sum(line.paid_cents for line in lines) + order.shipping_cents
        assert paid == order.total_cents == order.credit_cents + order.due_cents
        payments = queries.payments_of(order.id)
        assert sum(one.captured_cents for one in payments) == order.due_cents
        refunds = [
            one
            for one in queries.refunds_of(order)
            if one.status not in {RefundStatus.DECLINED, RefundStatus.FAILED}
        ]
        money = sum(one.amount_cents for one in refunds)
        assert money == sum(one.refunded_cents for one in payments) <= order.due_cents
        credit = order.credit_cents - returning.left(order.id)
        assert 0 <= credit <= order.credit_cents
        if payments:
            assert credit == sum(one.credit_cents for one in refunds)
            assert self._there(payments[0].provider_intent_id or "") == order.due_cents - money
        for line in lines:
            back = sum(one.cents for each in refunds for one in each.units if one.line is line)
            assert back <= line.paid_cents

    def _there(self, intent_id: str) -> int:
        """What the provider took, less what it sent back, by its own movements."""
        db.session.commit()
        since = now().replace(year=2020)
        moved = [one for one in self.gateway.movements_since(since) if one.intent_id == intent_id]
        return sum(one.amount_cents for one in moved)


def test_each_cent_is_where_every_book_says(
    shop: Flask, gateway: Gateway, visitor: Visitor
) -> None:
    story = Story(Random(SEED), gateway, visitor)
    orders = []
    for _ in range(STORIES):
        order = story.order()
        story.some_goes_back(order)
        story.agrees(locked_order(order.id))
        orders.append(order.id)
        db.session.commit()

    assert [one.kind for one in reconciling.differences(gateway)] == []
    free = sum(1 for one in orders if not locked_order(one).due_cents)
    back = db.session.scalar(sa.select(sa.func.count()).select_from(Refund))
    assert 0 < free < STORIES
    assert back
    counted(
        "cents of random orders", stories=STORIES, refunds=back, paid_by_none=free, violations=0
    )


# A cent that a superuser moves past every guard.
PLANTED = {
    "of a line": "UPDATE order_lines SET tax_cents = tax_cents + 1 WHERE order_id = %(order)s",
    "of credit": "UPDATE orders SET credit_cents = credit_cents + 1 WHERE id = %(order)s",
    "of a payment": "UPDATE payments SET refunded_cents = refunded_cents + 1 WHERE order_id = %(order)s",
    "of a refund": (
        "UPDATE refunds SET amount_cents = amount_cents + 1"
        " WHERE payment_id IN (SELECT id FROM payments WHERE order_id = %(order)s)"
    ),
}


def undone(statement: str) -> str:
    return statement.translate(str.maketrans("+-", "-+"))


def test_a_cent_that_was_moved_is_seen(
    shop: Flask, gateway: Gateway, visitor: Visitor, live: Database
) -> None:
    story = Story(Random(SEED), gateway, visitor)
    order = bought(gateway, visitor)
    propose(order, Wanted(other_cents=100))
    went(order, gateway)
    story.agrees(locked_order(order.id))
    db.session.commit()
    for statement in PLANTED.values():
        with live.as_role() as superuser:
            superuser.execute("SET session_replication_role = replica")
            assert superuser.execute(statement, {"order": order.id}).rowcount > 0
        db.session.expire_all()
        with pytest.raises(AssertionError):
            story.agrees(locked_order(order.id))
        db.session.rollback()
        with live.as_role() as superuser:
            superuser.execute("SET session_replication_role = replica")
            superuser.execute(undone(statement), {"order": order.id})
    db.session.expire_all()
    story.agrees(locked_order(order.id))
    db.session.commit()
