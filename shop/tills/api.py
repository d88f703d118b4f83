"""The desk over HTTP: for staff and managers."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.orders.queries import order_for
from shop.payments import chasing
from shop.payments.jobs import gateway
from shop.prescriptions.paper.clinic import Clinic
from shop.tills import (
    counting,
    opening,
    paying_out,
    queries,
    receipt,
    reporting,
    schemas,
    taking,
)
from shop.tills.models import Drawer
from shop.web import idempotency
from shop.web.api import Blueprint, committed
from shop.web.paging import page
from shop.web.pdf import PDF, only_asked, pdf

bp = Blueprint("desk", __name__, url_prefix="/api/v1/desk", description="Paying at the desk")

CASHIERS = (Role.STAFF, Role.MANAGER)


@bp.get("/registers")
@allow(*CASHIERS)
@bp.response(200, schemas.RegistersOut)
def list_registers() -> dict[str, Any]:
    """Where money is taken."""
    return {"items": queries.registers()}


@bp.post("/registers")
@allow(Role.MANAGER)
@bp.arguments(schemas.RegisterIn)
@bp.response(201, schemas.RegisterOut)
def add_register(terms: dict[str, Any]) -> Response:
    """Add a place where money is taken."""
    made = opening.add_register(terms["name"], by=actor())
    return committed(schemas.RegisterOut, made, 201)


@bp.get("/orders")
@allow(*CASHIERS)
@bp.arguments(schemas.DeskOrdersQuery, location="query")
@bp.response(200, schemas.DeskOrdersOut)
def list_orders(asked: dict[str, Any]) -> dict[str, Any]:
    """Orders that wait to be paid at the desk; `sought` is part of a number or of a name."""
    return {"items": queries.orders_at_the_desk(actor(), sought=asked["sought"])}


@bp.post("/orders/<number>/payment")
@allow(*CASHIERS)
@idempotency.required
@bp.arguments(schemas.TenderIn)
@bp.response(201, schemas.MoneyMoveOut)
def take(terms: dict[str, Any], number: str) -> Response:
    """Take what is due of an order into your open drawer. A payment page of it is closed first."""
    chasing.close_for_desk(order_for(actor(), number).id, gateway())
    order = order_for(actor(), number, lock=True)
    move = taking.take(order, **terms, by=actor(), at=now())
    return committed(schemas.MoneyMoveOut, move, 201)


@bp.get("/orders/<number>/receipt")
@allow(*CASHIERS)
@bp.response(200, content_type=PDF)
def show_receipt(number: str) -> Response:
    """The receipt of an order that was paid at the desk, as a PDF."""
    order = order_for(actor(), number)
    move = queries.tender_of(order)
    config = current_app.config["SHOP"]
    told = receipt.of(order, move, clinic=Clinic.of(config), zone=config.clinic_time_zone)
    return pdf(b"" if only_asked() else receipt.draw(told), f"receipt-{number}.pdf")


@bp.get("/refunds")
@allow(*CASHIERS)
@bp.response(200, schemas.DeskRefundsOut)
def list_refunds() -> dict[str, Any]:
    """Money that waits for its client at the desk, the oldest first."""
    return {"items": queries.refunds_at_the_desk()}


@bp.post("/refunds/<uuid:refund_id>/pay-out")
@allow(*CASHIERS)
@idempotency.required
@bp.arguments(schemas.PayOutIn)
@bp.response(201, schemas.MoneyMoveOut)
def pay_out(terms: dict[str, Any], refund_id: uuid.UUID) -> Response:
    """Pay a refund out of your open drawer, the way the money came."""
    refund = queries.refund_to_pay_out(refund_id)
    move = paying_out.pay_out(refund, **terms, by=actor(), at=now())
    return committed(schemas.MoneyMoveOut, move, 201)


@bp.get("/drawers")
@allow(*CASHIERS)
@bp.arguments(schemas.DrawersQuery, location="query")
@bp.response(200, schemas.DrawersOut)
def list_drawers(asked: dict[str, Any]) -> dict[str, Any]:
    """List drawers, the last opened first."""
    return page(queries.drawers(), (Drawer.opened_at, Drawer.id), descending=True, **asked)


@bp.post("/drawers")
@allow(*CASHIERS)
@bp.arguments(schemas.DrawerIn)
@bp.response(201, schemas.DrawerOut)
def open_drawer(terms: dict[str, Any]) -> Response:
    """Open a drawer at a register, with what lies in it counted."""
    register = queries.register_named(terms["register"])
    made = opening.open_drawer(register, terms["pieces"], by=actor(), at=now())
    return committed(schemas.DrawerOut, made, 201)


@bp.get("/drawers/<number>")
@allow(*CASHIERS)
@bp.response(200, schemas.DrawerOut)
def show_drawer(number: str) -> Drawer:
    """Show one. What should be in an open drawer is not told."""
    return queries.drawer_with(number)


@bp.post("/drawers/<number>/count")
@allow(*CASHIERS)
@bp.arguments(schemas.DrawerCountIn)
@bp.response(200, schemas.DrawerOut)
def count(terms: dict[str, Any], number: str) -> Response:
    """Count what lies in an open drawer; it takes nothing more."""
    return _changed(number, counting.count, **terms)


@bp.post("/drawers/<number>/explanation")
@allow(*CASHIERS)
@bp.arguments(schemas.DrawerExplanationIn)
@bp.response(200, schemas.DrawerOut)
def explain(terms: dict[str, Any], number: str) -> Response:
    """Say why a counted drawer is off; a small difference is closed with it."""
    return _changed(number, counting.explain, **terms)


@bp.post("/drawers/<number>/signature")
@allow(*CASHIERS)
@bp.response(200, schemas.DrawerOut)
def sign(number: str) -> Response:
    """As a second person, sign for a large difference: the drawer is closed."""
    return _changed(number, counting.sign)


@bp.get("/day")
@allow(Role.MANAGER)
@bp.arguments(schemas.DeskDayQuery, location="query")
@bp.response(200, schemas.DeskDayOut)
def show_day(asked: dict[str, Any]) -> reporting.Day:
    """A day at the desk: today where none is named."""
    zone = current_app.config["SHOP"].clinic_time_zone
    return reporting.report(asked["day"] or day_in(zone, now()), zone=zone)


def _changed(number: str, act: Callable[..., object], **terms: Any) -> Response:
    found = queries.drawer_with(number, lock=True)
    act(found, **terms, by=actor(), at=now())
    return committed(schemas.DrawerOut, found)
