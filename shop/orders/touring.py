"""One walk along the shelf for all orders that wait: every place once, in the order of the bins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shop.inventory.errors import NotEnoughStock
from shop.inventory.models import Location, Lot
from shop.orders import picking
from shop.orders.models import Order, OrderLine
from shop.orders.states import LineStatus

LONGEST = 25  # orders that one walk is for: more do not fit on a cart


@dataclass(frozen=True)
class Stop:
    """What is taken from one place of one lot, for which orders: (number, units)."""

    location: Location
    lot: Lot
    name: str
    sku: str
    wanted: tuple[tuple[str, int], ...]

    @property
    def units(self) -> int:
        return sum(units for _, units in self.wanted)


@dataclass(frozen=True)
class Tour:
    """The stops, and the lines that the shelf has too little for, with why."""

    stops: list[Stop]
    short: list[tuple[Order, OrderLine, str]]


def tour(orders: Sequence[Order], *, at: datetime) -> Tour:
    """The walk for these orders, the first of them served first. Changes and locks nothing.

    No unit is named twice. The gate is asked when a pack is scanned. Five statements.
    """
    lines = [
        (order, line)
        for order in orders[:LONGEST]
        for line in order.lines
        if line.status is LineStatus.READY
    ]
    planned = picking.as_planned([line for _, line in lines], at=at)
    found: dict[tuple[str, str, str], tuple[Location, Lot, OrderLine]] = {}
    wanted: dict[tuple[str, str, str], list[tuple[str, int]]] = {}
    short: list[tuple[Order, OrderLine, str]] = []
    for order, line in lines:
        _taken, rest = planned[line.id]
        if isinstance(rest, NotEnoughStock):
            short.append((order, line, rest.text))
            continue
        for each in rest:
            assert each.location is not None  # what is planned has its place
            spot = (each.location.code, line.sku, each.lot.lot_number)
            found[spot] = (each.location, each.lot, line)
            wanted.setdefault(spot, []).append((order.number, each.units))
    stops = [
        Stop(location, lot, line.name, line.sku, tuple(wanted[spot]))
        for spot, (location, lot, line) in sorted(found.items())
    ]
    return Tour(stops, short)
