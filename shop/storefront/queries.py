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
from shop.catalog.errors import NoLongerSold, NoSuchProduct, NoSuchVariant
from shop.catalog.models import (
    IngredientName,
    LegalClass,
    Price,
    Product,
    ProductIngredient,
    Variant,
)
from shop.catalog.queries import Pictured
from shop.catalog.states import ShopStatus
from shop.core.db import db
from shop.core.errors import Refused
from shop.inventory import stock
from shop.prescriptions import asking
from shop.prescriptions.asking import Stage
from shop.prescriptions.gate import Decision, Wish
from shop.storefront import neighbours
from shop.storefront.searching import visible
from shop.storefront.visibility import View, view_of


class AskFirst(Refused):
    """A teaser: nobody buys it before a physician has prescribed it."""

    code = "ask_first"


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
    teaser: bool = False  # neither price nor cart: "ask the physician"
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
        return tint(self.product.category)

    @property
    def actives(self) -> list[ProductIngredient]:
        return [line for line in self.product.ingredients if line.active]

    @property
    def inactives(self) -> list[ProductIngredient]:
        return [line for line in self.product.ingredients if not line.active]


def product_for(
    reader: Person | None, slug: str, *, view: View, at: datetime, today: date
) -> Shown:
    """A product on offer; the manager sees every product.

    What the policy hides from the reader answers as what does not exist. Raises NoLongerSold for
    what is retired, with its nearest alternatives; else NoSuchProduct.
    """
    (found,) = shown([_seen(reader, slug, view, at, today)], view=view, at=at, today=today)
    return found


def whole_for(reader: Person | None, slug: str, *, view: View, at: datetime, today: date) -> Shown:
    """The same, with what is shown beside it."""
    product = _seen(reader, slug, view, at, today)
    beside = neighbours.beside(product, view=view, at=at, today=today)
    found, *related = shown([product, *beside], view=view, at=at, today=today)
    return replace(found, related=tuple(related))


def _seen(reader: Person | None, slug: str, view: View, at: datetime, today: date) -> Product:
    query = (
        sa.select(Product)
        .where(Product.slug == slug)
        .options(
            selectinload(Product.ingredients)
            .joinedload(ProductIngredient.named)
            .joinedload(IngredientName.ingredient),
            selectinload(Product.brand),
        )
    )
    if reader is None or reader.role is not Role.MANAGER:
        query = query.where(visible(today), view.seen)
    product = db.session.scalars(query).one_or_none()
    if product is None:
        raise _not_there(slug, view, at, today)
    return product


def _not_there(slug: str, view: View, at: datetime, today: date) -> NoLongerSold | NoSuchProduct:
    retired = db.session.scalars(
        sa.select(Product).where(
            Product.slug == slug, Product.status == ShopStatus.RETIRED, view.seen
        )
    ).one_or_none()
    if retired is None:
        return NoSuchProduct("There is no such product.", slug=slug[:200])
    return NoLongerSold(
        "This is no longer sold.",
        slug=slug,
        name=retired.name,
        alternatives=[
            {"slug": one.slug, "name": one.name}
            for one in neighbours.beside(retired, view=view, at=at, today=today)
        ],
    )


def named(slugs: Sequence[str], *, view: View, at: datetime, today: date) -> list[Shown]:
    """Products by their slugs, in this order; what is not on offer is left out."""
    query = with_brands(
        sa.select(Product).where(Product.slug.in_(slugs), visible(today), view.seen)
    )
    found = {product.slug: product for product in db.session.scalars(query)}
    return shown([found[slug] for slug in slugs if slug in found], view=view, at=at, today=today)


def pack_to_buy(reader: Person, sku: str, *, home: str, today: date) -> Variant:
    """A pack for the reader's cart. Raises NoSuchVariant for what the policy does not let her see,
    AskFirst where its price is the physician's to tell.
    """
    view = view_of(reader, home=home, day=today)
    query = (
        sa.select(Variant, view.teased)
        .join(Product, Product.id == Variant.product_id)
        .where(Variant.sku == sku, view.seen)
    )
    found = db.session.execute(query).one_or_none()
    if found is None:
        raise NoSuchVariant("There is no such variant.", sku=sku)
    variant, teased = found
    if teased:
        raise AskFirst("Ask the physician about this first.", sku=sku)
    return variant


def closed_to(reader: Person, skus: Iterable[str], *, home: str, today: date) -> dict[str, str]:
    """Which of these packs the reader cannot put into her cart by herself, and why."""
    closed = {}
    for sku in skus:
        try:
            pack_to_buy(reader, sku, home=home, today=today)
        except NoSuchVariant:
            closed[sku] = "This is not sold to you at the moment."
        except AskFirst as refusal:
            closed[sku] = refusal.text
    return closed


def shown(products: Sequence[Product], *, view: View, at: datetime, today: date) -> list[Shown]:
    """The products with their offers, in the same order, in a fixed number of queries."""
    ids = [product.id for product in products]
    rows = db.session.execute(
        sa.select(Variant, view.teased)
        .join(Product, Product.id == Variant.product_id)
        .where(Variant.product_id.in_(ids), Variant.for_sale)
        .order_by(Variant.net_content.nulls_last(), Variant.sku)
        .options(selectinload(Variant.prices))
    ).all()
    units = stock.available([variant.id for variant, _teased in rows], today=today)
    teasers = {variant.product_id for variant, teased in rows if teased}
    offers: dict[uuid.UUID, list[Offer]] = {}
    for variant, teased in rows:
        price = None if teased else variant.price_at(at)
        offers.setdefault(variant.product_id, []).append(Offer(variant, price, units[variant.id]))
    pictures = catalog.pictured(ids) if ids else {}
    return [
        Shown(
            product,
            tuple(offers.get(product.id, ())),
            tuple(_warnings(product, today)),
            pictures=pictures.get(product.id, ()),
            teaser=product.id in teasers,
        )
        for product in products
    ]


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


def tint(category: str) -> int:
    """Which of the placeholders' colours a category has; 0 without one."""
    words = category.casefold().encode()
    return 1 + crc32(words) % TINTS if words else 0


def picture(product: Product) -> str:
    """The name of the drawing that stands for a product."""
    return drawing(product.legal_class, product.dosage_form)


def drawing(legal_class: LegalClass, dosage_form: str) -> str:
    """A drawing by kind: "rx" for what needs a prescription, else by dosage form."""
    if legal_class.prescription_only:
        return "rx"
    form = dosage_form.lower()
    return next((name for word, name in _DRAWINGS if word in form), "bottle")
