"""Carts and orders over HTTP: /cart, /orders."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.catalog import queries as catalog
from shop.catalog.models import Variant
from shop.charts import reading
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.money import CURRENCY
from shop.orders import (
    cancelling,
    checkout,
    explaining,
    labelling,
    picking,
    queries,
    scanning,
    schemas,
    shipping,
    shorting,
    slip,
    touring,
)
from shop.orders import cart as carts
from shop.orders.models import Cart, Order
from shop.orders.schemas import NO_PAYMENT, Told
from shop.payments import queries as payments
from shop.prescriptions.paper.clinic import Clinic
from shop.storefront import bundles
from shop.storefront import queries as storefront
from shop.web import idempotency
from shop.web.api import Blueprint, committed
from shop.web.paging import page
from shop.web.pdf import PDF, only_asked, pdf

bp = Blueprint("orders", __name__, url_prefix="/api/v1", description="Carts, orders, shipments")

PACKERS = (Role.STAFF, Role.MANAGER)
READERS = (Role.CLIENT, *PACKERS)


@bp.get("/cart")
@allow(Role.CLIENT)
@bp.response(200, schemas.CartOut)
def show_cart() -> dict[str, Any]:
    """The cart, with the gate's answer for every line."""
    return _answered(carts.cart_of(actor()))


@bp.get("/cart/explanation")
@allow(Role.CLIENT)
@bp.response(200, schemas.CartExplanationOut)
def explain_cart() -> dict[str, Any]:
    """What the gate asked about every line of the cart, and how each question came out."""
    return schemas.told_cart(explaining.of_cart(carts.cart_of(actor()), at=now()))


@bp.put("/cart/lines/<sku>")
@allow(Role.CLIENT)
@bp.arguments(schemas.QuantityIn)
@bp.response(200, schemas.CartOut)
def put_line(terms: dict[str, Any], sku: str) -> Response:
    """So many of a pack, instead of what the line said before."""
    cart = carts.cart_of(actor(), lock=True)
    carts.put(cart, _pack(sku), terms["quantity"])
    return committed(schemas.CartOut, _answered(cart))


@bp.delete("/cart/lines/<sku>")
@allow(Role.CLIENT)
@bp.response(200, schemas.CartOut)
def remove_line(sku: str) -> Response:
    """Take a pack out of the cart."""
    cart = carts.cart_of(actor(), lock=True)
    carts.remove(cart, sku)
    return committed(schemas.CartOut, _answered(cart))


@bp.post("/cart/bundles/<slug>")
@allow(Role.CLIENT)
@bp.response(200, schemas.BundledCartOut)
def put_bundle(slug: str) -> Response:
    """Put every pack of a bundle into the cart, each as a line that the gate is asked of alone.

    What is not for sale is named in `left_out`.
    """
    cart = carts.cart_of(actor(), lock=True)
    left_out = _put_bundle(cart, slug)
    return committed(schemas.BundledCartOut, _answered(cart) | {"left_out": left_out})


@bp.post("/orders")
@allow(Role.CLIENT)
@idempotency.required
@bp.arguments(schemas.OrderIn)
@bp.response(201, schemas.OrderOut)
def place(terms: dict[str, Any]) -> Response:
    """Place the cart, or named lines of it: all or nothing."""
    cart = carts.cart_of(actor(), lock=True)
    order = checkout.place(
        cart,
        skus=terms["lines"],
        address=terms["shipping_address"],
        shipping_method=terms["shipping_method"],
        expect_total_cents=terms["expect_total_cents"],
        payment_route=terms["payment_route"],
        by=actor(),
        at=now(),
    )
    return committed(schemas.OrderOut, told(order), 201)


@bp.get("/orders")
@allow(*READERS)
@bp.arguments(schemas.OrdersQuery, location="query")
@bp.response(200, schemas.OrdersOut)
def list_orders(query: dict[str, Any]) -> dict[str, Any]:
    """A client's own orders, or everybody's for who packs; newest first."""
    return page(
        queries.orders_for(actor(), status=query["status"]),
        (Order.placed_at, Order.id),
        limit=query["limit"],
        after=query["after"],
        descending=True,
    )


@bp.get("/orders/<number>")
@allow(*READERS)
@bp.response(200, schemas.OrderOut)
def show_order(number: str) -> Told:
    """An order with its lines, parcels, payment and history."""
    order = queries.order_for(actor(), number)
    sentences = queries.treatments(order, actor(), at=now())
    asked = [
        {"sku": line.sku, "sentences": sentences[line.variant_id]}
        for line in order.lines
        if line.variant_id in sentences
    ]
    return told(order)._replace(treatments=asked)


@bp.post("/orders/<number>/cancellation")
@allow(*READERS)
@bp.arguments(schemas.CancellationIn, required=False)
@bp.response(200, schemas.OrderOut)
def cancel(terms: dict[str, Any], number: str) -> Response:
    """Cancel an order of which nothing has left; money that came goes back."""
    order = queries.order_for(actor(), number, lock=True)
    cancelling.cancel(order, reason=terms["reason"], by=actor(), at=now())
    return committed(schemas.OrderOut, told(order))


@bp.get("/orders/<number>/explanation")
@allow(*READERS)
@bp.response(200, schemas.OrderExplanationOut)
def explain_order(number: str) -> dict[str, Any]:
    """Why each line goes on or does not, with the rules that fired. Opening it is recorded."""
    order = queries.order_for(actor(), number)
    _opened(order)
    told = explaining.of_order(order, at=now())
    return schemas.told_order(told, inside=actor().role is Role.MANAGER)


@bp.get("/orders/<number>/picking-list")
@allow(*PACKERS)
@bp.response(200, schemas.PickingListOut)
def show_picking_list(number: str) -> dict[str, Any]:
    """What to take from which lot, soonest expiry first."""
    order = queries.order_for(actor(), number)
    return {"order": order.number, "lines": shipping.picking_list(order, at=now())}


@bp.get("/picking-tour")
@allow(*PACKERS)
@bp.response(200, schemas.TourOut)
def show_tour() -> touring.Tour:
    """One walk along the shelf for the orders that wait longest, place by place."""
    return touring.tour(queries.to_pack(actor()), at=now())


@bp.post("/orders/<number>/picks")
@allow(*PACKERS)
@bp.arguments(schemas.PickIn)
@bp.response(201, schemas.PickedOut)
def pick(terms: dict[str, Any], number: str) -> Response:
    """Take packs that were scanned for the line that waits for them; another lot is refused."""
    order = queries.order_for(actor(), number, lock=True)
    scanned = scanning.read(terms["item"], terms["lot_number"])
    one = picking.pick(order, scanned, units=terms["units"], by=actor(), at=now())
    return committed(schemas.PickedOut, one, 201)


@bp.delete("/orders/<number>/picks/<uuid:pick_id>")
@allow(*PACKERS)
@bp.response(200, schemas.PickedOut)
def put_back(number: str, pick_id: UUID) -> Response:
    """What was picked lies in its place again."""
    order = queries.order_for(actor(), number, lock=True)
    return committed(schemas.PickedOut, picking.put_back(order, pick_id, by=actor(), at=now()))


@bp.post("/orders/<number>/shortages")
@allow(*PACKERS)
@bp.arguments(schemas.ShortageIn)
@bp.response(201, schemas.ShortageOut)
def report_shortage(terms: dict[str, Any], number: str) -> Response:
    """Units are not where they should lie. The picking list then says what to take instead."""
    order = queries.order_for(actor(), number, lock=True)
    said = shorting.report(order, terms.pop("sku"), **terms, by=actor(), at=now())
    return committed(schemas.ShortageOut, said, 201)


@bp.get("/orders/<number>/lines/<sku>/label")
@allow(*PACKERS)
@bp.response(200, content_type=PDF)
def show_label(number: str, sku: str) -> Response:
    """The dispensing labels of a line that is about to be packed, as a PDF of 4 x 6 inches.

    Refused without a prescription that stands now. Who opens it is written down first; the first
    print is the original, later ones say COPY.
    """
    order = queries.order_for(actor(), number)
    record = f"label of order {number}, {sku}"
    reading.open_record(actor(), order.client, record=record, purpose=reading.TREATMENT)
    db.session.commit()
    if only_asked():
        return pdf(b"", f"{number}-{sku}.pdf")
    config = current_app.config["SHOP"]
    made = labelling.print_label(
        queries.order_for(actor(), number, lock=True),
        sku,
        clinic=Clinic.of(config),
        zone=config.clinic_time_zone,
        by=actor(),
        at=now(),
    )
    db.session.commit()
    return pdf(made, f"{number}-{sku}.pdf")


@bp.post("/orders/<number>/shipments")
@allow(*PACKERS)
@bp.arguments(schemas.ShipmentIn)
@bp.response(201, schemas.ShipmentOut)
def ship(terms: dict[str, Any], number: str) -> Response:
    """Ship what is picked and labelled, or named lines of it: all or nothing.

    What is picked up at the clinic is handed to the client herself: `handed_to`.
    """
    order = queries.order_for(actor(), number, lock=True)
    shipment = shipping.ship(
        order,
        skus=terms["lines"],
        carrier=terms["carrier"],
        tracking=terms["tracking"],
        met=terms["handed_to"],
        by=actor(),
        at=now(),
    )
    return committed(schemas.ShipmentOut, shipment, 201)


@bp.get("/orders/<number>/shipments/<parcel>/slip")
@allow(*PACKERS)
@bp.response(200, content_type=PDF)
def show_slip(number: str, parcel: str) -> Response:
    """The packing slip of a parcel, as a PDF: what is in it, and what follows."""
    order = queries.order_for(actor(), number)
    config = current_app.config["SHOP"]
    shipment = queries.shipment_of(order, parcel)
    told = slip.of(order, shipment, clinic=Clinic.of(config), zone=config.clinic_time_zone)
    return pdf(b"" if only_asked() else slip.draw(told), f"{parcel}.pdf")


def told(order: Order) -> Told:
    """An order as a whole."""
    payment = payments.payment_to_show(order.id)
    return Told(order, payment or NO_PAYMENT, queries.history(order))


def _opened(order: Order) -> None:
    """Write down for good that the reader opens an explanation, before it is shown."""
    record = f"explanation of order {order.number}"
    reading.open_record(actor(), order.client, record=record, purpose=reading.OPERATIONS)
    db.session.commit()


def _answered(cart: Cart) -> dict[str, Any]:
    lines = carts.answered(cart, at=now())
    return {
        "lines": lines,
        "subtotal_cents": sum(line.total_cents or 0 for line in lines),
        "currency": CURRENCY,
    }


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
