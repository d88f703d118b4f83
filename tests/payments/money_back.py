"""Orders that were paid and left, and refunds of them; saved and committed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db
from shop.orders.models import Order
from shop.orders.queries import locked_order
from shop.payments import calls, following, proposing, queries
from shop.payments.gateway import Gateway
from shop.payments.models import Payment, Refund
from shop.payments.proposing import Wanted
from shop.payments.sandbox.cards import PAYS
from shop.payments.sandbox.in_process import Visitor
from shop.payments.states import RefundReason
from tests.builders import a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import leave, placed
from tests.orders.things import paid as an_order_paid
from tests.payments.orders_to_pay import opened
from tests.people import alice, sam


def on_the_shelf(cents: int = 2400) -> Variant:
    variant = a_variant(cents=cents)
    a_lot(variant, 100)
    return variant


def sent(wishes: Mapping[Variant, int] | None = None, client: Person | None = None) -> Order:
    """An order that left, paid as if the provider had said so; its intent has a name."""
    order = an_order_paid(client or alice(), wishes or {on_the_shelf(): 3})
    (payment,) = queries.payments_of(order.id)
    payment.provider_session_id = f"cs_{payment.id.hex}"
    payment.provider_intent_id = f"pi_{payment.id.hex}"
    leave(order)
    db.session.commit()
    return locked_order(order.id)


def bought(
    gateway: Gateway,
    visitor: Visitor,
    wishes: Mapping[Variant, int] | None = None,
    *,
    number: str = PAYS,
    ships: bool = True,
) -> Order:
    """An order that was paid on the provider's page, read here, and has left."""
    order = placed(alice(), wishes or {on_the_shelf(): 3})
    payment = opened(order, gateway)
    assert payment.url is not None
    assert visitor.pay(payment.url, number=number).status == 303
    following.payment(payment.id, gateway)
    if ships:
        leave(order)
        db.session.commit()
    return locked_order(order.id)


def payment_of(order: Order) -> Payment:
    found = queries.payment_to_refund(order)
    assert found is not None
    return found


def propose(order: Order, wanted: Wanted, **given: Any) -> Refund:
    fields: dict[str, Any] = {
        "reason": RefundReason.GOODWILL,
        "request_key": f"test:{uuid4()}",
        "by": given.pop("by", None) or sam(),
        "at": now(),
    }
    refund = proposing.propose(locked_order(order.id), wanted, **(fields | given))
    db.session.commit()
    return refund


def units(order: Order, *counts: int) -> Wanted:
    """So many units of each line, in their order."""
    return Wanted(
        {line.sku: count for line, count in zip(order.lines, counts, strict=False) if count}
    )


def went(order: Order, gateway: Gateway) -> list[str]:
    """Send what waits; how the order's refunds stand then."""
    calls.send_for(order.id, gateway)
    return [str(one.status) for one in queries.refunds_of(order)]
