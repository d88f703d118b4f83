"""Products as a list shows them: two statements at most, whatever the page's size.

What a card says but for the stock is true as long as the catalogue's version: pictures, prices and
everything else that is changed make another. So a worker reads it once and keeps it in its index.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.orm import aliased

from shop.accounts.models import Person, Role
from shop.catalog.models import (
    Brand,
    LegalClass,
    Picture,
    PictureFile,
    PictureSize,
    Price,
    Product,
    Variant,
)
from shop.catalog.queries import Pictured, Size, picture_url
from shop.core.db import UtcDateTime, db
from shop.inventory import stock
from shop.prescriptions import asking
from shop.prescriptions.asking import Stage
from shop.prescriptions.gate import Answer, Decision, Wish
from shop.storefront.index import Index, Key
from shop.storefront.queries import drawing, tint
from shop.storefront.searching import Found, hits, visible

MOST_BATCHES = 5  # a page of what suits looks at so many batches of products, and no further


@dataclass(frozen=True)
class Pack:
    """A pack on offer: its price in force, if any, and the units that may still be promised."""

    variant_id: uuid.UUID
    sku: str
    cents: int | None
    available: int


@dataclass(frozen=True)
class Card:
    """A product in a list; `gate` is the answer for the pack that comes furthest, for a client."""

    id: uuid.UUID
    slug: str
    name: str
    brand: str
    brand_slug: str
    legal_class: LegalClass
    doctor_only: bool
    category: str
    dosage_form: str
    strength: str
    packs: tuple[Pack, ...]
    pictures: tuple[Pictured, ...] = ()  # the first one
    teaser: bool = False  # neither price nor cart: "ask the physician"
    gate: Decision | None = None

    @property
    def from_cents(self) -> int | None:
        """The lowest price of what is on offer, where the reader is told."""
        if self.teaser:
            return None
        return min((pack.cents for pack in self.packs if pack.cents is not None), default=None)

    @property
    def in_stock(self) -> bool:
        return any(pack.available > 0 for pack in self.packs)

    @property
    def picture(self) -> str:
        """The name of the drawing that stands for it."""
        return drawing(self.legal_class, self.dosage_form)

    @property
    def tint(self) -> int:
        """Which of the placeholders' colours its category has."""
        return tint(self.category)


@dataclass(frozen=True)
class Page:
    """One page, and the key that the next begins behind."""

    cards: list[Card]
    next: Key | None


def page(
    found: Found,
    *,
    limit: int,
    after: Key | None,
    at: datetime,
    today: date,
    reader: Person | None,
    suitable: bool = False,
) -> Page:
    """One page of what was found; for a client each card with the gate's answer.

    With `suitable` only cards that the gate opens are kept: products are looked at batch by batch,
    and the page may be short, even empty, and yet have a next one.
    """
    walk = hits(found, after)
    client = reader if reader is not None and reader.role is Role.CLIENT else None
    if not suitable or client is None:
        batch = list(islice(walk, limit + 1))
        cards = _cards(found, [product for _, product in batch[:limit]], at=at, today=today)
        more = len(batch) > limit
        return Page(_gated(cards, client, at), batch[limit - 1][0] if more else None)
    return _suitable(found, walk, limit=limit, at=at, today=today, client=client)


def _suitable(
    found: Found,
    walk: Iterator[tuple[Any, uuid.UUID]],
    *,
    limit: int,
    at: datetime,
    today: date,
    client: Person,
) -> Page:
    kept: list[Card] = []
    last: Key = ()
    for _ in range(MOST_BATCHES):
        batch = list(islice(walk, limit + 1))
        cards = _cards(found, [product for _, product in batch], at=at, today=today)
        cards = _gated(cards, client, at)
        opened = {card.id: card for card in cards if card.gate is not None and card.gate.open}
        for key, product in batch:
            if product in opened and len(kept) == limit:
                return Page(kept, last)
            if product in opened:
                kept.append(opened[product])
            last = key
        if len(batch) <= limit:
            return Page(kept, None)
    return Page(kept, last)


def _gated(cards: list[Card], client: Person | None, at: datetime) -> list[Card]:
    """The cards with the gate's answers, all asked at once."""
    if client is None or not cards:
        return cards
    packs = [pack for card in cards for pack in card.packs]
    decisions = asking.ask(
        client,
        [Wish(pack.variant_id, pack.sku, 1) for pack in packs],
        ship_to_state=None,
        at=at,
        stage=Stage.BROWSE,
        out_of_stock=[pack.variant_id for pack in packs if pack.available < 1],
    )
    answers = {decision.wish.variant_id: decision for decision in decisions}
    return [
        Card(**vars(card) | {"gate": furthest(answers[pack.variant_id] for pack in card.packs)})
        for card in cards
    ]


def furthest(decisions: Iterable[Decision]) -> Decision:
    """The answer that lets a client go on the farthest."""
    return min(decisions, key=lambda decision: list(Answer).index(decision.answer))


# The first picture of a product, as `[alt, sku, [[width, height, digest], …]]`.
_SIZES = (
    sa.select(
        sa.func.jsonb_agg(
            aggregate_order_by(
                sa.func.jsonb_build_array(
                    PictureFile.width, PictureFile.height, sa.func.encode(PictureFile.digest, "hex")
                ),
                PictureFile.width,
            )
        )
    )
    .join(PictureSize, PictureSize.digest == PictureFile.digest)
    .where(PictureSize.picture_id == Picture.id)
    .scalar_subquery()
)
_PACK = aliased(Variant)
_PICTURED_SKU = sa.select(_PACK.sku).where(_PACK.id == Picture.variant_id).scalar_subquery()
_PICTURE = (
    sa.select(sa.func.jsonb_build_array(Picture.alt, _PICTURED_SKU, _SIZES, type_=JSONB()))
    .where(Picture.product_id == Product.id, Picture.ended_at.is_(None))
    .order_by(Picture.position, Picture.added_at, Picture.id)
    .limit(1)
    .scalar_subquery()
)
_AT = sa.bindparam("at", type_=UtcDateTime())
# Built once: building it costs more than PostgreSQL's answer.
_CARDS = (
    sa.select(
        Product.id,
        Product.slug,
        Product.name,
        Brand.name.label("brand"),
        Brand.slug.label("brand_slug"),
        Product.legal_class,
        Product.doctor_only,
        Product.category,
        Product.dosage_form,
        Product.strength_text.label("strength"),
        _PICTURE,
        Variant.id,
        Variant.sku,
        Price.cents,
    )
    .join(Brand, Brand.id == Product.brand_id)
    .join(Variant, Variant.product_id == Product.id)
    .outerjoin(
        Price,
        sa.and_(
            Price.variant_id == Variant.id,
            Price.valid_from <= _AT,
            sa.or_(Price.valid_until.is_(None), Price.valid_until > _AT),
        ),
    )
    .where(
        Product.id == sa.any_(sa.bindparam("ids", type_=sa.ARRAY(sa.Uuid()))),
        Variant.for_sale,
        visible(sa.bindparam("today", type_=sa.Date())),
    )
    .order_by(Product.id, Variant.net_content.nulls_last(), Variant.sku)
)
# The columns of the product; the others are the pack's.
_OF_PRODUCT = (
    "id", "slug", "name", "brand", "brand_slug", "legal_class", "doctor_only", "category",
    "dosage_form", "strength", "pictures",
)  # fmt: skip


class _Kept(NamedTuple):
    """What a card says as long as the index holds: the product, and its packs (id, SKU, cents)."""

    product: dict[str, Any]
    packs: list[tuple[uuid.UUID, str, int | None]]


def _cards(found: Found, ids: Sequence[uuid.UUID], *, at: datetime, today: date) -> list[Card]:
    """The products' cards, in the same order; what is no longer on offer is left out."""
    kept = _kept(found.index, ids, at, today)
    packs = [pack[0] for one in kept for pack in one.packs]
    units = stock.available(packs, today=today)
    return [
        Card(
            **one.product,
            packs=tuple(Pack(*pack, units[pack[0]]) for pack in one.packs),
            teaser=found.teases(one.product["id"]),
        )
        for one in kept
    ]


def _kept(index: Index, ids: Sequence[uuid.UUID], at: datetime, today: date) -> list[_Kept]:
    """What the index knows of these products, in the same order; what it lacks is read."""
    if lacking := [each for each in ids if each not in index.cards]:
        index.cards |= _read(lacking, at, today)
    return [index.cards[each] for each in ids if each in index.cards]


def _read(ids: list[uuid.UUID], at: datetime, today: date) -> dict[uuid.UUID, _Kept]:
    offered: dict[uuid.UUID, _Kept] = {}
    asked = {"ids": ids, "at": at, "today": today}
    rows: Sequence[Any] = db.session.execute(_CARDS, asked).all()
    for row in rows:
        if row[0] not in offered:
            product = dict(zip(_OF_PRODUCT, row, strict=False))
            product["pictures"] = _pictured(product["pictures"])
            offered[row[0]] = _Kept(product, [])
        offered[row[0]].packs.append(row[len(_OF_PRODUCT) :])
    return offered


def _pictured(first: Any) -> tuple[Pictured, ...]:
    if first is None:
        return ()
    alt, sku, sizes = first
    made = (
        Size(width, height, picture_url(bytes.fromhex(digest))) for width, height, digest in sizes
    )
    return (Pictured(alt, sku, tuple(made)),)
