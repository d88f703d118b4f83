"""The manager's pages: find a product, change it, show it, end its sale."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shop.catalog import queries
from shop.catalog.models import Product
from shop.core.clock import now
from shop.core.db import db
from tests.builders import a_cream, a_picture, a_product, a_variant
from tests.catalog import picture_files
from tests.people import a_browser, mona

TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')
EDITION = re.compile(r'name="edition" value="([^"]+)"')


class Desk:
    """Mona's browser, signed in."""

    def __init__(self, client: FlaskClient) -> None:
        self.client = client

    def page(self, path: str) -> str:
        answer = self.client.get(f"/manage/products{path}")
        assert answer.status_code == 200, answer.text[:500]
        return answer.text

    def post(self, slug: str, path: str = "", **form: Any) -> Any:
        """Send a form of the product's page, as the page carries it."""
        token = TOKEN.search(self.page(f"/{slug}"))
        assert token
        return self.client.post(
            f"/manage/products/{slug}{path}", data={"csrf_token": token[1]} | form
        )


@pytest.fixture
def desk(app: Flask) -> Desk:
    return Desk(a_browser(app, mona()))


def _now(product_id: uuid.UUID) -> Product:
    db.session.expire_all()
    return db.session.get_one(Product, product_id)


def test_products_are_found_by_name_key_sku_and_state(desk: Desk) -> None:
    soap = a_variant(a_product(name="Calm Soap 100% clean"), sku="SOAP-1")
    a_variant(a_product(name="Other Cream", published_at=None))
    db.session.commit()

    for asked in ("q=calm", "q=100%25", "q=soap-1", f"q={soap.product.source_key}"):
        page = desk.page(f"?{asked}")
        assert "Calm Soap" in page
        assert "Other Cream" not in page
    assert "Other Cream" in desk.page("?status=draft")
    assert "Calm Soap" not in desk.page("?status=draft")
    assert "No product answers" in desk.page("?q=nothing-like-it")
    assert desk.page("?status=sold&limit=x")  # what cannot be used is left out


def test_pages_of_the_list_hold_all_products_once(desk: Desk) -> None:
    for number in range(5):
        a_product(name=f"Lotion {number}")
    db.session.commit()

    page, seen = desk.page("?limit=2"), []
    while True:
        seen += re.findall(r">(Lotion \d)</a>", page)
        following = re.search(r'rel="next" href="/manage/products([^"]+)"', page)
        if following is None:
            break
        page = desk.page(following[1].replace("&amp;", "&"))

    assert seen == [f"Lotion {number}" for number in range(5)]


def test_words_are_changed_and_an_old_form_overwrites_nothing(desk: Desk) -> None:
    product = a_product(name="Before")
    db.session.commit()
    edition = EDITION.search(desk.page(f"/{product.slug}"))
    assert edition
    words = {"name": "After", "category": "acne", "description": "At night."}

    done = desk.post(product.slug, edition=edition[1], **words)
    late = desk.post(product.slug, edition=edition[1], **words | {"name": "Too late"})

    assert (done.status_code, late.status_code) == (303, 412)
    assert "Too late" in late.text  # what was typed is kept on the page
    assert _now(product.id).name == "After"


def test_a_form_that_cannot_be_used_says_why_and_keeps_what_was_typed(desk: Desk) -> None:
    product = a_product(name="Before")
    db.session.commit()
    edition = EDITION.search(desk.page(f"/{product.slug}"))
    assert edition

    wrong = desk.post(product.slug, edition=edition[1], name="", category="x" * 101)

    assert wrong.status_code == 422
    assert 'id="e-name"' in wrong.text
    assert "x" * 101 in wrong.text
    assert _now(product.id).name == "Before"


def test_a_product_goes_through_its_life_by_buttons(desk: Desk) -> None:
    pack = a_variant(a_product(published_at=None))
    product = pack.product
    slug = product.slug
    db.session.commit()

    for act, status in (
        ("publish", "published"),
        ("withdraw", "draft"),
        ("publish", "published"),
        ("retire", "retired"),
        ("restore", "draft"),
    ):
        assert f'value="{act}"' in desk.page(f"/{slug}")
        assert desk.post(slug, "/status", do=act).status_code == 303
        assert _now(product.id).status == status
    assert desk.post(slug, "/status", do="retire").status_code == 409
    assert desk.post(slug, "/status", do="explode").status_code == 422
    assert _now(product.id).status == "draft"


def test_what_may_not_be_sold_has_no_button_to_publish(desk: Desk) -> None:
    product = a_product(finished=False, published_at=None)
    db.session.commit()

    page = desk.page(f"/{product.slug}")

    assert "Unfinished drugs are never sold." in page
    assert 'value="publish"' not in page


def test_prices_are_set_and_taken_back(desk: Desk) -> None:
    pack = a_variant(cents=2400)
    slug, sku = pack.product.slug, pack.sku
    db.session.commit()
    begins = (now() + timedelta(days=9)).strftime("%Y-%m-%dT00:00")

    typed = {f"price-{sku}": "$26.50", f"from-{sku}": begins}
    assert desk.post(slug, f"/variants/{sku}/prices", **typed).status_code == 303
    page = desk.page(f"/{slug}")
    assert "$26.50" in page
    ahead = re.search(rf"/variants/{sku}/prices/([0-9a-f-]+)/withdrawal", page)
    assert ahead
    back = f"/variants/{sku}/prices/{ahead[1]}/withdrawal"
    assert desk.post(slug, back).status_code == 303
    assert [price.cents for price in queries.variant(sku).prices] == [2400]

    for odd in ("", "cheap", "1.5", "-1", "1e3", "9999999"):
        wrong = desk.post(slug, f"/variants/{sku}/prices", **{f"price-{sku}": odd})
        assert wrong.status_code == 422
        assert f'id="e-price-{sku}"' in wrong.text
    late = {f"price-{sku}": "1.00", f"from-{sku}": "2020-01-01T00:00"}
    wrong = desk.post(slug, f"/variants/{sku}/prices", **late)
    assert wrong.status_code == 422
    assert f'id="e-from-{sku}"' in wrong.text
    assert [price.cents for price in queries.variant(sku).prices] == [2400]


def test_what_a_pack_weighs_is_kept_and_forgotten(desk: Desk) -> None:
    pack = a_variant()
    slug, sku = pack.product.slug, pack.sku
    db.session.commit()

    def kept(grams: str) -> tuple[int, int | None]:
        answer = desk.post(slug, f"/variants/{sku}", **{f"grams-{sku}": grams})
        db.session.expire_all()
        return answer.status_code, queries.variant(sku).weight_grams

    assert kept("85") == (303, 85)
    for odd in ("0", "30001", "1.5", "-1", "heavy", "٣"):
        assert kept(odd) == (422, 85)
    assert 'value="85"' in desk.page(f"/{slug}")
    assert kept("") == (303, None)


def test_a_pack_is_offered_and_taken_off_sale(desk: Desk) -> None:
    pack, other = a_variant(), a_cream()
    slug, sku = pack.product.slug, pack.sku
    db.session.commit()

    assert desk.post(slug, f"/variants/{sku}", for_sale="false").status_code == 303
    assert queries.variant(sku).for_sale is False
    assert desk.post(slug, f"/variants/{sku}", for_sale="true").status_code == 303
    assert desk.post(slug, f"/variants/{other.sku}", for_sale="false").status_code == 422
    db.session.expire_all()
    assert queries.variant(other.sku).for_sale is True


def test_pictures_are_added_described_put_first_and_removed(desk: Desk) -> None:
    product = a_product()
    slug = product.slug
    db.session.commit()
    data = picture_files.a_file("JPEG", size=(400, 300))

    for words in ("One", "Two"):
        done = desk.post(slug, "/pictures", file=(_stream(data), "x.jpg"), alt=words)
        assert done.status_code == 303
    two = queries.pictures(_now(product.id))[1].id
    desk.post(slug, f"/pictures/{two}", do="first")
    desk.post(slug, f"/pictures/{two}", do="describe", alt="Zwei")
    assert [one.alt for one in queries.pictures(_now(product.id))] == ["Zwei", "One"]
    page = desk.page(f"/{slug}")
    assert 'alt="Zwei"' in page
    desk.post(slug, f"/pictures/{two}", do="remove")
    assert [one.alt for one in queries.pictures(_now(product.id))] == ["One"]

    for file, words, field in ((b"no picture", "x", "file"), (data, " ", "alt")):
        wrong = desk.post(slug, "/pictures", file=(_stream(file), "x.jpg"), alt=words)
        assert wrong.status_code == 422
        assert f'id="e-{field}"' in wrong.text
    assert desk.post(slug, "/pictures", alt="x").status_code == 422
    assert len(queries.pictures(_now(product.id))) == 1


def _stream(data: bytes) -> Any:
    import io

    return io.BytesIO(data)


def test_what_is_beside_a_product_is_typed_a_line_each(desk: Desk) -> None:
    product, first, second = a_product(), a_product(), a_product()
    slug = product.slug
    a_picture(product)
    db.session.commit()
    typed = f"https://shop.example/products/{second.slug}/\n\n {first.slug} \n"

    assert desk.post(slug, "/related", related=typed).status_code == 303
    assert [one.slug for one in queries.related(_now(product.id))] == [second.slug, first.slug]
    wrong = desk.post(slug, "/related", related=f"{first.slug}\nno-such")
    assert wrong.status_code == 422
    assert "Line 2: There is no such product." in wrong.text
    assert len(queries.related(_now(product.id))) == 2


def test_there_is_no_page_of_what_is_not_there(desk: Desk) -> None:
    assert desk.client.get("/manage/products/no-such").status_code == 404
