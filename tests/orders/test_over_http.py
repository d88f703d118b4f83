"""Carts, orders and packing over HTTP, as programs and as people see them."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts import tokens
from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.orders import queries
from shop.orders.models import Order
from tests.builders import a_cream, a_variant
from tests.inventory.lots import a_lot
from tests.orders.things import pay
from tests.people import alice, bob, dr_chen, sam
from tests.prescriptions.builders import a_prescription

TO: dict[str, Any] = {
    "name": "Alice Moreno",
    "line1": "12 Grove St",
    "city": "Oakland",
    "state": "CA",
    "postal_code": "94607",
}
PARCEL = {"carrier": "USPS", "tracking": "9400 1112 0108 0805 4830 16"}


@dataclass(frozen=True)
class Till:
    """A shop with a soap (free to buy) and a cream (doctor-only), and people who call."""

    app: Flask
    soap: str
    cream: str
    people: dict[str, tuple[uuid.UUID, dict[str, str]]]

    def ask(self, who: str, method: str, path: str, **given: Any) -> Any:
        headers = self.people[who][1] | given.pop("headers", {})
        return self.app.test_client().open(path, method=method, headers=headers, **given)

    def put(self, who: str, sku: str, quantity: int = 1) -> Any:
        return self.ask(who, "PUT", f"/api/v1/cart/lines/{sku}", json={"quantity": quantity})

    def place(self, who: str, *, key: str | None = None, **given: Any) -> Any:
        body = {"shipping_address": TO, "shipping_method": "standard"} | given
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return self.ask(who, "POST", "/api/v1/orders", json=body, headers=headers)

    def pay(self, number: str) -> None:
        with self.app.app_context():
            act_as("system:webhook")
            pay(db.session.scalars(sa.select(Order).where(Order.number == number)).one())
            db.session.commit()

    def orders_of(self, who: str) -> int:
        with self.app.app_context():
            query = sa.select(sa.func.count()).where(Order.client_id == self.people[who][0])
            return int(db.session.scalar(query) or 0)


@pytest.fixture
def till(live_app: Flask) -> Till:
    with live_app.app_context():
        act_as("system:test")
        soap, cream = a_variant(cents=2400), a_cream()
        a_lot(soap, 50), a_lot(cream, 50)
        cast: dict[str, Callable[[], Person]] = {
            "alice": alice,
            "bob": bob,
            "sam": sam,
            "chen": dr_chen,
        }
        people = {name: _signed_in(make()) for name, make in cast.items()}
        db.session.commit()
        return Till(live_app, soap.sku, cream.sku, people)


def _signed_in(person: Person) -> tuple[uuid.UUID, dict[str, str]]:
    _, secret = tokens.issue(person, name="test", scopes=None, at=now())
    return person.id, {"Authorization": f"Bearer {secret}"}


def _prescribe(till: Till, who: str) -> None:
    with till.app.app_context():
        act_as("system:test")
        client = db.session.get_one(Person, till.people[who][0])
        from shop.catalog.queries import variant

        a_prescription(client, variant(till.cream))
        db.session.commit()


def test_a_cart_shows_the_gates_answer_per_line(till: Till) -> None:
    till.put("alice", till.soap, 2)
    shown = till.put("alice", till.cream)

    assert shown.status_code == 200
    assert shown.json["subtotal_cents"] == 2 * 2400 + 6200
    soap, cream = shown.json["lines"]
    assert (soap["sku"], soap["quantity"], soap["unit_price_cents"]) == (till.soap, 2, 2400)
    assert soap["gate"]["decision"] == "open"
    assert cream["gate"]["decision"] == "needs_request"
    assert [reason["code"] for reason in cream["gate"]["reasons"]] == ["no_prescription"]
    assert till.ask("bob", "GET", "/api/v1/cart").json["lines"] == []

    left = till.ask("alice", "DELETE", f"/api/v1/cart/lines/{till.soap}")
    assert [line["sku"] for line in left.json["lines"]] == [till.cream]
    assert left.json == till.ask("alice", "GET", "/api/v1/cart").json


BAD_QUANTITIES = {
    "none": {},
    "zero": {"quantity": 0},
    "text": {"quantity": "2"},
    "many": {"quantity": 21},
}


@pytest.mark.parametrize("what", BAD_QUANTITIES)
def test_a_bad_quantity_names_the_field(till: Till, what: str) -> None:
    refused = till.ask("alice", "PUT", f"/api/v1/cart/lines/{till.soap}", json=BAD_QUANTITIES[what])
    assert refused.status_code == 422
    assert list(refused.json["errors"]) == ["quantity"]


def test_placing_both_is_refused_and_the_free_line_alone_goes(till: Till) -> None:
    till.put("alice", till.soap)
    till.put("alice", till.cream)

    refused = till.place("alice")
    assert (refused.status_code, refused.json["code"]) == (422, "no_prescription")
    assert refused.json["facts"]["sku"] == till.cream
    assert till.orders_of("alice") == 0

    placed = till.place("alice", lines=[till.soap], expect_total_cents=2400 + 695 + 174)
    assert placed.status_code == 201
    order = placed.json
    assert order["status"] == "awaiting_payment"
    assert order["lines"][0]["sku"] == till.soap
    assert (order["subtotal_cents"], order["shipping_cents"], order["tax_cents"]) == (
        2400,
        695,
        174,
    )
    assert (order["total_cents"], order["currency"]) == (3269, "usd")
    assert order["payment"]["status"] == "none"
    assert [each["kind"] for each in order["history"]] == ["order_placed", "line_placed"]
    assert order["shipping_address"]["state"] == "CA"
    shown = till.ask("alice", "GET", f"/api/v1/orders/{order['number']}")
    assert shown.json == order


def test_the_same_key_places_one_order(till: Till) -> None:
    till.put("bob", till.soap)
    first = till.place("bob", key="one-key")
    again = till.place("bob", key="one-key")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json == first.json
    assert till.orders_of("bob") == 1
    assert till.place("bob", key="one-key", shipping_method="pickup").status_code == 422


def test_a_key_is_required(till: Till) -> None:
    refused = till.ask(
        "alice",
        "POST",
        "/api/v1/orders",
        json={"shipping_address": TO, "shipping_method": "standard"},
    )
    assert (refused.status_code, refused.json["code"]) == (422, "idempotency_key_required")


BAD_ORDERS: dict[str, tuple[dict[str, Any], str]] = {
    "no street": ({"shipping_address": TO | {"line1": ""}}, "shipping_address.line1"),
    "no such state": ({"shipping_address": TO | {"state": "XX"}}, "shipping_address.state"),
    "another country": ({"shipping_address": TO | {"country": "CA"}}, "shipping_address.country"),
    "half a ZIP": (
        {"shipping_address": TO | {"postal_code": "946"}},
        "shipping_address.postal_code",
    ),
    "by drone": ({"shipping_method": "drone"}, "shipping_method"),
    "no lines": ({"lines": []}, "lines"),
    "a price of her own": ({"total_cents": 1}, "total_cents"),
}


@pytest.mark.parametrize("what", BAD_ORDERS)
def test_a_bad_order_names_the_field(till: Till, what: str) -> None:
    till.put("alice", till.soap)
    given, field = BAD_ORDERS[what]

    refused = till.place("alice", **given)

    assert refused.status_code == 422
    assert list(refused.json["errors"]) == [field]
    assert till.orders_of("alice") == 0


def test_a_changed_price_is_a_conflict(till: Till) -> None:
    till.put("alice", till.soap)
    refused = till.place("alice", expect_total_cents=1)
    assert (refused.status_code, refused.json["code"]) == (409, "price_changed")
    assert refused.json["facts"] == {"expected_cents": 1, "total_cents": 3269}


def test_from_paid_to_shipped(till: Till) -> None:
    _prescribe(till, "alice")
    till.put("alice", till.cream)
    number = till.place("alice").json["number"]
    assert till.ask("sam", "GET", f"/api/v1/orders/{number}/picking-list").status_code == 409
    till.pay(number)

    listed = till.ask("sam", "GET", f"/api/v1/orders/{number}/picking-list")
    (line,) = listed.json["lines"]
    assert (line["sku"], line["goes"]) == (till.cream, True)
    assert [pick["units"] for pick in line["lots"]] == [1]
    bare = till.ask("sam", "POST", f"/api/v1/orders/{number}/shipments", json=PARCEL)
    assert (bare.status_code, bare.json["code"]) == (409, "not_picked")
    scan = {"item": till.cream, "lot_number": line["lots"][0]["lot_number"]}
    picked = till.ask("sam", "POST", f"/api/v1/orders/{number}/picks", json=scan)
    assert (picked.status_code, picked.json["place"]) == (201, "SHELF")
    bare = till.ask("sam", "POST", f"/api/v1/orders/{number}/shipments", json=PARCEL)
    assert (bare.status_code, bare.json["code"]) == (409, "label_missing")
    till.ask("sam", "GET", f"/api/v1/orders/{number}/lines/{till.cream}/label")
    shipped = till.ask("sam", "POST", f"/api/v1/orders/{number}/shipments", json=PARCEL)
    assert shipped.status_code == 201
    assert shipped.json["lines"][0]["lot"] == line["lots"][0]["lot"]

    order = till.ask("alice", "GET", f"/api/v1/orders/{number}").json
    assert order["status"] == "closed"
    assert order["lines"][0]["status"] == "shipped"
    assert order["lines"][0]["fill"] == 1
    assert order["lines"][0]["prescription"].startswith("RX-")
    assert order["shipments"][0]["tracking"] == "9400111201080805483016"
    assert order["shipments"][0]["tracking_url"].endswith("=9400111201080805483016")
    refused = till.ask("alice", "POST", f"/api/v1/orders/{number}/cancellation", json={})
    assert (refused.status_code, refused.json["code"]) == (409, "already_shipped")


def test_an_order_is_cancelled_once(till: Till) -> None:
    till.put("alice", till.soap)
    number = till.place("alice").json["number"]

    done = till.ask("alice", "POST", f"/api/v1/orders/{number}/cancellation", json={})
    assert (done.status_code, done.json["status"]) == (200, "cancelled")
    again = till.ask("alice", "POST", f"/api/v1/orders/{number}/cancellation", json={})
    assert (again.status_code, again.json["code"]) == (409, "wrong_state")


def test_orders_are_listed_newest_first_to_whom_they_concern(till: Till) -> None:
    numbers = []
    for _ in range(3):
        till.put("alice", till.soap)
        numbers.append(till.place("alice").json["number"])

    first = till.ask("alice", "GET", "/api/v1/orders?limit=2").json
    rest = till.ask("alice", "GET", f"/api/v1/orders?limit=2&after={first['next']}").json

    assert [order["number"] for order in first["items"] + rest["items"]] == numbers[::-1]
    assert rest["next"] is None
    assert till.ask("bob", "GET", "/api/v1/orders").json["items"] == []
    everybodys = till.ask("sam", "GET", "/api/v1/orders?status=awaiting_payment&limit=100").json
    assert set(numbers) <= {order["number"] for order in everybodys["items"]}


def test_what_is_not_yours_is_not_there(till: Till) -> None:
    till.put("alice", till.soap)
    number = till.place("alice").json["number"]

    assert till.ask("bob", "GET", f"/api/v1/orders/{number}").status_code == 404
    assert (
        till.ask("bob", "POST", f"/api/v1/orders/{number}/cancellation", json={}).status_code == 404
    )
    assert till.ask("chen", "GET", f"/api/v1/orders/{number}").status_code == 403
    assert till.ask("alice", "GET", f"/api/v1/orders/{number}/picking-list").status_code == 403
    with till.app.app_context():
        order = db.session.scalars(sa.select(Order).where(Order.number == number)).one()
        assert queries.locked_order(order.id).status == "awaiting_payment"


# Pages.


def test_a_cart_page_offers_one_action_per_line(till: Till) -> None:
    assert "Nothing is in your cart yet" in till.ask("alice", "GET", "/cart").text
    for sku in (till.soap, till.cream):
        added = till.ask("alice", "POST", "/cart/lines", data={"sku": sku, "quantity": "1"})
        assert (added.status_code, added.location) == (303, "/cart")

    shown = till.ask("alice", "GET", "/cart").text
    assert "Ready to order." in shown
    (ask,) = re.findall(r'<form method="post" action="/requests".*?</form>', shown, re.DOTALL)
    assert f'name="sku" value="{till.cream}"' in ask  # at once, without a page in between

    bad = till.ask("alice", "POST", "/cart/lines", data={"sku": till.soap, "quantity": "99"})
    assert bad.status_code == 422
    assert 'class="error-summary"' in bad.text
    gone = till.ask("alice", "POST", f"/cart/lines/{till.soap}/removal")
    assert gone.status_code == 303
    assert till.soap not in till.ask("alice", "GET", "/cart").text


def test_the_checkout_shows_the_total_and_places_it(till: Till) -> None:
    till.put("alice", till.soap)
    till.put("alice", till.cream)

    shown = till.ask("alice", "GET", "/checkout").text
    assert "$32.69" in shown
    typed = TO | {"shipping_method": "express", "lines": till.soap}
    reviewed = till.ask("alice", "POST", "/checkout", data=typed | {"do": "review"})
    assert "$43.74" in reviewed.text
    assert 'value="12 Grove St"' in reviewed.text
    stale = till.ask(
        "alice", "POST", "/checkout", data=typed | {"do": "place", "expect_total_cents": "3269"}
    )
    assert stale.status_code == 409
    assert 'value="4374"' in stale.text
    wrong = till.ask("alice", "POST", "/checkout", data=typed | {"do": "place", "postal_code": "9"})
    assert wrong.status_code == 422
    assert "Must be a ZIP code" in wrong.text
    assert till.orders_of("alice") == 0

    placed = till.ask(
        "alice", "POST", "/checkout", data=typed | {"do": "place", "expect_total_cents": "4374"}
    )
    assert placed.status_code == 303
    page = till.ask("alice", "GET", placed.location).text
    assert "Pay $43.74" in page
    assert placed.location in till.ask("alice", "GET", "/orders").text


def test_an_order_page_cancels(till: Till) -> None:
    till.put("alice", till.soap)
    number = till.place("alice").json["number"]

    done = till.ask("alice", "POST", f"/orders/{number}/cancellation")
    assert done.status_code == 303
    assert "The order was cancelled" in till.ask("alice", "GET", f"/orders/{number}").text
    again = till.ask("alice", "POST", f"/orders/{number}/cancellation")
    assert again.status_code == 409
    assert till.ask("bob", "GET", f"/orders/{number}").status_code == 404


def test_packing_pages_pick_and_ship(till: Till) -> None:
    till.put("alice", till.soap)
    number = till.place("alice").json["number"]
    till.pay(number)
    assert f"/packing/{number}" in till.ask("sam", "GET", "/packing").text

    listed = till.ask("sam", "GET", f"/packing/{number}").text
    assert "1 from lot" in listed
    bad = till.ask("sam", "POST", f"/packing/{number}/shipments", data={"lines": till.soap})
    assert bad.status_code == 422
    assert "Must be one of USPS, UPS, FedEx, DHL." in bad.text
    lot = re.search(r"1 from lot (\S+)", listed)
    assert lot
    wrong = till.ask(
        "sam", "POST", f"/packing/{number}/picks", data={"item": till.soap, "lot_number": "X"}
    )
    assert (wrong.status_code, f"take 1 of lot {lot[1]} from SHELF" in wrong.text) == (422, True)
    scan = {"item": till.soap, "lot_number": lot[1], "units": "1"}
    picked = till.ask("sam", "POST", f"/packing/{number}/picks", data=scan)
    assert (picked.status_code, picked.location) == (303, f"/packing/{number}")
    shipped = till.ask(
        "sam",
        "POST",
        f"/packing/{number}/shipments",
        data={"lines": till.soap} | PARCEL,
    )
    assert (shipped.status_code, shipped.location) == (303, "/packing")
    assert f"/packing/{number}" not in till.ask("sam", "GET", "/packing").text
    assert till.ask("sam", "GET", f"/packing/{number}").status_code == 409
