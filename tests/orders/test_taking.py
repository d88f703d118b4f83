"""Orders that staff take for a client: the same gate, and nothing of her health is shown."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.charts import charting
from shop.charts.facts import Allergy
from shop.core import events
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.errors import NotAllowed
from shop.inventory.errors import NotEnoughStock
from shop.merchant.errors import RouteClosed
from shop.merchant.routes import Route
from shop.notifications.letters import subject_of
from shop.notifications.models import Letter, Template
from shop.orders import cart as carts
from shop.orders import taking
from shop.orders.checkout import Via
from shop.orders.errors import NotOrderableForHer, PlacedJustNow, PriceChanged
from shop.orders.models import Order
from shop.orders.states import OrderStatus
from shop.payments import settling
from shop.prescriptions import holding
from shop.reactions import react
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import HOME, a_cart, paid
from tests.people import alice, bob, dr_chen, eva, mona, sam
from tests.permissions import stop
from tests.prescriptions.builders import a_prescription
from tests.prescriptions.test_pages import Reader

TO = {
    "name": "Alice Moreno",
    "line1": "12 Grove St",
    "city": "Oakland",
    "state": "CA",
    "postal_code": "94607",
}


def take(client: Person, wishes: Any, **given: Any) -> Order:
    terms: dict[str, Any] = {
        "address": HOME,
        "shipping_method": "standard",
        "expect_total_cents": None,
        "via": Via.TELEPHONE,
        "at": now(),
    }
    by = given.pop("by", None) or sam()
    order = taking.take(client, list(wishes.items()), by=by, **(terms | given))
    db.session.commit()
    return order


def test_what_may_not_be_paid_online_is_taken_at_the_desk(app: Flask) -> None:
    client, soap = alice(), a_variant()
    a_lot(soap)
    stop()
    with pytest.raises(RouteClosed):
        take(client, {soap: 1})

    order = take(client, {soap: 1}, via=Via.DESK)

    assert order.payment_route is Route.DESK


def test_an_order_is_placed_for_a_client_who_pays_it(app: Flask) -> None:
    client, staff, cream, soap = alice(), sam(), a_cream(), a_variant()
    a_lot(cream), a_lot(soap)
    a_prescription(client, cream, by=dr_chen())
    a_cart(client, {soap: 7})
    act_as(staff.actor)

    order = take(client, {cream: 1, soap: 2}, by=staff)

    assert order.status is OrderStatus.AWAITING_PAYMENT
    assert order.client_id == client.id
    placed = events.of(order.id)[0]
    assert (placed.facts["by"], placed.facts["via"], placed.actor) == (
        "staff",
        "telephone",
        staff.actor,
    )
    assert order.pay_by - order.placed_at >= timedelta(days=3) - timedelta(minutes=1)
    assert [line.quantity for line in carts.cart_of(client).lines] == [7]  # hers is left alone
    assert settling.begin(order, by=client, at=now(), base_url="http://x").amount_cents
    with pytest.raises(NotAllowed):
        settling.begin(order, by=staff, at=now(), base_url="http://x")


def test_she_is_written_to_and_nobody_who_orders_for_herself(app: Flask) -> None:
    client, soap = alice(), a_variant()
    a_lot(soap)
    orders = [take(client, {soap: 1}, by=mona()), paid(client, {soap: 1})]
    for order in orders:
        react(subject_id=str(order.id), seq=1)
    (letter,) = db.session.scalars(sa.select(Letter))
    assert (letter.template, letter.recipient_id) == (Template.ORDER_TO_PAY, client.id)
    assert subject_of(Template.ORDER_TO_PAY, orders[0].id) is orders[0]


def test_the_gate_refuses_as_for_anybody_and_does_not_say_why(app: Flask) -> None:
    client, chen, cream = alice(), dr_chen(), a_cream()
    a_lot(cream)
    wishes = {cream: 1}
    with pytest.raises(NotOrderableForHer) as needs:
        take(client, wishes)
    assert needs.value.facts["lines"] == [
        {
            "sku": cream.sku,
            "decision": "needs_request",
            "text": "Needs a prescription first: she asks the physician in her account.",
        }
    ]
    one = a_prescription(client, cream, by=chen)
    holding.hold(one, reason="She is pregnant.", by=chen, at=now())
    charting.state(client, Allergy("retinoids"), by=client, at=now())
    db.session.commit()
    with pytest.raises(NotOrderableForHer) as held:
        take(client, wishes)
    told = str(held.value.facts) + held.value.text
    assert set(held.value.facts) == {"lines"}
    assert not any(word in told.casefold() for word in ("pregnan", "allerg", "held", "reason"))
    assert db.session.scalars(sa.select(Order)).all() == []


def test_the_price_and_the_shelf_are_asked_too(app: Flask) -> None:
    client, soap = alice(), a_variant()
    a_lot(soap, 2)
    with pytest.raises(PriceChanged):
        take(client, {soap: 1}, expect_total_cents=1)
    with pytest.raises(NotEnoughStock):
        take(client, {soap: 3})
    assert db.session.scalars(sa.select(Order)).all() == []


def test_a_second_click_finds_the_first_order(app: Flask) -> None:
    client, soap = alice(), a_variant()
    a_lot(soap)
    first = take(client, {soap: 1})
    with pytest.raises(PlacedJustNow) as again:
        take(client, {soap: 1})
    assert again.value.facts["order"] == first.number
    db.session.rollback()
    take(client, {soap: 2})
    take(client, {soap: 1}, at=now() + taking.JUST_NOW + timedelta(minutes=1))


@pytest.mark.parametrize("who", [alice, eva, dr_chen])
def test_only_staff_takes_orders_and_only_for_clients(app: Flask, who: Any) -> None:
    soap = a_variant()
    a_lot(soap)
    with pytest.raises(NotAllowed):
        take(alice(), {soap: 1}, by=who())
    with pytest.raises(NotAllowed):
        take(sam(), {soap: 1}, by=sam())


def test_over_http(app: Flask) -> None:
    client, other = somebody(alice, name="Alice Quirk"), somebody(bob, name="Bob Quirk")
    staff, physician = somebody(sam), somebody(dr_chen)
    soap, cream = a_variant(), a_cream()
    a_lot(soap), a_lot(cream)
    db.session.commit()
    skus, client_id, other_id = (soap.sku, cream.sku), client.id, other.id
    browser = Browser(app, staff)

    found = browser.get("/clients?q=quirk").json["items"]
    assert [one["name"] for one in found] == ["Alice Quirk", "Bob Quirk"]
    assert set(found[0]) == {"id", "name", "email", "state"}
    assert browser.get("/clients?q=%25%25").json["items"] == []  # a sign, not a pattern
    assert browser.get("/clients?q=a").status_code == 422
    asked = {
        "wishes": [{"sku": sku, "quantity": 1} for sku in skus],
        "state": "CA",
        "shipping_method": "standard",
    }
    quote = browser.post(f"/clients/{client_id}/quote", asked).json
    assert quote["open"] is False
    assert [line["open"] for line in quote["lines"]] == [True, False]
    assert set(quote["lines"][1]) == {
        "sku",
        "name",
        "quantity",
        "unit_cents",
        "open",
        "decision",
        "text",
    }
    body = {
        "wishes": [{"sku": skus[0], "quantity": 2}],
        "shipping_address": TO,
        "shipping_method": "standard",
        "via": "desk",
    }
    path = f"/clients/{client_id}/orders"
    assert browser.post(path, body).json["code"] == "idempotency_key_required"
    key = {"Idempotency-Key": uuid.uuid4().hex}
    made = browser.post(path, body, **key)
    assert made.status_code == 201, made.json
    assert browser.post(path, body, **key).json["number"] == made.json["number"]
    again = browser.post(path, body, **{"Idempotency-Key": "another"})
    assert (again.status_code, again.json["code"]) == (409, "placed_just_now")
    online = browser.post(path, body | {"via": "online"}, **{"Idempotency-Key": "third"})
    assert (online.status_code, list(online.json["errors"])) == (422, ["via"])
    number = made.json["number"]
    assert Browser(app, client).get(f"/orders/{number}").json["number"] == number
    off = browser.post(f"/orders/{number}/cancellation", {"reason": "ordered_twice"})
    assert off.json["standing"] == "cancelled"
    for nobody in (client, physician):
        assert Browser(app, nobody).post(path, body, **key).status_code == 403
    staffs = browser.post(f"/clients/{staff.id}/orders", body, **{"Idempotency-Key": "4"})
    assert staffs.status_code == 404
    assert other_id


def test_its_pages(app: Flask) -> None:
    client, staff = somebody(alice, name="Alice Quirk"), somebody(sam)
    soap = a_variant()
    a_lot(soap)
    db.session.commit()
    sku, path = soap.sku, f"/orders/new/{client.id}"
    reader = Reader(app, staff)
    assert path in reader.get("/orders/new?q=quirk")
    typed = TO | {"shipping_method": "standard", "via": "telephone"}

    def sent(**more: str) -> Any:
        reader.get(path)
        reader.send(path, **(typed | more))
        return reader.page

    assert "is not a SKU and a number" in sent(wishes="a b c", do="place").text
    assert "is nothing that she can order" in sent(wishes="NO-SKU 2", do="place").text
    shown = sent(wishes=f"{sku} 2", do="review").text
    assert "Can be ordered." in shown
    assert "Place the order" in shown
    bad = sent(wishes=f"{sku} 2", do="place", postal_code="x")
    assert (bad.status_code, "ZIP code such as" in bad.text) == (422, True)
    done = sent(wishes=f"{sku} 2", do="place")
    assert "is written to, and can pay online" in done.text
    assert "Sam" in done.text or "staff" in done.text
