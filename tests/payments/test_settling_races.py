"""What two do at once: one payment, one page, one refund."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from flask import Flask

from shop.core.db import act_as, db
from shop.payments import calls, following, planning, queries
from shop.payments.gateway import Gateway
from shop.payments.sandbox.in_process import Visitor
from tests.payments.orders_to_pay import an_order, begun, how, opened

HANDS = 6


def at_once(app: Flask, act: Callable[[], object]) -> list[object]:
    """The same act by several hands, each with a connection of its own."""
    ready = Barrier(HANDS)

    def hand(_: int) -> object:
        with app.app_context():
            act_as("system:test")
            ready.wait(timeout=30)
            try:
                return act()
            finally:
                db.session.remove()

    with ThreadPoolExecutor(HANDS) as hands:
        return list(hands.map(hand, range(HANDS)))


def test_many_begin_and_there_is_one_payment(live_app: Flask, gateway: Gateway) -> None:
    with live_app.app_context():
        act_as("system:test")
        order = an_order()
        db.session.commit()

        ids = at_once(live_app, lambda: begun(order).id)

        assert len(set(ids)) == 1
        assert how(order) == ("awaiting_payment", ["created"])


def test_many_send_and_there_is_one_page(live_app: Flask, gateway: Gateway) -> None:
    with live_app.app_context():
        act_as("system:test")
        order = an_order()
        begun(order)
        [call_id] = planning.pending(order.id)
        db.session.commit()

        results = at_once(live_app, lambda: calls.send(call_id, gateway))

        assert sorted(str(result) for result in results) == ["None"] * (HANDS - 1) + ["done"]
        pages = list(gateway.sessions_since(order.placed_at))
        assert [one.order_ref for one in pages] == [order.number]
        db.session.commit()
        assert how(order) == ("awaiting_payment", ["open"])


def test_many_learn_of_the_money_and_it_pays_once(
    live_app: Flask, gateway: Gateway, visitor: Visitor
) -> None:
    with live_app.app_context():
        act_as("system:test")
        order = an_order()
        payment = opened(order, gateway)
        visitor.pay(payment.url or "")
        db.session.commit()

        at_once(live_app, lambda: following.payment(payment.id, gateway))

        assert how(order) == ("paid", ["succeeded"])
        assert queries.payment(payment.id).refunded_cents == 0
