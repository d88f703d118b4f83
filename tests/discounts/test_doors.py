"""Discounts over HTTP: the manager's pages and API, the client's quote, checkout and order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop import create_app
from shop.accounts import tokens
from shop.accounts.models import Person
from shop.core import events
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.discounts import queries
from shop.discounts.models import Discount, DiscountBar
from shop.orders.models import Order
from shop.web.limits import limiter
from tests.accounts.test_api import Browser, somebody
from tests.builders import a_variant
from tests.conftest import Database, config_for
from tests.discounts.builders import a_discount, a_serum
from tests.inventory.lots import a_lot
from tests.orders.test_over_http import TO
from tests.orders.things import a_cart, placed
from tests.people import alice, bob, mona
from tests.prescriptions.test_pages import Reader

TERMS: dict[str, Any] = {
    "code": "spring-15",
    "kind": "percent",
    "value": 15,
    "classes": ["cosmetic"],
    "most_uses": 3,
}


def test_a_manager_makes_sees_and_ends_one(app: Flask) -> None:
    manager = Browser(app, somebody(mona))
    body = TERMS | {"from": "2026-01-01T00:00:00Z", "least_cents": 2000, "most_per_client": 2}

    made = manager.post("/discounts", body)

    assert made.status_code == 201, made.json
    number = made.json["number"]
    assert made.json | {"made_at": "", "made_by": ""} == {
        "number": number,
        "code": "SPRING-15",
        "kind": "percent",
        "percent": 15,
        "cents": None,
        "classes": ["cosmetic"],
        "least_cents": 2000,
        "most_uses": 3,
        "most_per_client": 2,
        "from": "2026-01-01T00:00:00Z",
        "until": None,
        "made_by": "",
        "made_at": "",
        "ended_at": None,
        "uses": 0,
        "given_cents": 0,
        "returned": 0,
    }
    order = placed(alice(), {a_serum(cents=2400): 1}, discount_code="Spring-15")
    told = manager.get(f"/discounts/{number}").json
    assert (told["uses"], told["given_cents"], told["returned"]) == (1, 360, 0)
    (use,) = manager.get(f"/discounts/{number}/uses").json["items"]
    assert (use["order"], use["number"], use["cents"]) == (order.number, 1, 360)
    assert [one["code"] for one in manager.get("/discounts").json["items"]] == ["SPRING-15"]

    ended = manager.post(f"/discounts/{number}/ending")
    assert ended.status_code == 200
    assert ended.json["ended_at"] is not None
    assert manager.post(f"/discounts/{number}/ending").json["code"] == "discount_ended"
    assert manager.post("/discounts", TERMS).status_code == 201  # the code is free again
    one = queries.discount(number)
    assert [event.kind for event in events.of(one.id)] == ["discount_made", "discount_ended"]


BAD = {
    "a short code": ({"code": "ABC"}, "code"),
    "an odd code": ({"code": "15 % off"}, "code"),
    "more than all": ({"value": 101}, "value"),
    "too many dollars": ({"kind": "amount", "value": 100_001}, "value"),
    "prescription goods": ({"classes": ["rx"]}, "classes.0"),
    "no goods": ({"classes": []}, "classes"),
    "too many uses": ({"most_uses": 10_001}, "most_uses"),
    "more for a client than for all": ({"most_per_client": 4}, "most_per_client"),
    "over before it begins": ({"until": "2020-01-01T00:00:00Z"}, "until"),
    "a kind nobody knows": ({"kind": "gift"}, "kind"),
}


@pytest.mark.parametrize("case", BAD)
def test_terms_that_cannot_be_are_refused_by_field(app: Flask, case: str) -> None:
    wrong, field = BAD[case]

    answer = Browser(app, somebody(mona)).post("/discounts", TERMS | wrong)

    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [field]
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Discount)) == 0


def test_a_code_is_given_once_at_a_time(app: Flask) -> None:
    manager = Browser(app, somebody(mona))
    manager.post("/discounts", TERMS)

    again = manager.post("/discounts", TERMS | {"code": "SPRING-15"})

    assert (again.status_code, again.json["code"]) == (409, "discount_code_taken")


def test_what_is_barred_is_listed_set_and_lifted(app: Flask) -> None:
    manager = Browser(app, somebody(mona))
    (house,) = manager.get("/discount-bars").json["items"]
    assert (house["legal_class"], house["jurisdiction"]) == ("otc_drug", "US")
    assert manager.get("/discount-bars").json["never"] == ["rx", "rx_unapproved", "clinic_use"]

    body = {"legal_class": "cosmetic", "jurisdiction": "NV", "source": "House rule: a trial."}
    made = manager.post("/discount-bars", body)
    assert made.status_code == 201
    assert manager.post("/discount-bars", body).json["code"] == "discount_bar_there"
    for wrong in ({"legal_class": "rx"}, {"jurisdiction": "Nevada"}, {"source": ""}):
        assert manager.post("/discount-bars", body | wrong).status_code == 422

    lifted = manager.post(f"/discount-bars/{made.json['id']}/lifting")
    assert lifted.json["lifted_at"] is not None
    again = manager.post(f"/discount-bars/{made.json['id']}/lifting")
    assert (again.status_code, again.json["code"]) == (409, "discount_bar_lifted")


@pytest.fixture
def till(app: Flask) -> tuple[Browser, Person]:
    client = somebody(alice)
    return Browser(app, client), client


def test_a_quote_is_what_the_order_costs(app: Flask, till: tuple[Browser, Person]) -> None:
    browser, client = till
    serum, sunscreen = a_serum(cents=2399), a_variant(cents=1999)
    a_lot(sunscreen)
    discount = a_discount(value=15)
    a_cart(client, {serum: 3, sunscreen: 1})
    db.session.commit()
    asked = {"state": "CA", "shipping_method": "standard", "discount_code": discount.code.lower()}

    quote = browser.post("/cart/quote", asked)

    assert quote.status_code == 200, quote.json
    lines = {line["sku"]: line for line in quote.json["lines"]}
    assert (lines[serum.sku]["discount_cents"], lines[sunscreen.sku]["discount_cents"]) == (1080, 0)
    assert quote.json["discount_code"] == discount.code
    assert quote.json["total_cents"] == 9196 - 1080 + 695 + 443 + 145
    ways = {way["code"]: way["cents"] for way in quote.json["shipping_methods"]}
    assert ways == {"standard": 695, "express": 1800, "pickup": 0}
    assert queries.given([discount.id])[discount.id].uses == 0

    order = browser.post(
        "/orders",
        {
            "shipping_address": TO,
            "shipping_method": "standard",
            "discount_code": discount.code,
            "expect_total_cents": quote.json["total_cents"],
        },
        **{"Idempotency-Key": "one"},
    )
    assert order.status_code == 201, order.json
    assert order.json["total_cents"] == quote.json["total_cents"]
    assert (order.json["discount_code"], order.json["discount_cents"]) == (discount.code, 1080)
    placed_lines = {line["sku"]: line for line in order.json["lines"]}
    for sku, line in lines.items():
        for amount in ("total_cents", "discount_cents", "tax_cents"):
            assert placed_lines[sku][amount] == line[amount]


def test_what_packs_weigh_decides_what_shipping_costs(
    app: Flask, till: tuple[Browser, Person]
) -> None:
    browser, client = till
    light, heavy = a_serum(weight_grams=200), a_serum(weight_grams=1_601)
    cart = {"state": "CA", "shipping_method": "standard"}

    def shipping(wishes: Any) -> tuple[Any, Any]:
        a_cart(client, wishes)
        db.session.commit()
        lines = [variant.sku for variant in wishes]
        answer = browser.post("/cart/quote", cart | {"lines": lines}).json
        return answer.get("shipping_cents"), answer.get("facts")

    assert shipping({light: 1, heavy: 3}) == (1495, None)  # 5,003 g
    assert shipping({heavy: 3}) == (695, None)
    assert shipping({heavy: 19}) == (None, {"grams": 30_419, "most_grams": 30_000})


def test_a_quote_names_lines_and_refuses_plainly(app: Flask, till: tuple[Browser, Person]) -> None:
    browser, client = till
    serum, tint = a_serum(cents=2400), a_serum(cents=1000)
    a_cart(client, {serum: 1, tint: 1})
    db.session.commit()
    asked = {"state": "CA", "shipping_method": "pickup", "lines": [tint.sku]}

    assert browser.post("/cart/quote", asked).json["subtotal_cents"] == 1000
    unknown = browser.post("/cart/quote", asked | {"discount_code": "NOPE"})
    assert (unknown.status_code, unknown.json["code"]) == (422, "discount_unknown")
    assert list(unknown.json["errors"]) == ["discount_code"]
    missing = browser.post("/cart/quote", asked | {"lines": ["SKU-NONE"]})
    assert (missing.status_code, missing.json["code"]) == (422, "not_in_cart")
    there = browser.post("/cart/quote", asked | {"state": "HI", "shipping_method": "express"})
    assert (there.status_code, there.json["code"]) == (422, "not_shipped_there")


def test_the_checkout_page_shows_the_discount_and_places_at_it(app: Flask) -> None:
    client = somebody(alice)
    serum, discount = a_serum(cents=2400), a_discount()
    a_cart(client, {serum: 1})
    db.session.commit()
    reader = Reader(app, client)
    reader.get("/checkout")
    typed = {
        **{name: TO[name] for name in ("name", "line1", "city", "postal_code", "state")},
        "lines": serum.sku,
        "shipping_method": "standard",
    }

    reader.send("/checkout", do="review", discount_code="WRONG-ONE", **typed)
    assert reader.status == 422
    assert "No discount has this code." in reader.text
    assert "$32.69" in reader.text  # what it costs without

    reader.send("/checkout", do="review", discount_code=discount.code.lower(), **typed)
    assert reader.status == 200
    assert "-$2.40" in reader.text
    total = 2160 + 695 + 157
    assert f'name="expect_total_cents" value="{total}"' in reader.text

    reader.send("/checkout", do="place", discount_code=discount.code, **typed)
    order = db.session.scalars(sa.select(Order).where(Order.client_id == client.id)).one()
    assert (reader.path, order.total_cents) == (f"/orders/{order.number}", total)
    assert discount.code in reader.text

    reader.get("/checkout")
    a_cart(client, {serum: 1})
    db.session.commit()
    reader.get("/checkout")
    reader.send("/checkout", do="place", discount_code=discount.code, **typed)
    assert reader.status == 422
    assert "you have used it" in reader.text


def test_the_managers_pages(app: Flask) -> None:
    reader = Reader(app, somebody(mona))
    assert "None yet." in reader.get("/manage/discounts")
    typed = {"code": "five-off", "kind": "amount", "value": "5.00", "classes": "cosmetic"}
    more = {"most_uses": "10", "first_day": "2026-01-01", "last_day": "2030-06-30"}

    reader.send("/manage/discounts", **typed | more | {"value": "five"})
    assert reader.status == 422
    assert "dollars such as 10.00" in reader.text
    assert 'value="five-off"' in reader.text
    reader.send("/manage/discounts", **typed | more)
    assert reader.status == 200, reader.text

    made = db.session.scalars(sa.select(Discount)).one()
    assert (made.code, made.cents, made.most_uses) == ("FIVE-OFF", 500, 10)
    assert made.valid_from == datetime(2026, 1, 1, 8, tzinfo=UTC)  # midnight at the clinic
    assert made.valid_until == datetime(2030, 7, 1, 7, tzinfo=UTC)  # the end of that day, in summer
    assert reader.path == f"/manage/discounts/{made.number}"
    assert "Nobody has ordered with it yet." in reader.text

    order = placed(bob(), {a_serum(cents=2400): 1}, discount_code="five-off")
    text = reader.get(f"/manage/discounts/{made.number}")
    assert order.number in text
    assert re.search(r"Given</dt><dd>\$5\.00", text)
    assert "1 of 10" in reader.get("/manage/discounts")

    reader.get(f"/manage/discounts/{made.number}")
    reader.send(f"/manage/discounts/{made.number}/ending")
    assert "Ended" in reader.text

    reader.get("/manage/discounts")
    said = {"legal_class": "cosmetic", "jurisdiction": "TX", "source": "House rule: a trial."}
    reader.send("/manage/discounts/bars", **said)
    assert "House rule: a trial." in reader.text
    reader.send("/manage/discounts/bars", **said)
    assert reader.status == 409
    query = sa.select(DiscountBar).where(DiscountBar.jurisdiction == "TX")
    bar = db.session.scalars(query).one()
    reader.get("/manage/discounts")
    reader.send(f"/manage/discounts/bars/{bar.id}/lifting")
    assert "House rule: a trial." not in reader.text


@pytest.fixture
def limited(live: Database) -> Iterator[Flask]:
    """The application with its limits on, as it is run."""
    app = create_app(config_for(live, testing=False))
    limiter.reset()
    yield app
    limiter.reset()
    limiter.enabled = False  # as every other test's application has it
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def test_who_tries_codes_is_told_to_wait(limited: Flask) -> None:
    """30 a minute, wherever one may be named; what names no code is not counted."""
    with limited.app_context():
        act_as("system:test")
        client = alice()
        a_cart(client, {a_serum(): 1})
        _, secret = tokens.issue(client, name="test", scopes=["read", "shop"], at=now())
        db.session.commit()
    headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": "one"}
    way = {"shipping_method": "pickup"}
    to_quote, to_order = {"state": "CA"} | way, {"shipping_address": TO} | way

    def ask(path: str, body: dict[str, Any]) -> Any:
        return limited.test_client().post(f"/api/v1{path}", json=body, headers=headers)

    tried = [ask("/cart/quote", to_quote | {"discount_code": f"TRY-{n}"}) for n in range(30)]
    assert {(one.status_code, one.json["code"]) for one in tried} == {(422, "discount_unknown")}
    for path, body in (("/cart/quote", to_quote), ("/orders", to_order)):
        again = ask(path, body | {"discount_code": "TRY-AGAIN"})
        assert (again.status_code, again.json["code"]) == (429, "too_many")
        assert again.headers["Retry-After"] == "60"
    assert ask("/cart/quote", to_quote).status_code == 200
    assert ask("/orders", to_order).status_code == 201
