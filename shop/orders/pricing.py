"""What an order costs: subtotal, shipping and tax in integer cents. Pure.

Tax is the state's part of the sales tax at the address the order ships to, by the legal class of
what is sold (data/README.md names the source). Each class is taxed on its sum over the order and
rounded half up to the cent, once. Shipping is not taxed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

from shop.catalog.models import LegalClass
from shop.core.errors import Refused
from shop.core.money import allocated, share
from shop.credit import spending


class StateNotServed(Refused):
    """The tax of this state or territory is not known, so nothing is sold into it."""

    code = "state_not_served"


class UnknownShippingMethod(Refused):
    """No such way of shipping."""

    code = "unknown_shipping_method"


@dataclass(frozen=True)
class Item:
    """What a line contributes: `quantity` packs at `unit_price_cents`."""

    legal_class: LegalClass
    quantity: int
    unit_price_cents: int

    @property
    def cents(self) -> int:
        """Price of the line."""
        return self.quantity * self.unit_price_cents


@dataclass(frozen=True)
class Share:
    """What a line bears of its order's discount and tax, in cents."""

    discount_cents: int
    tax_cents: int


@dataclass(frozen=True)
class Totals:
    """The amounts of an order, in cents; `shares` are its items', in their order."""

    subtotal_cents: int
    discount_cents: int
    shipping_cents: int
    tax_cents: int
    shares: tuple[Share, ...]
    credit_cents: int = 0  # what store credit pays of the total

    @property
    def total_cents(self) -> int:
        """What the client pays, with money and with credit."""
        return self.subtotal_cents + self.shipping_cents + self.tax_cents - self.discount_cents

    @property
    def due_cents(self) -> int:
        """What is left to pay with money: nothing, or what a card network takes."""
        return self.total_cents - self.credit_cents

    def paid_from(self, held_cents: int) -> Totals:
        """The same, where so much credit pays what it can."""
        return replace(self, credit_cents=spending.payable(self.total_cents, held_cents))


@dataclass(frozen=True)
class ShippingMethod:
    """A way to get the goods; free where the subtotal is over `free_over_cents`."""

    code: str
    name: str
    cents: int
    free_over_cents: int | None = None


PICKUP = "pickup"  # the client fetches it at the desk
SHIPPING_METHODS: Mapping[str, ShippingMethod] = MappingProxyType(
    {
        method.code: method
        for method in (
            ShippingMethod("standard", "Standard, 3 to 5 days", 695, free_over_cents=100_00),
            ShippingMethod("express", "Express, next working day", 1800),
            ShippingMethod(PICKUP, "Pick up at the clinic", 0),
        )
    }
)


def price(items: Iterable[Item], *, shipping_method: str, state: str, on: date) -> Totals:
    """The totals of an order shipped to `state` (USPS code) and placed `on` a day.

    Raises StateNotServed, UnknownShippingMethod.
    """
    items = list(items)
    subtotal = sum(item.cents for item in items)
    taxes = tax(items, state=state, on=on)
    return Totals(
        subtotal_cents=subtotal,
        discount_cents=0,
        shipping_cents=shipping(shipping_method, subtotal),
        tax_cents=sum(taxes),
        shares=tuple(Share(discount_cents=0, tax_cents=cents) for cents in taxes),
    )


def shipping(code: str, subtotal_cents: int) -> int:
    """What a shipping method costs for this subtotal. Raises UnknownShippingMethod."""
    method = SHIPPING_METHODS.get(code)
    if method is None:
        raise UnknownShippingMethod(
            f"Choose how to ship: {', '.join(SHIPPING_METHODS)}.",
            fields={"shipping_method": [f"Must be one of {', '.join(SHIPPING_METHODS)}."]},
            shipping_method=code,
        )
    over = method.free_over_cents
    return 0 if over is not None and subtotal_cents > over else method.cents


def tax(items: Sequence[Item], *, state: str, on: date) -> list[int]:
    """What each item bears of the state's sales tax. Raises StateNotServed."""
    taxes = STATES.get(state)
    if taxes is None:
        raise StateNotServed(
            f"We do not ship to {state} yet.",
            fields={"state": ["Choose one of the 50 states or DC."]},
            state=state,
        )
    borne = [0 for _ in items]
    for kind in {item.legal_class for item in items}:
        taxed = [place for place, item in enumerate(items) if item.legal_class is kind]
        weights = [items[place].cents for place in taxed]
        due = share(sum(weights), taxes.rate(kind, on))
        for place, cents in zip(taxed, allocated(due, weights), strict=True):
            borne[place] = cents
    return borne


@dataclass(frozen=True)
class StateTax:
    """How a state taxes: its general rate, later changed or not, and how it treats drugs."""

    general: Decimal
    later: Decimal | None
    later_from: date | None
    rx_drugs: str
    otc_drugs: str

    def rate(self, kind: LegalClass, on: date) -> Decimal:
        """The rate for a legal class on a day, as a fraction."""
        if kind is LegalClass.COSMETIC:
            return self._general(on)
        treatment = self.otc_drugs if kind is LegalClass.OTC_DRUG else self.rx_drugs
        if treatment == "taxable":
            return self._general(on)
        if treatment.startswith("reduced "):
            return _fraction(treatment.removeprefix("reduced "))
        return Decimal(0)  # "exempt", "no state sales tax"

    def _general(self, on: date) -> Decimal:
        if self.later is not None and self.later_from is not None and self.later_from <= on:
            return self.later
        return self.general


def _fraction(percent: str) -> Decimal:
    return Decimal(percent.rstrip("%")) / 100


def _states() -> dict[str, StateTax]:
    table = Path(__file__).parent / "data" / "state_sales_tax_2023.csv"
    with table.open(encoding="utf-8", newline="") as file:
        return {row["state"]: _state(row) for row in csv.DictReader(file)}


def _state(row: dict[str, str]) -> StateTax:
    verified = row["later_rate_verified"] == "yes"
    return StateTax(
        general=_fraction(row["state_rate_pct_2023"]),
        later=_fraction(row["later_rate_pct"]) if verified else None,
        later_from=date.fromisoformat(row["later_rate_effective"]) if verified else None,
        rx_drugs=row["rx_drugs"],
        otc_drugs=row["otc_drugs"],
    )


STATES: Mapping[str, StateTax] = MappingProxyType(_states())
