"""Things, valid by default: `a_product(**given)`, `a_variant(**given)`; saved, not committed."""

from __future__ import annotations

import os
import uuid
from datetime import timedelta
from typing import Any

from shop.catalog import bundling, picturing
from shop.catalog.models import (
    Brand,
    Bundle,
    Ingredient,
    IngredientName,
    LegalClass,
    Picture,
    Price,
    Product,
    ProductIngredient,
    Variant,
    Way,
)
from shop.catalog.renditions import Rendition
from shop.catalog.states import ShopStatus
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.events import Kind


def a_brand(**given: Any) -> Brand:
    word = uuid.uuid4().hex[:8]
    brand = Brand(
        **({"id": uuid.uuid4(), "name": f"Brand {word}", "slug": f"brand-{word}"} | given)
    )
    db.session.add(brand)
    db.session.flush()  # products point at it
    return brand


def a_product(legal_class: LegalClass = LegalClass.OTC_DRUG, **given: Any) -> Product:
    """A published product without variants."""
    word = uuid.uuid4().hex[:8]
    fields: dict[str, Any] = {
        "id": uuid.uuid4(),
        "slug": f"product-{word}",
        "source": "csv",
        "source_key": word,
        "name": f"Product {word}",
        "legal_class": legal_class,
        "doctor_only": legal_class.prescription_only,
        "published_at": now(),
    }
    if "brand_id" not in given:
        fields["brand_id"] = a_brand().id
    fields |= given
    published_at = fields.pop("published_at")
    product = Product(**fields, status=ShopStatus.DRAFT)
    db.session.add(product)
    events.record(Kind.PRODUCT_CREATED, product)
    if published_at is not None:
        product.publish(at=published_at)
        events.record(Kind.PRODUCT_PUBLISHED, product)
    db.session.flush()  # variants point at it
    return product


def a_variant(product: Product | None = None, *, cents: int = 2400, **given: Any) -> Variant:
    """A pack that is for sale, with a price since yesterday."""
    product = product or a_product()
    word = uuid.uuid4().hex[:8].upper()
    fields: dict[str, Any] = {
        "id": uuid.uuid4(),
        "product_id": product.id,
        "legal_class": product.legal_class,
        "doctor_only": product.doctor_only,
        "sku": f"SKU-{word}",
        "name": "20 g tube",
        "for_sale": product.legal_class is not LegalClass.CLINIC_USE,
    }
    variant = Variant(**(fields | given))
    variant.prices = [
        Price(
            id=uuid.uuid4(),
            variant_id=variant.id,
            cents=cents,
            valid_from=now() - timedelta(days=1),
        )
    ]
    db.session.add(variant)
    db.session.flush()  # lots and lines point at it
    return variant


def a_cream(*, cents: int = 6200, **given: Any) -> Variant:
    """A doctor-only tretinoin cream."""
    product = a_product(LegalClass.RX, name="Tretinoin Cream 0.025 %")
    a_known_active(product)
    return a_variant(product, cents=cents, **given)


def a_known_active(product: Product) -> Ingredient:
    """A substance of its own that the dictionary knows and no rule of screening speaks of."""
    name = f"SUBSTANCE {uuid.uuid4().hex[:8].upper()}"
    substance = Ingredient(id=uuid.uuid4(), inci_name=name, source="own")
    db.session.add(substance)
    db.session.flush()  # its name points at it
    named = IngredientName(
        id=uuid.uuid4(),
        name=name,
        ingredient_id=substance.id,
        way=Way.INCI,
        confidence=1,
        source="own",
    )
    db.session.add(named)
    db.session.flush()  # the line points at it
    db.session.add(
        ProductIngredient(
            product_id=product.id, position=99, name_id=named.id, active=True, raw=name
        )
    )
    db.session.flush()  # statements read it as columns
    return substance


def a_bundle(items: dict[Variant, int], **given: Any) -> Bundle:
    """A published bundle of so many of each."""
    word = uuid.uuid4().hex[:8]
    fields: dict[str, Any] = {"slug": f"bundle-{word}", "name": f"Bundle {word}", "description": ""}
    packs = [(variant.sku, units) for variant, units in items.items()]
    bundle = bundling.create(**(fields | given), items=packs, by=None, at=now())
    return bundling.publish(bundle, by=None, at=now())


def a_picture(thing: Product | Bundle, **given: Any) -> Picture:
    """A picture in two sizes; its bytes are noise, not WebP."""
    made = [Rendition(width, width, os.urandom(64)) for width in (320, 640)]
    fields: dict[str, Any] = {"alt": "A tube on a shelf", "by": None, "at": now()}
    return picturing.add(thing, made, **(fields | given))
