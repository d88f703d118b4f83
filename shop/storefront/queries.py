"""What visitors see of the catalogue: what is published and on offer, with price and stock."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zlib import crc32

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.accounts.models import Person, Role
from shop.catalog import queries as catalog
from shop.catalog.errors import NoLongerSold, NoSuchBundle, NoSuchProduct
from shop.catalog.models import (
    Bundle,
    BundleItem,
    LegalClass,
    Price,
    Product,
    ProductIngredient,
    Variant,
)
from shop.catalog.queries import Pictured
from shop.catalog.states import ShopStatus
from shop.core.db import db
from shop.inventory import stock
from shop.prescriptions import asking
from shop.prescriptions.asking import Stage
from shop.prescriptions.gate import Decision, Wish
from shop.storefront import neighbours
from shop.storefront.searching import visible

MOST_BUNDLES = 100  # shown at a time
TINTS = 6  # of the placeholders


@dataclass(frozen=True)
class Offer:
    """A pack for sale: its price in force, if any, and the units that may still be promised."""

    variant: Variant
    price: Price | None
    available: int


@dataclass(frozen=True)
class Shown:
    """A product as a visitor sees it."""

    product: Product
    offers: tuple[Offer, ...]
    warnings: tuple[tuple[str, str], ...]  # code, text
    pictures: tuple[Pictured, ...] = ()
    related: tuple[Shown, ...] = ()  # only where one product is shown

    @property
    def from_cents(self) -> int | None:
        """The lowest price of what is on offer."""
        return min((one.price.cents for one in self.offers if one.price), default=None)

    @property
    def in_stock(self) -> bool:
        return any(one.available > 0 for one in self.offers)

    @property
    def picture(self) -> str:
        """The name of the drawing that stands for it."""
        return picture(self.product)

    @property
    def tint(self) -> int:
        """Which of the placeholders' colours its category has; 0 without one."""
        words = self.product.category.casefold().encode()
        return 1 + crc32(words) % TINTS if words else 0

    @property
    def actives(self) -> list[ProductIngredient]:
        return [line for line in self.product.ingredients if line.active]

    @property
    def inactives(self) -> list[ProductIngredient]:
        return [line for line in self.product.ingredients if not line.active]


def product_for(reader: Person | None, slug: str, *, at: datetime, today: date) -> Shown:
    """A product on offer; the manager sees every product.

    Raises NoLongerSold for what is retired, with its nearest alternatives; else NoSuchProduct.
    """
    (found,) = shown([_seen(reader, slug, today)], at=at, today=today)
    return found


def whole_for(reader: Person | None, slug: str, *, at: datetime, today: date) -> Shown:
    """The same, with what is shown beside it."""
    product = _seen(reader, slug, today)
    beside = neighbours.beside(product, today=today)
    found, *related = shown([product, *beside], at=at, today=today)
    return replace(found, related=tuple(related))


def _seen(reader: Person | None, slug: str, today: date) -> Product:
    query = (
        sa.select(Product)
        .where(Product.slug == slug)
        .options(
            selectinload(Product.ingredients).joinedload(ProductIngredient.ingredient),
            selectinload(Product.brand),
        )
    )
    if reader is None or reader.role is not Role.MANAGER:
        query = query.where(visible(today))
    product = db.session.scalars(query).one_or_none()
    if product is None:
        raise _not_there(slug, today)
    return product


def _not_there(slug: str, today: date) -> NoLongerSold | NoSuchProduct:
    retired = db.session.scalars(
        sa.select(Product).where(Product.slug == slug, Product.status == ShopStatus.RETIRED)
    ).one_or_none()
    if retired is None:
        return NoSuchProduct("There is no such product.", slug=slug[:200])
    return NoLongerSold(
        "This is no longer sold.",
        slug=slug,
        name=retired.name,
        alternatives=[
            {"slug": one.slug, "name": one.name} for one in neighbours.beside(retired, today=today)
        ],
    )


def named(slugs: Sequence[str], *, at: datetime, today: date) -> list[Shown]:
    """Products by their slugs, in this order; what is not on offer is left out."""
    query = with_brands(sa.select(Product).where(Product.slug.in_(slugs), visible(today)))
    found = {product.slug: product for product in db.session.scalars(query)}
    return shown([found[slug] for slug in slugs if slug in found], at=at, today=today)


def shown(products: Sequence[Product], *, at: datetime, today: date) -> list[Shown]:
    """The products with their offers, in the same order, in a fixed number of queries."""
    ids = [product.id for product in products]
    variants = list(
        db.session.scalars(
            sa.select(Variant)
            .where(Variant.product_id.in_(ids), Variant.for_sale)
            .order_by(Variant.net_content.nulls_last(), Variant.sku)
            .options(selectinload(Variant.prices))
        )
    )
    units = stock.available([variant.id for variant in variants], today=today)
    offers: dict[uuid.UUID, list[Offer]] = {}
    for variant in variants:
        offer = Offer(variant, variant.price_at(at), units[variant.id])
        offers.setdefault(variant.product_id, []).append(offer)
    pictures = catalog.pictured(ids) if ids else {}
    return [
        Shown(
            product,
            tuple(offers.get(product.id, ())),
            tuple(_warnings(product, today)),
            pictures.get(product.id, ()),
        )
        for product in products
    ]


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


def bundles(*, at: datetime, today: date, slug: str | None = None) -> list[ShownBundle]:
    """The bundles that are published, by name, with their items in a fixed number of queries."""
    variant = selectinload(Bundle.items).joinedload(BundleItem.variant)
    query = (
        sa.select(Bundle)
        .where(Bundle.status == ShopStatus.PUBLISHED)
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
    offered = _offered([one.id for one in variants], today)
    units = stock.available([one.id for one in variants], today=today)
    pictures = catalog.pictured([one.id for one in found])
    return [
        ShownBundle(
            bundle,
            tuple(
                ShownItem(
                    item.variant,
                    item.quantity,
                    item.variant.price_at(at),
                    units[item.variant_id],
                    item.variant_id in offered,
                )
                for item in bundle.items
            ),
            pictures.get(bundle.id, ()),
        )
        for bundle in found
    ]


def bundle_for(slug: str, *, at: datetime, today: date) -> ShownBundle:
    """A bundle that is published. Raises NoSuchBundle."""
    for found in bundles(at=at, today=today, slug=slug):
        return found
    raise NoSuchBundle("There is no such bundle.", slug=slug[:200])


def _offered(ids: Sequence[uuid.UUID], today: date) -> set[uuid.UUID]:
    """Which of these packs a visitor may see and put into a cart."""
    seen = sa.select(Product.id).where(visible(today))
    query = sa.select(Variant.id).where(
        Variant.id.in_(ids), Variant.for_sale, Variant.product_id.in_(seen)
    )
    return set(db.session.scalars(query))


def with_brands(query: sa.Select[Product]) -> sa.Select[Product]:
    """The same products, their brands loaded along."""
    return query.options(selectinload(Product.brand))


def answers(
    client: Person, shown: Shown, *, quantity: int, ship_to_state: str | None, at: datetime
) -> list[Decision]:
    """What the gate says to each pack on offer, today, for this client."""
    wishes = [Wish(one.variant.id, one.variant.sku, quantity) for one in shown.offers]
    return asking.ask(
        client,
        wishes,
        ship_to_state=ship_to_state,
        at=at,
        stage=Stage.BROWSE,
        out_of_stock=[one.variant.id for one in shown.offers if one.available < quantity],
    )


_TEXTS = {
    "implausible_strength": "The strength was filed in a way that looks wrong. The label decides.",
    "not_readable": "The strength was filed in a way that cannot be compared with others.",
    "no_actives": "No active ingredients were filed for this product.",
    "label_text_unclear": "The list of ingredients was hard to read where it was filed.",
    "licence_inactive": "Its licence is no longer active.",
    "package_not_filed": "A pack of it is no longer filed.",
}


def _warnings(product: Product, today: date) -> Iterable[tuple[str, str]]:
    if product.legal_class is LegalClass.RX_UNAPPROVED:
        yield ("unapproved", "This medicine is not approved by the FDA.")
    if product.listing_expires_on is not None and product.listing_expires_on < today:
        yield ("listing_expired", f"Its listing expired on {product.listing_expires_on}.")
    if product.marketing_ends_on is not None:
        yield ("marketing_ends", f"It is marketed until {product.marketing_ends_on}.")
    for code in dict.fromkeys(flag.split(":")[0] for flag in product.flags):
        if code in _TEXTS:
            yield (code, _TEXTS[code])


_DRAWINGS = (
    ("kit", "kit"),
    ("pump", "pump"),
    ("foam", "can"),
    ("spray", "can"),
    ("aerosol", "can"),
    ("stick", "stick"),
    ("balm", "stick"),
    ("swab", "pads"),
    ("patch", "pads"),
    ("pad", "pads"),
    ("powder", "jar"),
    ("paste", "jar"),
    ("ointment", "tube"),
    ("cream", "tube"),
    ("gel", "tube"),
    ("serum", "dropper"),
    ("oil", "dropper"),
    ("solution", "dropper"),
)


def picture(product: Product) -> str:
    """A drawing by kind: "rx" for what needs a prescription, else by dosage form."""
    if product.legal_class.prescription_only:
        return "rx"
    form = product.dosage_form.lower()
    return next((drawing for word, drawing in _DRAWINGS if word in form), "bottle")
