"""Orders that wait for money, and a client who pays them on the sandbox's page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db
from shop.orders.models import Order
from shop.payments import calls, queries, settling
from shop.payments.gateway import Gateway
from shop.payments.models import Payment
from shop.prescriptions.models import Prescription
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import placed
from tests.people import alice
from tests.prescriptions.builders import a_prescription

SHOP = "http://localhost"


class OutsideTransactions:
    """A gateway that fails the test when it is called while a transaction is open."""

    def __init__(self, gateway: Gateway) -> None:
        self.bank = gateway  # for the test's own look

    def __getattr__(self, name: str) -> Any:
        call = getattr(self.bank, name)

        def watched(*args: Any, **kwargs: Any) -> Any:
            assert name == "read_event" or not db.session().in_transaction(), name
            return call(*args, **kwargs)

        return watched


def an_order(
    client: Person | None = None,
    variant: Variant | None = None,
    *,
    pay_by: datetime | None = None,
) -> Order:
    """An order of one pack that waits for its money; committed."""
    if variant is None:
        variant = a_variant()
        a_lot(variant)
    order = placed(client or alice(), {variant: 1})
    if pay_by is not None:
        order.pay_by = pay_by
        db.session.commit()
    return order


def a_cream_order(client: Person | None = None) -> tuple[Order, Prescription]:
    """An order of a doctor-only cream, and the prescription behind it; committed."""
    client = client or alice()
    cream = a_cream()
    a_lot(cream)
    prescription = a_prescription(client, cream)
    return an_order(client, cream), prescription


def begun(order: Order) -> Payment:
    """The order's payment, begun and committed; its call waits to be sent."""
    held = queries.locked_order(order.id)
    payment = settling.begin(held, by=held.client, at=now(), base_url=SHOP)
    db.session.commit()
    return payment


def opened(order: Order, gateway: Gateway) -> Payment:
    """The order's payment, with the provider's page open."""
    payment = begun(order)
    calls.send_for(order.id, gateway)
    return queries.payment(payment.id)


def how(order: Order) -> tuple[str, list[str]]:
    """How an order and its payments stand, as the database has them now."""
    fresh = db.session.get_one(Order, order.id, populate_existing=True)
    return str(fresh.status), [str(one.status) for one in queries.payments_of(order.id)]
