"""Facets, paging and the gate in lists: what is counted, what stays put, what a client is told."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts import tokens
from shop.catalog import editing
from shop.catalog.errors import Taken
from shop.catalog.models import (
    Ingredient,
    IngredientName,
    LegalClass,
    Pregnancy,
    Product,
    ProductIngredient,
    Way,
)
from shop.core.clock import now
from shop.core.db import db
from shop.storefront import index, searching
from shop.storefront.searching import Wanted
from shop.storefront.visibility import View
from tests.benchmarks.test_statements import sent
from tests.builders import a_brand, a_product, a_variant
from tests.inventory.lots import a_lot
from tests.people import alice, sam
from tests.prescriptions.builders import a_prescription

API = "/api/v1/products"


class Shop:
    """A visitor's view of the lists."""

    def __init__(self, app: Flask, token: str = "") -> None:
        self.client = app.test_client()
        self.headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, **query: Any) -> Any:
        answer = self.client.get(f"{API}?{urlencode(query, doseq=True)}", headers=self.headers)
        assert answer.status_code == 200, answer.text
        return answer.json

    def names(self, **query: Any) -> list[str]:
        return [item["name"] for item in self.ask(**query)["items"]]

    def counts(self, facet: str, **query: Any) -> dict[Any, int]:
        return {one["value"]: one["count"] for one in self.ask(**query)["facets"][facet]}


@pytest.fixture
def shop(app: Flask) -> Shop:
    return Shop(app)


def _holding(product: Product, name: str, *, percent: float, pregnancy: Pregnancy | None) -> None:
    substance = Ingredient(
        id=uuid.uuid4(), inci_name=f"{name} {product.slug}".upper(), common_name=name,
        pregnancy=pregnancy, source="test",
    )  # fmt: skip
    named = IngredientName(
        id=uuid.uuid4(), name=substance.inci_name, ingredient_id=substance.id, way=Way.INCI,
        confidence=1,
    )  # fmt: skip
    for row in (substance, named):
        db.session.add(row)
        db.session.flush()
    db.session.add(
        ProductIngredient(
            product_id=product.id,
            position=0,
            name_id=named.id,
            active=True,
            raw=name,
            strength_text="",
            percent=percent,
        )
    )
    db.session.flush()


@pytest.fixture
def shelf(app: Flask) -> dict[str, Any]:
    """Two creams by prescription, a serum and a lotion of another brand."""
    glow, calm = a_brand(name="Glow", slug="glow"), a_brand(name="Calm", slug="calm")
    told: dict[str, dict[str, Any]] = {
        "Weak Cream": {"brand_id": glow.id, "category": "retinoid", "concerns": ["acne"]},
        "Strong Cream": {"brand_id": calm.id, "category": "retinoid", "concerns": ["acne", "texture"]},
        "Bright Serum": {"brand_id": glow.id, "category": "serum", "concerns": ["dullness"]},
        "Mild Lotion": {"brand_id": calm.id, "category": "lotion", "concerns": ["redness", "acne"]},
    }  # fmt: skip
    made = {}
    for place, (name, given) in enumerate(told.items()):
        legal_class = LegalClass.RX if "Cream" in name else LegalClass.COSMETIC
        product = a_product(legal_class, name=name, skin_types=["dry"][place % 2 :], **given)
        made[name] = a_variant(product, cents=1_000 * (place + 1), sku=f"SKU-{place}")
    _holding(made["Weak Cream"].product, "Tretinoin", percent=0.025, pregnancy=Pregnancy.AVOID)
    _holding(made["Strong Cream"].product, "Tretinoin", percent=0.1, pregnancy=Pregnancy.AVOID)
    _holding(made["Bright Serum"].product, "Niacinamide", percent=4, pregnancy=Pregnancy.SAFE)
    _holding(made["Mild Lotion"].product, "Mystery", percent=1, pregnancy=None)
    db.session.commit()
    return made


FILTERS = {
    "one concern": ({"concern": "texture"}, {"Strong Cream"}),
    "either of two concerns": ({"concern": ["texture", "dullness"]}, {"Strong Cream", "Bright Serum"}),
    "a concern and a brand": ({"concern": "acne", "brand": "calm"}, {"Strong Cream", "Mild Lotion"}),
    "a skin type": ({"skin_type": "dry"}, {"Weak Cream", "Bright Serum"}),
    "an active, whatever its capitals": ({"active": "tretinoin"}, {"Weak Cream", "Strong Cream"}),
    "a strength": ({"strength": "TRETINOIN:0.015-0.03"}, {"Weak Cream"}),
    "a price band": ({"price": "1500-2999"}, {"Strong Cream"}),
    "two classes": ({"legal_class": ["rx", "cosmetic"]}, {"Weak Cream", "Strong Cream", "Bright Serum", "Mild Lotion"}),
    "known to be safe in pregnancy": ({"pregnancy_safe": "true"}, {"Bright Serum"}),
    "not, or not known": ({"pregnancy_safe": "false"}, {"Weak Cream", "Strong Cream", "Mild Lotion"}),
    "a band nobody has": ({"price": "7-8"}, set()),
}  # fmt: skip


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(("query", "names"), FILTERS.values(), ids=FILTERS.keys())
def test_choices_of_a_facet_widen_and_facets_narrow(
    shop: Shop, query: dict[str, Any], names: set[str]
) -> None:
    answer = shop.ask(**query)

    assert {item["name"] for item in answer["items"]} == names
    assert answer["count"] == len(names)


@pytest.mark.usefixtures("shelf")
def test_a_facet_counts_without_its_own_choice_and_with_every_other(shop: Shop) -> None:
    query = {"concern": ["acne"], "brand": ["calm"], "q": "cream lotion"}

    assert shop.counts("concern", **query) == {"acne": 2, "redness": 1, "texture": 1}
    assert shop.counts("brand", **query) == {"glow": 1, "calm": 2}
    assert shop.counts("category", **query) == {"lotion": 1, "retinoid": 1}
    assert shop.counts("doctor_only", **query) == {True: 1, False: 1}
    assert shop.counts("pregnancy_safe") == {True: 1, False: 3}
    assert shop.counts("strength", active="tretinoin") == {
        "TRETINOIN:0.015-0.03": 1,
        "TRETINOIN:0.06-0.15": 1,
    }
    assert shop.ask(concern="acne", max_price=1_000)["prices"] == {"min": 1_000, "max": 4_000}


@pytest.mark.usefixtures("shelf")
def test_each_choice_leaves_what_was_counted(shop: Shop) -> None:
    facets = shop.ask(concern="acne")["facets"]

    for facet, choices in facets.items():
        for choice in choices:
            value = (
                str(choice["value"]).lower()
                if choice["value"] in (True, False)
                else choice["value"]
            )
            query = {"concern": "acne"} | {facet: value}
            assert shop.ask(**query)["count"] == choice["count"], (facet, choice)


@pytest.mark.usefixtures("shelf")
def test_what_a_manager_changes_is_found_at_once(shop: Shop, shelf: dict[str, Any]) -> None:
    assert shop.names(q="zephyrine") == []
    assert shop.counts("concern")["texture"] == 1

    product = db.session.get_one(Product, shelf["Mild Lotion"].product_id)
    changes = {"name": "Zephyrine Lotion", "concerns": ["texture"]}
    editing.change_product(product, changes, by=None, at=now())
    db.session.commit()

    assert shop.names(q="zephyrine") == ["Zephyrine Lotion"]
    assert shop.names(q="mild") == []
    assert shop.counts("concern")["texture"] == 2


@pytest.mark.usefixtures("shelf")
def test_a_price_that_begins_counts_from_its_moment(shop: Shop, shelf: dict[str, Any]) -> None:
    variant = shelf["Mild Lotion"]
    db.session.execute(
        sa.text("UPDATE prices SET valid_until = shop_now() WHERE variant_id = :id"),
        {"id": variant.id},
    )
    db.session.execute(
        sa.text(
            "INSERT INTO prices (id, variant_id, cents, valid_from)"
            " SELECT gen_random_uuid(), :id, 90, valid_until + interval '1.5 seconds'"
            " FROM prices WHERE variant_id = :id"
        ),
        {"id": variant.id},
    )
    db.session.commit()
    assert shop.names(max_price=100) == []

    db.session.execute(sa.text("SELECT pg_sleep(1.6)"))

    assert shop.names(max_price=100) == ["Mild Lotion"]


CODES = ["SKU-3", "sku-3", "0378-8082-20", "0378808220", "00378808220", "0378 8082", "303788082207",
         "0303788082207", "10303788082204", "3-03788-08220-7"]  # fmt: skip


@pytest.mark.parametrize("typed", CODES)
def test_every_way_of_writing_a_code_finds_its_pack(shop: Shop, typed: str) -> None:
    product = a_product(name="Numbered Cream", source="ndc", source_key="0378-8082")
    a_variant(product, sku="SKU-3", package_ndc="0378-8082-20", gtin="303788082207")
    other = a_product(name="Other Cream", source_key="0378-8083")
    a_variant(other, sku="OTHER-1", package_ndc="0378-8083-20")  # a SKU that "SKU-3" begins nowhere
    db.session.commit()

    assert shop.names(q=typed) == ["Numbered Cream"]


def test_a_bar_code_with_a_wrong_digit_says_which_was_expected(shop: Shop) -> None:
    assert shop.ask(q="303788082204")["check_digit_expected"] == 7
    assert "its last digit should be 7" in shop.client.get("/?q=303788082204").text


def test_two_packs_never_have_one_gtin_in_two_lengths(app: Flask) -> None:
    product = a_product()
    a_variant(product, gtin="036000291452")

    with pytest.raises(Taken):
        editing.add_variant(product, sku="X", name="x", gtin="0 0036000 291452", by=None, at=now())


@pytest.mark.usefixtures("shelf")
def test_a_typing_error_is_mended_and_said(shop: Shop) -> None:
    answer = shop.ask(q="tretinion")

    assert answer["mended"] == [{"typed": "tretinion", "used": "tretinoin"}]
    assert len(answer["items"]) == 2
    assert "Nothing is called “tretinion”" in shop.client.get("/?q=tretinion").text


@pytest.mark.usefixtures("shelf")
def test_words_that_nothing_meets_together_are_met_in_part_and_said(shop: Shop) -> None:
    answer = shop.ask(q="bright qqqqqq")

    assert (answer["partly"], answer["unmatched"]) == (True, ["qqqqqq"])
    assert [item["name"] for item in answer["items"]] == ["Bright Serum"]
    assert shop.ask(q="bright serum")["partly"] is False


@pytest.mark.usefixtures("shelf")
def test_what_a_reader_may_not_see_is_neither_shown_nor_counted(app: Flask) -> None:
    at, version = index.opened()
    told = {"version": version, "at": at, "today": at.date()}
    view = View(Product.legal_class != LegalClass.RX, teased=sa.false(), audience=None)

    found = searching.search(Wanted(concern=("acne",)), view=view, **told)

    assert [key[0] for key, _ in searching.hits(found, None)] == ["mild lotion"]
    assert found.count == 1
    assert [one["value"] for one in found.facets["legal_class"]] == ["cosmetic"]
    assert searching.search(Wanted(concern=("acne",)), **told).count == 3


@pytest.fixture
def client(app: Flask, shelf: dict[str, Any]) -> Shop:
    """Alice, who has a prescription of one cream; two things are on the shelf."""
    person = alice()
    for name in ("Weak Cream", "Strong Cream", "Mild Lotion"):
        a_lot(shelf[name], 3)
    a_prescription(person, shelf["Weak Cream"])
    _, secret = tokens.issue(person, name="test", scopes=None, at=now())
    db.session.commit()
    return Shop(app, secret)


def test_a_client_is_told_what_the_gate_says_to_each(client: Shop, shop: Shop) -> None:
    told = {item["name"]: item["gate"]["decision"] for item in client.ask()["items"]}

    assert told == {
        "Weak Cream": "open",
        "Strong Cream": "needs_request",
        "Mild Lotion": "open",
        "Bright Serum": "blocked",
    }
    assert {item["gate"] for item in shop.ask()["items"]} == {None}


def test_what_suits_today_is_what_the_gate_opens(client: Shop) -> None:
    assert client.names(suitable="true") == ["Mild Lotion", "Weak Cream"]
    assert client.names(suitable="true", q="cream") == ["Weak Cream"]


def test_only_clients_ask_what_suits_them(app: Flask, shop: Shop) -> None:
    _, secret = tokens.issue(sam(), name="test", scopes=None, at=now())
    db.session.commit()
    of_sam = {"Authorization": f"Bearer {secret}"}

    assert shop.client.get(f"{API}?suitable=true").status_code == 401
    assert shop.client.get(f"{API}?suitable=true", headers=of_sam).status_code == 403


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_pages_of_what_suits_are_whole_and_have_nothing_twice(client: Shop, limit: int) -> None:
    suited = {"Mild Lotion", "Weak Cream"}
    for place in range(12):
        closed = a_variant(a_product(LegalClass.RX, name=f"Cream {place:02}"))
        a_lot(closed, 1)
        a_lot(a_variant(a_product(name=f"Cream {place:02} Plus")), 1)
        suited.add(f"Cream {place:02} Plus")
    db.session.commit()

    seen: list[str] = []
    query: dict[str, Any] = {"suitable": "true", "limit": limit, "sort": "name"}
    for _ in range(40):
        page = client.ask(**query)
        seen += [item["name"] for item in page["items"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]

    assert sorted(seen) == sorted(suited)


@pytest.fixture(scope="module")
def busy(live_app: Flask) -> Iterator[str]:
    """A hundred and ten products with packs and lots, some doctor-only; a client's token."""
    with live_app.app_context():
        from shop.core.db import act_as

        act_as("system:test")
        person = alice()
        for number in range(110):
            legal_class = LegalClass.RX if number % 3 == 0 else LegalClass.OTC_DRUG
            variant = a_variant(a_product(legal_class, name=f"Mineral cream {number}"))
            if number % 2:
                a_lot(variant, 5)
            if number % 30 == 0:
                a_prescription(person, variant)
        token, secret = tokens.issue(person, name="test", scopes=None, at=now())
        token.used_at = now()
        db.session.commit()
        yield secret


# What every request sends to say who asks and who acts, beside a page's own: the actor; the
# session or token, and the actor again. The gate's facts are one set for the whole page.
WHO, WHO_SIGNED_IN, GATE = 1, 3, 8
LIST, FACETS = 3, 5
ROADS = {
    "a list": (f"{API}?facets=false", LIST),
    "a list that is searched": (f"{API}?facets=false&q=mineral+creme", LIST),
    "facets": (API, FACETS),
    "facets of a search": (f"{API}?q=minreal+cream", FACETS),
    "facets of what is in stock": (f"{API}?in_stock=true", FACETS),
}


@pytest.mark.parametrize("limit", [1, 24, 100])
@pytest.mark.parametrize(("road", "most"), ROADS.values(), ids=ROADS.keys())
@pytest.mark.parametrize("signed_in", [False, True], ids=["signed out", "as a client"])
def test_a_page_costs_few_statements_whatever_its_size(
    live_app: Flask, busy: str, road: str, most: int, limit: int, signed_in: bool
) -> None:
    headers = {"Authorization": f"Bearer {busy}"} if signed_in else {}
    client = live_app.test_client()
    client.get(API)  # a worker's first look at a new version of the catalogue reads it whole
    path = f"{road}{'&' if '?' in road else '?'}limit={limit}"

    with sent(live_app) as statements:
        answer = client.get(path, headers=headers)

    assert answer.status_code == 200
    who = WHO_SIGNED_IN + GATE if signed_in else WHO
    assert len(statements) - who <= most, statements


@pytest.mark.parametrize("query", ["", "?q=minreal+cream", "?concern=acne&in_stock=true"])
@pytest.mark.parametrize("signed_in", [False, True], ids=["signed out", "as a client"])
def test_the_page_costs_no_more(live_app: Flask, busy: str, query: str, signed_in: bool) -> None:
    headers = {"Authorization": f"Bearer {busy}"} if signed_in else {}
    client = live_app.test_client()
    client.get("/")

    with sent(live_app) as statements:
        assert client.get(f"/{query}", headers=headers).status_code == 200

    who = WHO_SIGNED_IN + GATE if signed_in else WHO
    assert len(statements) - who <= FACETS, statements


@pytest.mark.usefixtures("shelf")
def test_the_page_shows_what_was_chosen_and_a_way_back(shop: Shop) -> None:
    page = shop.client.get(
        "/?q=cream&concern=acne&concern=texture&brand=calm&from=5&in_stock=false"
    ).text

    for chip in ("“cream”", "Acne", "Texture", "Calm", "From $5.00", "Out of stock"):
        assert f'aria-label="Remove {chip}"' in page, chip
    assert (
        'href="/?q=cream&amp;concern=texture&amp;brand=calm&amp;from=5&amp;in_stock=false"' in page
    )
    assert 'name="concern" value="acne" checked' in page


@pytest.mark.usefixtures("shelf")
def test_a_page_without_hits_offers_a_way_out(shop: Shop) -> None:
    page = shop.client.get("/?q=serum&brand=calm").text

    assert "Nothing here answers to that" in page
    assert 'href="/?q=serum"' in page
    assert 'href="/"' in page
