"""Suppliers, purchase orders and deliveries over HTTP: for staff and managers."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.purchasing import arriving, drafting, queries, schemas, sending, supplying
from shop.purchasing.models import PurchaseOrder, Supplier
from shop.web.api import Blueprint, PageQuery, committed
from shop.web.paging import page

bp = Blueprint("purchases", __name__, url_prefix="/api/v1", description="What the clinic buys")

SHELF = (Role.STAFF, Role.MANAGER)


@bp.get("/suppliers")
@allow(*SHELF)
@bp.arguments(PageQuery, location="query")
@bp.response(200, schemas.SuppliersOut)
def list_suppliers(asked: dict[str, Any]) -> dict[str, Any]:
    """Whom we buy from."""
    return page(queries.suppliers(), (Supplier.name, Supplier.id), **asked)


@bp.post("/suppliers")
@allow(Role.MANAGER)
@bp.arguments(schemas.SupplierIn)
@bp.response(201, schemas.SupplierOut)
def add_supplier(given: dict[str, Any]) -> Response:
    """Add somebody to buy from."""
    return committed(schemas.SupplierOut, supplying.add(**given, by=actor(), at=now()), 201)


@bp.patch("/suppliers/<number>")
@allow(Role.MANAGER)
@bp.arguments(schemas.SupplierPatch)
@bp.response(200, schemas.SupplierOut)
def change_supplier(changes: dict[str, Any], number: str) -> Response:
    """Change what we know of one, or whether it takes orders."""
    supplier = queries.supplier(number, lock=True)
    supplying.change(supplier, changes, by=actor(), at=now())
    return committed(schemas.SupplierOut, supplier)


@bp.get("/purchase-orders")
@allow(*SHELF)
@bp.arguments(schemas.PurchasesQuery, location="query")
@bp.response(200, schemas.PurchasesOut)
def list_orders(asked: dict[str, Any]) -> dict[str, Any]:
    """Orders, the newest first."""
    query = queries.orders(status=asked.pop("status"))
    return page(query, (PurchaseOrder.drafted_at, PurchaseOrder.id), **asked, descending=True)


@bp.post("/purchase-orders")
@allow(*SHELF)
@bp.arguments(schemas.PurchaseIn)
@bp.response(201, schemas.PurchaseOut)
def draft(given: dict[str, Any]) -> Response:
    """Begin an order."""
    supplier = queries.supplier(given.pop("supplier"))
    made = drafting.draft(supplier, **given, by=actor(), at=now())
    return committed(schemas.PurchaseOut, made, 201)


@bp.get("/purchase-orders/<number>")
@allow(*SHELF)
@bp.response(200, schemas.WholePurchaseOut)
def show(number: str) -> PurchaseOrder:
    """An order, and what arrived of it."""
    return queries.order(number)


@bp.put("/purchase-orders/<number>")
@allow(*SHELF)
@bp.arguments(schemas.PurchaseChange)
@bp.response(200, schemas.PurchaseOut)
def change(given: dict[str, Any], number: str) -> Response:
    """Write a draft anew."""
    order = queries.order(number, lock=True)
    drafting.change(order, **given, by=actor(), at=now())
    return committed(schemas.PurchaseOut, order)


@bp.post("/purchase-orders/<number>/sending")
@allow(Role.MANAGER)
@bp.response(200, schemas.PurchaseOut)
def send(number: str) -> Response:
    """Say that it is with the supplier: its lines are fixed."""
    order = queries.order(number, lock=True)
    sending.send(order, by=actor(), at=now())
    return committed(schemas.PurchaseOut, order)


@bp.post("/purchase-orders/<number>/cancellation")
@allow(Role.MANAGER)
@bp.arguments(schemas.ReasonIn)
@bp.response(200, schemas.PurchaseOut)
def cancel(given: dict[str, Any], number: str) -> Response:
    """Call an order off of which nothing has arrived."""
    order = queries.order(number, lock=True)
    sending.cancel(order, reason=given["reason"], by=actor(), at=now())
    return committed(schemas.PurchaseOut, order)


@bp.post("/purchase-orders/<number>/closure")
@allow(*SHELF)
@bp.arguments(schemas.ReasonIn)
@bp.response(200, schemas.PurchaseOut)
def close(given: dict[str, Any], number: str) -> Response:
    """Wait no longer for what is short."""
    order = queries.order(number, lock=True)
    sending.close(order, reason=given["reason"], by=actor(), at=now())
    return committed(schemas.PurchaseOut, order)


@bp.post("/purchase-orders/<number>/receipts")
@allow(*SHELF)
@bp.arguments(schemas.ArrivalIn)
@bp.response(201, schemas.WholePurchaseOut)
def receive(given: dict[str, Any], number: str) -> Response:
    """Book a delivery for an order, all of it or nothing; damaged packs are only written down."""
    order = queries.order(number, lock=True)
    arriving.arrive(order, **given, by=actor(), at=now(), today=_today())
    return committed(schemas.WholePurchaseOut, order, 201)


def _today() -> date:
    return day_in(current_app.config["SHOP"].clinic_time_zone, now())
