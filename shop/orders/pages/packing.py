"""Pages for who packs: what waits, the walk along the shelf, one order scanned pack by pack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from flask import Response, flash, request

from shop.accounts.access import actor, allow
from shop.core.clock import now
from shop.core.db import db
from shop.orders import carriers, picking, queries, scanning, schemas, shipping, shorting, touring
from shop.orders.models import Order
from shop.orders.pages.blueprint import PACKERS, BadForm, bp
from shop.orders.states import LineStatus, OrderStatus
from shop.web import forms
from shop.web.api import Schema
from shop.web.forms import or_again, to


@bp.get("/packing")
@allow(*PACKERS)
def packing() -> Response:
    return forms.rendered(
        "orders/packing.html",
        orders=queries.to_pack(actor()),
        to_put_back=queries.to_put_back(),
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
        "orders/pack.html",
        order=order,
        lines=shipping.picking_list(order, at=now()),
        shortages=queries.shortages(order),
        carriers=[(name, name) for name in carriers.CARRIERS],
        **context,
    )


def _waits(order: Order) -> bool:
    return order.status is OrderStatus.PAID and any(
        line.status is LineStatus.READY for line in order.lines
    )


def _form(schema: type[Schema], *numbers: str) -> dict[str, Any]:
    typed: dict[str, Any] = forms.form(schema, refused=BadForm, numbers=numbers)
    return typed
