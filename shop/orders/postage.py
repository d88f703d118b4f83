"""What it costs to send a parcel: by method, weight and the state it goes to. Pure.

The rates are data with dates (data/README.md); the methods are words of ours.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType

from shop.core.errors import Refused

RATES = Path(__file__).parent / "data" / "shipping_rates.csv"
OTHERS = "*"  # the states that no other row of a method names


class UnknownShippingMethod(Refused):
    """No such way of shipping."""

    code = "unknown_shipping_method"


class NotShippedThere(Refused):
    """This method does not go to this state; facts: `shipping_method`, `state`."""

    code = "not_shipped_there"


class TooHeavy(Refused):
    """More than a parcel of this method may weigh; facts: `grams`, `most_grams`."""

    code = "too_heavy"


@dataclass(frozen=True)
class ShippingMethod:
    """A way to get the goods."""

    code: str
    name: str


PICKUP = "pickup"  # the client fetches it at the desk
SHIPPING_METHODS: Mapping[str, ShippingMethod] = MappingProxyType(
    {
        method.code: method
        for method in (
            ShippingMethod("standard", "Standard, 3 to 5 days"),
            ShippingMethod("express", "Express, next working day"),
            ShippingMethod(PICKUP, "Pick up at the clinic"),
        )
    }
)


@dataclass(frozen=True)
class Rate:
    """A band: up to so many grams (None: any) for so many cents (None: it does not go there)."""

    method: str
    states: frozenset[str]
    up_to_grams: int | None
    cents: int | None
    free_over_cents: int | None
    valid_from: date
    valid_until: date | None

    def holds(self, on: date) -> bool:
        return self.valid_from <= on and (self.valid_until is None or on < self.valid_until)

    def carries(self, grams: int) -> bool:
        return self.up_to_grams is None or grams <= self.up_to_grams

    def costs(self, goods_cents: int) -> int:
        """In cents, for goods that cost so much, their discount taken off."""
        free = self.free_over_cents is not None and goods_cents > self.free_over_cents
        return 0 if free else self.cents or 0


class RateTable:
    """The rates of a file."""

    def __init__(self, rows: Iterable[Mapping[str, str]]) -> None:
        self.rates = [_rate(row) for row in rows]

    @classmethod
    def read(cls, path: Path) -> RateTable:
        with path.open(encoding="utf-8", newline="") as file:
            return cls(csv.DictReader(file))

    def cost(self, method: str, *, state: str, grams: int, goods_cents: int, on: date) -> int:
        """Of a parcel, in cents. Raises UnknownShippingMethod, NotShippedThere, TooHeavy."""
        if method not in SHIPPING_METHODS:
            raise UnknownShippingMethod(
                f"Choose how to ship: {', '.join(SHIPPING_METHODS)}.",
                fields={"shipping_method": [f"Must be one of {', '.join(SHIPPING_METHODS)}."]},
                shipping_method=method,
            )
        bands = [rate for rate in self._bands(method, state, on) if rate.cents is not None]
        if not bands:
            raise NotShippedThere(
                f"{SHIPPING_METHODS[method].name} does not go to {state}.",
                fields={"shipping_method": ["Choose another way of shipping."]},
                shipping_method=method,
                state=state,
            )
        fits = [rate for rate in bands if rate.carries(grams)]
        if not fits:
            most = max(rate.up_to_grams or 0 for rate in bands)
            raise TooHeavy(
                f"A parcel weighs {most / 1000:g} kg at most; this one would weigh"
                f" {grams / 1000:.1f} kg.",
                fields={"shipping_method": ["Order in two parts, or pick it up at the clinic."]},
                grams=grams,
                most_grams=most,
            )
        return min(fits, key=_lightest).costs(goods_cents)

    def _bands(self, method: str, state: str, on: date) -> list[Rate]:
        """Those of the state itself, else those of all others."""
        held = [rate for rate in self.rates if rate.method == method and rate.holds(on)]
        named = [rate for rate in held if state in rate.states]
        return named or [rate for rate in held if OTHERS in rate.states]


def _lightest(rate: Rate) -> float:
    return float("inf") if rate.up_to_grams is None else rate.up_to_grams


def _rate(row: Mapping[str, str]) -> Rate:
    return Rate(
        method=row["method"],
        states=frozenset(row["states"].split()),
        up_to_grams=_whole(row["up_to_grams"]),
        cents=_whole(row["cents"]),
        free_over_cents=_whole(row["free_over_cents"]),
        valid_from=date.fromisoformat(row["valid_from"]),
        valid_until=date.fromisoformat(row["valid_until"]) if row["valid_until"] else None,
    )


def _whole(cell: str) -> int | None:
    return int(cell) if cell else None


TABLE = RateTable.read(RATES)
