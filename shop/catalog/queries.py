"""Reads of the catalogue for those who keep it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.catalog.errors import NoSuchProduct, NoSuchVariant
from shop.catalog.models import Product, ProductIngredient, Variant
from shop.core.db import db, locked

_AT_ONCE = 200


def product(slug: str, *, lock: bool = False) -> Product:
    """Any product, published or not. Raises NoSuchProduct."""
    query = sa.select(Product).where(Product.slug == slug)
    found = db.session.scalars(locked(query) if lock else query).one_or_none()
    if found is None:
        raise NoSuchProduct("There is no such product.", slug=slug)
    return found


def variant(sku: str, *, lock: bool = False) -> Variant:
    """Any variant, for sale or not. Raises NoSuchVariant."""
    query = sa.select(Variant).where(Variant.sku == sku)
    found = db.session.scalars(locked(query) if lock else query).one_or_none()
    if found is None:
        raise NoSuchVariant("There is no such variant.", sku=sku)
    return found


def everything() -> Iterator[Product]:
    """Every product with all that belongs to it, by source and key, a few hundred at a time."""
    ids = list(
        db.session.scalars(sa.select(Product.id).order_by(Product.source, Product.source_key))
    )
    for start in range(0, len(ids), _AT_ONCE):
        yield from _whole(ids[start : start + _AT_ONCE])


def _whole(ids: list[uuid.UUID]) -> list[Product]:
    query = (
        sa.select(Product)
        .where(Product.id.in_(ids))
        .order_by(Product.source, Product.source_key)
        .options(
            selectinload(Product.ingredients).joinedload(ProductIngredient.named),
            selectinload(Product.variants).selectinload(Variant.prices),
            selectinload(Product.brand),
        )
    )
    return list(db.session.scalars(query))
