"""The catalogue on offer, as a worker holds it: which products answer to which choice.

Counting facets over ten thousand hits in SQL takes ten times as long as a page may cost. So each
worker keeps, per choice of each facet, one whole number whose bits are the products that answer to
it; a count is then an AND and a popcount. Nothing here is trusted by age: `opened` reads the
catalogue's version in the same statement as the clock, and an index of another version, day or
price list is made anew. Stock, and whatever the gate says, is never in here.
"""

from __future__ import annotations

import threading
import uuid
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import sqlalchemy as sa

from shop.catalog.concerns import Concern, SkinType
from shop.catalog.models import CatalogueVersion
from shop.core.db import UtcDateTime, db
from shop.storefront.phrases import plainly

Key = tuple[Any, ...]  # orders products; its last part is unique
NO_PRICE = 2_000_000_000  # sorts what has no price behind everything that has one
PRICE_BANDS = (0, 1_500, 3_000, 6_000, 10_000, 20_000)  # cents, from; the last has no end
# Percent: edges between the strengths in which topical actives exist (Drugs@FDA, OTC monographs).
STRENGTH_BANDS = tuple(
    Decimal(edge)
    for edge in ("0", "0.015", "0.03", "0.06", "0.15", "0.35", "0.75", "1.5", "3", "6", "12", "25")
)
SORTS = ("name", "price", "-price", "newest")
LONGEST = 60  # letters of a name that order it: keys travel in addresses
KEPT = 3  # indexes a worker keeps: the day may turn, tests have several databases


class Stands(NamedTuple):
    """Where a word stands, each a set of products that holds the ones before it."""

    exact: int  # in the name, as the whole word
    named: int  # in the name, as a beginning
    main: int  # or in brand, actives, uses, form
    anywhere: int

    @property
    def weighs(self) -> bool:
        """Whether it stands anywhere but among the lesser ingredients."""
        return bool(self.main)


NOWHERE = Stands(0, 0, 0, 0)


@dataclass(frozen=True)
class Order:
    """Products in one order: their keys, and their numbers beside them."""

    keys: list[Key]
    numbers: list[int]


@dataclass
class Index:
    """The products on offer, numbered from 0 in the order of their names, the shortest first.

    A set of products is a whole number, bit n standing for product n.
    """

    version: uuid.UUID
    today: date
    since: datetime
    until: datetime | None  # when the first price begins or ends
    ids: list[uuid.UUID]
    number: dict[int, int]  # by place in product_search
    prices: list[int]
    orders: dict[str, Order]
    choices: dict[str, dict[str, int]]  # facet → choice → products
    labels: dict[str, dict[str, str]]
    names: dict[str, int]  # plain name → products
    # Looked up under this version, so as true as the rest.
    words: dict[str, Stands] = field(default_factory=dict)
    like: dict[str, list[tuple[str, Stands]]] = field(default_factory=dict)
    counted: dict[Any, Any] = field(default_factory=dict)

    @property
    def everything(self) -> int:
        return (1 << len(self.ids)) - 1

    def of_places(self, places: Iterable[int]) -> int:
        """The products at these places of product_search, as far as they are on offer."""
        number = self.number
        return set_of((number[each] for each in places if each in number), len(self.ids))

    def between(self, least: int | None, most: int | None) -> int:
        """The products whose lowest price is within, in cents."""
        key = ("between", least, most)
        if key not in self.counted:
            low, high = least or 0, NO_PRICE - 1 if most is None else most
            within = (number for number, cents in enumerate(self.prices) if low <= cents <= high)
            self.remember(key, set_of(within, len(self.ids)))
        found: int = self.counted[key]
        return found

    def remember(self, key: Any, value: Any) -> None:
        """Keep what was worked out, not more than some hundred of it."""
        if len(self.counted) >= 500:
            self.counted.clear()
        self.counted[key] = value

    def stands_for(self, at: datetime, today: date) -> bool:
        """Whether day and prices are those it was made for."""
        return self.today == today and self.since <= at and (self.until is None or at < self.until)


def set_of(numbers: Iterable[int], size: int) -> int:
    """Products as one whole number."""
    marks = bytearray((size + 7) // 8)
    for number in numbers:
        marks[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(marks, "little")


def in_order(found: int, order: Order, after: Key | None) -> Iterator[tuple[Key, int]]:
    """The products of a set with their keys, in this order, behind the key `after`."""
    marks = found.to_bytes((len(order.numbers) + 7) // 8, "little")
    start = 0 if after is None else bisect_right(order.keys, after)
    for place in range(start, len(order.numbers)):
        number = order.numbers[place]
        if marks[number >> 3] >> (number & 7) & 1:
            yield order.keys[place], number


_OPENED = sa.select(sa.func.shop_now(type_=UtcDateTime()), CatalogueVersion.version).select_from(
    CatalogueVersion
)
_indexes: dict[uuid.UUID, Index] = {}
_making = threading.Lock()


def opened() -> tuple[datetime, uuid.UUID]:
    """What time it is, and which version of the catalogue holds: one indexed read."""
    at, version = db.session.execute(_OPENED).one()
    return at, version


def standing(version: uuid.UUID, *, at: datetime, today: date) -> Index:
    """The index of this version, day and price list; made anew where the worker has none."""
    known = _indexes.get(version)
    if known is not None and known.stands_for(at, today):
        return known
    with _making:
        known = _indexes.get(version)
        if known is None or not known.stands_for(at, today):
            known = _made(at, today)
            _keep(known)
        return known


def _keep(index: Index) -> None:
    _indexes.pop(index.version, None)
    while len(_indexes) >= KEPT:
        _indexes.pop(next(iter(_indexes)))
    _indexes[index.version] = index


# One statement, so that all of it is of one moment, the version too.
_EVERYTHING = sa.text("""
SELECT version.version, soon.at AS soon, s.place, s.actives, s.percents, s.active_classes,
    s.pregnancy_safe, p.id, p.name, p.category, p.legal_class, p.doctor_only, p.published_at,
    p.concerns, p.skin_types, b.slug AS brand_slug, b.name AS brand, offers.cents
FROM catalogue_version version
CROSS JOIN LATERAL (
    SELECT min(moment) AS at FROM prices, unnest(ARRAY[valid_from, valid_until]) AS moment
    WHERE moment > :at
) AS soon
LEFT JOIN (
    product_search s
    JOIN products p ON p.id = s.product_id
    JOIN brands b ON b.id = p.brand_id
    JOIN (
        SELECT v.product_id, min(price.cents) AS cents FROM variants v
        LEFT JOIN prices price ON price.variant_id = v.id AND price.valid_from <= :at
            AND (price.valid_until IS NULL OR price.valid_until > :at)
        WHERE v.for_sale GROUP BY v.product_id
    ) AS offers ON offers.product_id = p.id
) ON p.published_at IS NOT NULL AND p.finished AND p.legal_class <> 'clinic_use'
    AND (p.marketing_ends_on IS NULL OR p.marketing_ends_on >= :today)
""")


def _made(at: datetime, today: date) -> Index:
    rows = db.session.execute(_EVERYTHING, {"at": at, "today": today}).all()
    named = sorted(
        ((len(row.name.split()), row.name.lower()[:LONGEST], str(row.id)), row)
        for row in rows
        if row.id
    )
    size = len(named)
    members: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    labels: dict[str, dict[str, str]] = defaultdict(dict)
    names: dict[str, list[int]] = defaultdict(list)
    for number, (_key, row) in enumerate(named):
        names[plainly(row.name)].append(number)
        for facet, choice, label in _answers(row):
            members[facet][choice].append(number)
            labels[facet][choice] = label
    prices = [NO_PRICE if row.cents is None else row.cents for _, row in named]
    return Index(
        version=rows[0].version,
        today=today,
        since=at,
        until=rows[0].soon,
        ids=[row.id for _, row in named],
        number={row.place: number for number, (_, row) in enumerate(named)},
        prices=prices,
        orders=_orders([key for key, _ in named], prices, [row.published_at for _, row in named]),
        choices={
            facet: {choice: set_of(numbers, size) for choice, numbers in each.items()}
            for facet, each in members.items()
        },
        labels=dict(labels),
        names={name: set_of(numbers, size) for name, numbers in names.items()},
    )


def _answers(row: Any) -> Iterator[tuple[str, str, str]]:
    """Facet, choice and its label, for each that the product answers to."""
    yield "brand", row.brand_slug, row.brand
    yield "legal_class", row.legal_class, row.legal_class
    for facet in ("doctor_only", "pregnancy_safe"):
        said = str(getattr(row, facet)).lower()
        yield facet, said, said
    if row.category:
        yield "category", row.category, row.category
    if row.cents is not None:
        yield ("price", *price_band(row.cents))
    yield from _uses(row)
    yield from _actives(row)


def _uses(row: Any) -> Iterator[tuple[str, str, str]]:
    for concern in row.concerns:
        yield "concern", concern, Concern(concern).label
    for skin_type in row.skin_types:
        yield "skin_type", skin_type, SkinType(skin_type).label


def _actives(row: Any) -> Iterator[tuple[str, str, str]]:
    for active_class in row.active_classes:
        yield "active_class", active_class, active_class.replace("_", " ").capitalize()
    for active, percent in dict(zip(row.actives, row.percents, strict=True)).items():
        yield "active", active, active
        if percent is not None:
            yield ("strength", *_strength_band(active, percent))


def price_band(cents: int) -> tuple[str, str]:
    """The band of a price and its name: "1500-2999", in cents."""
    place = bisect_right(PRICE_BANDS, cents) - 1
    low, after = PRICE_BANDS[place], [*PRICE_BANDS[1:], None][place]
    if after is None:
        return f"{low}-", f"${low // 100} and over"
    return (
        f"{low}-{after - 1}",
        f"${low // 100} to ${after // 100}" if low else f"Under ${after // 100}",
    )


def _strength_band(active: str, percent: Decimal) -> tuple[str, str]:
    """The band of a strength: "TRETINOIN:0.03-0.06", above the first and up to the second."""
    place = min(max(1, _first_at_least(percent)), len(STRENGTH_BANDS))
    low = STRENGTH_BANDS[place - 1]
    high = STRENGTH_BANDS[place] if place < len(STRENGTH_BANDS) else Decimal(100)
    return f"{active}:{low}-{high}", f"{active.capitalize()} {low} to {high} %"


def _first_at_least(percent: Decimal) -> int:
    return next(
        (place for place, edge in enumerate(STRENGTH_BANDS) if percent <= edge), len(STRENGTH_BANDS)
    )


def _orders(natural: list[Key], prices: list[int], published: list[datetime]) -> dict[str, Order]:
    """Every order by keys that rise, so that a page begins behind the key of the one before."""
    named = [(name, id_) for _words, name, id_ in natural]
    keyed: dict[str, list[Key]] = {
        "name": list(named),
        "price": [(cents, *key) for cents, key in zip(prices, named, strict=True)],
        "-price": [
            (NO_PRICE if cents == NO_PRICE else -cents, *key)
            for cents, key in zip(prices, named, strict=True)
        ],
        "newest": [
            (-int(moment.timestamp() * 1_000_000), *key)
            for moment, key in zip(published, named, strict=True)
        ],
    }
    orders = {"relevance": Order(natural, list(range(len(natural))))}
    for sort, keys in keyed.items():
        numbers = sorted(range(len(keys)), key=keys.__getitem__)
        orders[sort] = Order([keys[number] for number in numbers], numbers)
    return orders
