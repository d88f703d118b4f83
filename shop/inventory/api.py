"""The shelf over HTTP: for staff and managers."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.catalog.models import Variant
from shop.charts import reading
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.inventory import queries, receiving, releasing
from shop.inventory.schemas import (
    LotHistoryOut,
    LotOut,
    QuarantineIn,
    ReceiptIn,
    ReceiptOut,
    StockOut,
    StockQuery,
    whole_lot,
)
from shop.treatments.schemas.uses import LotUsesOut
from shop.web.api import Blueprint, committed
from shop.web.paging import page

bp = Blueprint("stock", __name__, url_prefix="/api/v1", description="What is on the shelf")


@bp.get("/stock")
@allow(Role.STAFF, Role.MANAGER)
@bp.arguments(StockQuery, location="query")
@bp.response(200, StockOut)
def stock(asked: dict[str, Any]) -> dict[str, Any]:
    """List variants with their lots, soonest expiry first."""
    limit, after, today = asked.pop("limit"), asked.pop("after"), clinic_day()
    found = page(queries.stocked(**asked, today=today), [Variant.sku], limit=limit, after=after)
    return {**found, "items": queries.shelves(found["items"], today=today)}


@bp.post("/receipts")
@allow(Role.STAFF, Role.MANAGER)
@bp.arguments(ReceiptIn)
@bp.response(201, ReceiptOut)
def receive(terms: dict[str, Any]) -> Response:
    """Book a delivery, all of it or nothing. Send an Idempotency-Key to be safe to repeat."""
    at = now()
    lots = receiving.receive(terms["lines"], by=actor(), at=at, today=clinic_day())
    return committed(ReceiptOut, {"lots": lots}, 201)


@bp.get("/lots/<number>")
@allow(Role.STAFF, Role.MANAGER)
@bp.response(200, LotHistoryOut)
def lot(number: str) -> dict[str, Any]:
    """Show a lot: where it lies, what of it can be sold, and everything that happened to it."""
    return whole_lot(queries.lot(number), today=clinic_day())


@bp.post("/lots/<number>/release")
@allow(Role.STAFF, Role.MANAGER)
@bp.response(200, LotOut)
def release(number: str) -> Response:
    """Put a lot on sale that was in quarantine or on hold."""
    found = queries.lot(number, lock=True)
    releasing.release(found, by=actor(), at=now())
    return committed(LotOut, found)


@bp.post("/lots/<number>/quarantine")
@allow(Role.STAFF, Role.MANAGER)
@bp.arguments(QuarantineIn)
@bp.response(200, LotOut)
def quarantine(terms: dict[str, Any], number: str) -> Response:
    """Take a lot off sale until it is checked."""
    found = queries.lot(number, lock=True)
    releasing.quarantine(found, reason=terms["reason"], by=actor(), at=now())
    return committed(LotOut, found)


@bp.get("/lots/<number>/uses")
@allow(Role.MANAGER, Role.PHYSICIAN)
@bp.response(200, LotUsesOut)
def uses(number: str) -> dict[str, Any]:
    """Whom a recall concerns: the sessions that packs of a lot were opened for.

    The opening of each client's record is written down.
    """
    found = queries.uses_of(queries.lot(number))
    for client in dict.fromkeys(use.client for use in found):
        reading.open_record(actor(), client, record=f"lot {number}", purpose=reading.OPERATIONS)
    db.session.commit()
    return {"items": found}


def clinic_day() -> date:
    """Today, where the clinic is."""
    return day_in(current_app.config["SHOP"].clinic_time_zone, now())
