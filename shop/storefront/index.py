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
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

import sqlalchemy as sa

from shop.catalog.concerns import Concern, SkinType
from shop.catalog.models import CatalogueVersion
from shop.core.db import UtcDateTime, db

Key = tuple[Any, ...]  # orders products; its last part is unique
NO_PRICE = 2_000_000_000  # sorts what has no price behind everything that has one
PRICE_BANDS = (0, 1_500, 3_000, 6_000, 10_000, 20_000)  # cents, from; the last has no end
# Percent: edges between the strengths in which topical actives exist (Drugs@FDA, OTC monographs).
STRENGTH_BANDS = (0, 0.015, 0.03, 0.06, 0.15, 0.35, 0.75, 1.5, 3, 6, 12, 25)
SORTS = ("name", "price", "-price", "newest")
LONGEST = 60  # letters of a name that order it: keys travel in addresses
FEW = 32  # one product in so many is few
MOST_KEPT = 2_000  # counts: a dozen a search, of about 12 kB each at 20,000 products
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


@dataclass
class Order:
    """Products in one order: their keys, and their numbers beside them."""

    keys: list[Key]
    numbers: list[int]

    @cached_property
    def places(self) -> list[int]:
        """Where in this order each product stands, by its number."""
        places = [0] * len(self.numbers)
        for place, number in enumerate(self.numbers):
            places[number] = place
        return places


@dataclass
class Index:
    """The products on offer, numbered from 0 in the order of their names, the shortest first.

    A set of products is a whole number, bit n standing for product n.
    """

    version: uuid.UUID
    today: date
    since: datetime
    until: datetime | None  # when the first price begins or ends
    natural: list[Key]  # words of the name, the name, the id
    number: dict[int, int]  # by place in product_search
    prices: list[int]
    published: list[int]  # microseconds
    choices: dict[str, dict[str, int]]  # facet → choice → products
    labels: dict[str, dict[str, str]]
    named: dict[str, list[int]]  # by name in small letters
    # Worked out, or looked up under this version, so as true as the rest.
    orders: dict[str, Order] = field(default_factory=dict)
    words: dict[str, Stands] = field(default_factory=dict)
    like: dict[str, list[tuple[str, Stands]]] = field(default_factory=dict)
    counted: dict[Any, Any] = field(default_factory=dict)
    cards: dict[uuid.UUID, Any] = field(default_factory=dict)  # `cards` fills it

    def order(self, sort: str) -> Order:
        """The products in one of the orders."""
        if sort not in self.orders:
            self.orders[sort] = _ordered(self, sort)
        return self.orders[sort]

    def called(self, name: str) -> int:
        """The products of exactly this name, whatever its capitals."""
        return set_of(self.named.get(name.strip().lower(), ()), len(self.natural))

    @property
    def everything(self) -> int:
        return (1 << len(self.natural)) - 1

    @cached_property
    def by_id(self) -> dict[str, int]:
        """The numbers of the products by their id."""
        return {key[-1]: number for number, key in enumerate(self.natural)}

    def of_places(self, places: Iterable[int]) -> int:
        """The products at these places of product_search, as far as they are on offer."""
        number = self.number
        return set_of((number[each] for each in places if each in number), len(self.natural))

    def between(self, least: int | None, most: int | None) -> int:
        """The products whose lowest price is within, in cents."""
        key = ("between", least, most)
        if key not in self.counted:
            low, high = least or 0, NO_PRICE - 1 if most is None else most
            within = (number for number, cents in enumerate(self.prices) if low <= cents <= high)
            self.remember(key, set_of(within, len(self.natural)))
        found: int = self.counted[key]
        return found

    def remember(self, key: Any, value: Any) -> None:
        """Keep what was worked out, not more than MOST_KEPT of it."""
        if len(self.counted) >= MOST_KEPT:
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


def in_order(found: int, order: Order, after: Key | None) -> Iterator[Key]:
    """The keys of the products of a set, in this order, behind the key `after`."""
    start = 0 if after is None else bisect_right(order.keys, after)
    if found.bit_count() * FEW < len(order.numbers):  # sooner sorted than come across
        places = sorted(order.places[number] for number in _numbers(found))
        yield from (order.keys[place] for place in places[bisect_left(places, start) :])
        return
    marks = found.to_bytes((len(order.numbers) + 7) // 8, "little")
    for place in range(start, len(order.numbers)):
        number = order.numbers[place]
        if marks[number >> 3] >> (number & 7) & 1:
            yield order.keys[place]


def in_natural_order(found: int, keys: list[Key], after: Key | None) -> Iterator[Key]:
    """The same in the order of the numbers, which needs no look at the others."""
    start = 0 if after is None else bisect_right(keys, after)
    for number in _numbers(found >> start):
        yield keys[start + number]


def _numbers(found: int) -> Iterator[int]:
    """The numbers of the products of a set, rising."""
    passed = 0
    while found:
        lowest = (found & -found).bit_length()
        passed += lowest
        found >>= lowest
        yield passed - 1


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


# One statement, so that all of it is of one moment, the version too; plain types, since it is long.
_EVERYTHING = sa.text("""
SELECT version.version, soon.at, s.place, p.id::text, p.name, p.legal_class,
    p.doctor_only::text, s.pregnancy_safe::text, p.category, b.slug, b.name,
    p.concerns, p.skin_types, s.active_classes, s.actives, s.percents::float8[], offers.cents,
    (extract(epoch FROM p.published_at) * 1000000)::bigint
FROM catalogue_version version
CROSS JOIN (
    SELECT least(
        (SELECT min(valid_from) FROM prices WHERE valid_from > :at),
        (SELECT min(valid_until) FROM prices WHERE valid_until > :at)
    ) AS at
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
_FLAT = ("legal_class", "doctor_only", "pregnancy_safe", "category")
_LISTS = ("concern", "skin_type", "active_class", "active")
# Nobody is served before it is there, so reading and making it may take longer than a request.
_PATIENTLY = sa.select(
    sa.func.set_config("statement_timeout", "60s", sa.true()),
    sa.func.set_config("idle_in_transaction_session_timeout", "60s", sa.true()),
)
_Members = dict[str, dict[str, list[int]]]


def _made(at: datetime, today: date) -> Index:
    db.session.execute(_PATIENTLY)
    rows: Any = db.session.execute(_EVERYTHING, {"at": at, "today": today}).all()
    sold = sorted(
        ((len(row[4].split()), row[4].lower()[:LONGEST], row[3]), *row[2:])
        for row in rows
        if row[3]
    )
    members: _Members = {facet: defaultdict(list) for facet in (*_FLAT, *_LISTS, *_BANDED)}
    labels: dict[str, dict[str, str]] = {"brand": {}, "strength": {}, "price": {}}
    named: dict[str, list[int]] = defaultdict(list)
    for number, (_, _, _, name, *answers) in enumerate(sold):
        named[name.lower()].append(number)
        _file(number, answers, members, labels)
    return Index(
        version=rows[0][0],
        today=today,
        since=at,
        until=rows[0][1],
        natural=[row[0] for row in sold],
        number={row[1]: number for number, row in enumerate(sold)},
        prices=[NO_PRICE if row[-2] is None else row[-2] for row in sold],
        published=[row[-1] for row in sold],
        choices={
            facet: {
                choice: set_of(numbers, len(sold)) for choice, numbers in each.items() if choice
            }
            for facet, each in members.items()
        },
        labels=labels | {facet: _labels(facet, members[facet]) for facet in (*_FLAT, *_LISTS)},
        named=named,
    )


_BANDED = ("brand", "strength", "price")


def _file(
    number: int, answers: list[Any], members: _Members, labels: dict[str, dict[str, str]]
) -> None:
    """Put a product where it belongs. Twenty thousand times in a row, so without any finery."""
    slug, brand = answers[4:6]
    members["brand"][slug].append(number)
    labels["brand"][slug] = brand
    for facet, choice in zip(_FLAT, answers, strict=False):
        members[facet][choice].append(number)
    for facet, choices in zip(_LISTS, answers[6:], strict=False):
        for choice in dict.fromkeys(choices):
            members[facet][choice].append(number)
    actives, percents, cents = answers[9:12]
    for active, percent in dict(zip(actives, percents, strict=True)).items():
        if percent is not None:
            band, labels["strength"][band] = _strength_band(active, percent)
            members["strength"][band].append(number)
    if cents is not None:
        band, labels["price"][band] = price_band(cents)
        members["price"][band].append(number)


def _labels(facet: str, choices: Iterable[str]) -> dict[str, str]:
    """What people call the choices."""
    match facet:
        case "concern":
            return {choice: Concern(choice).label for choice in choices}
        case "skin_type":
            return {choice: SkinType(choice).label for choice in choices}
        case "active_class":
            return {choice: choice.replace("_", " ").capitalize() for choice in choices}
        case _:
            return {choice: choice for choice in choices}


@lru_cache(10_000)
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


@lru_cache(10_000)
def _strength_band(active: str, percent: float) -> tuple[str, str]:
    """The band of a strength: "TRETINOIN:0.03-0.06", above the first and up to the second."""
    place = max(1, bisect_left(STRENGTH_BANDS, percent))
    low = STRENGTH_BANDS[place - 1]
    high = STRENGTH_BANDS[place] if place < len(STRENGTH_BANDS) else 100
    return f"{active}:{low:g}-{high:g}", f"{active.capitalize()} {low:g} to {high:g} %"


def _ordered(index: Index, sort: str) -> Order:
    """By keys that rise, so that a page begins behind the key of the one before."""
    named = [(name, id_) for _words, name, id_ in index.natural]
    prices = index.prices
    first: dict[str, list[int]] = {
        "price": prices,
        "-price": [cents if cents == NO_PRICE else -cents for cents in prices],
        "newest": [-moment for moment in index.published],
    }
    keys: list[Key] = [*named]
    if sort in first:
        keys = [(value, *key) for value, key in zip(first[sort], named, strict=True)]
    numbers = sorted(range(len(keys)), key=keys.__getitem__)
    return Order([keys[number] for number in numbers], numbers)
