"""The shop's pages as a client walks through them without JavaScript: what is told, what is next."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.catalog.models import ActiveClass, Irritancy, LegalClass, Pregnancy, Product
from shop.core.clock import now
from shop.core.db import db
from shop.orders.models import Order
from shop.prescriptions import queries
from shop.prescriptions.paper import leaflets
from shop.storefront import telling
from tests.accounts.test_api import WORD, somebody
from tests.accounts.test_pages import sent
from tests.builders import a_cream, a_known_active, a_product, a_variant
from tests.inventory.lots import a_lot
from tests.people import alice, dr_chen
from tests.prescriptions.builders import a_draft, a_prescription, a_request
from tests.prescriptions.test_pages import Reader

ADDRESS = {"line1": "12 Grove St", "city": "Oakland", "state": "CA", "postal_code": "94607"}


@pytest.fixture
def client(app: Flask) -> Person:
    return somebody(alice)


def a_soap() -> Any:
    soap = a_variant(cents=2400)
    a_lot(soap, 50)
    return soap


def known_as(product: Product, kind: ActiveClass, **given: Any) -> None:
    known = [line.ingredient for line in product.ingredients if line.ingredient]
    substance = known[0] if known else a_known_active(product)
    substance.active_class = kind
    for name, value in given.items():
        setattr(substance, name, value)
    db.session.flush()
    db.session.refresh(product, ["ingredients"])


def forms_to(text: str, action: str) -> list[str]:
    found = re.findall(r"<form.*?</form>", text, re.DOTALL)
    return [form for form in found if f'action="{action}"' in form]


# What is told of a product.


def test_what_a_physician_prescribes_tells_its_leaflet_and_nothing_else_does(app: Flask) -> None:
    cream, lotion = a_product(LegalClass.RX), a_product()
    for one in (cream, lotion):
        known_as(
            one,
            ActiveClass.RETINOID,
            pregnancy=Pregnancy.AVOID,
            irritancy=Irritancy.HIGH,
        )

    told, beside = telling.about(cream), telling.about(lotion)

    leaflet = leaflets.leaflet(leaflets.CURRENT[leaflets.Subject.RETINOID])
    texts = dict(leaflet.parts[0].sections)
    assert dict(told.sections)["what_it_does"] == texts["What it does"]
    assert beside.sections == ()
    for one in (told, beside):
        assert (one.pregnancy, one.irritates, one.rests) == (Pregnancy.AVOID, True, True)


@pytest.mark.parametrize(
    ("kind", "pregnancy", "said"),
    [
        (ActiveClass.UV_FILTER, Pregnancy.SAFE, (None, False, False)),
        (ActiveClass.BHA, Pregnancy.CAUTION, (Pregnancy.CAUTION, False, True)),
        (ActiveClass.BHA, None, (None, False, True)),  # what nobody knows is not said
    ],
)
def test_only_what_is_known_is_said(
    app: Flask, kind: ActiveClass, pregnancy: Pregnancy | None, said: tuple[Any, ...]
) -> None:
    product = a_product()
    known_as(product, kind, pregnancy=pregnancy)

    told = telling.about(product)

    assert (told.pregnancy, told.irritates, told.rests) == said


def test_the_general_leaflet_is_for_who_has_a_prescription(app: Flask) -> None:
    cream = a_product(LegalClass.RX)
    known_as(cream, ActiveClass.ANTIFUNGAL)
    assert telling.about(cream).sections == ()


def test_a_product_page_tells_what_to_mind_and_asks_at_once(app: Flask, client: Person) -> None:
    cream = a_cream()
    a_lot(cream, 5)
    known_as(cream.product, ActiveClass.RETINOID, pregnancy=Pregnancy.AVOID)
    slug, sku = cream.product.slug, cream.sku
    db.session.commit()
    reader = Reader(app, client)

    text = reader.get(f"/products/{slug}")

    for word in ("What it does", "How to use it", "Not in pregnancy.", "Active ingredients"):
        assert word in text, word
    (ask,) = forms_to(text, "/requests")
    assert f'value="{sku}"' in ask
    reader.send("/requests")
    assert reader.path.endswith("/questions/pregnancy")  # one click, no page in between


def test_a_visitor_is_led_back_to_the_product(app: Flask) -> None:
    cream = a_cream()
    path = f"/products/{cream.product.slug}"
    db.session.commit()
    visitor = app.test_client()

    text = visitor.get(path).get_data(as_text=True)
    assert f'href="/sign-in?next={path}"' in text
    assert f'href="/register?next={path}"' in text
    typed = {
        "name": "Carla", "email": "carla@example.test", "password": WORD,
        "birth_date": "1990-05-04", "state": "CA",
    }  # fmt: skip
    assert f'name="next" value="{path}"' in visitor.get(f"/register?next={path}").text
    assert f'href="/sign-in?next={path}"' in sent(visitor, "/register", next=path, **typed).text
    elsewhere = sent(visitor, "/register", next="https://evil.test/", **typed).text
    assert "evil" not in elsewhere


# The cart and the checkout.


def test_the_cart_tells_the_way_in_steps(app: Flask, client: Person) -> None:
    soap, cream, begun = a_soap(), a_cream(), a_cream()
    for pack in (cream, begun):
        a_lot(pack, 5)
    draft = a_draft(client, variant=begun)
    skus = (soap.sku, cream.sku, begun.sku)
    number = draft.number
    db.session.commit()
    reader = Reader(app, client)
    for sku in skus:
        token = {"csrf_token": re.findall(r'csrf_token" value="([^"]+)"', reader.text)[0]}
        reader.client.post("/cart/lines", data={"sku": sku, "quantity": "1", **token})

    text = reader.get("/cart")

    steps = re.search(r'<h2 id="way">.*?</ol>', text, re.DOTALL)
    assert steps
    said = (
        "Order what is ready now: 1 product",
        "Finish your request for",
        "Ask the physician for",
    )
    places = [steps[0].index(each) for each in said]
    assert places == sorted(places)
    assert f'href="/requests/{number}/next"' in text
    assert len(forms_to(text, "/requests")) == 1
    assert 'href="/checkout"' in text


def test_a_cart_of_what_is_ready_has_no_steps(app: Flask, client: Person) -> None:
    slug = a_soap().product.slug
    db.session.commit()
    reader = Reader(app, client)
    reader.get(f"/products/{slug}")

    text = reader.send("/cart/lines", quantity="2")

    assert reader.path == "/cart"
    assert "Finish your request" not in text
    assert "$48.00" in text


def test_the_checkout_begins_with_where_the_last_order_went(app: Flask, client: Person) -> None:
    soap = a_soap()
    slug = soap.product.slug
    db.session.commit()
    reader = Reader(app, client)
    for round_ in range(2):
        reader.get(f"/products/{slug}")
        reader.send("/cart/lines", quantity="1")
        text = reader.get("/checkout")
        known = 'value="12 Grove St"' in text
        assert known is (round_ == 1)
        assert 'autocomplete="address-level1"' in text
        sku = re.findall(r'name="lines" value="([^"]+)"', text)
        typed = ADDRESS | {"name": "Alice", "shipping_method": "standard", "lines": sku}
        reader.send("/checkout", do="place", payment_route="online", **typed)
        assert reader.path.startswith("/orders/A-")
        assert 'aria-current="step"' in reader.text  # placed; paying is next
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Order)) == 2


def test_a_new_total_is_told_without_placing_anything(app: Flask, client: Person) -> None:
    """What htmx swaps (#sums and #ways) is the page that a browser without JavaScript gets."""
    soap = a_soap()
    slug, sku = soap.product.slug, soap.sku
    db.session.commit()
    reader = Reader(app, client)
    reader.get(f"/products/{slug}")
    reader.send("/cart/lines", quantity="1")
    reader.get("/checkout")
    token = re.findall(r'csrf_token" value="([^"]+)"', reader.text)[0]
    totals = []
    for way in ("standard", "express"):
        page = reader.client.post(
            "/checkout",
            data={"csrf_token": token, "do": "review", "lines": sku, "state": "CA"}
            | {"shipping_method": way},
            headers={"HX-Request": "true"},
        )
        assert page.status_code == 200
        for region in ("sums", "ways"):
            assert len(re.findall(f'id="{region}"', page.text)) == 1
        totals.append(re.findall(r'expect_total_cents" value="(\d+)"', page.text)[0])
    assert int(totals[1]) > int(totals[0])
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Order)) == 0


# Her prescriptions and requests.


def test_a_prescription_shows_its_fills_and_puts_the_next_in_the_cart(
    app: Flask, client: Person
) -> None:
    one = a_prescription(client, by=somebody(dr_chen))
    a_lot(one.variant, 5)
    number, sku, quantity = one.number, one.variant.sku, one.quantity_per_fill
    db.session.commit()
    reader = Reader(app, client)

    assert "3 of 3 fills left" in reader.get("/prescriptions")
    text = reader.get(f"/prescriptions/{number}")
    (put,) = forms_to(text, "/cart/lines")
    assert f'name="sku" value="{sku}"' in put
    assert f'name="quantity" value="{quantity}"' in put
    reader.send("/cart/lines")
    assert reader.path == "/cart"
    assert "Approved by" in reader.text


def test_outlooks_of_many_are_those_of_each_in_one_query(app: Flask, client: Person) -> None:
    chen = somebody(dr_chen)
    many = [a_prescription(client, by=chen, variant=a_cream()) for _ in range(3)]
    at = now()
    each = {one.id: queries.outlook_of(one, at=at) for one in many}  # what they hang on is read

    seen: list[str] = []

    def note(_conn: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    sa.event.listen(db.engine, "before_cursor_execute", note)
    try:
        found = queries.outlooks_of(many, at=at)
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", note)

    assert len(seen) == 1
    assert found == each


def test_requests_say_what_each_waits_for(app: Flask, client: Person) -> None:
    draft, asked = a_draft(client, variant=a_cream()), a_request(client)
    numbers = draft.number, asked.number
    db.session.commit()

    text = Reader(app, client).get("/requests")

    assert f'href="/requests/{numbers[0]}/next"' in text
    assert f'href="/requests/{numbers[1]}/next"' not in text
    assert "It waits for a physician to take it." in text
