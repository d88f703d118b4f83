"""Change many products in one act: every one of them, or none.

Each change is the act of `editing`, `publishing` or `prices` itself, so no rule is missed. Whoever
only wants to see what would happen rolls back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.accounts.models import Person
from shop.catalog import editing, prices, publishing
from shop.catalog.errors import BadBulk
from shop.catalog.models import Brand, LegalClass, Product, Variant
from shop.catalog.states import ShopStatus
from shop.core.db import db, locked
from shop.core.errors import Refusal, Refused

MOST_PRODUCTS = 500
WATCHED = (*editing.EDITABLE, "legal_class", "doctor_only", "status")


@dataclass(frozen=True)
class Edit:
    """What is to become of one product. `place` is where the caller said so ("items.3")."""

    place: str
    slug: str
    changes: Mapping[str, Any]


@dataclass
class Edited:
    """What did become of it: the fields that changed, of the product and of its packs by SKU."""

    slug: str
    changed: list[str] = field(default_factory=list)
    variants: dict[str, list[str]] = field(default_factory=dict)


class _Elsewhere(Refused):
    """A pack that is not of the product it is named under."""

    code = "not_its_pack"


@dataclass(frozen=True)
class Chosen:
    """Which products: all that fit everything that is set. `brand` is a slug."""

    category: str | None = None
    brand: str | None = None
    legal_class: LegalClass | None = None
    status: ShopStatus | None = None
    source: str | None = None


def edits_where(chosen: Chosen, changes: Mapping[str, Any]) -> list[Edit]:
    """The same changes for all that are chosen. Raises BadBulk where they are too many."""
    filters: dict[str, Callable[[Any], sa.ColumnElement[bool]]] = {
        "category": lambda value: Product.category == value,
        "brand": lambda value: Product.brand.has(Brand.slug == value),
        "legal_class": lambda value: Product.legal_class == value,
        "status": lambda value: Product.status == value,
        "source": lambda value: Product.source == value,
    }
    conditions = [
        condition(getattr(chosen, name))
        for name, condition in filters.items()
        if getattr(chosen, name) is not None
    ]
    query = sa.select(Product.slug).where(*conditions).order_by(Product.slug)
    slugs = list(db.session.scalars(query.limit(MOST_PRODUCTS + 1)))
    if len(slugs) > MOST_PRODUCTS:
        raise BadBulk(
            f"More than {MOST_PRODUCTS} products are chosen. Choose fewer at a time.",
            fields={"where": [f"Fits more than {MOST_PRODUCTS} products."]},
        )
    return [Edit(slug, slug, changes) for slug in slugs]


def apply(edits: Sequence[Edit], *, by: Person | None, at: datetime) -> list[Edited]:
    """Make all the changes. Raises BadBulk, naming item and field, where one cannot be made."""
    products = _locked_products(edits)
    wrong: dict[str, list[str]] = {}
    done: list[Edited] = []
    seen: set[str] = set()
    for edit in edits:
        product = products.get(edit.slug)
        if product is None or edit.slug in seen:
            text = "There is no such product." if product is None else "Stands in the list already."
            wrong[f"{edit.place}.slug"] = [text]
            continue
        seen.add(edit.slug)
        try:
            with db.session.begin_nested():
                done.append(_edited(product, edit, by, at))
        except _Refused as refused:
            wrong |= refused.fields
    if wrong:
        raise BadBulk("Some of this cannot be done, so none of it was.", fields=wrong)
    return done


class _Refused(Exception):
    """An edit that cannot be made."""

    def __init__(self, place: str, refusal: Refusal) -> None:
        named = {f"{place}.{name}": texts for name, texts in refusal.fields.items()}
        self.fields = named or {place: [refusal.text]}


Act = tuple[str, Callable[[], object]]  # where it was asked for, and what is done


def _edited(product: Product, edit: Edit, by: Person | None, at: datetime) -> Edited:
    before = {name: getattr(product, name) for name in WATCHED}
    done = Edited(product.slug)
    for place, act in _acts(product, edit, done, by, at):
        try:
            act()
        except Refusal as refusal:
            raise _Refused(place, refusal) from refusal
    done.changed = [name for name in WATCHED if getattr(product, name) != before[name]]
    return done


def _acts(
    product: Product, edit: Edit, done: Edited, by: Person | None, at: datetime
) -> Iterator[Act]:
    """In an order in which they can be done: off sale, words and class, state, on sale, retired."""
    place, changes = f"{edit.place}.changes", edit.changes
    status = changes.get("status")
    leaving: list[Act] = []
    staying: list[Act] = []
    for where, terms in _packs(product, place, changes):
        acts = leaving if terms.get("for_sale") is False else staying
        acts.append((where, partial(_pack, product, terms, done, by, at)))
    yield from leaving
    yield place, lambda: editing.change_product(product, changes, by=by, at=at)
    if status is not None and status is not ShopStatus.RETIRED:
        yield f"{place}.status", lambda: _move(product, status, by, at)
    yield from staying
    if status is ShopStatus.RETIRED:
        yield f"{place}.status", lambda: publishing.retire(product, by=by, at=at)


def _packs(
    product: Product, place: str, changes: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What is to become of which pack: `for_sale` of all of them, then of each that is named."""
    if "for_sale" in changes:
        for variant in product.variants:
            yield place, {"sku": variant.sku, "for_sale": changes["for_sale"]}
    for nth, terms in enumerate(changes.get("variants", ())):
        yield f"{place}.variants.{nth}", terms


def _move(product: Product, status: ShopStatus, by: Person | None, at: datetime) -> None:
    """To draft or published, from wherever it stands."""
    if status is ShopStatus.PUBLISHED:
        publishing.publish(product, by=by, at=at)
    elif product.status is ShopStatus.RETIRED:
        publishing.restore(product, by=by, at=at)
    else:
        publishing.withdraw(product, by=by, at=at)


def _pack(
    product: Product, terms: Mapping[str, Any], done: Edited, by: Person | None, at: datetime
) -> None:
    variant = next((one for one in product.variants if one.sku == terms["sku"]), None)
    if variant is None:
        raise _Elsewhere(
            "Not a pack of this product.", fields={"sku": ["Not a pack of this product."]}
        )
    wanted = {name: terms[name] for name in ("name", "gtin", "for_sale") if name in terms}
    changed = [name for name, value in wanted.items() if getattr(variant, name) != value]
    editing.change_variant(variant, wanted, by=by, at=at)
    db.session.flush()  # off sale before its product's class or state allows no sale
    if price := terms.get("price"):
        listed = len(variant.prices)
        prices.set_price(variant, price["cents"], valid_from=price["valid_from"], by=by, at=at)
        changed += ["price"] if len(variant.prices) != listed else []
    if changed:
        done.variants.setdefault(variant.sku, []).extend(changed)


def _locked_products(edits: Iterable[Edit]) -> dict[str, Product]:
    """The products, then their variants, each in the order of their ids, for change."""
    slugs = [edit.slug for edit in edits]
    query = sa.select(Product).where(Product.slug.in_(slugs)).order_by(Product.id)
    products = list(db.session.scalars(locked(query.options(selectinload(Product.variants)))))
    ids = [product.id for product in products]
    packs = sa.select(Variant).where(Variant.product_id.in_(ids)).order_by(Variant.id)
    db.session.scalars(locked(packs)).all()
    return {product.slug: product for product in products}
