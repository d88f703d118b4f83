"""Trails and figures over HTTP: /events, /reports."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.reports import filing, naming, queries, schemas
from shop.web.api import Blueprint, committed
from shop.web.paging import page
from shop.work.schemas import WorkOut

bp = Blueprint("reports", __name__, url_prefix="/api/v1", description="Figures and trails")


@bp.get("/events")
@allow(Role.MANAGER)
@bp.arguments(schemas.EventsQuery, location="query")
@bp.response(200, schemas.EventsOut)
def events(asked: dict[str, Any]) -> dict[str, Any]:
    """What happened, newest first: to one `subject`, or to all."""
    return page(
        queries.events(asked["subject"]),
        queries.NEWEST_FIRST,
        limit=asked["limit"],
        after=asked["after"],
        descending=True,
    )


@bp.get("/reports/<name>")
@allow(Role.MANAGER)
@bp.arguments(schemas.FiguresQuery, location="query")
@bp.response(200, schemas.FiguresOut)
def report(asked: dict[str, Any], name: str) -> dict[str, Any]:
    """A report: stock-value, expiry-exposure, movements, shrinkage, service-level, takings or
    provider-events.
    """
    found = naming.report(name)
    zone, at = current_app.config["SHOP"].clinic_time_zone, now()
    first, last = schemas.span(asked, zone=zone, at=at)
    figures = found.make(schemas.asked_for(first, last, zone=zone, at=at))
    return {
        "name": name,
        "title": found.title,
        "since": first if found.spans else None,
        "until": last if found.spans else None,
        "columns": figures.columns,
        "rows": figures.records(),
        "notes": figures.notes,
    }


@bp.post("/reports/<name>/files")
@allow(Role.MANAGER)
@bp.arguments(schemas.FiguresQuery)
@bp.response(202, WorkOut)
def ask_for_file(asked: dict[str, Any], name: str) -> Response:
    """Have the report's CSV made: `GET /work/{id}` tells how far it is and where to fetch it.

    For reports of any length; those above 2,000 rows are to be had in no other way.
    """
    naming.report(name)
    zone, at = current_app.config["SHOP"].clinic_time_zone, now()
    work = filing.ask(name, *schemas.span(asked, zone=zone, at=at), by=actor())
    return committed(WorkOut, work, 202)
