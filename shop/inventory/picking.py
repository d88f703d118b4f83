"""Which lots to take from: first expired, first out. Pure; the same for a preview and for shipping."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Generic, Protocol, TypeVar

from shop.inventory.errors import NotEnoughStock


class Shelved(Protocol):
    """What picking asks of a lot."""

    @property
    def id(self) -> uuid.UUID: ...
    @property
    def expires_on(self) -> date: ...
    @property
    def received_at(self) -> datetime: ...
    @property
    def free(self) -> int: ...
    def sellable(self, today: date) -> bool: ...


AnyLot = TypeVar("AnyLot", bound=Shelved)
NOTHING: Mapping[uuid.UUID, int] = {}


@dataclass(frozen=True)
class Pick(Generic[AnyLot]):
    """So many units from this lot."""

    lot: AnyLot
    units: int


def pick(
    lots: Iterable[AnyLot],
    units: int,
    *,
    today: date,
    lasting: date | None = None,
    own: Mapping[uuid.UUID, int] = NOTHING,
) -> list[Pick[AnyLot]]:
    """Choose lots for `units`, soonest expiry first. Changes nothing.

    `lasting` is the last day the units will be used: a lot must still be good on it. `own` are
    units by lot id that are promised to whoever asks, and so are free to them.
    Raises NotEnoughStock (facts `wanted`, `available`).
    """
    shelf = sorted(
        (lot for lot in lots if fit(lot, today=today, lasting=lasting)),
        key=lambda lot: (lot.expires_on, lot.received_at, lot.id),
    )
    available = sum(lot.free + own.get(lot.id, 0) for lot in shelf)
    if units < 1 or available < units:
        raise NotEnoughStock("There is not enough of this.", wanted=units, available=available)
    return list(_take(shelf, units, own))


def fit(lot: Shelved, *, today: date, lasting: date | None = None) -> bool:
    """May be promised today, and is still good on the day of last use."""
    return lot.sellable(today) and (lasting is None or lasting <= lot.expires_on)


def _take(
    shelf: Sequence[AnyLot], units: int, own: Mapping[uuid.UUID, int]
) -> Iterator[Pick[AnyLot]]:
    for lot in shelf:
        taken = min(units, lot.free + own.get(lot.id, 0))
        if taken > 0:
            yield Pick(lot, taken)
        units -= taken
        if units == 0:
            return


def dealt(picks: Iterable[Pick[AnyLot]], shares: Sequence[int]) -> list[list[Pick[AnyLot]]]:
    """Share out what was picked: the first share gets the soonest expiry.

    The picks hold exactly as many units as the shares together.
    """
    left = [(each.lot, each.units) for each in reversed(list(picks))]
    hands: list[list[Pick[AnyLot]]] = []
    for share in shares:
        hand = []
        while share > 0:
            lot, units = left.pop()
            hand.append(Pick(lot, min(units, share)))
            if units > share:
                left.append((lot, units - share))
            share -= hand[-1].units
        hands.append(hand)
    return hands
