"""What came back, over HTTP: for staff and managers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.orders.queries import locked_order, order_for
from shop.payments import calls
from shop.payments.jobs import gateway
from shop.returns import (
    asking,
    deciding,
    disposing,
    inspecting,
    policy,
    queries,
    receiving,
    repaying,
    schemas,
)
from shop.returns.models import Return, ReturnRequest
from shop.web.api import Blueprint, committed
from shop.web.paging import page

bp = Blueprint("returns", __name__, url_prefix="/api/v1", description="What came back")

asked = Blueprint(
    "asked_returns", __name__, url_prefix="/api/v1", description="What clients ask to send back"
)

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
    asked_for = terms.pop("request")
    request = None if asked_for is None else queries.request_of(order, asked_for)
    made = receiving.receive(order, parcel, **terms, request=request, by=actor(), at=now())
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


@asked.get("/orders/<number>/return-requests")
@allow(Role.CLIENT, *KEEPERS)
@asked.response(200, schemas.OrderReturnRequestsOut)
def requests_of_an_order(number: str) -> dict[str, Any]:
    """What the client asked to send back of an order, and the terms."""
    order = order_for(actor(), number)
    return {"items": queries.requests_of(actor(), order), "terms": policy.current().words}


@asked.post("/orders/<number>/return-requests")
@allow(Role.CLIENT)
@asked.arguments(schemas.ReturnRequestIn)
@asked.response(201, schemas.ReturnRequestOut)
def ask(terms: dict[str, Any], number: str) -> Response:
    """Ask to send something back. Send an Idempotency-Key to be safe to repeat."""
    order = order_for(actor(), number, lock=True)
    units: dict[str, int] = {}
    for line in terms["lines"]:
        units[line["sku"]] = units.get(line["sku"], 0) + line["units"]
    made = asking.ask(
        order,
        units,
        reason=terms["reason"],
        words=terms["words"],
        zone=current_app.config["SHOP"].clinic_time_zone,
        by=actor(),
        at=now(),
    )
    return committed(schemas.ReturnRequestOut, made, 201)


@asked.get("/return-requests")
@allow(Role.CLIENT, *KEEPERS)
@asked.arguments(schemas.ReturnRequestsQuery, location="query")
@asked.response(200, schemas.ReturnRequestsOut)
def list_requests(wanted: dict[str, Any]) -> dict[str, Any]:
    """List what was asked to come back, the newest first; a client sees her own."""
    query = queries.requests_for(actor(), status=wanted.pop("status"))
    return page(query, (ReturnRequest.asked_at, ReturnRequest.id), descending=True, **wanted)


@asked.get("/return-requests/<number>")
@allow(Role.CLIENT, *KEEPERS)
@asked.response(200, schemas.ReturnRequestOut)
def show_request(number: str) -> ReturnRequest:
    """Show one."""
    return queries.request_for(actor(), number)


@asked.post("/return-requests/<number>/authorisation")
@allow(*KEEPERS)
@asked.response(200, schemas.ReturnRequestOut)
def authorise(number: str) -> Response:
    """Say yes: it may be sent until its last day."""
    found = queries.request_for(actor(), number, lock=True)
    deciding.authorise(found, **_today(), by=actor(), at=now())
    return committed(schemas.ReturnRequestOut, found)


@asked.post("/return-requests/<number>/refusal")
@allow(*KEEPERS)
@asked.arguments(schemas.ReturnRefusalIn)
@asked.response(200, schemas.ReturnRequestOut)
def refuse(terms: dict[str, Any], number: str) -> Response:
    """Say no, and why."""
    found = queries.request_for(actor(), number, lock=True)
    deciding.refuse(found, terms["refusal"], by=actor(), at=now())
    return committed(schemas.ReturnRequestOut, found)


@asked.post("/return-requests/<number>/withdrawal")
@allow(Role.CLIENT)
@asked.response(200, schemas.ReturnRequestOut)
def withdraw(number: str) -> Response:
    """Keep it after all."""
    found = queries.request_for(actor(), number, lock=True)
    asking.withdraw(found, by=actor(), at=now())
    return committed(schemas.ReturnRequestOut, found)


@asked.post("/return-requests/<number>/refund")
@allow(*KEEPERS)
@asked.arguments(schemas.ReturnRefundIn, required=False)
@asked.response(200, schemas.ReturnRequestOut)
def repay(terms: dict[str, Any], number: str) -> Response:
    """Send back the money of what came."""
    found = queries.request_for(actor(), number, lock=True)
    order = locked_order(found.order_id)
    with_shipping = terms.get("with_shipping", False)
    repaying.propose(order, found, with_shipping=with_shipping, by=actor(), at=now())
    db.session.commit()
    calls.send_for(order.id, gateway())
    return committed(schemas.ReturnRequestOut, queries.request_for(actor(), number))
