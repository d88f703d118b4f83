"""Order again: what can still be sold goes into the cart, and of the rest it is said why not.

Nothing is placed. The gate is asked as for any cart, and prices are today's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from shop.catalog.models import Variant
from shop.inventory import stock
from shop.orders import cart as carts
from shop.orders import judging
from shop.orders.models import MAX_QUANTITY, Cart, Order
from shop.prescriptions import asking
from shop.prescriptions.asking import Stage
from shop.prescriptions.gate import Answer, Decision, Wish

NOT_SOLD = "not_sold"  # what the shop itself says before the gate is asked


@dataclass(frozen=True)
class Again:
    """A pack of the order: whether it is in the cart now, and what the gate says of it."""

    sku: str
    name: str
    quantity: int
    added: bool
    decision: str  # an Answer, or NOT_SOLD
    sentence: str


def reorder(order: Order, cart: Cart, *, closed: Mapping[str, str], at: datetime) -> list[Again]:
    """Put the packs of an order into its client's (locked) cart again.

    `closed` are SKUs that she may not put in by herself, and why. What waits for something (a
    prescription, a day, herself) goes into the cart and waits there; what is blocked or out of
    stock does not. A line that is there already holds at least what was ordered: safe to repeat.
    """
    packs: dict[str, tuple[Variant, str, int]] = {}
    for line in order.lines:
        before = packs[line.sku][2] if line.sku in packs else 0
        packs[line.sku] = (line.variant, line.name, min(before + line.quantity, MAX_QUANTITY))
    sold = {
        sku: (variant, quantity)
        for sku, (variant, _, quantity) in packs.items()
        if sku not in closed and not _unsold(variant, at)
    }
    answers = {one.wish.sku: one for one in _asked(order, sold, at)}
    return [
        _put(cart, variant, name, quantity, answers[sku])
        if sku in answers
        else Again(sku, name, quantity, False, NOT_SOLD, closed.get(sku) or _unsold(variant, at))
        for sku, (variant, name, quantity) in packs.items()
    ]


def _unsold(variant: Variant, at: datetime) -> str:
    """Why the shop does not sell it any more; "" where it does."""
    if not variant.for_sale or variant.product.published_at is None:
        return "This is not sold any more."
    return "" if variant.price_at(at) else "This has no price at the moment."


def _asked(order: Order, sold: Mapping[str, tuple[Variant, int]], at: datetime) -> list[Decision]:
    free = stock.available([one.id for one, _ in sold.values()], today=judging.day(at))
    return asking.ask(
        order.client,
        [Wish(variant.id, sku, quantity) for sku, (variant, quantity) in sold.items()],
        ship_to_state=None,
        at=at,
        stage=Stage.CART,
        out_of_stock=[one.id for one, quantity in sold.values() if free[one.id] < quantity],
    )


def _put(cart: Cart, variant: Variant, name: str, quantity: int, decision: Decision) -> Again:
    added = decision.answer is not Answer.BLOCKED
    if added:
        there = [line.quantity for line in cart.lines if line.variant_id == variant.id]
        carts.put(cart, variant, max([quantity, *there]))
    return Again(variant.sku, name, quantity, added, decision.answer.value, decision.sentence)
