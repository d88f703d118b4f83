"""What an order costs: subtotal, discount, shipping and tax in integer cents. Pure.

The discount is taken off what it may touch and shared by price (largest remainder), so that no
cent is lost; tax is on what is paid, price less discount; shipping is not taxed (decision 36).
Lines in another order cost the same, each of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

from shop.catalog.models import USUAL_GRAMS, LegalClass
from shop.core.errors import Refusal
from shop.core.money import allocated
from shop.credit import spending
from shop.discounts.terms import Terms
from shop.orders import postage
from shop.orders.postage import PICKUP, SHIPPING_METHODS, ShippingMethod, UnknownShippingMethod
from shop.orders.taxing import TAXES, StateNotServed, Taxed, TaxService

__all__ = [
    "PICKUP",
    "SHIPPING_METHODS",
    "Item",
    "Share",
    "ShippingMethod",
    "StateNotServed",
    "Totals",
    "UnknownShippingMethod",
    "price",
    "ways",
]


@dataclass(frozen=True)
class Item:
    """What a line contributes: `quantity` packs at `unit_price_cents`, each of `unit_grams`.

    `prescribed`: a physician has approved it, or must.
    """

    legal_class: LegalClass
    quantity: int
    unit_price_cents: int
    unit_grams: int = USUAL_GRAMS
    prescribed: bool = False

    @property
    def cents(self) -> int:
        """Price of the line."""
        return self.quantity * self.unit_price_cents

    @property
    def grams(self) -> int:
        return self.quantity * self.unit_grams


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


def price(
    items: Iterable[Item],
    *,
    shipping_method: str,
    state: str,
    on: date,
    discount: Terms | None = None,
    taxes: TaxService = TAXES,
) -> Totals:
    """The totals of an order shipped to `state` (USPS code) and placed `on` a day.

    Raises StateNotServed, UnknownShippingMethod, NotShippedThere, TooHeavy; with a discount
    BelowMinimum, NothingToDiscount.
    """
    items = list(items)
    places = sorted(range(len(items)), key=lambda place: _rank(items[place]))
    ranked = [items[place] for place in places]
    off = _off(ranked, discount)
    goods = [
        Taxed(item.legal_class, item.cents - cents) for item, cents in zip(ranked, off, strict=True)
    ]
    tax = taxes.borne(goods, state=state, on=on)
    shares = dict(zip(places, map(Share, off, tax), strict=True))
    return Totals(
        subtotal_cents=sum(item.cents for item in items),
        discount_cents=sum(off),
        shipping_cents=postage.TABLE.cost(
            shipping_method,
            state=state,
            grams=sum(item.grams for item in items),
            goods_cents=sum(each.cents for each in goods),
            on=on,
        ),
        tax_cents=sum(tax),
        shares=tuple(shares[place] for place in range(len(items))),
    )


def ways(
    items: Iterable[Item], *, state: str, on: date, discount_cents: int = 0
) -> list[tuple[ShippingMethod, int]]:
    """Every way in which these can be shipped there, with what it costs in cents."""
    items, found = list(items), []
    for method in SHIPPING_METHODS.values():
        try:
            cents = postage.TABLE.cost(
                method.code,
                state=state,
                grams=sum(item.grams for item in items),
                goods_cents=sum(item.cents for item in items) - discount_cents,
                on=on,
            )
        except Refusal:
            continue
        found.append((method, cents))
    return found


def _off(items: Sequence[Item], discount: Terms | None) -> list[int]:
    """What each item bears of the discount. Raises BelowMinimum, NothingToDiscount."""
    if discount is None:
        return [0 for _ in items]
    weights = [
        item.cents if discount.touches(item.legal_class, prescribed=item.prescribed) else 0
        for item in items
    ]
    return allocated(discount.off(sum(weights)), weights)


def _rank(item: Item) -> tuple[object, ...]:
    """One order for whatever order they come in; the dearest first, as who bears odd cents."""
    return (-item.cents, item.legal_class, -item.quantity, item.unit_grams, item.prescribed)
