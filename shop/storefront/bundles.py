"""Bundles as visitors see them: packs that go together, with what they cost now."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.accounts.models import Person
from shop.catalog import queries as catalog
from shop.catalog.errors import NoSuchBundle
from shop.catalog.models import Bundle, BundleItem, Price, Product, Variant
from shop.catalog.queries import Pictured
from shop.catalog.states import ShopStatus
from shop.core.db import db
from shop.inventory import stock
from shop.storefront.searching import visible
from shop.storefront.visibility import View, view_of

MOST_BUNDLES = 100  # shown at a time


@dataclass(frozen=True)
class ShownItem:
    """So many of a pack in a bundle: what one costs now, how many are free, if it is on offer."""

    variant: Variant
    quantity: int
    price: Price | None
    available: int
    offered: bool

    @property
    def orderable(self) -> bool:
        """Could be ordered today, as far as price and stock go; the gate says the rest."""
        return self.offered and self.price is not None and self.available >= self.quantity


@dataclass(frozen=True)
class ShownBundle:
    """A bundle as a visitor sees it."""

    bundle: Bundle
    items: tuple[ShownItem, ...]
    pictures: tuple[Pictured, ...] = ()

    @property
    def total_cents(self) -> int | None:
        """The sum of its items at the prices in force; None where one has none."""
        prices = [item.price.cents * item.quantity for item in self.items if item.price]
        return sum(prices) if len(prices) == len(self.items) else None

    @property
    def unavailable(self) -> list[ShownItem]:
        """What cannot be had today."""
        return [item for item in self.items if not item.orderable]

    @property
    def picture(self) -> str:
        """The name of the drawing that stands for it."""
        return "kit"


def on_offer(
    *, view: View, at: datetime, today: date, slug: str | None = None
) -> list[ShownBundle]:
    """The bundles that are published, by name, with their items in a fixed number of queries.

    One that holds something the reader may not see is not shown to her at all.
    """
    variant = selectinload(Bundle.items).joinedload(BundleItem.variant)
    query = (
        sa.select(Bundle)
        .where(Bundle.status == ShopStatus.PUBLISHED, ~_holds_what_is_hidden(view))
        .order_by(sa.func.lower(Bundle.name), Bundle.id)
        .options(variant.joinedload(Variant.product), variant.selectinload(Variant.prices))
        .limit(MOST_BUNDLES)
    )
    if slug is not None:
        query = query.where(Bundle.slug == slug)
    found = list(db.session.scalars(query))
    if not found:
        return []
    variants = [item.variant for one in found for item in one.items]
    offered = _offered([one.id for one in variants], view, today)
    units = stock.available([one.id for one in variants], today=today)
    pictures = catalog.pictured([one.id for one in found])
    return [
        ShownBundle(
            bundle,
            tuple(
                ShownItem(
                    item.variant,
                    item.quantity,
                    None if offered.get(item.variant_id) else item.variant.price_at(at),
                    units[item.variant_id],
                    item.variant_id in offered,
                )
                for item in bundle.items
            ),
            pictures.get(bundle.id, ()),
        )
        for bundle in found
    ]


def bundle_for(slug: str, *, view: View, at: datetime, today: date) -> ShownBundle:
    """A bundle that is published. Raises NoSuchBundle."""
    for found in on_offer(view=view, at=at, today=today, slug=slug):
        return found
    raise NoSuchBundle("There is no such bundle.", slug=slug[:200])


def _holds_what_is_hidden(view: View) -> sa.ColumnElement[bool]:
    hidden = (
        sa.select(sa.literal(1))
        .select_from(BundleItem)
        .join(Variant, Variant.id == BundleItem.variant_id)
        .join(Product, Product.id == Variant.product_id)
        .where(BundleItem.bundle_id == Bundle.id, sa.not_(view.seen))
    )
    return hidden.correlate(Bundle).exists()


def _offered(ids: Sequence[uuid.UUID], view: View, today: date) -> dict[uuid.UUID, bool]:
    """Which of these packs are on offer, and whether without a price."""
    query = (
        sa.select(Variant.id, view.teased)
        .join(Product, Product.id == Variant.product_id)
        .where(Variant.id.in_(ids), Variant.for_sale, visible(today))
    )
    return {variant_id: bool(teased) for variant_id, teased in db.session.execute(query)}


def closed_to(reader: Person, bundle: Bundle, *, home: str, today: date) -> dict[uuid.UUID, str]:
    """Which packs of a bundle the reader cannot put into her cart by herself, and why.

    Raises NoSuchBundle where she may not see it.
    """
    view = view_of(reader, home=home, day=today)
    query = (
        sa.select(Variant.id, view.seen, view.teased)
        .join(Product, Product.id == Variant.product_id)
        .where(Variant.id.in_([item.variant_id for item in bundle.items]))
    )
    closed = {}
    for variant_id, seen, teased in db.session.execute(query):
        if not seen:
            raise NoSuchBundle("There is no such bundle.", slug=bundle.slug)
        if teased:
            closed[variant_id] = "Ask the physician about this first."
    return closed
