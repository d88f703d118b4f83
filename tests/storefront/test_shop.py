"""The shop: what is found, what is shown, what the manager's calls do."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts import passwords
from shop.accounts.models import Person
from shop.catalog.models import IngredientName, LegalClass, Product, ProductIngredient, Variant
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from tests import people
from tests.builders import a_brand, a_cream, a_product, a_variant
from tests.catalog.rows import an_ndc_row, csv_of

API = "/api/v1"
WORD = "gray plum 12"


class Caller:
    """A program with a Bearer token, or a visitor without."""

    def __init__(self, app: Flask, person: Person | None = None) -> None:
        self.client = app.test_client()
        self.headers: dict[str, str] = {}
        if person is not None:
            signed_in = self.call(
                "POST", "/tokens", {"email": person.email, "password": WORD, "name": "test"}
            )
            self.headers = {"Authorization": f"Bearer {signed_in.json['token']}"}

    def call(self, method: str, path: str, body: Any = None, **extra: Any) -> Any:
        return self.client.open(API + path, method=method, json=body, headers=self.headers, **extra)

    def get(self, path: str) -> Any:
        return self.call("GET", path)

    def names(self, query: str) -> list[str]:
        answer = self.get(f"/products?{query}")
        assert answer.status_code == 200, answer.json
        return [item["name"] for item in answer.json["items"]]


def somebody(make: Any, **given: Any) -> Person:
    person: Person = make(password_hash=passwords.hash_of(WORD), **given)
    db.session.commit()
    return person


@pytest.fixture
def visitor(app: Flask) -> Caller:
    return Caller(app)


@pytest.fixture
def manager(app: Flask) -> Caller:
    return Caller(app, somebody(people.mona))


def _holding(product: Product, name: str, *, active: bool = True) -> None:
    named = IngredientName(id=uuid.uuid4(), name=name)
    db.session.add(named)
    db.session.flush()
    db.session.add(
        ProductIngredient(
            product_id=product.id,
            position=0 if active else 1,
            name_id=named.id,
            active=active,
            raw=name.title(),
            strength_text="",
        )
    )
    db.session.flush()


@pytest.fixture
def shelf(app: Flask) -> None:
    """A cream by prescription, two lotions, and what nobody may see."""
    brand = a_brand(name="Lumière Santé", slug="lumiere-sante")
    cream = a_product(LegalClass.RX, name="Tretinoin Cream 0.025 %", category="retinoid")
    lotion = a_product(name="Daily Mineral Lotion", brand_id=brand.id, category="sunscreen")
    gel = a_product(LegalClass.COSMETIC, name="Calming Gel", category="soothing")
    _holding(cream, "TRETINOIN")
    _holding(lotion, "ZINC OXIDE")
    _holding(gel, "BISABOLOL", active=False)
    a_variant(cream, cents=6200, sku="0187-5160-20", package_ndc="0187-5160-20")
    a_variant(lotion, cents=2400, sku="LOT-50")
    a_variant(lotion, cents=1400, sku="LOT-15")
    a_variant(gel, cents=900, sku="GEL-30")
    a_variant(a_product(name="Unpublished Lotion", published_at=None))
    a_variant(a_product(name="Not For Sale Lotion"), for_sale=False)
    a_variant(a_product(name="Ended Lotion", marketing_ends_on=now().date() - timedelta(days=3)))
    a_product(name="Packless Lotion")
    db.session.commit()


ALL = ["Calming Gel", "Daily Mineral Lotion", "Tretinoin Cream 0.025 %"]
SEARCHES = {
    "nothing asked": ("", ALL),
    "a word": ("q=lotion", ["Daily Mineral Lotion"]),
    "a prefix": ("q=tret", ["Tretinoin Cream 0.025 %"]),
    "a typing error": ("q=tretionin", ["Tretinoin Cream 0.025 %"]),
    "another number of it": ("q=lotions", ["Daily Mineral Lotion"]),
    "a brand without its accents": ("q=lumiere", ["Daily Mineral Lotion"]),
    "a brand with its accents": ("q=Lumi%C3%A8re", ["Daily Mineral Lotion"]),
    "an active": ("q=zinc", ["Daily Mineral Lotion"]),
    "another ingredient": ("q=bisabolol", ["Calming Gel"]),
    "a package number": ("q=0187-5160-20", ["Tretinoin Cream 0.025 %"]),
    "a SKU's beginning": ("q=lot-1", ["Daily Mineral Lotion"]),
    "two words": ("q=mineral+zinc", ["Daily Mineral Lotion"]),
    "two words, one with a typing error": ("q=minerel+zinc", ["Daily Mineral Lotion"]),
    "a word that says nothing": ("q=the+gel", ["Calming Gel"]),
    "two words that do not meet: what has one": ("q=gel+zinc", ALL[:2]),
    "nothing but signs": ("q=%27%29%28%26%7C%21%3A%2A", []),
    "a category": ("category=retinoid", ["Tretinoin Cream 0.025 %"]),
    "the filter of a brand": ("brand=lumiere-sante", ["Daily Mineral Lotion"]),
    "the filter of an active": ("active=tretinoin", ["Tretinoin Cream 0.025 %"]),
    "a class": ("legal_class=cosmetic", ["Calming Gel"]),
    "doctor-only": ("doctor_only=true", ["Tretinoin Cream 0.025 %"]),
    "not doctor-only": ("doctor_only=false", ALL[:2]),
    "dear": ("min_price=2400", ["Tretinoin Cream 0.025 %"]),
    "cheap": ("max_price=1400", ALL[:2]),
    "in stock": ("in_stock=true", []),
    "out of stock": ("in_stock=false", ALL),
    "by price": ("sort=price", ALL),
    "by price, falling": ("sort=-price", ALL[::-1]),
}


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(("query", "names"), SEARCHES.values(), ids=SEARCHES.keys())
def test_finds(visitor: Caller, query: str, names: list[str]) -> None:
    assert visitor.names(query) == names


@pytest.mark.usefixtures("shelf")
def test_facets_count_what_each_choice_would_leave(visitor: Caller) -> None:
    facets = visitor.get("/products?category=sunscreen").json["facets"]

    assert {one["value"]: one["count"] for one in facets["category"]} == {
        "retinoid": 1,
        "soothing": 1,
        "sunscreen": 1,
    }
    assert facets["legal_class"] == [{"value": "otc_drug", "label": "otc_drug", "count": 1}]
    assert facets["active"] == [{"value": "ZINC OXIDE", "label": "ZINC OXIDE", "count": 1}]
    assert facets["brand"] == [{"value": "lumiere-sante", "label": "Lumière Santé", "count": 1}]


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize("sort", ["name", "price", "-price", "newest", "relevance"])
def test_pages_hold_still_while_products_arrive(visitor: Caller, sort: str) -> None:
    q = "&q=lotion+cream+gel" if sort == "relevance" else ""
    for place in range(4):
        a_variant(a_product(name=f"Lotion Cream Gel {place}"), cents=1000)
    db.session.commit()
    whole = visitor.names(f"sort={sort}{q}&limit=100")

    seen, after = [], ""
    while True:
        page = visitor.get(f"/products?sort={sort}{q}&limit=2{after}").json
        seen += [item["name"] for item in page["items"]]
        if page["next"] is None:
            break
        after = f"&after={page['next']}"
        a_variant(a_product(name="Aaa Cream", published_at=None))
        db.session.commit()

    assert seen == whole
    assert len(whole) >= 4


WRONG = [
    "colour=red",
    "limit=0",
    "limit=101",
    "min_price=x",
    "sort=best",
    "after=zzz",
    "in_stock=1",
]


@pytest.mark.parametrize("query", WRONG)
def test_what_cannot_be_asked_is_named(visitor: Caller, query: str) -> None:
    refused = visitor.get(f"/products?{query}")

    assert refused.status_code == 422
    assert query.split("=", maxsplit=1)[0] in refused.json["errors"]


@pytest.mark.usefixtures("shelf")
def test_a_product_in_detail(visitor: Caller) -> None:
    slug = _slug("Tretinoin Cream 0.025 %")

    product = visitor.get(f"/products/{slug}").json

    assert product["legal_class"] == "rx"
    assert product["doctor_only"] is True
    assert product["actives"] == [
        {
            "name": "TRETINOIN",
            "inci_name": None,
            "active_class": None,
            "filed": "Tretinoin",
            "strength": "",
            "percent": None,
        }
    ]
    (variant,) = product["variants"]
    assert (variant["sku"], variant["price_cents"], variant["available"]) == (
        "0187-5160-20",
        6200,
        0,
    )
    assert product["picture"] == "/static/placeholders/rx.svg"


def _slug(name: str) -> str:
    return db.session.scalars(sa.select(Product.slug).where(Product.name == name)).one()


HIDDEN = ["Unpublished Lotion", "Not For Sale Lotion", "Ended Lotion", "Packless Lotion"]


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize("name", HIDDEN)
def test_what_is_not_on_offer_is_not_there(visitor: Caller, manager: Caller, name: str) -> None:
    slug = _slug(name)

    assert visitor.get(f"/products/{slug}").status_code == 404
    assert visitor.client.get(f"/products/{slug}").status_code == 404
    assert manager.get(f"/products/{slug}").json["name"] == name


@pytest.mark.usefixtures("shelf")
def test_the_gate_says_what_a_client_may_do(app: Flask, visitor: Caller) -> None:
    alice = Caller(app, somebody(people.alice))
    slug = _slug("Tretinoin Cream 0.025 %")

    (answer,) = alice.get(f"/products/{slug}/gate").json["variants"]

    assert (answer["sku"], answer["decision"]) == ("0187-5160-20", "needs_request")
    assert answer["reasons"][0]["text"]
    assert visitor.get(f"/products/{slug}/gate").status_code == 401


def test_a_manager_enters_prices_and_publishes_a_product(manager: Caller, visitor: Caller) -> None:
    made = manager.call(
        "POST",
        "/products",
        {
            "key": "sample-30",
            "name": "Sample Lotion SPF 30",
            "brand": "Luminescence",
            "legal_class": "otc_drug",
            "ingredients": [{"name": "Zinc oxide", "active": True, "strength": "12.5 %"}],
        },
    )
    assert (made.status_code, made.json["published_at"]) == (201, None)
    slug = made.json["slug"]
    pack = manager.call(
        "POST",
        f"/products/{slug}/variants",
        {"sku": "SAMPLE-5", "name": "5 mL sample", "net_content": "5", "for_sale": True},
    )
    assert (pack.status_code, pack.json["net_content"]) == (201, "5.000000")
    price = manager.call("PUT", "/variants/SAMPLE-5/price", {"cents": 300})
    assert (price.status_code, price.json["cents"], price.json["until"]) == (200, 300, None)
    assert visitor.names("q=sample") == []

    assert manager.call("POST", f"/products/{slug}/publication").json["published_at"]
    assert visitor.names("q=sample") == ["Sample Lotion SPF 30"]
    assert visitor.get(f"/products/{slug}").json["variants"][0]["price_cents"] == 300

    assert manager.call("DELETE", f"/products/{slug}/publication").status_code == 200
    assert visitor.names("q=sample") == []
    product = db.session.scalars(sa.select(Product).where(Product.slug == slug)).one()
    assert [(event.kind, event.actor.split(":")[0]) for event in events.of(product.id)] == [
        ("product_created", "person"),
        ("product_published", "person"),
        ("product_withdrawn", "person"),
    ]


@pytest.mark.usefixtures("shelf")
def test_a_manager_changes_words_and_packs_but_no_class_downwards(manager: Caller) -> None:
    slug = _slug("Tretinoin Cream 0.025 %")

    changed = manager.call("PATCH", f"/products/{slug}", {"description": "At night."})
    refused = manager.call("PATCH", f"/products/{slug}", {"legal_class": "otc_drug"})
    off = manager.call("PATCH", "/variants/0187-5160-20", {"for_sale": False})

    assert changed.json["description"] == "At night."
    assert (refused.status_code, refused.json["code"]) == (422, "weaker_class")
    assert off.json["for_sale"] is False
    assert (
        db.session.scalars(sa.select(Product.legal_class).where(Product.slug == slug)).one()
        is LegalClass.RX
    )


def _upload(caller: Caller, data: bytes, **form: str) -> Any:
    """A multipart body made here: werkzeug's own leaves a file open when it is long."""
    parts = [
        f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in ({"source": "ndc"} | form).items()
    ]
    parts.append(
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="rows.csv"\r\n'
        b"Content-Type: text/csv\r\n\r\n" + data + b"\r\n--cut--\r\n"
    )
    return caller.client.post(
        f"{API}/imports",
        data=b"".join(parts),
        headers=caller.headers,
        content_type="multipart/form-data; boundary=cut",
    )


def _count() -> int:
    return db.session.scalar(sa.select(sa.func.count(Product.id))) or 0


def test_a_manager_imports_a_file(manager: Caller) -> None:
    data = csv_of(an_ndc_row(), an_ndc_row(product_ndc="x"))
    before = _count()

    tried = _upload(manager, data, dry_run="true")
    assert (tried.status_code, _count()) == (200, before)
    done = _upload(manager, data)

    assert done.status_code == 200
    assert done.json["counts"] == {"created": 1, "changed": 0, "unchanged": 0, "quarantined": 1}
    assert [row["row"] for row in done.json["rows"]] == [2, 3]
    assert "raw" not in done.json["rows"][0]
    assert _count() == before + 1


def test_a_bad_file_names_row_and_field(manager: Caller) -> None:
    before = _count()

    refused = _upload(manager, b"product_ndc\n1\n")

    assert (refused.status_code, refused.json["code"]) == (422, "bad_file")
    assert (refused.json["facts"]["row"], refused.json["facts"]["field"]) == (1, "product_type")
    assert _count() == before


def test_a_file_larger_than_other_bodies_is_taken(manager: Caller) -> None:
    rows = [an_ndc_row(brand_name=f"x{place}" * 5_000) for place in range(100)]

    taken = _upload(manager, csv_of(*rows))

    assert taken.status_code == 200
    assert taken.json["counts"]["quarantined"] == 100


def test_a_file_beyond_the_limit_is_refused(manager: Caller) -> None:
    refused = _upload(manager, b"x" * (21 * 1024 * 1024))

    assert refused.status_code == 413


@pytest.mark.usefixtures("shelf")
def test_the_export_comes_back_unchanged(manager: Caller) -> None:
    exported = manager.get("/exports/products.csv")
    assert exported.status_code == 200
    assert exported.content_type == "text/csv; charset=utf-8"

    report = _upload(manager, exported.data, source="csv").json

    assert report["counts"]["unchanged"] == len(report["rows"]) > 0


MANAGED = [
    ("POST", "/products"),
    ("PATCH", "/products/x"),
    ("POST", "/products/x/publication"),
    ("DELETE", "/products/x/publication"),
    ("POST", "/products/x/variants"),
    ("PATCH", "/variants/x"),
    ("PUT", "/variants/x/price"),
    ("POST", "/imports"),
    ("GET", "/exports/products.csv"),
]


@pytest.mark.parametrize(("method", "path"), MANAGED)
def test_only_a_manager_keeps_the_catalogue(
    app: Flask, visitor: Caller, method: str, path: str
) -> None:
    alice = Caller(app, somebody(people.alice))

    assert visitor.call(method, path, {}).status_code == 401
    assert alice.call(method, path, {}).status_code == 403


@pytest.mark.usefixtures("shelf")
def test_the_shops_page_lists_and_searches(visitor: Caller) -> None:
    page = visitor.client.get("/?q=lotion").text

    assert "Daily Mineral Lotion" in page
    assert "from $14.00" in page
    assert "Tretinoin" not in page.partition('class="grid"')[2]
    assert "Nothing here answers to that" in visitor.client.get("/?q=zzzzzz").text


@pytest.mark.usefixtures("shelf")
def test_a_filter_that_cannot_be_used_is_said(visitor: Caller) -> None:
    answer = visitor.client.get("/?sort=best&after=zzz&limit=x&q=lotion")

    assert answer.status_code == 200
    assert "Some filters could not be used and were left out: order, page." in answer.text
    assert "Daily Mineral Lotion" in answer.text


def test_what_was_typed_is_shown_as_text(visitor: Caller) -> None:
    page = visitor.client.get("/?q=%22%3E%3Cscript%3E").text

    assert "<script>" not in page
    assert "&#34;&gt;&lt;script&gt;" in page


@pytest.mark.usefixtures("shelf")
def test_a_products_page_for_a_client(app: Flask, visitor: Caller) -> None:
    slug = _slug("Tretinoin Cream 0.025 %")
    alice = Caller(app, somebody(people.alice))

    page = alice.client.get(f"/products/{slug}", headers=alice.headers).text
    anonymous = visitor.client.get(f"/products/{slug}").text

    assert 'action="/cart/lines"' in page
    assert 'name="sku" value="0187-5160-20"' in page
    assert 'class="gate needs_request"' in page
    assert "Sign in to ask" in anonymous
    assert 'action="/cart/lines"' not in anonymous


def test_pages_of_a_shop_hold_their_shape_with_every_kind_of_product(visitor: Caller) -> None:
    variant = a_cream()
    db.session.commit()
    for one in db.session.scalars(sa.select(Variant)).all():
        assert visitor.client.get(f"/products/{one.product.slug}").status_code == 200
    assert variant.product.name in visitor.client.get("/").text
