"""Which lots to take from: first expired, first out. Pure; the same to preview and to ship."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from shop.inventory.errors import NotEnoughStock
from shop.inventory.models import Location, Lot

NOTHING: Mapping[uuid.UUID, int] = {}


@dataclass(frozen=True)
class Pick:
    """So many units from this lot, and from this place, where it is known."""

    lot: Lot
    units: int
    location: Location | None = None


def pick(
    lots: Iterable[Lot],
    units: int,
    *,
    today: date,
    own: Mapping[uuid.UUID, int] = NOTHING,
) -> list[Pick]:
    """Choose lots for `units`, soonest expiry first. Changes nothing.

    `own` are units by lot id that are promised to whoever asks, and so are free to them.
    Raises NotEnoughStock (facts `wanted`, `available`).
    """
    shelf = sorted(
        (lot for lot in lots if lot.sellable(today)),
        key=lambda lot: (lot.sellable_until, lot.expires_on, lot.received_at, lot.id),
    )
    available = sum(lot.free + own.get(lot.id, 0) for lot in shelf)
    if units < 1 or available < units:
        raise NotEnoughStock("There is not enough of this.", wanted=units, available=available)
    return list(_take(shelf, units, own))


def _take(shelf: Sequence[Lot], units: int, own: Mapping[uuid.UUID, int]) -> Iterator[Pick]:
    for lot in shelf:
        taken = min(units, lot.free + own.get(lot.id, 0))
        if taken > 0:
            yield Pick(lot, taken)
        units -= taken
        if units == 0:
            return


def placed(
    picks: Iterable[Pick], lying: Mapping[uuid.UUID, Sequence[tuple[Location, int]]]
) -> list[Pick]:
    """The same units, each from a place: of a lot the first of its places first.

    `lying`: by lot id, the places that orders are filled from and the units in each; no fewer than
    are picked.
    """
    return [
        Pick(each.lot, units, location)
        for each in picks
        for location, units in poured(each.units, lying.get(each.lot.id, ()))
    ]


def poured(units: int, places: Iterable[tuple[Location, int]]) -> Iterator[tuple[Location, int]]:
    """`units` out of these places, as far as they reach: each is emptied before the next."""
    for location, there in places:
        taken = min(units, there)
        if taken > 0:
            yield location, taken
        units -= taken


def dealt(picks: Iterable[Pick], shares: Sequence[int]) -> list[list[Pick]]:
    """Share out what was picked: the first share gets the soonest expiry.

    The picks hold exactly as many units as the shares together.
    """
    left = [(each.lot, each.units) for each in reversed(list(picks))]
    hands: list[list[Pick]] = []
    for share in shares:
        hand, due = [], share
        while due > 0:
            lot, units = left.pop()
            hand.append(Pick(lot, min(units, due)))
            if units > due:
                left.append((lot, units - due))
            due -= hand[-1].units
        hands.append(hand)
    return hands
