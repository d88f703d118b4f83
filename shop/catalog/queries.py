"""Reads of the catalogue for those who keep it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from shop.catalog import dictionary
from shop.catalog.errors import (
    NoSuchName,
    NoSuchProduct,
    NoSuchRelease,
    NoSuchRule,
    NoSuchVariant,
    UnknownIngredient,
)
from shop.catalog.filings import normalised
from shop.catalog.models import (
    FILED,
    KINDS,
    AnyRule,
    Ingredient,
    IngredientName,
    Product,
    ProductIngredient,
    Release,
    Variant,
    Way,
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


@dataclass(frozen=True)
class Named:
    """A filed name, how many products carry it, and what it might mean where nobody knows."""

    name: IngredientName
    products: int
    nearest: tuple[str, ...] = ()


# How many products carry a name; an expression, so that pages can be ordered by it.
CARRIED = (
    sa.select(sa.func.count(sa.distinct(ProductIngredient.product_id)))
    .where(ProductIngredient.name_id == IngredientName.id)
    .correlate(IngredientName)
    .scalar_subquery()
)


def filed_names(*, matched: bool | None) -> sa.Select[IngredientName]:
    """Names that products brought, matched or not; what a person decided is no open question."""
    query = (
        sa.select(IngredientName)
        .where(IngredientName.source == FILED)
        .options(joinedload(IngredientName.ingredient))
    )
    if matched is not None:
        query = query.where((IngredientName.way == Way.NONE) != matched)
    return query


def named(names: Iterable[IngredientName]) -> list[Named]:
    """The same names with their products counted, and candidates for those that match nothing."""
    names = list(names)
    line = ProductIngredient
    counted = (
        sa.select(line.name_id, sa.func.count(sa.distinct(line.product_id)))
        .where(line.name_id.in_([name.id for name in names]))
        .group_by(line.name_id)
    )
    products: dict[uuid.UUID, int] = dict(db.session.execute(counted).all())
    lexicon = dictionary.lexicon() if any(name.way is Way.NONE for name in names) else None
    return [
        Named(
            name,
            products.get(name.id, 0),
            tuple(lexicon.nearest(name.name)) if lexicon and name.way is Way.NONE else (),
        )
        for name in names
    ]


def filed_name(name_id: uuid.UUID, *, lock: bool = False) -> IngredientName:
    """A name of an ingredient. Raises NoSuchName."""
    query = sa.select(IngredientName).where(IngredientName.id == name_id)
    found = db.session.scalars(locked(query) if lock else query).one_or_none()
    if found is None:
        raise NoSuchName("There is no such name.", name=str(name_id))
    return found


def ingredient(name: str) -> Ingredient:
    """The substance that the dictionary knows by this name. Raises UnknownIngredient."""
    query = (
        sa.select(Ingredient)
        .join(IngredientName, IngredientName.ingredient_id == Ingredient.id)
        .where(IngredientName.name == normalised(name), IngredientName.source != FILED)
    )
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise UnknownIngredient(
            "The dictionary has no such substance.",
            fields={"ingredient": ["Not a name of the dictionary; see `nearest`."]},
        )
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
            selectinload(Product.ingredients).joinedload(ProductIngredient.named),
            selectinload(Product.variants).selectinload(Variant.prices),
            selectinload(Product.brand),
        )
    )
    return list(db.session.scalars(query))
