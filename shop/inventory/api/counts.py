"""Counts and adjustments over HTTP: for staff and managers."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from flask import Response

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.inventory import adjusting, counting, cycle, locations, queries, stocktaking
from shop.inventory.api import clinic_day
from shop.inventory.models import Adjustment, Count, CountCause
from shop.inventory.schemas import counts as schemas
from shop.web.api import Blueprint, committed
from shop.web.paging import page

bp = Blueprint("counts", __name__, url_prefix="/api/v1", description="Counts and adjustments")

KEEPERS = (Role.STAFF, Role.MANAGER)


@bp.get("/counts")
@allow(*KEEPERS)
@bp.arguments(schemas.CountsQuery, location="query")
@bp.response(200, schemas.CountsOut)
def list_counts(asked: dict[str, Any]) -> dict[str, Any]:
    """List counts, the newest first."""
    query = stocktaking.counts(status=asked.pop("status"))
    return page(query, (Count.planned_at, Count.id), descending=True, **asked)


@bp.get("/count-plan")
@allow(*KEEPERS)
@bp.arguments(schemas.CountDueQuery, location="query")
@bp.response(200, schemas.CountPlanOut)
def due(asked: dict[str, Any]) -> dict[str, Any]:
    """Say what is to be counted when, soonest due first: A monthly, B quarterly, C half-yearly."""
    code = asked["location"]
    where = locations.location(code) if code else None
    return {"items": cycle.plan(at=now(), location=where)}


@bp.post("/counts")
@allow(*KEEPERS)
@bp.arguments(schemas.CountIn)
@bp.response(201, schemas.WholeCountOut)
def plan(terms: dict[str, Any]) -> Response:
    """Plan a count: of lots named, of all that lies there, or (cause `cycle`) of what is due."""
    where, by, at = locations.location(terms["location"]), actor(), now()
    if terms["cause"] is CountCause.CYCLE and terms["lots"] is None:
        made = cycle.plan_due(where, today=clinic_day(), by=by, at=at)
    else:
        lots = None
        if terms["lots"] is not None:
            lots = list(stocktaking.named(terms["lots"]).values())
        made = counting.plan(where, lots, cause=terms["cause"], by=by, at=at)
    return committed(schemas.WholeCountOut, made, 201)


@bp.get("/counts/<number>")
@allow(*KEEPERS)
@bp.response(200, schemas.WholeCountOut)
def show(number: str) -> Count:
    """Show a count and its sheet; what is expected only once all is counted."""
    return stocktaking.count(number)


@bp.post("/counts/<number>/start")
@allow(*KEEPERS)
@bp.response(200, schemas.WholeCountOut)
def begin(number: str) -> Response:
    """Start to count."""
    return _changed(number, counting.begin)


@bp.post("/counts/<number>/entries")
@allow(*KEEPERS)
@bp.arguments(schemas.CountEntriesIn)
@bp.response(200, schemas.WholeCountOut)
def enter(terms: dict[str, Any], number: str) -> Response:
    """Write down how many units lie there; a lot that was not on the sheet is put on it."""
    lots = stocktaking.named(one["lot"] for one in terms["found"])
    found = [(lots[one["lot"]], one["units"]) for one in terms["found"]]
    return _changed(number, lambda count, **who: counting.enter(count, found, **who))


@bp.post("/counts/<number>/finish")
@allow(*KEEPERS)
@bp.response(200, schemas.WholeCountOut)
def finish(number: str) -> Response:
    """Say that all is counted; what differs is shown from now on."""
    return _changed(number, counting.finish)


@bp.post("/counts/<number>/explanations")
@allow(*KEEPERS)
@bp.arguments(schemas.CountExplanationIn)
@bp.response(200, schemas.WholeCountOut)
def explain(terms: dict[str, Any], number: str) -> Response:
    """Say why a lot differs."""
    lot = terms.pop("lot")
    return _changed(
        number,
        lambda count, **who: counting.explain(stocktaking.line(count, lot), **terms, **who),
    )


@bp.post("/counts/<number>/recount")
@allow(*KEEPERS)
@bp.response(200, schemas.WholeCountOut)
def again(number: str) -> Response:
    """Count once more."""
    return _changed(number, counting.again)


@bp.post("/counts/<number>/approval")
@allow(*KEEPERS)
@bp.response(200, schemas.WholeCountOut)
def approve(number: str) -> Response:
    """Accept what differs; where that is much, as somebody who has not counted."""
    return _changed(number, counting.approve)


@bp.post("/counts/<number>/posting")
@allow(*KEEPERS)
@bp.response(200, schemas.WholeCountOut)
def post(number: str) -> Response:
    """Correct the ledger by what differs, all of it or nothing."""
    return _changed(number, functools.partial(counting.post, today=clinic_day()))


@bp.post("/counts/<number>/cancellation")
@allow(*KEEPERS)
@bp.arguments(schemas.CountGivenUpIn)
@bp.response(200, schemas.WholeCountOut)
def cancel(terms: dict[str, Any], number: str) -> Response:
    """Give a count up."""
    return _changed(number, lambda count, **who: counting.cancel(count, **terms, **who))


@bp.get("/adjustments")
@allow(*KEEPERS)
@bp.arguments(schemas.AdjustmentsQuery, location="query")
@bp.response(200, schemas.AdjustmentsOut)
def list_adjustments(asked: dict[str, Any]) -> dict[str, Any]:
    """List adjustments, the newest first."""
    query = stocktaking.adjustments(status=asked.pop("status"))
    return page(query, (Adjustment.proposed_at, Adjustment.id), descending=True, **asked)


@bp.post("/adjustments")
@allow(*KEEPERS)
@bp.arguments(schemas.AdjustmentIn)
@bp.response(201, schemas.AdjustmentOut)
def adjust(terms: dict[str, Any]) -> Response:
    """Correct stock for a reason: at once, or above the limit when a second person confirms it."""
    lot, where = queries.lot(terms.pop("lot")), locations.location(terms.pop("location"))
    units = terms.pop("units")
    made = adjusting.adjust(lot, where, units, **terms, today=clinic_day(), by=actor(), at=now())
    return committed(schemas.AdjustmentOut, made, 201)


@bp.post("/adjustments/<number>/confirmation")
@allow(*KEEPERS)
@bp.response(200, schemas.AdjustmentOut)
def confirm(number: str) -> Response:
    """Agree to what somebody else proposed: the units move."""
    return _decided(number, functools.partial(adjusting.confirm, today=clinic_day()))


@bp.post("/adjustments/<number>/refusal")
@allow(*KEEPERS)
@bp.response(200, schemas.AdjustmentOut)
def decline(number: str) -> Response:
    """Do not agree: nothing moves."""
    return _decided(number, adjusting.decline)


def _changed(number: str, act: Callable[..., object]) -> Response:
    count = stocktaking.count(number, lock=True)
    act(count, by=actor(), at=now())
    return committed(schemas.WholeCountOut, count)


def _decided(number: str, act: Callable[..., object]) -> Response:
    found = stocktaking.adjustment(number, lock=True)
    act(found, by=actor(), at=now())
    return committed(schemas.AdjustmentOut, found)
