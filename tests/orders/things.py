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
from shop.merchant.routes import Route
from shop.orders import cart as carts
from shop.orders import checkout, labelling, paying, picking, queries, shipping
from shop.orders.checkout import Address
from shop.orders.handing_over import Met
from shop.orders.models import Cart, Order, OrderLine, Shipment
from shop.orders.pricing import PICKUP
from shop.orders.scanning import Scanned
from shop.orders.states import OrderStatus
from shop.payments import settling
from shop.payments.states import PaymentStatus
from shop.prescriptions import issuing
from shop.prescriptions.models import DocumentKind
from shop.prescriptions.paper.clinic import Clinic
from tests.people import sam

PARCEL: dict[str, Any] = {"carrier": "UPS", "tracking": "1Z999AA10123456784"}
CLINIC = Clinic("Luminescence", "1400 Grand Avenue, Oakland", "+1 510 555 0142")
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
    discount_code: str | None = None,
    use_credit: bool = False,
    payment_route: Route = Route.ONLINE,
    days: int = 0,
) -> Order:
    """An order that awaits its payment, placed `days` from now."""
    order = checkout.place(
        cart or a_cart(client, wishes),
        skus=skus,
        address=address,
        shipping_method=shipping_method,
        expect_total_cents=expect_total_cents,
        discount_code=discount_code,
        use_credit=use_credit,
        payment_route=payment_route,
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


def packed(order: Order, *, skus: Sequence[str] | None = None, by: Person | None = None) -> None:
    """What may leave is picked from where the list says, and labelled. Who packs: Sam, or `by`.

    The label is written down and not drawn.
    """
    packer = by or sam()
    if order.status is not OrderStatus.PAID:
        return
    for each in shipping.picking_list(queries.locked_order(order.id), at=now()):
        if each.goes and (skus is None or each.line.sku in skus):
            for one in each.picks:
                scanned = Scanned(each.line.sku, one.lot.lot_number)
                picking.pick(order, scanned, units=one.units, by=packer, at=now())
            if not each.labelled:
                labelled(order, each.line, by=packer)


def labelled(order: Order, line: OrderLine, *, by: Person) -> None:
    """The label of a line, as `labelling.print_label` writes it down."""
    assert line.fill is not None
    facts = labelling.label_of(order, line, line.fill, clinic=CLINIC, zone="UTC", at=now())
    issuing.issue(
        DocumentKind.DISPENSING_LABEL,
        line.fill.id,
        facts,
        lambda _facts, _mark: b"%PDF",
        by=by,
        on=now().date(),
        lots=[package.lot_number for package in facts.packages],
    )


def leave(order: Order, *, skus: Sequence[str] | None = None, by: Person | None = None) -> Shipment:
    """Packed, and shipped with UPS, or handed to the client where she picks it up."""
    packer = by or sam()
    packed(order, skus=skus, by=packer)
    return shipping.ship(order, skus=skus, **way(order), by=packer, at=now())


def way(order: Order) -> dict[str, Any]:
    """How an order leaves: its parcel, or its client at the desk."""
    if order.shipping_method != PICKUP:
        return PARCEL
    assert order.client.birth_date is not None
    return {"met": Met(order.client.name, order.client.birth_date)}


def shelf(lot: Lot) -> tuple[int, int]:
    """On hand and reserved, as the database has them."""
    db.session.refresh(lot)
    return lot.on_hand, lot.reserved


def history(subject: Any) -> list[str]:
    """The kinds of a subject's events."""
    return [event.kind for event in events.of(subject.id)]
