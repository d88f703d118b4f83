"""Orders that wait for money, and a client who pays them on the sandbox's page."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.events import Kind
from shop.inventory import stock
from shop.orders.models import Order, OrderLine
from shop.orders.states import LineStatus, OrderStatus
from shop.payments import calls, queries, settling
from shop.payments.gateway import Gateway
from shop.payments.models import Payment
from tests.builders import a_variant
from tests.inventory.lots import a_lot, today
from tests.people import alice

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


def an_order(client: Person | None = None, variant: Variant | None = None, **given: Any) -> Order:
    """An order of one pack that waits for its money; its stock is reserved."""
    client = client or alice()
    if variant is None:
        variant = a_variant()
        a_lot(variant)
    price = variant.prices[0]
    fields: dict[str, Any] = {
        "id": uuid.uuid4(),
        "number": f"A-{uuid.uuid4().hex[:8].upper()}",
        "client_id": client.id,
        "status": OrderStatus.AWAITING_PAYMENT,
        "ship_to_state": client.state,
        "name": client.name,
        "line1": "1 Main Street",
        "city": "Fresno",
        "postal_code": "93650",
        "shipping_method": "standard",
        "subtotal_cents": price.cents,
        "discount_cents": 0,
        "shipping_cents": 0,
        "tax_cents": 0,
        "total_cents": price.cents,
        "pay_by": now() + timedelta(minutes=30),
    }
    order = Order(**(fields | given))
    db.session.add(order)
    events.record(Kind.ORDER_PLACED, order)
    db.session.flush()  # the line points at it
    [reservation] = stock.reserve([(variant.id, 1)], today=today())
    line = OrderLine(
        id=uuid.uuid4(),
        order_id=order.id,
        position=1,
        client_id=client.id,
        ship_to_state=order.ship_to_state,
        variant_id=variant.id,
        sku=variant.sku,
        name=variant.name,
        quantity=1,
        price_id=price.id,
        unit_price_cents=price.cents,
        total_cents=price.cents,
        requires_prescription=False,
        reservation_id=reservation.id,
        status=LineStatus.PLACED,
    )
    db.session.add(line)
    events.record(Kind.LINE_PLACED, line)
    db.session.commit()
    db.session.refresh(order, ["lines"])
    return order


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
    db.session.expire_all()
    return str(order.status), [str(one.status) for one in queries.payments_of(order.id)]
