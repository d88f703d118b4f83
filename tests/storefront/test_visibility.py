"""Who sees a product, and who sees its price: by its class, in her state, today."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.catalog.models import LegalClass, Product, Variant, Visibility
from shop.core.db import db
from shop.storefront import visibility
from tests.benchmarks.test_statements import a_token
from tests.builders import a_product, a_variant
from tests.catalog.rules import a_policy, a_ruling, a_serum, today
from tests.inventory.lots import a_lot
from tests.orders.things import paid
from tests.people import alice, bob, dr_chen, mona, sam
from tests.prescriptions.builders import a_draft, a_prescription

HOME = "CA"
RX = LegalClass.RX


def sees(reader: Person | None, pack: Variant) -> bool:
    return _holds(visibility.view_of(reader, home=HOME, day=today()).seen, pack)


def is_teased(reader: Person | None, pack: Variant) -> bool:
    return _holds(visibility.view_of(reader, home=HOME, day=today()).teased, pack)


def _holds(condition: Any, pack: Variant) -> bool:
    db.session.flush()
    query = sa.select(Product.id).where(Product.id == pack.product_id, condition)
    return db.session.scalar(query) is not None


def a_tube() -> Variant:
    return a_variant(a_product(RX))


def test_without_a_policy_everybody_sees_everything(app: Flask) -> None:
    pack = a_tube()

    assert sees(None, pack)
    assert sees(alice(), pack)
    assert not is_teased(None, pack)


@pytest.mark.parametrize("level", [Visibility.HIDDEN, Visibility.ESTABLISHED, Visibility.PLAN])
def test_what_a_policy_closes_a_stranger_does_not_see(app: Flask, level: Visibility) -> None:
    pack, other = a_tube(), a_variant()
    a_policy(RX, level)

    assert not sees(None, pack)
    assert not sees(alice(), pack)
    assert sees(None, other)
    assert all(sees(person, pack) for person in (dr_chen(), sam(), mona()))


def test_who_bought_before_is_established(app: Flask) -> None:
    pack, soap, client = a_tube(), a_variant(), alice()
    a_lot(soap, 5)
    a_policy(RX, Visibility.ESTABLISHED)
    assert not sees(client, pack)

    paid(client, {soap: 1})

    assert sees(client, pack)
    assert not sees(alice(), pack)  # another one


def test_who_was_prescribed_something_is_established(app: Flask) -> None:
    pack, client = a_tube(), alice()
    a_prescription(client)
    a_policy(RX, Visibility.ESTABLISHED)

    assert sees(client, pack)


def test_a_plan_is_of_one_product(app: Flask) -> None:
    prescribed, asked, other, client = a_tube(), a_tube(), a_tube(), alice()
    a_prescription(client, prescribed)
    a_draft(client, asked)
    a_policy(RX, Visibility.PLAN)

    assert [sees(client, pack) for pack in (prescribed, asked, other)] == [True, True, False]


def test_nobody_but_those_who_work_here_sees_what_is_hidden(app: Flask) -> None:
    pack, client = a_tube(), alice()
    a_prescription(client, pack)
    a_policy(RX, Visibility.HIDDEN)

    assert not sees(client, pack)


def test_the_state_is_hers_and_a_visitors_is_the_clinics(app: Flask) -> None:
    pack = a_tube()
    a_policy(RX, Visibility.HIDDEN, jurisdiction="TX")

    assert sees(None, pack)
    assert sees(alice(), pack)
    assert not sees(bob(), pack)
    texan = visibility.view_of(None, home="TX", day=today()).seen
    assert not _holds(texan, pack)


def test_an_open_state_does_not_open_what_the_country_closes(app: Flask) -> None:
    pack = a_tube()
    a_policy(RX, Visibility.HIDDEN)
    a_policy(RX, Visibility.OPEN, jurisdiction="CA")

    assert not sees(None, pack)


def test_a_class_that_a_rule_gives_counts_as_a_filed_one(app: Flask) -> None:
    pack = a_serum()
    a_policy(RX, Visibility.HIDDEN)
    assert sees(bob(), pack)

    a_ruling("SALICYLIC ACID", jurisdiction="TX")

    assert not sees(bob(), pack)
    assert sees(alice(), pack)


def test_a_policy_holds_between_its_days(app: Flask) -> None:
    pack = a_tube()
    a_policy(RX, Visibility.HIDDEN, valid_from=today() + timedelta(days=1))

    assert sees(None, pack)
    tomorrow = visibility.view_of(None, home=HOME, day=today() + timedelta(days=1))
    assert not _holds(tomorrow.seen, pack)


def test_a_teaser_is_seen_without_its_price_until_it_is_prescribed(app: Flask) -> None:
    pack, client, other = a_tube(), alice(), alice()
    a_prescription(client, pack)
    a_policy(RX, Visibility.TEASER)

    assert all(sees(reader, pack) for reader in (None, client, other))
    assert is_teased(None, pack)
    assert is_teased(other, pack)
    assert not is_teased(client, pack)
    assert not is_teased(mona(), pack)


def test_what_is_hidden_is_nowhere(app: Flask) -> None:
    pack = a_variant(a_product(RX, name="Zephyrine cream", category="zephyr"))
    hidden = a_variant(a_product(LegalClass.RX_UNAPPROVED, name="Zephyrine gel", category="zephyr"))
    a_policy(LegalClass.RX_UNAPPROVED, Visibility.HIDDEN)
    token = a_token(alice())
    gone, there = hidden.product.slug, pack.product.slug
    db.session.commit()
    web = app.test_client()
    bearer = {"Authorization": f"Bearer {token}"}

    found = web.get("/api/v1/products?q=zephyrine").json
    assert [one["slug"] for one in found["items"]] == [there]
    assert {one["value"] for one in found["facets"]["legal_class"]} == {"rx"}
    assert [one["count"] for one in found["facets"]["category"] if one["value"] == "zephyr"] == [1]
    for path in (f"/api/v1/products/{gone}", f"/products/{gone}", f"/api/v1/products/{gone}/gate"):
        answer = web.get(path, headers=bearer)
        assert answer.status_code == 404, path
        missing = web.get(path.replace(gone, "nothing-at-all"), headers=bearer)
        assert missing.status_code == 404
    assert "Zephyrine gel" not in web.get("/?q=zephyrine").text
    assert "Zephyrine cream" in web.get("/?q=zephyrine").text


def test_a_teaser_tells_no_price_anywhere(app: Flask) -> None:
    pack = a_variant(a_product(RX, name="Zephyrine cream", category="zephyr"), cents=4321)
    cheap = a_variant(a_product(name="Zephyrine soap", category="zephyr"), cents=900)
    a_policy(RX, Visibility.TEASER)
    slug, other = pack.product.slug, cheap.product.slug
    db.session.commit()
    web = app.test_client()

    listed = {one["slug"]: one for one in web.get("/api/v1/products?q=zephyrine").json["items"]}
    assert (listed[slug]["teaser"], listed[slug]["from_price_cents"]) == (True, None)
    assert (listed[other]["teaser"], listed[other]["from_price_cents"]) == (False, 900)
    detail = web.get(f"/api/v1/products/{slug}").json
    assert [one["price_cents"] for one in detail["variants"]] == [None]
    page = web.get(f"/products/{slug}").text
    assert "43.21" not in page
    assert "Ask the physician" in page
    # It cannot be found out by asking for prices either.
    for asked in ("min_price=4000", "max_price=5000", "min_price=4321&max_price=4321"):
        found = web.get(f"/api/v1/products?q=zephyrine&{asked}").json["items"]
        assert slug not in [one["slug"] for one in found]
    by_price = web.get("/api/v1/products?category=zephyr&sort=price").json["items"]
    assert [one["slug"] for one in by_price] == [other, slug]


def test_what_is_not_shown_is_not_put_in_a_cart(app: Flask) -> None:
    hidden, teaser = a_tube(), a_variant(a_product(LegalClass.RX_UNAPPROVED))
    client = alice()
    token = a_token(client)
    a_prescription(client, a_tube())  # of another product
    a_policy(RX, Visibility.PLAN)
    a_policy(LegalClass.RX_UNAPPROVED, Visibility.TEASER)
    skus = hidden.sku, teaser.sku
    db.session.commit()
    web = app.test_client()

    answers = [
        web.put(
            f"/api/v1/cart/lines/{sku}",
            json={"quantity": 1},
            headers={"Authorization": f"Bearer {token}"},
        )
        for sku in skus
    ]

    assert [(one.status_code, one.json["code"]) for one in answers] == [
        (404, "no_such_variant"),
        (422, "ask_first"),
    ]
    lines = web.get("/api/v1/cart", headers={"Authorization": f"Bearer {token}"}).json["lines"]
    assert lines == []
