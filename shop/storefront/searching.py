"""Find products as visitors look for them: by words, by what they are, by price and stock.

Words are matched against name, brand, actives, ingredients and description (full text, prefixes),
against package numbers, and by likeness, which forgives a typing error.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import TSQUERY

from shop.catalog.models import (
    Brand,
    Ingredient,
    LegalClass,
    Price,
    Product,
    ProductIngredient,
    Variant,
)
from shop.core.db import db
from shop.inventory.models import Lot
from shop.inventory.states import LotStatus

Condition = sa.ColumnElement[bool]
SORTS = ("relevance", "name", "price", "-price", "newest")
MOST_WORDS = 12
ALIKE = "0.4"
LIKE_FROM = 4  # letters: shorter words are like too many others
MOST_CHOICES = 40  # of one facet
_WORD = re.compile(r"[^\s'\"\\:&|!()<>*,;]+")
_NUMBER = re.compile(r"[a-z0-9][a-z0-9._-]{2,39}")
NO_PRICE = 2_000_000_000  # sorts what has no price behind everything that has one


@dataclass(frozen=True)
class Wanted:
    """What a visitor asked for. Prices in cents; `brand` is a slug, `active` a substance's name."""

    q: str = ""
    category: str | None = None
    brand: str | None = None
    active: str | None = None
    legal_class: LegalClass | None = None
    doctor_only: bool | None = None
    min_price: int | None = None
    max_price: int | None = None
    in_stock: bool | None = None
    sort: str | None = None


@dataclass(frozen=True)
class Found:
    """A query of products, and the keys that order it; the last one is unique."""

    query: sa.Select[Product]
    keys: tuple[Any, ...]
    descending: bool


def search(wanted: Wanted, *, at: datetime, today: date) -> Found:
    """The products on offer that answer to `wanted`, in its order."""
    if wanted.q.strip():
        _forgive()
    offers = _offers(at)
    query = (
        sa.select(Product)
        .join(offers, offers.c.product_id == Product.id)
        .where(*_visible(today), *_conditions(wanted, offers, today))
    )
    price = sa.func.coalesce(offers.c.cents, NO_PRICE, type_=sa.Integer())
    match wanted.sort or ("relevance" if _words(wanted.q) else "name"):
        case "relevance" if _words(wanted.q):
            return Found(query, (_relevance(wanted.q), Product.id), descending=True)
        case "price":
            return Found(query, (price, Product.id), descending=False)
        case "-price":
            return Found(query, (price, Product.id), descending=True)
        case "newest":
            return Found(query, (Product.published_at, Product.id), descending=True)
        case _:
            name = sa.func.lower(Product.name, type_=sa.Text())
            return Found(query, (name, Product.id), descending=False)


def facets(wanted: Wanted, *, at: datetime, today: date) -> dict[str, list[dict[str, Any]]]:
    """How many products each choice would leave, the choice of its own facet set aside."""
    return {
        "category": _counted(wanted, "category", Product.category, at, today),
        "brand": _counted(wanted, "brand", Brand.slug, at, today, label=Brand.name),
        "active": _counted(wanted, "active", Ingredient.name, at, today),
        "legal_class": _counted(wanted, "legal_class", Product.legal_class, at, today),
        "doctor_only": _counted(wanted, "doctor_only", Product.doctor_only, at, today),
    }


def on_offer(product_id: Any) -> Condition:
    """Something of the product is for sale."""
    return sa.exists().where(Variant.product_id == product_id, Variant.for_sale)


def _visible(today: date) -> list[Condition]:
    return [
        Product.published_at.is_not(None),
        Product.finished.is_(sa.true()),
        Product.legal_class != LegalClass.CLINIC_USE,
        sa.or_(Product.marketing_ends_on.is_(None), Product.marketing_ends_on >= today),
    ]


def visible(today: date) -> Condition:
    """What a visitor may see at all."""
    return sa.and_(*_visible(today), on_offer(Product.id))


def _offers(at: datetime) -> sa.Subquery:
    """Products with something for sale, and the lowest price of it."""
    return (
        sa.select(Variant.product_id, sa.func.min(Price.cents).label("cents"))
        .outerjoin(
            Price,
            sa.and_(
                Price.variant_id == Variant.id,
                Price.valid_from <= at,
                sa.or_(Price.valid_until.is_(None), Price.valid_until > at),
            ),
        )
        .where(Variant.for_sale)
        .group_by(Variant.product_id)
        .subquery("offers")
    )


def _conditions(wanted: Wanted, offers: sa.Subquery, today: date) -> list[Condition]:
    """One for each filter that was set."""
    stocked = stocked_on(today)
    filters: tuple[tuple[Any, Callable[[Any], Condition]], ...] = (
        (wanted.q.strip() or None, _matches),
        (wanted.category, lambda name: Product.category == name),
        (wanted.brand, lambda brand: Product.brand.has(Brand.slug == brand)),
        (wanted.active, _holds),
        (wanted.legal_class, lambda legal_class: Product.legal_class == legal_class),
        (wanted.doctor_only, Product.doctor_only.is_),
        (wanted.min_price, lambda cents: offers.c.cents >= cents),
        (wanted.max_price, lambda cents: offers.c.cents <= cents),
        (wanted.in_stock, lambda in_stock: stocked if in_stock else ~stocked),
    )
    return [condition(value) for value, condition in filters if value is not None]


def _forgive() -> None:
    """How alike a word must be, for this transaction: two letters swapped are forgiven."""
    db.session.execute(
        sa.select(sa.func.set_config("pg_trgm.word_similarity_threshold", ALIKE, sa.true()))
    )


def _matches(q: str) -> Condition:
    """Every word in one way or another, or the number of a pack."""
    words = [_answers(word) for word in _words(q)]
    if not words:
        return sa.false()
    if _NUMBER.fullmatch(number := q.strip().lower()):
        by_number = Product.search.op("@@")(sa.cast(f"'{number}':*", TSQUERY))
        return sa.or_(sa.and_(*words), by_number)
    return sa.and_(*words)


def _answers(word: str) -> Condition:
    """The word stands in the product, or says nothing ("the"), or is like one in a name."""
    query = _query(word)
    ways: list[Condition] = [sa.func.numnode(query) == 0, Product.search.op("@@")(query)]
    if len(word) >= LIKE_FROM:
        ways.append(Product.name.op("%>")(_plain(word)))
        ways.append(Product.brand.has(Brand.name.op("%>")(_plain(word))))
    return sa.or_(*ways)


def _relevance(q: str) -> sa.ColumnElement[int]:
    """Whole millionths, so that a page's last value can be handed out and compared exactly."""
    rank = sa.func.ts_rank(Product.search, _query(q)) + sa.func.word_similarity(
        _plain(q), Product.name
    )
    return sa.cast(sa.func.round(rank * 1_000_000), sa.Integer())


def _query(q: str) -> sa.ColumnElement[Any]:
    """All words, each as a prefix. What unaccent() makes of a letter is kept out of the syntax."""
    parts = [
        sa.func.concat("'", sa.func.translate(_plain(word), "'\\", "  "), "':*")
        for word in _words(q)
    ]
    return sa.func.to_tsquery("english", sa.func.concat_ws(" & ", *parts))


def _plain(text: str) -> sa.ColumnElement[str]:
    return sa.func.unaccented(text, type_=sa.Text())


def _words(q: str) -> list[str]:
    return _WORD.findall(q)[:MOST_WORDS]


def _holds(active: str) -> Condition:
    return sa.exists().where(
        ProductIngredient.product_id == Product.id,
        ProductIngredient.active,
        ProductIngredient.ingredient_id == Ingredient.id,
        Ingredient.name == active.upper(),
    )


def stocked_on(today: date) -> Condition:
    """Something of the product can be promised today."""
    return sa.exists().where(
        Variant.product_id == Product.id,
        Variant.for_sale,
        Lot.variant_id == Variant.id,
        Lot.status == LotStatus.AVAILABLE,
        Lot.expires_on >= today,
        Lot.on_hand > Lot.reserved,
    )


def _counted(
    wanted: Wanted,
    facet: str,
    column: Any,
    at: datetime,
    today: date,
    *,
    label: Any = None,
) -> list[dict[str, Any]]:
    """Choices of a facet, the most frequent first."""
    without: dict[str, Any] = {facet: None}
    others = search(replace(wanted, **without), at=at, today=today)
    ids = others.query.with_only_columns(Product.id).order_by(None)
    named = column if label is None else label
    count = sa.func.count(sa.distinct(Product.id))
    query = sa.select(column, named, count).select_from(Product).where(Product.id.in_(ids))
    if facet == "brand":
        query = query.join(Product.brand)
    if facet == "active":
        query = query.join(Product.ingredients).join(ProductIngredient.ingredient)
        query = query.where(ProductIngredient.active)
    query = query.group_by(column, named).order_by(count.desc(), named).limit(MOST_CHOICES)
    return [
        {"value": value, "label": text, "count": number}
        for value, text, number in db.session.execute(query)
        if value != ""
    ]
