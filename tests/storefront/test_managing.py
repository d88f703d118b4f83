"""What a manager does over HTTP with pictures, prices, bundles, relations, and many at once."""

from __future__ import annotations

import hashlib
import uuid
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog import bulk_editing, publishing
from shop.catalog.models import PictureFile, Price, Product, ProductIngredient, Variant
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.storefront import neighbours
from shop.storefront.visibility import view_of
from tests import people
from tests.builders import a_brand, a_bundle, a_cream, a_picture, a_product, a_variant
from tests.catalog import picture_files
from tests.inventory.lots import a_lot
from tests.storefront.test_shop import Caller, _holding, somebody

API = "/api/v1"


@pytest.fixture
def visitor(app: Flask) -> Caller:
    return Caller(app)


@pytest.fixture
def manager(app: Flask) -> Caller:
    return Caller(app, somebody(people.mona))


@pytest.fixture
def client(app: Flask) -> Caller:
    return Caller(app, somebody(people.alice))


def sent(caller: Caller, path: str, data: bytes | None, **form: str) -> Any:
    """A multipart body made here: werkzeug's own leaves a file open when it is long."""
    parts = [
        f'--cut\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
        for name, text in form.items()
    ]
    if data is not None:
        head = b'--cut\r\nContent-Disposition: form-data; name="file"; filename="x.png"\r\n\r\n'
        parts.append(head + data + b"\r\n")
    return caller.client.post(
        f"{API}{path}",
        data=b"".join([*parts, b"--cut--\r\n"]),
        headers=caller.headers,
        content_type="multipart/form-data; boundary=cut",
    )


def matching(caller: Caller, method: str, path: str, body: Any, tag: str) -> Any:
    headers = caller.headers | {"If-Match": tag}
    return caller.client.open(API + path, method=method, json=body, headers=headers)


# Pictures.


def test_a_picture_is_made_shown_and_served(manager: Caller, visitor: Caller) -> None:
    pack = a_variant()
    db.session.commit()
    slug, data = pack.product.slug, picture_files.with_gps()

    made = sent(manager, f"/products/{slug}/pictures", data, alt="  A tube  ", sku=pack.sku)
    assert (made.status_code, made.json["alt"]) == (201, "A tube")

    shown = visitor.get(f"/products/{slug}").json["pictures"]
    assert [(one["alt"], one["sku"]) for one in shown] == [("A tube", pack.sku)]
    assert [(one["width"], one["height"]) for one in shown[0]["sizes"]] == [
        (320, 512),
        (640, 1024),
        (1000, 1600),
    ]
    (listed,) = visitor.get(f"/products?q={pack.sku}").json["items"]
    assert listed["pictures"] == shown

    for size in shown[0]["sizes"]:
        answer = visitor.client.get(size["url"])
        assert answer.status_code == 200
        assert answer.headers["Content-Type"] == "image/webp"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert "Set-Cookie" not in answer.headers
        digest = hashlib.sha256(answer.data).hexdigest()
        assert size["url"] == f"/pictures/{digest}.webp"
        assert answer.headers["ETag"] == f'"{digest}"'
        again = visitor.client.get(size["url"], headers={"If-None-Match": f'"{digest}"'})
        assert (again.status_code, again.data) == (304, b"")
        assert not any(secret in answer.data for secret in (b"Secret", b"EXIF", b"GPS"))
    page = visitor.client.get(f"/products/{slug}").text
    assert 'alt="A tube"' in page
    assert f"{shown[0]['sizes'][0]['url']} 320w" in page


def test_no_stored_byte_holds_a_secret(manager: Caller) -> None:
    product = a_product()
    db.session.commit()
    for data in (picture_files.with_gps(), picture_files.with_markup()):
        assert sent(manager, f"/products/{product.slug}/pictures", data, alt="x").status_code == 201

    stored = db.session.scalars(sa.select(PictureFile.data)).all()

    assert len(stored) == 6
    for data in stored:
        assert not any(word in data for word in (b"Secret", b"script", b"EXIF", b"XMP", b"ICCP"))


WRONG = {
    "no words": (picture_files.a_file(size=(400, 300)), {}, "alt"),
    "empty words": (picture_files.a_file(size=(400, 300)), {"alt": ""}, "alt"),
    "blank words": (picture_files.a_file(size=(400, 300)), {"alt": "   "}, "alt"),
    "no file": (None, {"alt": "x"}, "file"),
    "another's pack": (picture_files.a_file(size=(400, 300)), {"alt": "x", "sku": "OTHER"}, "sku"),
    "no picture": (b"hello", {"alt": "x"}, "file"),
    "a bomb": (picture_files.bomb(), {"alt": "x"}, "file"),
    "a moving one": (picture_files.moving("PNG"), {"alt": "x"}, "file"),
    "a field too many": (picture_files.a_file(size=(400, 300)), {"alt": "x", "z": "y"}, "z"),
}


@pytest.mark.parametrize(("data", "form", "field"), WRONG.values(), ids=WRONG)
def test_what_makes_no_picture_changes_nothing(
    manager: Caller, data: bytes | None, form: dict[str, str], field: str
) -> None:
    product = a_product()
    a_variant(sku="OTHER")
    db.session.commit()

    refused = sent(manager, f"/products/{product.slug}/pictures", data, **form)

    assert refused.status_code == 422
    assert field in refused.json["errors"]
    assert db.session.scalar(sa.select(sa.func.count(PictureFile.digest))) == 0


def test_a_body_larger_than_any_picture_is_not_read(manager: Caller) -> None:
    product = a_product()
    db.session.commit()

    refused = sent(manager, f"/products/{product.slug}/pictures", bytes(11 * 1024**2), alt="x")

    assert refused.status_code == 413


def test_pictures_are_put_in_order_described_and_removed(manager: Caller, visitor: Caller) -> None:
    pack = a_variant()
    ids = [str(a_picture(pack.product, alt=word).id) for word in ("one", "two", "three")]
    db.session.commit()
    path = f"/products/{pack.product.slug}/pictures"
    tag = manager.get(path).headers["ETag"]

    assert manager.call("PUT", f"{path}/order", {"pictures": ids}).status_code == 428
    part = matching(manager, "PUT", f"{path}/order", {"pictures": ids[:2]}, tag)
    assert (part.status_code, part.json["code"]) == (422, "bad_order")
    done = matching(manager, "PUT", f"{path}/order", {"pictures": ids[::-1]}, tag)
    assert [one["alt"] for one in done.json["items"]] == ["three", "two", "one"]
    late = matching(manager, "PUT", f"{path}/order", {"pictures": ids}, tag)
    assert (late.status_code, late.json["code"]) == (412, "changed_meanwhile")

    manager.call("PATCH", f"{path}/{ids[1]}", {"alt": "zwei"})
    gone = manager.get(path).json["items"][0]
    assert manager.call("DELETE", f"{path}/{ids[2]}").status_code == 200
    assert manager.call("DELETE", f"{path}/{ids[2]}").status_code == 404

    shown = visitor.get(f"/products/{pack.product.slug}").json["pictures"]
    assert [one["alt"] for one in shown] == ["zwei", "one"]
    assert visitor.client.get(gone["sizes"][0]["url"]).status_code == 404
    assert [event.kind for event in events.of(pack.product_id)][-3:] == [
        "picture_changed",
        "picture_changed",
        "picture_removed",
    ]


@pytest.mark.parametrize("name", ["0" * 64, "x", "../etc/passwd", "A" * 64])
def test_no_other_file_is_served(visitor: Caller, name: str) -> None:
    assert visitor.client.get(f"/pictures/{name}.webp").status_code == 404


# Editions.


def test_who_read_an_old_edition_overwrites_nothing(manager: Caller) -> None:
    pack = a_variant()
    db.session.commit()
    for path, changes in (
        (f"/products/{pack.product.slug}", {"description": "First."}),
        (f"/variants/{pack.sku}", {"name": "First."}),
    ):
        record = f"{path}/record" if "products" in path else path
        tag = manager.get(record).headers["ETag"]
        second = dict.fromkeys(changes, "Second.")

        first = matching(manager, "PATCH", path, changes, tag)
        assert (first.status_code, first.headers["ETag"]) == (
            200,
            manager.get(record).headers["ETag"],
        )
        late = matching(manager, "PATCH", path, second, tag)
        assert (late.status_code, late.json["code"]) == (412, "changed_meanwhile")
        assert manager.get(record).json | changes == manager.get(record).json
        assert matching(manager, "PATCH", path, second, "*").status_code == 200


# Prices.


def test_the_price_list_of_a_pack_and_of_a_day(manager: Caller) -> None:
    pack = a_variant(cents=2400, sku="A-1", name="=1+1")
    db.session.commit()
    begins = now() + timedelta(days=40)
    manager.call("PUT", "/variants/A-1/price", {"cents": 2600, "from": begins.isoformat()})

    listed = manager.get("/variants/A-1/prices").json["items"]
    assert [(one["cents"], one["when"]) for one in listed] == [(2400, "current"), (2600, "future")]

    def on(query: str) -> list[list[str]]:
        answer = manager.get(f"/price-list.csv{query}")
        assert answer.headers["Content-Type"].startswith("text/csv")
        lines = [line.split(",") for line in answer.text.splitlines()]
        return [line for line in lines[1:] if line[0] == "A-1"]

    assert [(line[2], line[6]) for line in on("")] == [("'=1+1", "2400")]
    assert [line[6] for line in on(f"?on={(begins + timedelta(days=2)).date()}")] == ["2600"]
    changing = on(f"?on={begins.astimezone(ZoneInfo('America/Los_Angeles')).date()}")
    assert [line[6] for line in changing] == ["2400", "2600"]
    assert manager.get("/price-list.csv?on=someday").status_code == 422

    begun, future = listed
    refused = manager.call("DELETE", f"/variants/A-1/prices/{begun['id']}")
    assert (refused.status_code, refused.json["code"]) == (409, "price_has_begun")
    left = manager.call("DELETE", f"/variants/A-1/prices/{future['id']}")
    assert [(one["cents"], one["until"]) for one in left.json["items"]] == [(2400, None)]
    assert manager.call("DELETE", f"/variants/A-1/prices/{uuid.uuid4()}").status_code == 404
    assert pack.sku == "A-1"


# Retired.


def test_a_retired_products_page_says_so_and_names_what_is_close(
    manager: Caller, visitor: Caller
) -> None:
    brand = a_brand()
    old = a_variant(a_product(brand_id=brand.id, name="Old Lotion"))
    near = a_variant(a_product(brand_id=brand.id, name="New Lotion"))
    a_lot(near)
    db.session.commit()
    path, close = f"/products/{old.product.slug}", near.product.slug

    done = manager.call("POST", f"{path}/retirement")
    assert (done.json["status"], done.json["variants"][0]["for_sale"]) == ("retired", False)

    gone = visitor.get(path)
    assert (gone.status_code, gone.json["code"]) == (410, "no_longer_sold")
    assert gone.json["facts"]["alternatives"] == [{"slug": close, "name": "New Lotion"}]
    page = visitor.client.get(path)
    assert page.status_code == 410
    assert "no longer sold" in page.text
    assert "New Lotion" in page.text
    assert visitor.names("q=lotion") == ["New Lotion"]

    assert manager.call("POST", f"{path}/publication").json["code"] == "not_publishable"
    assert manager.call("DELETE", f"{path}/retirement").json["status"] == "draft"
    assert visitor.get(path).status_code == 404


# Related.


def test_what_is_close_is_found_by_actives_category_and_brand(visitor: Caller) -> None:
    brand = a_brand()
    shown = a_product(name="Shown", category="acne", brand_id=brand.id)
    twin = a_product(name="Same active", category="other")
    kin = a_product(name="Same category", category="acne")
    house = a_product(name="Same brand", brand_id=brand.id)
    far = a_product(name="Nothing in common")
    sold_out = a_product(name="Sold out", category="acne", brand_id=brand.id)
    _sharing([shown, twin])
    for product in (shown, twin, kin, house, far):
        a_lot(a_variant(product))
    a_variant(sold_out)
    db.session.commit()

    related = visitor.get(f"/products/{shown.slug}").json["related"]

    assert [one["name"] for one in related] == ["Same active", "Same category", "Same brand"]


def _sharing(products: list[Product]) -> None:
    _holding(products[0], "SALICYLIC ACID")
    (line,) = products[0].ingredients
    for product in products[1:]:
        db.session.add(
            ProductIngredient(
                product_id=product.id,
                position=0,
                name_id=line.name_id,
                active=True,
                raw="x",
            )
        )
    db.session.flush()


def test_what_a_manager_sets_comes_instead_in_her_order(manager: Caller, visitor: Caller) -> None:
    shown = a_product(category="acne")
    first, second, hidden = (a_product(name=name) for name in ("First", "Second", "Hidden"))
    near = a_product(category="acne")
    for product in (shown, first, second, near):
        a_lot(a_variant(product))
    db.session.commit()
    path = f"/products/{shown.slug}/related"
    tag = manager.get(path).headers["ETag"]
    wanted = {"related": [second.slug, hidden.slug, first.slug]}

    assert manager.call("PUT", path, wanted).status_code == 428
    done = matching(manager, "PUT", path, wanted, tag)
    assert [one["name"] for one in done.json["items"]] == ["Second", "Hidden", "First"]
    assert matching(manager, "PUT", path, {"related": []}, tag).status_code == 412
    wrong = {"related": [shown.slug, "no-such", first.slug, first.slug]}
    refused = matching(manager, "PUT", path, wrong, done.headers["ETag"])
    assert set(refused.json["errors"]) == {"related.0", "related.1", "related.3"}

    related = visitor.get(f"/products/{shown.slug}").json["related"]
    assert [one["name"] for one in related] == ["Second", "First"]
    matching(manager, "PUT", path, {"related": []}, done.headers["ETag"])
    related = visitor.get(f"/products/{shown.slug}").json["related"]
    assert [one["slug"] for one in related] == [near.slug]


def test_what_is_beside_a_product_costs_two_statements(app: Flask) -> None:
    product = a_product(category="acne")
    for _ in range(6):
        a_lot(a_variant(a_product(category="acne")))
    db.session.commit()
    sent_statements: list[str] = []

    def heard(*args: Any) -> None:
        sent_statements.append(args[2])

    sa.event.listen(db.engine, "before_cursor_execute", heard)
    try:
        view = view_of(None, home="CA", day=now().date())
        neighbours.beside(product, view=view, at=now(), today=now().date())  # makes the index
        sent_statements.clear()
        found = neighbours.beside(product, view=view, at=now(), today=now().date())
    finally:
        sa.event.remove(db.engine, "before_cursor_execute", heard)

    assert len(found) == neighbours.MOST
    assert len([one for one in sent_statements if "products" in one]) == 2


# Bundles.


def test_a_bundle_is_put_together_shown_and_changed(manager: Caller, visitor: Caller) -> None:
    cream, soap = a_cream(cents=6200), a_variant(cents=900)
    a_lot(cream)
    a_lot(soap)
    db.session.commit()
    body = {
        "slug": "after-peel",
        "name": "After a peel",
        "items": [{"sku": cream.sku}, {"sku": soap.sku, "quantity": 2}],
    }

    made = manager.call("POST", "/bundles", body)
    assert (made.status_code, made.json["status"]) == (201, "draft")
    assert manager.call("POST", "/bundles", body).json["code"] == "taken"
    assert visitor.get("/bundles/after-peel").status_code == 404
    assert visitor.get("/bundles").json["items"] == []

    manager.call("POST", "/bundles/after-peel/publication")
    shown = visitor.get("/bundles/after-peel").json
    assert (shown["total_cents"], [one["orderable"] for one in shown["items"]]) == (
        8000,
        [True, True],
    )
    assert visitor.get("/bundles").json["items"] == [shown]
    for path in ("/", "/bundles/after-peel"):
        assert "After a peel" in visitor.client.get(path).text

    tag = manager.get("/bundles/after-peel/record").headers["ETag"]
    fewer = {"items": [{"sku": soap.sku, "quantity": 3}], "description": "Soft."}
    assert matching(manager, "PATCH", "/bundles/after-peel", fewer, '"x"').status_code == 412
    done = matching(manager, "PATCH", "/bundles/after-peel", fewer, tag)
    assert done.json["items"] == [{"sku": soap.sku, "quantity": 3}]
    assert visitor.get("/bundles/after-peel").json["total_cents"] == 2700

    assert manager.call("POST", "/bundles/after-peel/retirement").json["status"] == "retired"
    assert visitor.get("/bundles/after-peel").status_code == 404
    assert manager.call("POST", "/bundles/after-peel/publication").status_code == 422
    assert manager.call("DELETE", "/bundles/after-peel/retirement").json["status"] == "draft"


def test_a_bundles_wrong_items_are_named(manager: Caller) -> None:
    soap = a_variant()
    db.session.commit()
    items = [{"sku": soap.sku}, {"sku": "NONE"}, {"sku": soap.sku}]

    refused = manager.call("POST", "/bundles", {"slug": "x", "name": "X", "items": items})

    assert (refused.status_code, set(refused.json["errors"])) == (
        422,
        {"items.1.sku", "items.2.sku"},
    )
    assert manager.call("POST", "/bundles", {"slug": "y", "name": "Y"}).status_code == 201
    empty = manager.call("POST", "/bundles/y/publication")
    assert (empty.status_code, empty.json["code"]) == (422, "not_publishable")


def test_a_bundle_goes_into_the_cart_as_lines_of_their_own(client: Caller) -> None:
    cream, soap, off = a_cream(), a_variant(), a_variant(for_sale=False)
    a_lot(cream)
    a_lot(soap)
    bundle = a_bundle({cream: 1, soap: 2, off: 1})
    db.session.commit()

    cart = client.call("POST", f"/cart/bundles/{bundle.slug}").json
    again = client.call("POST", f"/cart/bundles/{bundle.slug}").json

    lines = {one["sku"]: (one["quantity"], one["gate"]["decision"]) for one in cart["lines"]}
    assert lines == {cream.sku: (1, "needs_request"), soap.sku: (2, "open")}
    assert [(one["sku"], one["why"]) for one in cart["left_out"]] == [
        (off.sku, "This is not for sale.")
    ]
    assert again["lines"] == cart["lines"]
    client.call("PUT", f"/cart/lines/{soap.sku}", {"quantity": 5})
    more = client.call("POST", f"/cart/bundles/{bundle.slug}").json
    assert {one["sku"]: one["quantity"] for one in more["lines"]}[soap.sku] == 5


def test_a_bundle_of_nothing_for_sale_puts_nothing_into_the_cart(client: Caller) -> None:
    bundle = a_bundle({a_variant(for_sale=False): 1})
    db.session.commit()

    refused = client.call("POST", f"/cart/bundles/{bundle.slug}")

    assert (refused.status_code, refused.json["code"]) == (422, "not_for_sale")
    assert client.get("/cart").json["lines"] == []
    assert client.call("POST", "/cart/bundles/none").status_code == 404


def test_the_picture_of_a_bundle(manager: Caller, visitor: Caller) -> None:
    bundle = a_bundle({a_variant(): 1})
    db.session.commit()
    data = picture_files.a_file(size=(400, 300))

    made = sent(manager, f"/bundles/{bundle.slug}/pictures", data, alt="Two tubes")

    assert made.status_code == 201
    shown = visitor.get(f"/bundles/{bundle.slug}").json["pictures"]
    assert [(one["alt"], len(one["sizes"])) for one in shown] == [("Two tubes", 2)]
    manager.call("DELETE", f"/bundles/{bundle.slug}/pictures/{made.json['id']}")
    assert visitor.get(f"/bundles/{bundle.slug}").json["pictures"] == []


# Many at once.


def test_many_are_changed_in_one_act(manager: Caller) -> None:
    one, two = a_variant(cents=900), a_variant(cents=900, for_sale=False)
    publishing.withdraw(two.product, by=None, at=now())
    db.session.commit()
    begins = (now() + timedelta(days=5)).isoformat()
    items = [
        {
            "slug": one.product.slug,
            "changes": {
                "category": "acne",
                "description": "At night.",
                "variants": [{"sku": one.sku, "price": {"cents": 1000, "from": begins}}],
            },
        },
        {
            "slug": two.product.slug,
            "changes": {
                "status": "published",
                "variants": [{"sku": two.sku, "for_sale": True, "price": {"cents": 800}}],
            },
        },
    ]

    tried = manager.call("PATCH", "/products", {"items": items, "dry_run": True})
    assert tried.status_code == 200, tried.json
    assert tried.json["items"] == [
        {
            "slug": one.product.slug,
            "changed": ["category", "description"],
            "variants": {one.sku: ["price"]},
        },
        {
            "slug": two.product.slug,
            "changed": ["status"],
            "variants": {two.sku: ["for_sale", "price"]},
        },
    ]
    assert _prices(one) == [900]
    assert _of(one).category == ""

    done = manager.call("PATCH", "/products", {"items": items})
    assert done.json == tried.json | {"dry_run": False}
    assert (_prices(one), _prices(two)) == ([900, 1000], [900, 800])
    assert (_of(one).category, _of(two).status) == ("acne", "published")
    assert [event.kind for event in events.of(one.product_id)][-1] == "product_changed"
    assert [event.kind for event in events.of(one.product_id)].count("product_changed") == 1

    again = manager.call("PATCH", "/products", {"items": items[:1]})
    assert again.status_code == 200
    assert again.json["items"][0]["changed"] == []


def _prices(variant: Variant) -> list[int]:
    query = sa.select(Price.cents).where(Price.variant_id == variant.id).order_by(Price.valid_from)
    return list(db.session.scalars(query))


def _of(variant: Variant) -> Product:
    db.session.expire_all()
    return db.session.get_one(Product, variant.product_id)


def test_one_that_cannot_be_changed_holds_back_all_and_each_is_named(manager: Caller) -> None:
    good, rx = a_variant(), a_cream()
    other = a_variant()
    db.session.commit()
    items = [
        {"slug": good.product.slug, "changes": {"category": "acne"}},
        {"slug": rx.product.slug, "changes": {"legal_class": "otc_drug"}},
        {"slug": "no-such", "changes": {"category": "acne"}},
        {"slug": good.product.slug, "changes": {"category": "x"}},
        {
            "slug": other.product.slug,
            "changes": {"variants": [{"sku": other.sku, "gtin": "123"}, {"sku": good.sku}]},
        },
    ]

    refused = manager.call("PATCH", "/products", {"items": items})

    assert (refused.status_code, refused.json["code"]) == (422, "bad_bulk")
    assert set(refused.json["errors"]) == {
        "items.1.changes.legal_class",
        "items.2.slug",
        "items.3.slug",
        "items.4.changes.variants.0.gtin",
    }
    assert _of(good).category == ""


def test_all_that_fit_are_changed(manager: Caller) -> None:
    acne = [a_variant(a_product(category="acne")) for _ in range(3)]
    other = a_variant(a_product(category="other"))
    db.session.commit()

    body = {"where": {"category": "acne"}, "changes": {"for_sale": False, "status": "draft"}}
    done = manager.call("PATCH", "/products", body)

    assert len(done.json["items"]) == 3
    assert [_of(one).status for one in [*acne, other]] == ["draft"] * 3 + ["published"]
    assert [db.session.get_one(Variant, one.id).for_sale for one in [*acne, other]] == [
        False,
        False,
        False,
        True,
    ]


def test_acts_are_done_in_an_order_that_works(manager: Caller) -> None:
    """Off sale before the class allows no sale; restored before its pack is offered again."""
    raw, old = a_variant(), a_variant()
    publishing.retire(old.product, by=None, at=now())
    db.session.commit()
    items = [
        {
            "slug": raw.product.slug,
            "changes": {"legal_class": "clinic_use", "for_sale": False},
        },
        {
            "slug": old.product.slug,
            "changes": {"status": "draft", "variants": [{"sku": old.sku, "for_sale": True}]},
        },
    ]

    done = manager.call("PATCH", "/products", {"items": items})

    assert done.status_code == 200, done.json
    assert [_of(one).legal_class for one in (raw, old)] == ["clinic_use", "otc_drug"]
    assert [db.session.get_one(Variant, one.id).for_sale for one in (raw, old)] == [False, True]


def test_too_many_are_not_changed(manager: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_editing, "MOST_PRODUCTS", 2)
    packs = [a_variant(a_product(category="acne")) for _ in range(3)]
    db.session.commit()

    body = {"where": {"category": "acne"}, "changes": {"category": "spots"}}
    refused = manager.call("PATCH", "/products", body)

    assert (refused.status_code, set(refused.json["errors"])) == (422, {"where"})
    assert [_of(one).category for one in packs] == ["acne"] * 3


ODD = [
    {},
    {"items": []},
    {"where": {}, "changes": {"category": "x"}},
    {"where": {"category": "x"}},
    {"items": [{"slug": "x", "changes": {}}], "where": {"category": "x"}, "changes": {}},
    {"items": [{"slug": "x", "changes": {"colour": "red"}}]},
    {"items": [{"slug": "x", "changes": {"status": "sold"}}]},
    {"where": {"category": "x"}, "changes": {"variants": []}},
    {"items": [{"slug": "x", "changes": {"variants": [{"for_sale": True}]}}]},
]


@pytest.mark.parametrize("body", ODD, ids=str)
def test_an_odd_order_for_many_is_refused(manager: Caller, body: dict[str, Any]) -> None:
    refused = manager.call("PATCH", "/products", body)

    assert refused.status_code == 422
    assert refused.json["errors"]
