"""What lines of a cart would cost, before anybody orders. Takes and keeps nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shop.accounts.models import Person
from shop.credit import queries as credit
from shop.orders import checkout, judging, pricing
from shop.orders.cart import Answered
from shop.orders.checkout import Offer
from shop.orders.errors import NotInCart
from shop.orders.pricing import Share, ShippingMethod, Totals


@dataclass(frozen=True)
class Quoted:
    """The totals; each line's share of them; the ways to ship there with what each costs."""

    offers: list[Offer]
    totals: Totals
    ways: list[tuple[ShippingMethod, int]]
    discount_code: str | None

    @property
    def lines(self) -> list[tuple[Offer, Share]]:
        return list(zip(self.offers, self.totals.shares, strict=True))


def quote(
    client: Person,
    lines: Sequence[Answered],
    *,
    shipping_method: str,
    state: str,
    discount_code: str | None = None,
    use_credit: bool = False,
    at: datetime,
) -> Quoted:
    """What these lines of her cart would cost together, shipped to `state` (USPS code).

    It is the total an order would have that is placed at this moment: `expect_total_cents` tells
    when it has changed since. Raises what `checkout.quote` and `checkout.offered` raise.
    """
    offers = [
        checkout.offer(
            each.line.variant,
            each.line.quantity,
            at,
            prescribed=each.decision.prescription_id is not None,
        )
        for each in lines
    ]
    discount = checkout.offered(client, discount_code, state=state, at=at)
    totals = checkout.quote(
        offers,
        shipping_method=shipping_method,
        state=state,
        at=at,
        discount=discount,
        held_cents=credit.balance(client) if use_credit else 0,
    )
    return Quoted(
        offers=offers,
        totals=totals,
        ways=pricing.ways(
            [offer.item for offer in offers],
            state=state,
            on=judging.day(at),
            discount_cents=totals.discount_cents,
        ),
        discount_code=None if discount is None else discount.discount.code,
    )


def named(lines: Sequence[Answered], skus: Sequence[str] | None) -> list[Answered]:
    """The lines of these SKUs, all of them where None. Raises NotInCart."""
    if skus is None:
        return list(lines)
    missing = sorted(set(skus) - {each.line.variant.sku for each in lines})
    if missing:
        raise NotInCart(
            f"Not in your cart: {', '.join(missing)}.",
            fields={"lines": ["Name only what is in your cart."]},
            skus=missing,
        )
    return [each for each in lines if each.line.variant.sku in skus]
