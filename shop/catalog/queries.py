"""Reads of the catalogue for those who keep it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.catalog.errors import NoSuchProduct, NoSuchRelease, NoSuchRule, NoSuchVariant
from shop.catalog.models import (
    KINDS,
    AnyRule,
    Product,
    ProductIngredient,
    Release,
    Variant,
)
from shop.catalog.states import ReleaseStatus
from shop.core.db import db, locked
from shop.core.rules import RuleStatus

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


def rule(rule_id: uuid.UUID, *, lock: bool = False) -> AnyRule:
    """A rule of any kind, in one of its versions. Raises NoSuchRule."""
    for kind in KINDS.values():
        query: sa.Select[Any] = sa.select(kind).where(kind.id == rule_id)
        found: AnyRule | None = db.session.scalars(locked(query) if lock else query).one_or_none()
        if found is not None:
            return found
    raise NoSuchRule("There is no such rule.", rule=str(rule_id))


def rules(
    kind: type[AnyRule], *, jurisdiction: str | None = None, status: RuleStatus | None = None
) -> sa.Select[Any]:
    """The rules of a kind, for a list."""
    query: sa.Select[Any] = sa.select(kind)
    if jurisdiction is not None:
        query = query.where(kind.jurisdiction == jurisdiction)
    return query if status is None else query.where(kind.status == status)


def release(release_id: uuid.UUID, *, lock: bool = False) -> Release:
    """A release, with its product. Raises NoSuchRelease."""
    query = sa.select(Release).where(Release.id == release_id)
    found = db.session.scalars(locked(query) if lock else query).one_or_none()
    if found is None:
        raise NoSuchRelease("There is no such release.", release=str(release_id))
    return found


def releases(*, status: ReleaseStatus | None = None) -> sa.Select[Release]:
    """What was proposed, for a list."""
    query = sa.select(Release).options(selectinload(Release.product))
    return query if status is None else query.where(Release.status == status)


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
            selectinload(Product.ingredients).joinedload(ProductIngredient.ingredient),
            selectinload(Product.variants).selectinload(Variant.prices),
            selectinload(Product.brand),
        )
    )
    return list(db.session.scalars(query))
