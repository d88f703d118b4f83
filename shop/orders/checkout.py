"""From a wish to a promise: prices fixed, fills taken, stock reserved, all or nothing."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.accounts.models import Person
from shop.catalog.models import Price, Variant
from shop.core import events, numbers
from shop.core.db import db
from shop.core.errors import StartAgain
from shop.core.events import Kind
from shop.core.money import LEAST_CENTS, dollars
from shop.credit import ledger, spending
from shop.discounts import taking
from shop.discounts.taking import Offered
from shop.inventory import stock
from shop.inventory.models import Reservation
from shop.merchant import choosing
from shop.merchant.routes import ROUTES, Route
from shop.orders import judging, paying, pricing, routing
from shop.orders.errors import CartEmpty, NotForSale, NotInCart, PriceChanged, TotalTooSmall
from shop.orders.models import Cart, CartLine, Order, OrderLine
from shop.orders.pricing import Item, Share, Totals
from shop.orders.states import LineStatus, OrderStatus
from shop.prescriptions import filling
from shop.prescriptions.asking import Stage
from shop.prescriptions.gate import Decision, Wish
from shop.prescriptions.models import Fill

SHOP = "shop"  # who placed what nobody placed by hand


class Via(StrEnum):
    """How an order reached the shop."""

    ONLINE = "online"
    TELEPHONE = "telephone"
    DESK = "desk"


@dataclass(frozen=True)
class Address:
    """Where an order goes; `state` is a USPS code."""

    name: str
    line1: str
    city: str
    state: str
    postal_code: str
    line2: str = ""
    phone: str = ""


@dataclass(frozen=True)
class Offer:
    """A wish with the variant and the price it would be placed at.

    `prescribed`: under a prescription, also where only the law of the state asks for one.
    """

    variant: Variant
    quantity: int
    price: Price
    prescribed: bool = False

    @property
    def item(self) -> Item:
        return Item(
            self.variant.legal_class,
            self.quantity,
            self.price.cents,
            unit_grams=self.variant.packed_grams,
            prescribed=self.prescribed or self.variant.doctor_only,
        )


def place(
    cart: Cart,
    *,
    skus: Sequence[str] | None,
    address: Address,
    shipping_method: str,
    expect_total_cents: int | None,
    discount_code: str | None = None,
    payment_route: Route = Route.ONLINE,
    by: Person,
    at: datetime,
    use_credit: bool = False,
) -> Order:
    """Place the named lines of a cart (all where `skus` is None). Either everything or nothing.

    The cart comes locked (`cart_of(client, lock=True)`), so a double click places one order and
    finds an empty cart the second time. Placed lines leave the cart. `use_credit`: the client's
    store credit pays what it can; what it pays whole is paid by that.
    Raises CartEmpty, NotInCart, and what `promise` raises.
    """
    lines = _named(cart, skus)
    order = promise(
        cart.client,
        [Wish(line.variant_id, line.variant.sku, line.quantity) for line in lines],
        address=address,
        shipping_method=shipping_method,
        expect_total_cents=expect_total_cents,
        discount_code=discount_code,
        payment_route=payment_route,
        by=by,
        at=at,
        use_credit=use_credit,
    )
    cart.lines = [line for line in cart.lines if line not in lines]
    db.session.flush()  # what the database refuses is refused here, with the verb on the stack
    return order


def promise(
    client: Person,
    wishes: Sequence[Wish],
    *,
    address: Address,
    shipping_method: str,
    expect_total_cents: int | None,
    discount_code: str | None = None,
    payment_route: Route = Route.ONLINE,
    by: Person | None,
    at: datetime,
    use_credit: bool = False,
    time_to_pay: timedelta | None = None,
    via: Via = Via.ONLINE,
) -> Order:
    """An order of these wishes, whoever wished: the one road from a wish to a promise.

    The caller holds a lock that a second order of the same wishes would wait for. The order waits
    for its payment until `pay_by`, as long as its route does or `time_to_pay`; where nothing is due
    of it, it is paid. `by` None: the shop itself, as the client agreed.
    Raises NoPrescription, LineBlocked, NeedsClientAction, TooSoon, NotForSale, RouteClosed,
    StateNotServed, UnknownShippingMethod, NotShippedThere, TooHeavy, PriceChanged, TotalTooSmall,
    NotEnoughStock; with a code what `discounts.taking.offered` and `Terms.off` raise.
    """
    decisions = judging.insist(
        client, wishes, ship_to_state=address.state, at=at, stage=Stage.PLACE
    )
    offers = _offers(wishes, decisions, at)
    choosing.insist(payment_route, routing.classes(decisions, offers), at=at)
    discount = offered(client, discount_code, state=address.state, at=at)
    totals = quote(
        offers, shipping_method=shipping_method, state=address.state, at=at, discount=discount
    )
    _check(totals, expect_total_cents)
    fills = [_fill(decision, address.state, at) for decision in decisions]
    demand = [(wish.variant_id, wish.quantity) for wish in wishes]
    reservations = stock.reserve(demand, today=judging.day(at))
    if use_credit:
        totals = totals.paid_from(ledger.held(client.id))
    _require_payable(totals)
    pay_by = at + (time_to_pay or ROUTES[payment_route].time_to_pay)
    order = _written(client.id, address, shipping_method, totals, payment_route, pay_by)
    rules = [decision.rule_id for decision in decisions]
    lines = zip(offers, totals.shares, fills, reservations, rules, strict=True)
    for position, made in enumerate(lines, start=1):
        _line(order, position, *made)
    if discount is not None:
        taking.take(
            discount, order_id=order.id, client_id=client.id, cents=order.discount_cents, at=at
        )
    _tell(order, by, via)
    db.session.flush()  # what the database refuses is refused here, with the verb on the stack
    _settled(order, at)
    return order


def quote(
    offers: Sequence[Offer],
    *,
    shipping_method: str,
    state: str,
    at: datetime,
    discount: Offered | None = None,
    held_cents: int = 0,
) -> Totals:
    """What these offers would cost together, and what so much store credit would pay of it.

    Nothing is taken or kept. Raises StateNotServed, UnknownShippingMethod, NotShippedThere,
    TooHeavy; with a discount BelowMinimum, NothingToDiscount.
    """
    totals = pricing.price(
        [offer.item for offer in offers],
        shipping_method=shipping_method,
        state=state,
        on=judging.day(at),
        discount=None if discount is None else discount.terms,
    )
    return totals.paid_from(held_cents)


def offered(client: Person, code: str | None, *, state: str, at: datetime) -> Offered | None:
    """The discount behind a code, where one was given. Raises what `taking.offered` raises."""
    if code is None or not code.strip():
        return None
    return taking.offered(code, client_id=client.id, state=state, at=at)


def offer(variant: Variant, quantity: int, at: datetime, *, prescribed: bool = False) -> Offer:
    """A variant at the price in force. Raises NotForSale."""
    price = variant.price_at(at)
    if not variant.for_sale or price is None:
        raise NotForSale(f"{variant.product.name} is not for sale at the moment.", sku=variant.sku)
    return Offer(variant, quantity, price, prescribed)


def _named(cart: Cart, skus: Sequence[str] | None) -> list[CartLine]:
    in_cart = {line.variant.sku: line for line in cart.lines}
    if not in_cart or skus == []:
        raise CartEmpty("There is nothing to order. Put something in your cart first.")
    if skus is None:
        return list(in_cart.values())
    missing = sorted(set(skus) - set(in_cart))
    if missing:
        raise NotInCart(
            f"Not in your cart: {', '.join(missing)}.",
            fields={"lines": ["Name only what is in your cart."]},
            skus=missing,
        )
    return [line for sku, line in in_cart.items() if sku in skus]


def _offers(wishes: Sequence[Wish], decisions: Sequence[Decision], at: datetime) -> list[Offer]:
    """Every wish at today's price, with its variant locked against changes from here on."""
    variants = _held_still({wish.variant_id for wish in wishes})
    offers = [
        offer(
            variants[wish.variant_id],
            wish.quantity,
            at,
            prescribed=decision.prescription_id is not None,
        )
        for wish, decision in zip(wishes, decisions, strict=True)
    ]
    for each, decision in zip(offers, decisions, strict=True):
        if each.variant.doctor_only and decision.prescription_id is None:
            raise StartAgain  # it has become doctor-only since the gate looked
    return offers


def _held_still(variant_ids: Collection[UUID]) -> dict[UUID, Variant]:
    query = (
        sa.select(Variant)
        .where(Variant.id.in_(variant_ids))
        .order_by(Variant.id)
        .with_for_update(read=True)
        .options(selectinload(Variant.prices), selectinload(Variant.product))
        .execution_options(populate_existing=True)
    )
    return {variant.id: variant for variant in db.session.scalars(query)}


def _check(totals: Totals, expect_total_cents: int | None) -> None:
    if expect_total_cents is not None and expect_total_cents != totals.total_cents:
        raise PriceChanged(
            f"The total is now {dollars(totals.total_cents)}. Look at it and order again.",
            expected_cents=expect_total_cents,
            total_cents=totals.total_cents,
        )


def _require_payable(totals: Totals) -> None:
    """Nothing is due, or what a card can pay."""
    if 0 < totals.due_cents < LEAST_CENTS:
        raise TotalTooSmall(
            f"What is left to pay comes to {dollars(LEAST_CENTS)} at least, or to nothing.",
            total_cents=totals.total_cents,
            least_cents=LEAST_CENTS,
        )


def _settled(order: Order, at: datetime) -> None:
    """Credit is spent with the order that it pays; where nothing is due, the order is paid."""
    if order.credit_cents:
        spending.spend(order)
    if not order.due_cents:
        paying.pay_nothing(order, at=at)


def _fill(decision: Decision, state: str, at: datetime) -> Fill | None:
    if decision.prescription_id is None:
        return None
    quantity = decision.wish.quantity
    return filling.reserve(decision.prescription_id, state=state, quantity=quantity, at=at)


def _written(
    client_id: UUID,
    address: Address,
    shipping_method: str,
    totals: Totals,
    route: Route,
    pay_by: datetime,
) -> Order:
    to = asdict(address)
    order = Order(
        id=uuid4(),
        number=numbers.fresh("A"),
        client_id=client_id,
        status=OrderStatus.AWAITING_PAYMENT,
        ship_to_state=to.pop("state"),
        **to,
        shipping_method=shipping_method,
        subtotal_cents=totals.subtotal_cents,
        discount_cents=totals.discount_cents,
        shipping_cents=totals.shipping_cents,
        tax_cents=totals.tax_cents,
        total_cents=totals.total_cents,
        credit_cents=totals.credit_cents,
        payment_route=route,
        pay_by=pay_by,
    )
    db.session.add(order)
    db.session.flush()  # the lines point at it
    return order


def _line(
    order: Order,
    position: int,
    offer: Offer,
    share: Share,
    fill: Fill | None,
    reservation: Reservation,
    rule_id: UUID | None,
) -> None:
    order.lines.append(
        OrderLine(
            id=uuid4(),
            order_id=order.id,
            position=position,
            client_id=order.client_id,
            ship_to_state=order.ship_to_state,
            variant_id=offer.variant.id,
            sku=offer.variant.sku,
            name=f"{offer.variant.product.name}, {offer.variant.name}",
            quantity=offer.quantity,
            price_id=offer.price.id,
            unit_price_cents=offer.price.cents,
            total_cents=offer.item.cents,
            discount_cents=share.discount_cents,
            tax_cents=share.tax_cents,
            requires_prescription=fill is not None,
            rule_id=rule_id,
            fill=fill,
            reservation=reservation,
            status=LineStatus.PLACED,
        )
    )


def _tell(order: Order, by: Person | None, via: Via) -> None:
    events.record(
        Kind.ORDER_PLACED,
        order,
        cents=order.total_cents,
        lines=len(order.lines),
        by=by.role.value if by else SHOP,
        via=via.value,
    )
    for line in order.lines:
        events.record(Kind.LINE_PLACED, line, order=order.number, position=line.position)
