"""Order again asks the gate like everybody, and places nothing."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.events import Kind
from shop.orders import cart as carts
from shop.orders import reordering
from shop.orders.models import Order
from shop.orders.reordering import Again
from shop.prescriptions import revoking
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import HOME, a_cart, paid, placed
from tests.people import alice, bob, dr_chen
from tests.prescriptions.builders import a_prescription


def again(order: Order, **closed: str) -> list[Again]:
    cart = carts.cart_of(order.client, lock=True)
    return reordering.reorder(order, cart, closed=closed, at=now())


def in_cart(client: Any) -> dict[str, int]:
    return {line.variant.sku: line.quantity for line in carts.cart_of(client).lines}


def answers(told: list[Again]) -> dict[str, tuple[bool, str]]:
    return {one.sku: (one.added, one.decision) for one in told}


def test_what_can_be_sold_is_in_the_cart_and_each_line_has_its_answer(app: Flask) -> None:
    client, chen = alice(), dr_chen()
    soap, cream, gone, scarce = a_variant(), a_cream(), a_variant(), a_variant()
    a_lot(soap), a_lot(cream), a_lot(gone), a_lot(scarce, 2)
    signed = a_prescription(client, cream, by=chen)
    order = paid(client, {soap: 2, cream: 1, gone: 1, scarce: 2})
    revoking.revoke(signed, reason="A test.", by=chen, at=now())
    gone.for_sale = False
    db.session.commit()

    told = again(order)

    assert answers(told) == {
        soap.sku: (True, "open"),
        cream.sku: (True, "needs_request"),
        gone.sku: (False, "not_sold"),
        scarce.sku: (False, "blocked"),
    }
    assert in_cart(client) == {soap.sku: 2, cream.sku: 1}
    assert all(one.sentence for one in told)
    said = {one.sku: one.sentence for one in told}
    assert said[gone.sku] == "This is not sold any more."
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Order)) == 1


def test_it_is_safe_to_repeat_and_keeps_what_was_there(app: Flask) -> None:
    client, soap, other = alice(), a_variant(), a_variant()
    a_lot(soap), a_lot(other)
    order = paid(client, {soap: 2})
    a_cart(client, {soap: 5, other: 1})
    again(order)
    again(order)
    assert in_cart(client) == {soap.sku: 5, other.sku: 1}


def test_at_todays_price(app: Flask) -> None:
    client, soap = alice(), a_variant(cents=2400)
    a_lot(soap)
    order = paid(client, {soap: 1})
    other = a_variant(soap.product, cents=2600)  # a price of its own
    old = soap.prices[0]
    old.valid_until = now()
    db.session.flush()
    assert again(order)[0].sentence == "This has no price at the moment."
    assert in_cart(client) == {}
    assert other.price_at(now()).cents == 2600  # type: ignore[union-attr]


def test_what_the_policy_hides_is_left_out(app: Flask) -> None:
    client, soap = alice(), a_variant()
    a_lot(soap)
    order = paid(client, {soap: 1})
    (told,) = again(order, **{soap.sku: "Ask the physician about this first."})
    assert (told.added, told.sentence) == (False, "Ask the physician about this first.")


def test_the_gate_still_closes_when_it_is_placed(app: Flask) -> None:
    """Reordering is no way round: what needs a prescription is refused like anybody's cart."""
    import pytest

    from shop.prescriptions.errors import NoPrescription

    client, cream, chen = alice(), a_cream(), dr_chen()
    a_lot(cream)
    signed = a_prescription(client, cream, by=chen)
    order = paid(client, {cream: 1})
    revoking.revoke(signed, reason="A test.", by=chen, at=now())
    db.session.commit()
    again(order)
    with pytest.raises(NoPrescription):
        placed(client, {}, cart=carts.cart_of(client, lock=True), address=HOME)


def test_over_http_by_its_own_client_alone(app: Flask) -> None:
    client, other = somebody(alice), somebody(bob)
    soap = a_variant()
    a_lot(soap)
    order = paid(client, {soap: 3})
    number, sku = order.number, soap.sku
    assert Browser(app, other).post(f"/orders/{number}/reorder").status_code == 404
    browser = Browser(app, client)
    told = browser.post(f"/orders/{number}/reorder").json["lines"]
    assert [(one["sku"], one["quantity"], one["added"]) for one in told] == [(sku, 3, True)]
    assert [one["sku"] for one in browser.get("/cart").json["lines"]] == [sku]
    assert Kind.ORDER_PLACED in {event.kind for event in events.of(order.id)}
