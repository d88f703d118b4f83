"""Pages: the cart, the checkout, orders."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import marshmallow as ma
from flask import (
    Response,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
)

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.catalog import queries as catalog
from shop.catalog.models import Variant
from shop.charts import reading
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.core.usps import STATES
from shop.orders import cancelling, carriers, checkout, explaining, queries, schemas, stranding
from shop.orders import cart as carts
from shop.orders.cart import Answered
from shop.orders.models import MAX_QUANTITY, Cart, Order
from shop.orders.pages.blueprint import PACKERS, BadForm, bp
from shop.orders.pricing import SHIPPING_METHODS, Totals
from shop.orders.states import GONE, OrderStatus
from shop.payments import queries as payments
from shop.payments import saving
from shop.returns import queries as returns
from shop.storefront import bundles
from shop.storefront import queries as storefront
from shop.web.api import Schema, Text, WholeQuery
from shop.web.paging import page
from shop.web.problems import status_of

READERS = (Role.CLIENT, *PACKERS)
ORDERS_SHOWN = 24


class WishForm(Schema):
    sku = Text(required=True, shortest=1, longest=schemas.LONGEST_SKU)
    quantity = WholeQuery(required=True, least=1, most=MAX_QUANTITY)


class CheckoutForm(schemas.AddressIn):
    shipping_method = schemas.OrderIn().fields["shipping_method"]
    expect_total_cents = WholeQuery(least=0, most=100_000_000, load_default=None)

    @ma.post_load
    def _address(self, data: dict[str, Any], **_: object) -> dict[str, Any]:
        terms = {name: data.pop(name) for name in ("shipping_method", "expect_total_cents")}
        data.pop("country")
        return terms | {"address": checkout.Address(**data)}


# The cart.


@bp.get("/cart")
@allow(Role.CLIENT)
def show_cart() -> Response:
    return _page("cart.html", lines=_cart_lines())


@bp.get("/cart/why")
@allow(Role.CLIENT)
def why_cart() -> Response:
    cart = carts.cart_of(actor())
    told = schemas.told_cart(explaining.of_cart(cart, at=now()))
    names = {line.variant.sku: line.variant.product.name for line in cart.lines}
    return _page("why_cart.html", told=told, names=names)


@bp.post("/cart/lines")
@allow(Role.CLIENT)
def put_line() -> Response:
    try:
        wish = _form(WishForm)
        cart = carts.cart_of(actor(), lock=True)
        carts.put(cart, _pack(wish["sku"]), wish["quantity"])
    except Refusal as refusal:
        return _again("cart.html", refusal, lambda: {"lines": _cart_lines()})
    db.session.commit()
    return _to("/cart")


@bp.post("/cart/bundles/<slug>")
@allow(Role.CLIENT)
def put_bundle(slug: str) -> Response:
    try:
        cart = carts.cart_of(actor(), lock=True)
        left_out = _put_bundle(cart, slug)
    except Refusal as refusal:
        return _again("cart.html", refusal, lambda: {"lines": _cart_lines()})
    db.session.commit()
    if left_out:
        flash(f"Not for sale now, and left out: {'; '.join(one.name for one in left_out)}.")
    return _to("/cart")


@bp.post("/cart/lines/<sku>/removal")
@allow(Role.CLIENT)
def remove_line(sku: str) -> Response:
    carts.remove(carts.cart_of(actor(), lock=True), sku)
    db.session.commit()
    return _to("/cart")


# The checkout.


@bp.get("/checkout")
@allow(Role.CLIENT)
def show_checkout() -> Response:
    client = actor()
    typed = {"name": client.name, "state": client.state or "", "shipping_method": "standard"}
    lines = _cart_lines()
    chosen = [line.line.variant.sku for line in lines if line.decision.open]
    return _page("checkout.html", typed=typed, **_checkout(lines, chosen, typed))


@bp.post("/checkout")
@allow(Role.CLIENT)
def place() -> Response:
    """Place the order, or only show what it costs with what was typed ("do" is "review")."""
    chosen = request.form.getlist("lines")
    review = request.form.get("do") == "review"
    if review:
        return _page(
            "checkout.html", typed=request.form, **_checkout(_cart_lines(), chosen, request.form)
        )
    try:
        terms = _form(CheckoutForm)
        cart = carts.cart_of(actor(), lock=True)
        order = checkout.place(cart, skus=chosen, by=actor(), at=now(), **terms)
    except Refusal as refusal:
        return _again(
            "checkout.html", refusal, lambda: _checkout(_cart_lines(), chosen, request.form)
        )
    db.session.commit()
    return _to(f"/orders/{order.number}")


# Orders.


@bp.get("/orders")
@allow(*READERS)
def list_orders() -> Response:
    shown = page(
        queries.orders_for(actor()),
        (Order.placed_at, Order.id),
        limit=ORDERS_SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    return _page("orders.html", orders=shown)


@bp.get("/orders/<number>")
@allow(*READERS)
def show_order(number: str) -> Response:
    return _page("order.html", **_whole(number))


@bp.get("/orders/<number>/why")
@allow(*READERS)
def why_order(number: str) -> Response:
    order = queries.order_for(actor(), number)
    reading.open_record(
        actor(),
        order.client,
        record=f"explanation of order {number}",
        purpose=reading.OPERATIONS,
    )
    db.session.commit()  # written down for good before it is shown
    told = explaining.of_order(order, at=now())
    inside = actor().role is Role.MANAGER
    return _page("why.html", told=schemas.told_order(told, inside=inside))


@bp.post("/orders/<number>/cancellation")
@allow(*READERS)
def cancel(number: str) -> Response:
    try:
        order = queries.order_for(actor(), number, lock=True)
        cancelling.cancel(order, reason="asked_for", by=actor(), at=now())
    except Refusal as refusal:
        return _again("order.html", refusal, lambda: _whole(number))
    db.session.commit()
    flash("The order is cancelled. If it was paid, the money is on its way back.")
    return _to(f"/orders/{number}")


# What pages show.


def _cart_lines() -> list[Answered]:
    return carts.answered(carts.cart_of(actor()), at=now())


def _checkout(lines: list[Answered], chosen: Sequence[str], typed: Any) -> dict[str, Any]:
    """The lines to choose from, and the totals of the chosen ones where they can be told."""
    totals, untold = None, ""
    try:
        totals = _totals([line for line in lines if line.line.variant.sku in chosen], typed)
    except Refusal as refusal:
        untold = refusal.text
    return {
        "lines": lines,
        "chosen": set(chosen),
        "totals": totals,
        "untold": untold,
        "states": [(state, state) for state in sorted(STATES)],
        "methods": [(method.code, method.name) for method in SHIPPING_METHODS.values()],
    }


def _totals(lines: Sequence[Answered], typed: Any) -> Totals | None:
    if not lines:
        return None
    at = now()
    offers = [checkout.offer(each.line.variant, each.line.quantity, at) for each in lines]
    return checkout.quote(
        offers,
        shipping_method=typed.get("shipping_method", ""),
        state=typed.get("state", ""),
        at=at,
    )


def _whole(number: str) -> dict[str, Any]:
    order = queries.order_for(actor(), number)
    payment = payments.payment_to_show(order.id)
    return {
        "order": order,
        "tracking_page": carriers.link,
        "packs": actor().role in PACKERS,
        "payment": payment,
        "given_up": payment and payments.why_given_up(payment),
        "history": queries.history(order),
        "stopped": stranding.stopped(order),
        "refunds": payments.refunds_of(order),
        "asked_returns": returns.requests_of(actor(), order),
        "may_return": actor().id == order.client_id and any(returns.returnable(order).values()),
        "treatments": queries.treatments(order, actor(), at=now()),
        "card_statement": (saving.STATEMENT_VERSION, saving.STATEMENT),
        "payable": order.status is OrderStatus.AWAITING_PAYMENT and actor().id == order.client_id,
        "cancellable": order.status in (OrderStatus.AWAITING_PAYMENT, OrderStatus.PAID)
        and not any(line.status in GONE for line in order.lines),
    }


def _form(schema: type[Schema]) -> dict[str, Any]:
    """What was typed, as the API would take it; an empty field was not filled in."""
    known = schema().fields
    typed = {name: value for name, value in request.form.items() if value and name in known}
    try:
        return dict(schema().load(typed))
    except ma.ValidationError as error:
        raise BadForm(
            "Some of what you typed cannot be used.", fields=dict(error.messages_dict)
        ) from None


def _page(template: str, **context: Any) -> Response:
    blank: dict[str, Any] = {"detail": "", "errors": {}, "typed": {}}
    return make_response(render_template(f"orders/{template}", **(blank | context)))


def _again(template: str, refusal: Refusal, context: Any) -> Response:
    """The same page with what was typed and what was wrong; what was begun is undone."""
    db.session.rollback()
    response = _page(
        template, typed=request.form, detail=refusal.text, errors=refusal.fields, **context()
    )
    response.status_code = status_of(refusal)
    return response


def _to(path: str) -> Response:
    return make_response(redirect(path, 303))


def _put_bundle(cart: Cart, slug: str) -> list[carts.LeftOut]:
    config = current_app.config["SHOP"]
    today = day_in(config.clinic_time_zone, now())
    bundle = catalog.bundle(slug)
    closed = bundles.closed_to(actor(), bundle, home=config.clinic_state, today=today)
    return carts.put_bundle(cart, bundle, closed=closed)


def _pack(sku: str) -> Variant:
    """A pack that the client may put in her cart."""
    config = current_app.config["SHOP"]
    today = day_in(config.clinic_time_zone, now())
    return storefront.pack_to_buy(actor(), sku, home=config.clinic_state, today=today)
