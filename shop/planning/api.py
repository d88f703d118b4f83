"""Places, transfers, testers and what the shelf will need, over HTTP: for staff and managers."""

from __future__ import annotations

import uuid
from datetime import date
from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.catalog import queries as catalog
from shop.core.clock import day_in, now
from shop.inventory import (
    arranging,
    locations,
    places,
    putting_away,
    testers,
    transferring,
)
from shop.inventory import queries as inventory
from shop.inventory.models import Transfer
from shop.inventory.schemas import LotOut
from shop.planning import queries, schemas, setting
from shop.web.api import Blueprint, committed
from shop.web.paging import page

bp = Blueprint("planning", __name__, url_prefix="/api/v1", description="Planning the shelf")

SHELF = (Role.STAFF, Role.MANAGER)


@bp.get("/stock/outlook")
@allow(*SHELF)
@bp.arguments(schemas.StockOutlookQuery, location="query")
@bp.response(200, schemas.StockOutlooksOut)
def outlook(asked: dict[str, Any]) -> dict[str, Any]:
    """What is asked of every variant, its reorder point, and what to order."""
    found = queries.outlooks(today=_today(), at=now())
    return {"items": [one for one in found if one.need.low or not asked["low"]]}


@bp.get("/stock/at-risk")
@allow(*SHELF)
@bp.arguments(schemas.StockDaysQuery, location="query")
@bp.response(200, schemas.AtRisksOut)
def at_risk(asked: dict[str, Any]) -> dict[str, Any]:
    """Lots whose last day of sale comes within `days`, and what will be left of them then."""
    days = asked["days"] or queries.SOON
    return {"items": queries.at_risk(days=days, today=_today(), at=now())}


@bp.get("/stock/dead")
@allow(*SHELF)
@bp.arguments(schemas.StockDaysQuery, location="query")
@bp.response(200, schemas.DeadsOut)
def dead(asked: dict[str, Any]) -> dict[str, Any]:
    """Variants of which nothing left or came in `days`."""
    return {"items": queries.dead(days=asked["days"] or queries.STILL, at=now())}


@bp.put("/variants/<sku>/stock-policy")
@allow(Role.MANAGER)
@bp.arguments(schemas.StockPolicyIn)
@bp.response(200, schemas.StockPolicyOut)
def set_policy(given: dict[str, Any], sku: str) -> Response:
    """Say how long deliveries of a variant take, and how much is kept beside."""
    variant = catalog.variant(sku, lock=True)
    policy = setting.set_policy(variant, **given, by=actor(), at=now())
    return committed(schemas.StockPolicyOut, policy)


@bp.get("/places")
@allow(*SHELF)
@bp.response(200, schemas.StockPlacesOut)
def list_places() -> dict[str, Any]:
    """The clinics, the places in them, and how much lies in each."""
    return {"sites": places.sites(), "places": [schemas.place(one) for one in places.places()]}


@bp.post("/sites")
@allow(Role.MANAGER)
@bp.arguments(schemas.SiteIn)
@bp.response(201, schemas.SiteOut)
def open_site(given: dict[str, Any]) -> Response:
    """Open a clinic."""
    return committed(schemas.SiteOut, arranging.open_site(**given, by=actor(), at=now()), 201)


@bp.post("/sites/<code>/closure")
@allow(Role.MANAGER)
@bp.response(200, schemas.SiteOut)
def close_site(code: str) -> Response:
    """Close a clinic whose places are closed."""
    site = places.site(code, lock=True)
    arranging.close_site(site, by=actor(), at=now())
    return committed(schemas.SiteOut, site)


@bp.post("/sites/<code>/places")
@allow(Role.MANAGER)
@bp.arguments(schemas.LocationIn)
@bp.response(201, schemas.LocationOut)
def open_location(given: dict[str, Any], code: str) -> Response:
    """Open a place in a clinic: a bin, a treatment room."""
    site = places.site(code, lock=True)
    made = arranging.open_location(site, **given, by=actor(), at=now())
    return committed(schemas.LocationOut, made, 201)


@bp.post("/places/<code>/closure")
@allow(Role.MANAGER)
@bp.response(200, schemas.LocationOut)
def close_location(code: str) -> Response:
    """Close a place in which nothing lies."""
    place = places.place(code)
    arranging.close_location(place, by=actor(), at=now())
    return committed(schemas.LocationOut, place)


@bp.post("/lots/<number>/put-away")
@allow(*SHELF)
@bp.arguments(schemas.PutAwayIn)
@bp.response(200, LotOut)
def put_away(given: dict[str, Any], number: str) -> Response:
    """Carry units of a lot to another shelf of the same clinic."""
    lot = inventory.lot(number, lock=True)
    putting_away.put_away(
        lot,
        given["units"],
        from_=locations.location(given["origin"]),
        to=locations.location(given["to"]),
        reference_id=given["reference"] or uuid.uuid4(),
        by=actor(),
        at=now(),
    )
    return committed(LotOut, lot)


@bp.get("/transfers")
@allow(*SHELF)
@bp.arguments(schemas.TransfersQuery, location="query")
@bp.response(200, schemas.TransfersOut)
def list_transfers(asked: dict[str, Any]) -> dict[str, Any]:
    """What goes from clinic to clinic, newest first."""
    return page(places.transfers(), places.NEWEST_FIRST, **asked, descending=True)


@bp.post("/transfers")
@allow(*SHELF)
@bp.arguments(schemas.TransferIn)
@bp.response(201, schemas.TransferOut)
def send(given: dict[str, Any]) -> Response:
    """Send packs to another clinic, all lines or none."""
    sent = transferring.send(
        queries.packed(given["lines"]),
        to=places.site(given["to"]),
        by=actor(),
        at=now(),
        today=_today(),
    )
    return committed(schemas.TransferOut, sent, 201)


@bp.get("/transfers/<number>")
@allow(*SHELF)
@bp.response(200, schemas.TransferOut)
def transfer(number: str) -> Transfer:
    """Show a transfer, and what of it has arrived."""
    return places.transfer(number)


@bp.post("/transfers/<number>/arrivals")
@allow(*SHELF)
@bp.arguments(schemas.TransferArrivalIn)
@bp.response(201, schemas.TransferOut)
def arrive(given: dict[str, Any], number: str) -> Response:
    """Put on a shelf what has come; what is missing may come later."""
    found = places.transfer(number, lock=True)
    counted = {one["line"]: one["units"] for one in given["lines"]}
    into = locations.location(given["into"])
    transferring.arrive(found, counted, into=into, by=actor(), at=now())
    return committed(schemas.TransferOut, found, 201)


@bp.post("/transfers/<number>/loss")
@allow(*SHELF)
@bp.arguments(schemas.StockReasonIn)
@bp.response(201, schemas.TransferOut)
def give_up(given: dict[str, Any], number: str) -> Response:
    """Write off what is missing. Not by who sent it."""
    found = places.transfer(number, lock=True)
    transferring.give_up(found, reason=given["reason"], by=actor(), at=now())
    return committed(schemas.TransferOut, found, 201)


@bp.get("/testers")
@allow(*SHELF)
@bp.response(200, schemas.TestersOut)
def list_testers() -> dict[str, Any]:
    """What clients may try, the first to be thrown away first."""
    return {"items": places.testers()}


@bp.post("/testers")
@allow(*SHELF)
@bp.arguments(schemas.TesterIn)
@bp.response(201, schemas.TesterOut)
def open_tester(given: dict[str, Any]) -> Response:
    """Open one pack of a lot for clients to try."""
    made = testers.open_tester(
        inventory.lot(given["lot"], lock=True),
        origin=locations.location(given["origin"]),
        months=given["months"],
        by=actor(),
        at=now(),
        today=_today(),
    )
    return committed(schemas.TesterOut, made, 201)


@bp.post("/testers/<number>/end")
@allow(*SHELF)
@bp.arguments(schemas.StockReasonIn)
@bp.response(201, schemas.TesterOut)
def end_tester(given: dict[str, Any], number: str) -> Response:
    """Throw a tester away."""
    tester = places.tester(number)
    testers.end(tester, reason=given["reason"], by=actor(), at=now())
    return committed(schemas.TesterOut, tester, 201)


def _today() -> date:
    """The clinic's day."""
    return day_in(current_app.config["SHOP"].clinic_time_zone, now())
