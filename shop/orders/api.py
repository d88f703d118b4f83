"""Carts and orders over HTTP: /cart, /orders."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from flask import Response, current_app

from shop.accounts import queries as accounts
from shop.accounts.access import actor, allow
from shop.accounts.models import Person, Role
from shop.catalog import queries as catalog
from shop.catalog.models import Variant
from shop.charts import reading
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.money import CURRENCY
from shop.invoices.history import history
from shop.orders import (
    cancelling,
    checkout,
    explaining,
    labelling,
    picking,
    queries,
    quoting,
    reordering,
    scanning,
    schemas,
    shipping,
    shorting,
    slip,
    taking,
    touring,
)
from shop.orders import cart as carts
from shop.orders.models import Cart, Order
from shop.orders.quoting import Quoted
from shop.orders.schemas import NO_PAYMENT, Told
from shop.payments import queries as payments
from shop.prescriptions.paper.clinic import Clinic
from shop.storefront import bundles
from shop.storefront import queries as storefront
from shop.web import idempotency
from shop.web.api import Blueprint, committed
from shop.web.limits import codes_tried
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


@bp.post("/cart/quote")
@allow(Role.CLIENT)
@codes_tried
@bp.arguments(schemas.QuoteIn)
@bp.response(200, schemas.QuoteOut)
def quote_cart(asked: dict[str, Any]) -> Quoted:
    """What the cart, or named lines of it, would cost there, with a discount where one is named."""
    at = now()
    lines = quoting.named(carts.answered(carts.cart_of(actor()), at=at), asked.pop("lines"))
    return quoting.quote(actor(), lines, **asked, at=at)


@bp.post("/orders")
@allow(Role.CLIENT)
@codes_tried
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
        discount_code=terms["discount_code"],
        use_credit=terms["use_credit"],
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


@bp.post("/orders/<number>/line-cancellations")
@allow(*READERS)
@bp.arguments(schemas.LineCancellationIn)
@bp.response(200, schemas.OrderOut)
def cancel_lines(terms: dict[str, Any], number: str) -> Response:
    """Cancel lines of a paid order that have not left; what was paid for them goes back."""
    order = queries.order_for(actor(), number, lock=True)
    cancelling.cancel_lines(order, terms["lines"], reason=terms["reason"], by=actor(), at=now())
    return committed(schemas.OrderOut, told(order))


@bp.post("/orders/<number>/reorder")
@allow(Role.CLIENT)
@bp.response(200, schemas.ReorderedOut)
def reorder(number: str) -> Response:
    """Put what can still be sold of an order into the cart again; nothing is placed."""
    cart = carts.cart_of(actor(), lock=True)
    order = queries.order_for(actor(), number)
    closed = storefront.closed_to(actor(), [line.sku for line in order.lines], **_where_and_when())
    lines = reordering.reorder(order, cart, closed=closed, at=now())
    return committed(schemas.ReorderedOut, {"lines": lines})


@bp.get("/clients")
@allow(*PACKERS)
@bp.arguments(schemas.FindClientQuery, location="query")
@bp.response(200, schemas.FoundClientsOut)
def find_clients(asked: dict[str, Any]) -> dict[str, Any]:
    """Find a client by name or mail address, to take her order; 20 at most."""
    return {"items": accounts.clients(asked["q"])}


@bp.post("/clients/<uuid:client_id>/quote")
@allow(*PACKERS)
@bp.arguments(schemas.TakenQuoteIn)
@bp.response(200, schemas.TakenQuoteOut)
def quote_for_client(terms: dict[str, Any], client_id: UUID) -> taking.Quote:
    """What a client's wishes would cost, and whether each can be ordered. Changes nothing."""
    client = accounts.client(client_id)
    wishes = _wishes(client, terms.pop("wishes"))
    return taking.quote(client, wishes, **terms, by=actor(), at=now())


@bp.post("/clients/<uuid:client_id>/orders")
@allow(*PACKERS)
@idempotency.required
@bp.arguments(schemas.TakenIn)
@bp.response(201, schemas.OrderOut)
def take(terms: dict[str, Any], client_id: UUID) -> Response:
    """Place an order for a client, by telephone or at the desk; she is written to, and pays."""
    client = accounts.client(client_id)
    wishes = _wishes(client, terms.pop("wishes"))
    address = terms.pop("shipping_address")
    order = taking.take(client, wishes, address=address, **terms, by=actor(), at=now())
    return committed(schemas.OrderOut, told(order), 201)


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
    return Told(order, payment or NO_PAYMENT, history(order, actor()))


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
    return storefront.pack_to_buy(actor(), sku, **_where_and_when())


def _wishes(client: Person, typed: list[dict[str, Any]]) -> list[tuple[Variant, int]]:
    """Packs that the client herself could put in her cart, as often as she wishes each."""
    many: dict[str, int] = {}
    for one in typed:
        many[one["sku"]] = many.get(one["sku"], 0) + one["quantity"]
    return [
        (storefront.pack_to_buy(client, sku, **_where_and_when()), quantity)
        for sku, quantity in many.items()
    ]


def _where_and_when() -> dict[str, Any]:
    """The clinic's home and its day, as the policy of what is seen asks."""
    config = current_app.config["SHOP"]
    return {"home": config.clinic_state, "today": day_in(config.clinic_time_zone, now())}
