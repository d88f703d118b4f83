"""What two do at once, with real commits: one wins, the other is refused and changed nothing."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.errors import Refusal, StartAgain
from shop.inventory.models import Lot
from shop.orders import cancelling, checkout, revoking, shipping
from shop.orders import cart as carts
from shop.orders.models import Order, OrderLine
from shop.orders.states import LineStatus, OrderStatus
from shop.prescriptions.models import Fill, Prescription
from shop.prescriptions.states import FillStatus, PrescriptionStatus
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import HOME, a_cart, paid, pay, placed
from tests.people import alice, sam
from tests.prescriptions.builders import a_prescription

TRIES = 5


def at_once(app: Flask, *acts: Callable[[], object]) -> list[object]:
    """Run every act in a thread and a transaction of its own, started together.

    What an act returns, or the code of the refusal that met it. A StartAgain is obeyed, as the
    web layer does; whatever else goes wrong (a deadlock, a constraint) is raised.
    """
    barrier = threading.Barrier(len(acts))
    answers: list[object] = [None] * len(acts)

    def run(place: int) -> None:
        with app.app_context():
            act_as("system:test")
            barrier.wait()
            try:
                answers[place] = _tried(acts[place])
            except Exception as error:  # noqa: BLE001 - handed to the test's own thread
                answers[place] = error
            finally:
                db.session.remove()

    threads = [threading.Thread(target=run, args=[place]) for place in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


def _tried(act: Callable[[], object]) -> object:
    for _ in range(TRIES):
        try:
            answer = act()
            db.session.commit()
        except StartAgain:
            db.session.rollback()
        except Refusal as refusal:
            db.session.rollback()
            return refusal.code
        else:
            return answer
    raise AssertionError("It was told to start again too often.")


def placing(client_id: uuid.UUID, days: int = 0) -> Callable[[], str]:
    """The client places her cart."""

    def act() -> str:
        client = db.session.get_one(Person, client_id)
        checkout.place(
            carts.cart_of(client, lock=True),
            skus=None,
            address=HOME,
            shipping_method="standard",
            expect_total_cents=None,
            by=client,
            at=now() + timedelta(days=days),
        )
        return "placed"

    return act


def revoking_it(prescription_id: uuid.UUID) -> Callable[[], str]:
    """The physician takes her prescription back."""

    def act() -> str:
        prescription = db.session.get_one(Prescription, prescription_id)
        revoking.revoke(prescription, reason="A test.", by=prescription.prescriber, at=now())
        return "revoked"

    return act


def paying_for(order_id: uuid.UUID) -> Callable[[], str]:
    def act() -> str:
        pay(db.session.get_one(Order, order_id))
        return "paid"

    return act


def cancelling_it(order_id: uuid.UUID) -> Callable[[], str]:
    def act() -> str:
        order = db.session.get_one(Order, order_id)
        cancelling.cancel(order, reason="client", by=order.client, at=now())
        return "cancelled"

    return act


def shipping_it(order_id: uuid.UUID, packer_id: uuid.UUID) -> Callable[[], str]:
    def act() -> str:
        order = db.session.get_one(Order, order_id)
        packer = db.session.get_one(Person, packer_id)
        shipping.ship(order, skus=None, carrier="USPS", tracking="1", by=packer, at=now())
        return "shipped"

    return act


def a_scene(
    app: Flask, wishes: Sequence[tuple[Variant, int]], clients: Sequence[Person]
) -> list[uuid.UUID]:
    """Everybody has the same in her cart; committed."""
    for client in clients:
        a_cart(client, dict(wishes))
    db.session.commit()
    return [client.id for client in clients]


def count(query: sa.Select[int]) -> int:
    return int(db.session.scalar(query) or 0)


def orders_of(client_id: uuid.UUID) -> int:
    return count(sa.select(sa.func.count()).select_from(Order).where(Order.client_id == client_id))


def test_a_double_click_places_one_order(live_app: Flask) -> None:
    with live_app.app_context():
        act_as("system:test")
        soap = a_variant()
        lot_id = a_lot(soap, 10).id
        [client_id] = a_scene(live_app, [(soap, 2)], [alice()])

        answers = at_once(live_app, *[placing(client_id)] * 4)

        db.session.rollback()
        assert sorted(map(str, answers)) == ["cart_empty"] * 3 + ["placed"]
        assert orders_of(client_id) == 1
        lot = db.session.get_one(Lot, lot_id, populate_existing=True)
        assert (lot.on_hand, lot.reserved) == (10, 2)


def test_the_last_unit_goes_to_one(live_app: Flask) -> None:
    with live_app.app_context():
        act_as("system:test")
        soap = a_variant()
        lot_id = a_lot(soap, 1).id
        clients = a_scene(live_app, [(soap, 1)], [alice() for _ in range(4)])

        answers = at_once(live_app, *map(placing, clients))

        db.session.rollback()
        assert sorted(map(str, answers)) == ["not_enough_stock"] * 3 + ["placed"]
        lot = db.session.get_one(Lot, lot_id, populate_existing=True)
        assert (lot.on_hand, lot.reserved) == (1, 1)
        for client_id, answer in zip(clients, answers, strict=True):
            cart = carts.cart_of(db.session.get_one(Person, client_id))
            assert (orders_of(client_id), len(cart.lines)) == (
                (1, 0) if answer == "placed" else (0, 1)
            )


def test_the_last_fill_is_taken_once(live_app: Flask) -> None:
    """Two tills of one client: an order of each of two carts cannot be, so one places twice."""
    with live_app.app_context():
        act_as("system:test")
        client, cream = alice(), a_cream()
        lot_id = a_lot(cream, 10).id
        prescription_id = a_prescription(client, cream, fills=1).id
        [client_id] = a_scene(live_app, [(cream, 1)], [client])

        def again() -> str:
            cart = carts.cart_of(db.session.get_one(Person, client_id), lock=True)
            if not cart.lines:
                carts.put(cart, db.session.get_one(Variant, cream.id), 1)
            return placing(client_id)()

        answers = at_once(live_app, again, again, again)

        db.session.rollback()
        assert sorted(map(str, answers)) == ["no_prescription"] * 2 + ["placed"]
        fills = db.session.scalars(
            sa.select(Fill.status).where(Fill.prescription_id == prescription_id)
        ).all()
        assert fills == [FillStatus.RESERVED]
        lot = db.session.get_one(Lot, lot_id, populate_existing=True)
        assert (lot.on_hand, lot.reserved) == (10, 1)


@pytest.mark.parametrize("_round", range(5))
def test_nothing_is_promised_under_what_is_being_revoked(live_app: Flask, _round: int) -> None:
    with live_app.app_context():
        act_as("system:test")
        client, cream = alice(), a_cream()
        lot_id = a_lot(cream, 10).id
        prescription_id = a_prescription(client, cream).id
        [client_id] = a_scene(live_app, [(cream, 1)], [client])

        answers = at_once(live_app, placing(client_id), revoking_it(prescription_id))

        db.session.rollback()
        assert answers[1] == "revoked"
        assert answers[0] in ("placed", "no_prescription")
        prescription = db.session.get_one(Prescription, prescription_id, populate_existing=True)
        assert prescription.status is PrescriptionStatus.REVOKED
        orders = db.session.scalars(sa.select(Order).where(Order.client_id == client_id)).all()
        assert [order.status for order in orders] == (
            [OrderStatus.CANCELLED] if answers[0] == "placed" else []
        )
        lot = db.session.get_one(Lot, lot_id, populate_existing=True)
        assert (lot.on_hand, lot.reserved) == (10, 0)


@pytest.mark.parametrize("_round", range(5))
def test_money_and_revocation_leave_nothing_to_ship(live_app: Flask, _round: int) -> None:
    with live_app.app_context():
        act_as("system:test")
        client, cream = alice(), a_cream()
        a_lot(cream, 10)
        prescription_id = a_prescription(client, cream).id
        order_id = placed(client, {cream: 1}).id

        answers = at_once(live_app, paying_for(order_id), revoking_it(prescription_id))

        db.session.rollback()
        assert answers[1] == "revoked"
        order = db.session.get_one(Order, order_id, populate_existing=True)
        [line] = db.session.scalars(
            sa.select(OrderLine)
            .where(OrderLine.order_id == order_id)
            .execution_options(populate_existing=True)
        )
        if answers[0] == "paid":
            assert (order.status, line.status) == (OrderStatus.PAID, LineStatus.ON_HOLD)
        else:
            assert answers[0] == "order_not_payable"
            assert (order.status, line.status) == (OrderStatus.CANCELLED, LineStatus.CANCELLED)


@pytest.mark.parametrize("_round", range(5))
def test_what_ships_is_not_cancelled(live_app: Flask, _round: int) -> None:
    with live_app.app_context():
        act_as("system:test")
        soap, packer = a_variant(), sam()
        lot_id = a_lot(soap, 10).id
        order_id = paid(alice(), {soap: 1}).id

        answers = at_once(live_app, shipping_it(order_id, packer.id), cancelling_it(order_id))

        db.session.rollback()
        order = db.session.get_one(Order, order_id, populate_existing=True)
        lot = db.session.get_one(Lot, lot_id, populate_existing=True)
        if answers[0] == "shipped":
            assert answers[1] == "already_shipped"
            assert (order.status, lot.on_hand, lot.reserved) == (OrderStatus.CLOSED, 9, 0)
        else:
            assert answers == ["not_paid", "cancelled"]
            assert (order.status, lot.on_hand, lot.reserved) == (OrderStatus.CANCELLED, 10, 0)


def test_the_lock_order_never_deadlocks(live_app: Flask) -> None:
    """Thirty rounds of placing, shipping, cancelling and revoking over the same shelf and paper."""
    for _ in range(30):
        with live_app.app_context():
            act_as("system:test")
            client, soap, packer = alice(), a_variant(), sam()
            creams = [a_cream(), a_cream()]
            for variant in (soap, *creams):
                a_lot(variant, 10), a_lot(variant, 10, days=200)
            paper = [a_prescription(client, cream, fills=3, days_supply=1).id for cream in creams]
            wishes = {soap: 1} | dict.fromkeys(creams, 1)
            ready = paid(client, wishes).id
            unpaid = placed(client, dict.fromkeys(reversed(creams), 1), days=1).id
            a_cart(client, wishes)
            db.session.commit()

            answers = at_once(
                live_app,
                placing(client.id, days=2),
                revoking_it(paper[0]),
                shipping_it(ready, packer.id),
                paying_for(unpaid),
            )

            db.session.rollback()
            assert answers[1] == "revoked"
            assert answers[0] in ("placed", "no_prescription")
            assert answers[2] in ("shipped", "no_prescription")
            assert answers[3] in ("paid", "order_not_payable", "no_prescription")
