"""Carts and orders, through the verbs that make them; saved, not committed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.inventory.models import Lot
from shop.orders import cart as carts
from shop.orders import checkout, paying, queries
from shop.orders.checkout import Address
from shop.orders.models import Cart, Order
from shop.payments import settling
from shop.payments.states import PaymentStatus

HOME = Address(
    name="Alice Moreno",
    line1="12 Grove St",
    city="Oakland",
    state="CA",
    postal_code="94607",
)


def a_cart(client: Person, wishes: Mapping[Variant, int]) -> Cart:
    """The client's cart with these in it."""
    cart = carts.cart_of(client, lock=True)
    for variant, quantity in wishes.items():
        carts.put(cart, variant, quantity)
    return cart


def placed(
    client: Person,
    wishes: Mapping[Variant, int],
    *,
    cart: Cart | None = None,
    skus: Sequence[str] | None = None,
    address: Address = HOME,
    shipping_method: str = "standard",
    expect_total_cents: int | None = None,
    days: int = 0,
) -> Order:
    """An order that awaits its payment, placed `days` from now."""
    order = checkout.place(
        cart or a_cart(client, wishes),
        skus=skus,
        address=address,
        shipping_method=shipping_method,
        expect_total_cents=expect_total_cents,
        by=client,
        at=now() + timedelta(days=days),
    )
    db.session.commit()
    return order


def paid(client: Person, wishes: Mapping[Variant, int], **given: Any) -> Order:
    """An order that is paid."""
    order = placed(client, wishes, **given)
    pay(order)
    db.session.commit()
    return order


def pay(order: Order) -> None:
    """The money for an order comes, as when the provider's word was applied."""
    order = queries.locked_order(order.id)
    payment = settling.begin(order, by=order.client, at=now(), base_url="http://localhost")
    assert paying.mark_paid(order, at=now()) is paying.Outcome.PAID
    payment.captured_cents, payment.status = payment.amount_cents, PaymentStatus.SUCCEEDED
    events.record(events.Kind.PAYMENT_SUCCEEDED, payment, cents=payment.amount_cents)


def shelf(lot: Lot) -> tuple[int, int]:
    """On hand and reserved, as the database has them."""
    db.session.refresh(lot)
    return lot.on_hand, lot.reserved


def history(subject: Any) -> list[str]:
    """The kinds of a subject's events."""
    return [event.kind for event in events.of(subject.id)]
