"""Pages for who packs: what waits, the walk along the shelf, one order scanned pack by pack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, current_app, flash, request

from shop.accounts.access import actor, allow
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotFound
from shop.orders import (
    boarding,
    carriers,
    picking,
    queries,
    scanning,
    schemas,
    shipping,
    shorting,
    stranding,
    touring,
)
from shop.orders.models import Order
from shop.orders.pages.blueprint import PACKERS, BadForm, bp
from shop.orders.states import LineStatus, OrderStatus
from shop.prescriptions.paper.clinic import Clinic
from shop.web import bars, forms
from shop.web.api import Schema
from shop.web.forms import or_again, partial, to


@bp.get("/packing")
@allow(*PACKERS)
def packing() -> Response:
    """The board of the day: what is picked next, what leaves, what waits and why."""
    return _board()


@bp.post("/packing/scans")
@allow(*PACKERS)
def scan() -> Response:
    """Open the order whose number was scanned; or pick this pack for who waits longest for it."""
    code = request.form.get("code", "").strip()

    def act() -> Response:
        number = _numbered(code)
        return to(f"/packing/{number}") if number else _picked(code)

    return or_again(act, lambda **why: _board(code=code, **why))


def _numbered(code: str) -> str | None:
    """The number of an order, where that is what was scanned."""
    if not code.isprintable():
        return None
    try:
        return queries.order_for(actor(), code.upper()).number
    except NotFound:
        return None


def _picked(code: str) -> Response:
    typed = _form(schemas.PickIn, item=code, units=1)
    scanned = scanning.read(typed["item"])
    order = boarding.waiting_for(actor(), scanned, at=now())
    if not scanned.lot_number:
        return _done(f"{order.number} waits for it. Type its lot number, too.", _path(order))
    one = picking.pick(order, scanned, units=1, by=actor(), at=now())
    return _done(
        f"{one.units} of lot {one.lot.lot_number} picked for {order.number}.", _path(order)
    )


@bp.get("/packing/tour")
@allow(*PACKERS)
def tour() -> Response:
    found = touring.tour(queries.to_pack(actor()), at=now())
    return forms.rendered("orders/tour.html", tour=found, longest=touring.LONGEST)


@bp.get("/packing/<number>")
@allow(*PACKERS)
def pack(number: str) -> Response:
    return _page(number)


@bp.get("/packing/<number>/parcel-label")
@allow(*PACKERS)
def parcel_label(number: str) -> Response:
    """Where the parcel goes, as large as the label that sticks on it; and the order's number."""
    order = queries.order_for(actor(), number)
    clinic = Clinic.of(current_app.config["SHOP"])
    return forms.rendered(
        "orders/parcel_label.html", order=order, clinic=clinic, bars=bars.of(order.number)
    )


@bp.post("/packing/<number>/picks")
@allow(*PACKERS)
def pick(number: str) -> Response:
    def act(order: Order) -> str:
        typed = _form(schemas.PickIn, "units")
        scanned = scanning.read(typed["item"], typed["lot_number"])
        one = picking.pick(order, scanned, units=typed["units"], by=actor(), at=now())
        return f"{one.units} of lot {one.lot.lot_number} picked."

    return _changed(number, act)


@bp.post("/packing/<number>/picks/<uuid:pick_id>/return")
@allow(*PACKERS)
def put_back(number: str, pick_id: UUID) -> Response:
    """It lies in its place again. Back to the list, where the order needs nothing more."""
    order = queries.order_for(actor(), number, lock=True)
    one = picking.put_back(order, pick_id, by=actor(), at=now())
    told = f"{one.units} of lot {one.lot.lot_number} are back in {one.location.code}."
    return _done(told, f"/packing/{number}" if _waits(order) else "/packing")


@bp.post("/packing/<number>/shortages")
@allow(*PACKERS)
def report_shortage(number: str) -> Response:
    def act(order: Order) -> str:
        typed = _form(schemas.ShortageIn, "units")
        said = shorting.report(order, typed.pop("sku"), **typed, by=actor(), at=now())
        return (
            f"Written down: {said.units} of lot {said.lot.lot_number} are not in"
            f" {said.location.code}. The list below says what to take instead."
        )

    return _changed(number, act)


@bp.post("/packing/<number>/shipments")
@allow(*PACKERS)
def ship(number: str) -> Response:
    def act() -> Response:
        way = schemas.way(_form(schemas.ParcelForm))
        order = queries.order_for(actor(), number, lock=True)
        skus = request.form.getlist("lines")
        parcel = shipping.ship(order, skus=skus, **way, by=actor(), at=now())
        how = "was handed over" if parcel.handed_to else "is on its way"
        return _done(f"Parcel {parcel.number} of order {number} {how}.", "/packing")

    return or_again(act, lambda **why: _page(number, typed=request.form, **why))


def _board(**context: Any) -> Response:
    return forms.rendered(
        "orders/packing.html",
        board=boarding.board(actor(), at=now()),
        to_put_back=queries.to_put_back(),
        stopped=stranding.stopped_orders(actor()),
        **context,
    )


def _path(order: Order) -> str:
    return f"/packing/{order.number}"


def _changed(number: str, act: Callable[[Order], str]) -> Response:
    """Do it to the order, locked, and show the page again, with what was wrong if something was."""

    def act_on() -> Response:
        return _done(act(queries.order_for(actor(), number, lock=True)), f"/packing/{number}")

    return or_again(act_on, lambda **why: _page(number, typed=request.form, **why))


def _done(told: str, then: str) -> Response:
    db.session.commit()
    flash(told)
    return to(then)


def _page(number: str, **context: Any) -> Response:
    order = queries.order_for(actor(), number)
    return forms.rendered(
        "orders/_bench.html" if partial() else "orders/pack.html",
        partial=partial(),
        order=order,
        lines=shipping.picking_list(order, at=now()),
        shortages=queries.shortages(order),
        stopped=stranding.stopped(order),
        carriers=[(name, name) for name in carriers.CARRIERS],
        **context,
    )


def _waits(order: Order) -> bool:
    return order.status is OrderStatus.PAID and any(
        line.status is LineStatus.READY for line in order.lines
    )


def _form(schema: type[Schema], *numbers: str, **also: Any) -> dict[str, Any]:
    typed: dict[str, Any] = forms.form(schema, refused=BadForm, numbers=numbers, **also)
    return typed
