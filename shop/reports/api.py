"""Trails over HTTP: /events."""

from __future__ import annotations

from typing import Any

from shop.accounts.access import allow
from shop.accounts.models import Role
from shop.reports import queries, schemas
from shop.web.api import Blueprint
from shop.web.paging import page

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
