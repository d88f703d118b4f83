"""A client's wishes. A cart holds nothing and promises nothing; prices are looked up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import selectinload

from shop.accounts.models import Person
from shop.catalog.errors import NoSuchBundle
from shop.catalog.models import Bundle, Price, Variant
from shop.catalog.states import ShopStatus
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.inventory import stock
from shop.orders import judging
from shop.orders.errors import BadQuantity, NotForSale
from shop.orders.models import MAX_QUANTITY, Cart, CartLine
from shop.prescriptions import asking
from shop.prescriptions.asking import Stage
from shop.prescriptions.gate import Decision, Explained, Wish


def _with_lines(query: sa.Select[Cart]) -> sa.Select[Cart]:
    variant = selectinload(Cart.lines).selectinload(CartLine.variant)
    return query.options(
        selectinload(Cart.client),
        variant.selectinload(Variant.product),
        variant.selectinload(Variant.prices),
    ).execution_options(populate_existing=True)


_HERS = sa.select(Cart).where(Cart.client_id == sa.bindparam("client_id"))
CART, LOCKED_CART = _with_lines(_HERS), _with_lines(locked(_HERS))


def cart_of(client: Person, *, lock: bool = False) -> Cart:
    """The client's cart with its lines.

    With `lock` it is made where there is none, and locked: everything that changes or places a
    cart starts here. Without, a client who has none sees an empty one that is not kept.
    """
    query = LOCKED_CART if lock else CART
    found = db.session.scalars(query, {"client_id": client.id}).one_or_none()
    if found is None and lock:
        db.session.execute(insert(Cart).values(client_id=client.id).on_conflict_do_nothing())
        found = db.session.scalars(query, {"client_id": client.id}).one()
    return found or Cart(client_id=client.id, lines=[])


def put(cart: Cart, variant: Variant, quantity: int) -> CartLine:
    """So many of a variant, instead of what the line said before.

    Anybody may wish for a doctor-only pack: the gate says what comes first.
    Raises BadQuantity, NotForSale.
    """
    if not 1 <= quantity <= MAX_QUANTITY:
        raise BadQuantity(
            f"Choose 1 to {MAX_QUANTITY}.",
            fields={"quantity": [f"Must be 1 to {MAX_QUANTITY}."]},
            quantity=quantity,
            most=MAX_QUANTITY,
        )
    if not variant.for_sale or variant.product.published_at is None:
        raise NotForSale("This is not for sale.", sku=variant.sku)
    line = _line(cart, variant.sku)
    if line is None:
        line = CartLine(cart_id=cart.id, variant_id=variant.id, variant=variant, quantity=quantity)
        cart.lines.append(line)
    line.quantity = quantity
    db.session.flush()  # the line's place in the cart is the time the database gives it
    return line


@dataclass(frozen=True)
class LeftOut:
    """A pack of a bundle that could not be put into the cart, and why."""

    sku: str
    name: str
    why: str


def put_bundle(cart: Cart, bundle: Bundle, *, closed: Mapping[UUID, str]) -> list[LeftOut]:
    """Every pack of a bundle as a line of its own; those that are not for sale are named.

    `closed` are variants that this client may not put in by herself, and why.

    A line that is there already holds at least the bundle's units: safe to repeat. Each line is
    asked by the gate alone. Raises NoSuchBundle where it is not shown, NotForSale where nothing of
    it is for sale.
    """
    if bundle.status is not ShopStatus.PUBLISHED:
        raise NoSuchBundle("There is no such bundle.", slug=bundle.slug)
    left_out = []
    for item in bundle.items:
        line = _line(cart, item.variant.sku)
        quantity = max(item.quantity, line.quantity if line else 0)
        why = closed.get(item.variant_id)
        try:
            if why is None:
                put(cart, item.variant, quantity)
        except NotForSale as refusal:
            why = refusal.text
        if why is not None:
            name = f"{item.variant.product.name}, {item.variant.name}"
            left_out.append(LeftOut(item.variant.sku, name, why))
    if len(left_out) == len(bundle.items):
        raise NotForSale("Nothing of this is for sale now.", slug=bundle.slug)
    return left_out


def remove(cart: Cart, sku: str) -> None:
    """Take a line out. Raises NotFound."""
    line = _line(cart, sku)
    if line is None:
        raise NotFound("This is not in your cart.", sku=sku)
    cart.lines.remove(line)


@dataclass(frozen=True)
class Answered:
    """A line as the client sees it: today's price (None where there is none), the gate's answer."""

    line: CartLine
    price: Price | None
    decision: Decision

    @property
    def total_cents(self) -> int | None:
        """Of the line, before shipping and tax."""
        return None if self.price is None else self.price.cents * self.line.quantity


def answered(cart: Cart, *, at: datetime) -> list[Answered]:
    """Every line with its price and the gate's answer, for the client's own state."""
    if not cart.lines:
        return []
    decisions = asking.ask(cart.client, **_wished(cart, at))
    return [
        Answered(line, line.variant.price_at(at), decision)
        for line, decision in zip(cart.lines, decisions, strict=True)
    ]


def explained(cart: Cart, *, at: datetime) -> list[Explained]:
    """The same answers, with what they rest on."""
    return asking.explain(cart.client, **_wished(cart, at)) if cart.lines else []


def _wished(cart: Cart, at: datetime) -> dict[str, Any]:
    """What the gate is asked of a cart: for the client's own state, and what the shelf lacks."""
    free = stock.available([line.variant_id for line in cart.lines], today=judging.day(at))
    return {
        "wishes": [Wish(line.variant_id, line.variant.sku, line.quantity) for line in cart.lines],
        "ship_to_state": None,
        "at": at,
        "stage": Stage.CART,
        "out_of_stock": [
            line.variant_id for line in cart.lines if free[line.variant_id] < line.quantity
        ],
    }


def _line(cart: Cart, sku: str) -> CartLine | None:
    return next((line for line in cart.lines if line.variant.sku == sku), None)
