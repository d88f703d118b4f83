"""Publishing, pricing and editing by hand."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.catalog import editing, prices, publishing
from shop.catalog.errors import BadPrice, NotForSale, NotPublishable, Taken, WeakerClass
from shop.catalog.models import LegalClass, Price, Product, Variant
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from tests.builders import a_brand, a_product, a_variant


def test_publishing_twice_is_publishing_once(app: Flask) -> None:
    product = a_product(published_at=None)
    at = now()

    publishing.publish(product, by=None, at=at)
    publishing.publish(product, by=None, at=now())

    assert product.published_at == at
    assert [event.kind for event in events.of(product.id)] == [
        "product_created",
        "product_published",
    ]


def test_a_withdrawn_product_can_come_back(app: Flask) -> None:
    product = a_product()

    publishing.withdraw(product, by=None, at=now())
    assert product.published_at is None
    publishing.publish(product, by=None, at=now())

    kinds = [event.kind for event in events.of(product.id)]
    assert kinds[-2:] == ["product_withdrawn", "product_published"]


BARRED = {
    "unfinished": ({"finished": False, "published_at": None}, "unfinished drug"),
    "clinic use": ({"legal_class": LegalClass.CLINIC_USE}, "clinic only"),
    "licence inactive": ({"flags": ["licence_inactive: x"]}, "licence is no longer active"),
    "unapproved": ({"flags": ["unapproved: x"]}, "unapproved drug"),
}


@pytest.mark.parametrize(("given", "why"), BARRED.values(), ids=BARRED.keys())
def test_what_may_not_be_sold_is_not_published(
    app: Flask, given: dict[str, object], why: str
) -> None:
    product = a_product(**(given | {"published_at": None}))

    with pytest.raises(NotPublishable, match=why):
        publishing.publish(product, by=None, at=now())

    assert (product.status, product.published_at) == ("draft", None)
    assert [event.kind for event in events.of(product.id)] == ["product_created"]


def test_marketing_ends_a_product_the_day_after_and_a_listing_never(app: Flask) -> None:
    today = now().date()
    product = a_product(marketing_ends_on=today, listing_expires_on=today - timedelta(days=400))

    assert publishing.barred(product, today) is None
    assert publishing.barred(product, today + timedelta(days=1)) == (
        f"Its marketing ended on {today}."
    )


def test_a_new_price_ends_the_one_before(app: Flask) -> None:
    variant, at = a_variant(cents=2400), now()
    later = at + timedelta(days=3)

    prices.set_price(variant, 2600, valid_from=later, by=None, at=at)

    assert [(one.cents, one.valid_until) for one in variant.prices] == [(2400, later), (2600, None)]
    assert variant.price_at(later - timedelta(seconds=1)).cents == 2400
    assert variant.price_at(later).cents == 2600


def test_the_same_price_again_is_no_new_price(app: Flask) -> None:
    variant = a_variant(cents=2400)

    prices.set_price(variant, 2400, valid_from=None, by=None, at=now())

    assert len(variant.prices) == 1


def test_a_price_does_not_begin_in_the_past_or_with_another(app: Flask) -> None:
    variant, at = a_variant(cents=2400), now()
    later = at + timedelta(days=3)
    prices.set_price(variant, 2600, valid_from=later, by=None, at=at)

    for begins in (at - timedelta(hours=1), at + timedelta(days=731)):
        with pytest.raises(BadPrice, match="begins now or within two years"):
            prices.set_price(variant, 100, valid_from=begins, by=None, at=at)
    with pytest.raises(BadPrice, match="set already"):
        prices.set_price(variant, 100, valid_from=later, by=None, at=at)

    assert db.session.scalar(sa.select(sa.func.count()).where(Price.cents == 100)) == 0


def test_a_product_by_hand(app: Flask) -> None:
    brand = a_brand(name="Sun & Co", slug="sun-co")

    product = editing.create(
        key="daily-30",
        name="Daily Lotion",
        brand="Sun & Co.",
        legal_class=LegalClass.OTC_DRUG,
        ingredients=[("Zinc oxide", True, "12.5 %"), ("Water", False, "")],
        by=None,
        at=now(),
    )

    assert (product.slug, product.brand_id, product.published_at) == (
        "daily-lotion-daily-30",
        brand.id,
        None,
    )
    assert [(one.name, one.percent) for one in product.ingredients] == [
        ("ZINC OXIDE", 12.5),
        ("WATER", None),
    ]
    with pytest.raises(Taken):
        editing.create(
            key="daily-30",
            name="Other",
            brand="X",
            legal_class=LegalClass.COSMETIC,
            by=None,
            at=now(),
        )


def test_hydroquinone_is_not_entered_as_a_cosmetic(app: Flask) -> None:
    with pytest.raises(editing.BadProduct) as refused:
        editing.create(
            key=None,
            name="Fade Cream",
            brand="X",
            legal_class=LegalClass.COSMETIC,
            ingredients=[("Hydroquinone", True, "2 %")],
            by=None,
            at=now(),
        )

    assert refused.value.fields == {
        "legal_class": ["HYDROQUINONE is sold by prescription only, not as cosmetic"]
    }
    assert db.session.scalars(sa.select(Product).where(Product.name == "Fade Cream")).all() == []


def test_a_class_only_becomes_stricter(app: Flask) -> None:
    product = a_product(LegalClass.OTC_DRUG)
    variant = a_variant(product)

    editing.change_product(product, {"legal_class": LegalClass.RX}, by=None, at=now())
    db.session.refresh(variant)
    assert (product.doctor_only, variant.legal_class, variant.doctor_only) == (True, "rx", True)

    for changes in ({"legal_class": LegalClass.OTC_DRUG}, {"doctor_only": False}):
        with pytest.raises(WeakerClass):
            editing.change_product(product, changes, by=None, at=now())
    assert (product.legal_class, product.doctor_only) == (LegalClass.RX, True)


def test_doctor_only_is_not_cleared(app: Flask) -> None:
    product = a_product(LegalClass.COSMETIC, doctor_only=True)

    with pytest.raises(WeakerClass):
        editing.change_product(product, {"doctor_only": False}, by=None, at=now())

    assert product.doctor_only is True


def test_a_pack_of_what_may_not_be_sold_is_not_offered(app: Flask) -> None:
    product = a_product(LegalClass.CLINIC_USE)

    with pytest.raises(NotForSale):
        editing.add_variant(product, sku="X-1", name="1", for_sale=True, by=None, at=now())
    variant = a_variant(product)
    with pytest.raises(NotForSale):
        editing.change_variant(variant, {"for_sale": True}, by=None, at=now())

    assert variant.for_sale is False


GTINS = {"00012345678905": True, "4006381333931": True, "4006381333932": False, "12": False}


@pytest.mark.parametrize(("gtin", "good"), GTINS.items())
def test_a_gtin_has_its_check_digit(app: Flask, gtin: str, good: bool) -> None:
    variant = a_variant()

    if good:
        assert editing.change_variant(variant, {"gtin": gtin}, by=None, at=now()).gtin == gtin
    else:
        with pytest.raises(editing.BadProduct):
            editing.change_variant(variant, {"gtin": gtin}, by=None, at=now())


def test_a_sku_is_had_once(app: Flask) -> None:
    variant = a_variant()

    with pytest.raises(Taken):
        editing.add_variant(variant.product, sku=variant.sku, name="again", by=None, at=now())

    assert db.session.scalar(sa.select(sa.func.count()).where(Variant.name == "again")) == 0
