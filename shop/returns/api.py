"""What came back, over HTTP: for staff and managers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.returns import disposing, inspecting, queries, receiving, schemas
from shop.returns.models import Return
from shop.web.api import Blueprint, committed
from shop.web.paging import page

bp = Blueprint("returns", __name__, url_prefix="/api/v1", description="What came back")

KEEPERS = (Role.STAFF, Role.MANAGER)


@bp.get("/returns")
@allow(*KEEPERS)
@bp.arguments(schemas.ReturnsQuery, location="query")
@bp.response(200, schemas.ReturnsOut)
def list_returns(asked: dict[str, Any]) -> dict[str, Any]:
    """List what came back, the newest first."""
    query = queries.returns(status=asked.pop("status"))
    return page(query, (Return.received_at, Return.id), descending=True, **asked)


@bp.post("/orders/<number>/returns")
@allow(*KEEPERS)
@bp.arguments(schemas.ReturnIn)
@bp.response(201, schemas.ReturnOut)
def receive(terms: dict[str, Any], number: str) -> Response:
    """Book what came back of an order. Send an Idempotency-Key to be safe to repeat."""
    order, parcel = queries.parcel(actor(), number, terms.pop("lot"))
    made = receiving.receive(order, parcel, **terms, by=actor(), at=now())
    return committed(schemas.ReturnOut, made, 201)


@bp.get("/returns/<number>")
@allow(*KEEPERS)
@bp.response(200, schemas.ReturnOut)
def show(number: str) -> Return:
    """Show one."""
    return queries.return_with(number)


@bp.post("/returns/<number>/inspection")
@allow(*KEEPERS)
@bp.arguments(schemas.ReturnInspectionIn)
@bp.response(200, schemas.ReturnOut)
def inspect(terms: dict[str, Any], number: str) -> Response:
    """Say how it is and what should become of it. Nothing moves yet."""
    return _changed(number, inspecting.inspect, **terms, **_today())


@bp.post("/returns/<number>/disposal")
@allow(*KEEPERS)
@bp.response(200, schemas.ReturnOut)
def witness(number: str) -> Response:
    """Be the witness, as somebody else than who looked at it: it goes where was said."""
    return _changed(number, disposing.witness, **_today())


@bp.post("/returns/<number>/second-look")
@allow(*KEEPERS)
@bp.arguments(schemas.ReturnSecondLookIn)
@bp.response(200, schemas.ReturnOut)
def send_back(terms: dict[str, Any], number: str) -> Response:
    """Have it looked at again."""
    return _changed(number, disposing.send_back, **terms)


def _changed(number: str, act: Callable[..., object], **terms: Any) -> Response:
    found = queries.return_with(number, lock=True)
    act(found, **terms, by=actor(), at=now())
    return committed(schemas.ReturnOut, found)


def _today() -> dict[str, Any]:
    """The clinic's day."""
    return {"today": day_in(current_app.config["SHOP"].clinic_time_zone, now())}
