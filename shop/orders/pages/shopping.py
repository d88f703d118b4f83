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
from flask_babel import lazy_gettext

from shop.accounts.access import actor, allow
from shop.accounts.models import Person, Role
from shop.catalog import queries as catalog
from shop.catalog.models import Variant
from shop.charts import reading
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.core.usps import STATES
from shop.credit import queries as credit
from shop.discounts.terms import FIELD
from shop.invoices import printing
from shop.invoices import queries as invoices
from shop.invoices.history import history
from shop.merchant import choosing
from shop.merchant.choosing import Choice
from shop.merchant.routes import ROUTES, Route
from shop.orders import (
    cancelling,
    carriers,
    checkout,
    explaining,
    queries,
    quoting,
    reordering,
    routing,
    schemas,
    stranding,
)
from shop.orders import cart as carts
from shop.orders.cart import Answered
from shop.orders.models import MAX_QUANTITY, Cart, Order
from shop.orders.pages.blueprint import PACKERS, BadForm, bp
from shop.orders.pricing import SHIPPING_METHODS
from shop.orders.quoting import Quoted
from shop.orders.standing import standing
from shop.orders.states import GONE, LineStatus, OrderStatus
from shop.payments import queries as payments
from shop.payments import saving
from shop.returns import queries as returns
from shop.storefront import bundles
from shop.storefront import queries as storefront
from shop.web.api import Schema, Text, WholeQuery
from shop.web.limits import codes_tried
from shop.web.paging import page
from shop.web.problems import status_of

READERS = (Role.CLIENT, *PACKERS)
ORDERS_SHOWN = 24


TERMS = ("shipping_method", "expect_total_cents", "discount_code", "use_credit", "payment_route")


class WishForm(Schema):
    sku = Text(required=True, shortest=1, longest=schemas.LONGEST_SKU)
    quantity = WholeQuery(required=True, least=1, most=MAX_QUANTITY)


class CheckoutForm(schemas.AddressIn):
    shipping_method = schemas.OrderIn().fields["shipping_method"]
    expect_total_cents = WholeQuery(least=0, most=100_000_000, load_default=None)
    discount_code = schemas.OrderIn().fields["discount_code"]
    use_credit = ma.fields.Boolean(load_default=False)
    payment_route = schemas.OrderIn().fields["payment_route"]

    @ma.post_load
    def _address(self, data: dict[str, Any], **_: object) -> dict[str, Any]:
        terms = {name: data.pop(name) for name in TERMS}
        data.pop("country")
        return terms | {"address": checkout.Address(**data)}


# The cart.


@bp.get("/cart")
@allow(Role.CLIENT)
def show_cart() -> Response:
    return _page("cart.html", **_cart())


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
        return _again("cart.html", refusal, _cart)
    db.session.commit()
    return _to("/cart")


@bp.post("/cart/bundles/<slug>")
@allow(Role.CLIENT)
def put_bundle(slug: str) -> Response:
    try:
        cart = carts.cart_of(actor(), lock=True)
        left_out = _put_bundle(cart, slug)
    except Refusal as refusal:
        return _again("cart.html", refusal, _cart)
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
    typed = _where_last(client)
    lines = _cart_lines()
    chosen = [line.line.variant.sku for line in lines if line.decision.open]
    return _page("checkout.html", typed=typed, **_checkout(lines, chosen, typed))


def _where_last(client: Person) -> dict[str, str]:
    """What the form begins with: where her last order went, else what her account says."""
    last = queries.last_order(client)
    begun = {"name": client.name, "state": client.state or "", "shipping_method": "standard"}
    if last is None or last.shipping_method not in SHIPPING_METHODS:
        return begun
    return {
        "name": last.name,
        "line1": last.line1,
        "line2": last.line2 or "",
        "city": last.city,
        "state": last.ship_to_state,
        "postal_code": last.postal_code,
        "phone": last.phone or "",
        "shipping_method": last.shipping_method,
    }


@bp.post("/checkout")
@allow(Role.CLIENT)
@codes_tried
def place() -> Response:
    """Place the order, or only show what it costs with what was typed ("do" is "review")."""
    chosen = request.form.getlist("lines")
    review = request.form.get("do") == "review"
    if review:
        shown = _checkout(_cart_lines(), chosen, request.form)
        response = _page("checkout.html", typed=request.form, **shown)
        response.status_code = 422 if shown.get("errors") else 200
        return response
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
    return _page("orders.html", orders=shown, standing=standing)


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
        reason = _form(schemas.CancellationIn)["reason"]
        cancelling.cancel(order, reason=reason, by=actor(), at=now())
    except Refusal as refusal:
        return _again("order.html", refusal, lambda: _whole(number))
    db.session.commit()
    flash("The order is cancelled. If it was paid, the money is on its way back.")
    return _to(f"/orders/{number}")


@bp.post("/orders/<number>/line-cancellations")
@allow(*READERS)
def cancel_lines(number: str) -> Response:
    try:
        order = queries.order_for(actor(), number, lock=True)
        reason = _form(schemas.CancellationIn)["reason"]
        skus = request.form.getlist("lines")
        cancelling.cancel_lines(order, skus, reason=reason, by=actor(), at=now())
    except Refusal as refusal:
        return _again("order.html", refusal, lambda: _whole(number))
    db.session.commit()
    flash("It is cancelled. What was paid for it is on its way back.")
    return _to(f"/orders/{number}")


@bp.post("/orders/<number>/again")
@allow(Role.CLIENT)
def order_again(number: str) -> Response:
    """What can still be sold goes into the cart, which tells what each line waits for."""
    cart = carts.cart_of(actor(), lock=True)
    order = queries.order_for(actor(), number)
    skus = [line.sku for line in order.lines]
    closed = storefront.closed_to(actor(), skus, **_where_and_when())
    told = reordering.reorder(order, cart, closed=closed, at=now())
    db.session.commit()
    for one in told:
        if not one.added:
            flash(f"Not in your cart: {one.name}. {one.sentence}")
    if any(one.added for one in told):
        flash("What can be ordered again is in your cart. Nothing is placed yet.")
    return _to("/cart")


# What pages show.


def _cart() -> dict[str, Any]:
    lines = _cart_lines()
    return {"lines": lines, "routes": _routes(lines)}


def _cart_lines() -> list[Answered]:
    return carts.answered(carts.cart_of(actor()), at=now())


def _checkout(lines: list[Answered], chosen: Sequence[str], typed: Any) -> dict[str, Any]:
    """The lines to choose from, and totals and routes of the chosen ones where they can be told.

    A code that is refused is said beside its field, and the totals are those without it.
    """
    quoted, untold, wrong = None, "", {}
    named = [line for line in lines if line.line.variant.sku in chosen]
    routes = _routes(named)
    first = next(each.route.value for each in routes if each.open)
    try:
        quoted = _quoted(named, typed, typed.get("discount_code", ""))
    except Refusal as refusal:
        untold = refusal.text
        if FIELD in refusal.fields:
            wrong = {"detail": refusal.text, "errors": refusal.fields}
            quoted = _quoted_without(named, typed)
    prices = {} if quoted is None else {way.code: cents for way, cents in quoted.ways}
    return wrong | {
        "lines": lines,
        "chosen": set(chosen),
        "quoted": quoted,
        "totals": None if quoted is None else quoted.totals,
        "untold": untold,
        "held": credit.balance(actor()),
        "cards": payments.cards_of(actor()),
        "states": [(state, state) for state in sorted(STATES)],
        "methods": [(code, WAYS[code], prices.get(code)) for code in SHIPPING_METHODS],
        "routes": routes,
        "route": typed.get("payment_route") or first,
        "route_names": {route.value: terms.name for route, terms in ROUTES.items()},
    }


def _routes(lines: Sequence[Answered]) -> tuple[Choice, ...]:
    """How these lines may be paid, those that may be ordered."""
    taken = [each for each in lines if each.decision.open]
    held = routing.classes([each.decision for each in taken], [each.line for each in taken])
    return choosing.choices(held, at=now())


def _quoted(lines: Sequence[Answered], typed: Any, code: str) -> Quoted | None:
    if not lines:
        return None
    return quoting.quote(
        actor(),
        lines,
        shipping_method=typed.get("shipping_method", ""),
        state=typed.get("state", ""),
        discount_code=code[: schemas.LONGEST_CODE],
        use_credit=bool(typed.get("use_credit")),
        at=now(),
    )


def _quoted_without(lines: Sequence[Answered], typed: Any) -> Quoted | None:
    try:
        return _quoted(lines, typed, "")
    except Refusal:
        return None


def _whole(number: str) -> dict[str, Any]:
    order = queries.order_for(actor(), number)
    payment = payments.payment_to_show(order.id)
    waits = order.status is OrderStatus.AWAITING_PAYMENT
    return {
        "order": order,
        "tracking_page": carriers.link,
        "packs": actor().role in PACKERS,
        "payment": payment,
        "given_up": payment and payments.why_given_up(payment),
        "history": history(order, actor()),
        "standing": standing(order),
        "papers": invoices.papers_of(order),
        "paper_titles": printing.TITLES,
        "reasons": _reasons(),
        "lines_off": _can_go_off(order),
        "stopped": stranding.stopped(order),
        "refunds": payments.refunds_of(order),
        "asked_returns": returns.requests_of(actor(), order),
        "may_return": actor().id == order.client_id and any(returns.returnable(order).values()),
        "treatments": queries.treatments(order, actor(), at=now()),
        "card_statement": (saving.STATEMENT_VERSION, saving.STATEMENT),
        "payable": waits and actor().id == order.client_id,
        "takes_money": waits and actor().role in PACKERS,
        "online": choosing.choice(Route.ONLINE, routing.classes_of(order), at=now()),
        "cancellable": order.status in (OrderStatus.AWAITING_PAYMENT, OrderStatus.PAID)
        and not any(line.status in GONE for line in order.lines),
    }


def _reasons() -> list[tuple[str, str]]:
    """Why this person may cancel, in words."""
    hers = actor().role is Role.CLIENT
    words = CLIENT_WORDS if hers else STAFF_WORDS
    return [(reason, words[reason]) for reason in cancelling.reasons(actor())]


WAYS = {
    "standard": lazy_gettext("Standard, 3 to 5 days"),
    "express": lazy_gettext("Express, next working day"),
    "pickup": lazy_gettext("Pick up at the clinic"),
}
CLIENT_WORDS = {
    "asked_for": "I do not want to say",
    "changed_mind": "I changed my mind",
    "mistake": "I ordered it by mistake",
    "takes_too_long": "It takes too long",
}
STAFF_WORDS = {
    "asked_for": "The client asked for it",
    "cannot_be_delivered": "It cannot be delivered",
    "damaged": "It was damaged",
    "ordered_twice": "It was ordered twice",
    "wrong_price": "The price was wrong",
    "not_paid_for": "It will not be paid for",
    "suspected_fraud": "Fraud is suspected",
}


def _can_go_off(order: Order) -> list[str]:
    """SKUs of lines that can be cancelled while others stay: of a paid order, still here."""
    live = [line for line in order.lines if line.status is not LineStatus.CANCELLED]
    if order.status is not OrderStatus.PAID or len(live) < 2:
        return []
    return [line.sku for line in live if line.status not in GONE]


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
    said = {"detail": refusal.text, "errors": refusal.fields}
    response = _page(template, typed=request.form, **(context() | said))
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
    return storefront.pack_to_buy(actor(), sku, **_where_and_when())


def _where_and_when() -> dict[str, Any]:
    """The clinic's home and its day, as the policy of what is seen asks."""
    config = current_app.config["SHOP"]
    return {"home": config.clinic_state, "today": day_in(config.clinic_time_zone, now())}
