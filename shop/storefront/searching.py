"""Find products as visitors look for them: by words, by what they are, by price and stock."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import reduce
from operator import or_
from typing import Any

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.catalog import codes
from shop.catalog.models import LegalClass, Product, ProductSearch, Variant
from shop.core.db import db
from shop.inventory.models import Lot, sellable_on
from shop.prescriptions.models import Prescription
from shop.storefront import index as indexes
from shop.storefront import matching, phrases
from shop.storefront.index import NO_PRICE, Index, Key, in_natural_order, in_order
from shop.storefront.index import SORTS as KEPT_SORTS
from shop.storefront.matching import Matched
from shop.storefront.visibility import View

Condition = sa.ColumnElement[bool]
SORTS = ("relevance", *KEPT_SORTS)
BY_PRICE = ("price", "-price")
MOST_CHOICES = 40  # of one facet
FACETS = (
    "category", "brand", "concern", "skin_type", "active", "active_class", "strength",
    "legal_class", "doctor_only", "pregnancy_safe", "price",
)  # fmt: skip


@dataclass(frozen=True)
class Wanted:
    """What a visitor asked for. Within a facet any choice will do; every facet must be met.

    Prices in cents; `brand` holds slugs, `active` names, `strength` and `price` bands of the index.
    """

    q: str = ""
    category: tuple[str, ...] = ()
    brand: tuple[str, ...] = ()
    concern: tuple[str, ...] = ()
    skin_type: tuple[str, ...] = ()
    active: tuple[str, ...] = ()
    active_class: tuple[str, ...] = ()
    strength: tuple[str, ...] = ()
    legal_class: tuple[LegalClass, ...] = ()
    price: tuple[str, ...] = ()
    doctor_only: bool | None = None
    pregnancy_safe: bool | None = None
    min_price: int | None = None
    max_price: int | None = None
    in_stock: bool | None = None
    suitable: bool = False
    sort: str | None = None

    @classmethod
    def of(cls, asked: dict[str, Any]) -> Wanted:
        """What was asked for, choices in lists."""
        several = {name: tuple(value) for name, value in asked.items() if isinstance(value, list)}
        return cls(**(asked | several))

    def chosen(self, facet: str) -> tuple[str, ...]:
        """The choices of a facet, in the index's words."""
        value = getattr(self, facet)
        if isinstance(value, bool):
            return (str(value).lower(),)
        if facet == "active":
            return tuple(name.upper() for name in value)
        return tuple(str(word) for word in value or ())


@dataclass(frozen=True)
class Found:
    """What answers: sets of products, the best first, to be shown in one order."""

    index: Index
    ranks: tuple[int, ...]
    sort: str
    matched: Matched | None
    facets: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    prices: dict[str, int | None] = field(default_factory=dict)
    misread: int | None = None  # the check digit expected of a bar code that is not right
    teased: int = 0  # products whose price the reader is not told

    @property
    def kinds(self) -> tuple[type, ...]:
        """Of what a key of this order is made."""
        kinds = {"relevance": (int, int, str, str), "name": (str, str)}
        return kinds.get(self.sort, (int, str, str))

    def teases(self, product: uuid.UUID) -> bool:
        """Whether the reader sees the product without its price."""
        return bool(self.teased and self.teased >> self.index.by_id[str(product)] & 1)

    @property
    def count(self) -> int:
        return sum(rank.bit_count() for rank in self.ranks)


def search(
    wanted: Wanted,
    *,
    version: uuid.UUID,
    at: datetime,
    today: date,
    reader: Person | None = None,
    view: View | None = None,
    counted: bool = True,
) -> Found:
    """The products on offer that answer to `wanted`; with `counted`, what each choice would leave.

    What only the gate would refuse is still among them; what `view` does not show is not.
    """
    index = indexes.standing(version, at=at, today=today)
    phrase = phrases.read(wanted.q)
    match = matching.matched(index, phrase) if phrase.asks or wanted.q.strip() else None
    seen, teased = _sight(index, view)
    narrowed = seen & _live(index, wanted, today, reader)
    if match is not None:
        narrowed &= match.found
    told = index.everything & ~teased
    chosen = _chosen(index, wanted, told)
    within = _within(index, wanted, told)
    found = _meeting(chosen, narrowed & within)
    ranks = (found,) if match is None else tuple(rank & found for rank in match.ranks)
    sort = wanted.sort or "relevance"
    if sort == "relevance" and match is None:
        sort = "name"
    return Found(
        index,
        ranks if sort == "relevance" else (found,),
        sort,
        match,
        _facets(index, wanted, chosen, narrowed, told, within) if counted else {},
        _prices(index, chosen, narrowed & told) if counted else {},
        codes.misread(wanted.q) if not found else None,
        teased,
    )


def _sight(index: Index, view: View | None) -> tuple[int, int]:
    """What a reader may see of what is on offer, and what of it without a price, as two sets.

    The one place for what depends on who looks. What the policy alone says holds as long as this
    version; a reader's own orders and prescriptions are read anew every time.
    """
    if view is None:
        return index.everything, 0
    key = ("sight", view.audience)
    if view.audience is not None and key in index.counted:
        kept: tuple[int, int] = index.counted[key]
        return kept
    places = sa.select(ProductSearch.place).join(Product, Product.id == ProductSearch.product_id)
    hidden, teased = db.session.execute(
        sa.select(
            sa.func.array(places.where(sa.not_(view.seen)).scalar_subquery()),
            sa.func.array(places.where(view.teased).scalar_subquery()),
        )
    ).one()
    sight = index.everything & ~index.of_places(hidden), index.of_places(teased)
    if view.audience is not None:
        index.remember(key, sight)
    return sight


def hits(found: Found, after: Key | None) -> Iterator[tuple[Key, uuid.UUID]]:
    """The products in their order behind a key, each with its own. Keys are of `found.kinds`."""
    if found.sort != "relevance":
        for key in _in_order(found, after):
            yield key, uuid.UUID(key[-1])
        return
    for rank, members in enumerate(found.ranks):
        if after is not None and rank < after[0]:
            continue
        behind = after[1:] if after is not None and rank == after[0] else None
        for key in in_natural_order(members, found.index.natural, behind):
            yield (rank, *key), uuid.UUID(key[-1])


def _in_order(found: Found, after: Key | None) -> Iterator[Key]:
    """Keys by name, time or price; by price, what the reader is told none of stands at the end."""
    (members,), index = found.ranks, found.index
    if found.sort not in BY_PRICE:
        yield from in_order(members, index.order(found.sort), after)
        return
    priced = members & index.between(None, None) & ~found.teased
    if after is None or after[0] != NO_PRICE:
        yield from in_order(priced, index.order(found.sort), after)
    behind = after[1:] if after is not None and after[0] == NO_PRICE else None
    for key in in_order(members & ~priced, index.order("name"), behind):
        yield (NO_PRICE, *key)


def _chosen(index: Index, wanted: Wanted, told: int) -> dict[str, int]:
    """Facets of which something was chosen, and the products that answer to any of its choices.

    `told` are those of which the reader may know the price.
    """
    sets = {}
    for facet in FACETS:
        if choices := wanted.chosen(facet):
            members = index.choices.get(facet, {})
            sets[facet] = reduce(or_, (members.get(choice, 0) for choice in choices))
    if "price" in sets:
        sets["price"] &= told
    return sets


def _meeting(chosen: dict[str, int], some: int, *, but: str = "") -> int:
    """Those of some products that answer to the choices of all facets `but` this."""
    for facet, answering in chosen.items():
        if facet != but:
            some &= answering
    return some


def _within(index: Index, wanted: Wanted, told: int) -> int:
    """The products whose price is in the range that was asked for, where one was."""
    if wanted.min_price is None and wanted.max_price is None:
        return index.everything
    return index.between(wanted.min_price, wanted.max_price) & told


def _facets(
    index: Index,
    wanted: Wanted,
    chosen: dict[str, int],
    narrowed: int,
    told: int,
    within: int,
) -> dict[str, list[dict[str, Any]]]:
    """How many products each choice would leave, the choices of its own facet set aside."""
    counts: dict[str, list[dict[str, Any]]] = {}
    for facet in FACETS:
        left = _meeting(chosen, narrowed & (told if facet == "price" else within), but=facet)
        choices = wanted.chosen(facet) if facet in chosen else ()
        key = (facet, left, choices)
        if key not in index.counted:
            index.remember(key, _counted(index, facet, left, choices))
        counts[facet] = index.counted[key]
    return counts


def _counted(index: Index, facet: str, left: int, chosen: tuple[str, ...]) -> list[dict[str, Any]]:
    """The choices, the most frequent first; what is chosen is always among them."""
    labels = index.labels.get(facet, {})
    counts = (
        (-(members & left).bit_count(), labels[choice], choice)
        for choice, members in index.choices.get(facet, {}).items()
    )
    some = sorted(each for each in counts if each[0] or each[2] in chosen)
    kept = some[:MOST_CHOICES] + [each for each in some[MOST_CHOICES:] if each[2] in chosen]
    if facet in ("price", "strength"):
        kept.sort(key=lambda each: _low(each[2]))
    return [{"value": choice, "label": label, "count": -count} for count, label, choice in kept]


def _low(band: str) -> tuple[str, float]:
    """Bands rise: "TRETINOIN:0.03-0.06" within its active, "1500-2999"."""
    active, _, span = band.rpartition(":")
    return active, float(span.partition("-")[0])


def _prices(index: Index, chosen: dict[str, int], told: int) -> dict[str, int | None]:
    """The lowest and the highest price of what the reader is told it, its own choice set aside."""
    left = _meeting(chosen, told, but="price")
    key = ("prices", left)
    if key not in index.counted:
        by_price = index.order("price")
        priced = left & index.between(None, None)
        lowest = next(in_order(priced, by_price, None), None)
        highest = next(in_order(priced, index.order("-price"), None), None)
        index.remember(
            key,
            {
                "min": None if lowest is None else lowest[0],
                "max": None if highest is None else -highest[0],
            },
        )
    found: dict[str, int | None] = index.counted[key]
    return found


def _live(index: Index, wanted: Wanted, today: date, reader: Person | None) -> int:
    """What the shelf says, and what the gate could say yes to. Never from the index."""
    kept = index.everything
    if wanted.in_stock is not None or wanted.suitable:
        stocked = index.of_places(db.session.scalars(_IN_STOCK, {"today": today}).one())
        kept &= index.everything & ~stocked if wanted.in_stock is False else stocked
    if wanted.suitable and reader is not None:
        covered = index.of_places(db.session.scalars(_PRESCRIBED, {"client": reader.id}).one())
        kept &= index.choices.get("doctor_only", {}).get("false", 0) | covered
    return kept


_IN_STOCK = sa.select(
    sa.func.array(
        sa.select(ProductSearch.place)
        .join(Variant, Variant.product_id == ProductSearch.product_id)
        .join(Lot, Lot.variant_id == Variant.id)
        .where(
            Variant.for_sale,
            sellable_on(sa.bindparam("today", type_=sa.Date())),
            Lot.on_shelf > Lot.reserved,
        )
        .scalar_subquery()
    )
)
# The gate opens nothing doctor-only to a client without a prescription of that product.
_PRESCRIBED = sa.select(
    sa.func.array(
        sa.select(ProductSearch.place)
        .join(Variant, Variant.product_id == ProductSearch.product_id)
        .join(Prescription, Prescription.variant_id == Variant.id)
        .where(Prescription.client_id == sa.bindparam("client", type_=sa.Uuid()))
        .scalar_subquery()
    )
)


def on_offer(product_id: Any) -> Condition:
    """Something of the product is for sale."""
    return sa.exists().where(Variant.product_id == product_id, Variant.for_sale).correlate(Product)


def stocked_on(today: Any) -> Condition:
    """Something of the product can be promised today."""
    of_it = sa.exists().where(
        Variant.product_id == Product.id,
        Variant.for_sale,
        Lot.variant_id == Variant.id,
        sellable_on(today),
        Lot.on_shelf > Lot.reserved,
    )
    return of_it.correlate(Product)


def visible(today: Any) -> Condition:
    """What a visitor may see at all."""
    return sa.and_(
        Product.published_at.is_not(None),
        Product.finished.is_(sa.true()),
        Product.legal_class != LegalClass.CLINIC_USE,
        sa.or_(Product.marketing_ends_on.is_(None), Product.marketing_ends_on >= today),
        on_offer(Product.id),
    )
