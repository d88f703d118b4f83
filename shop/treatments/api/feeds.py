"""The private address of a client's calendar over HTTP: /me/calendar-feed.

The calendar itself is at /calendar/<secret>.ics (`pages`).
"""

from __future__ import annotations

from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotFound
from shop.treatments import schemas, subscribing
from shop.treatments.models import CalendarFeed
from shop.web.api import Blueprint, committed

bp = Blueprint("calendar_feeds", __name__, url_prefix="/api/v1", description="A client's calendar")


@bp.get("/me/calendar-feed")
@allow(Role.CLIENT)
@bp.response(200, schemas.FeedOut)
def show_feed() -> CalendarFeed:
    """Whether my calendar has an address, since when, and how much it says."""
    feed = subscribing.feed_of(actor())
    if feed is None:
        raise NotFound("Your calendar has no address.")
    return feed


@bp.post("/me/calendar-feed")
@allow(Role.CLIENT)
@bp.arguments(schemas.FeedIn)
@bp.response(201, schemas.NewFeedOut)
def make_feed(given: dict[str, Any]) -> Response:
    """A new address for my calendar, shown this once. The one before ends.

    The answer is never kept for an Idempotency-Key: a repeat makes another address.
    """
    feed, secret = subscribing.make(actor(), words=given["words"], at=now())
    shown = schemas.NewFeedOut().dump(
        {"words": feed.words, "made_at": feed.made_at, "address": schemas.feed_address(secret)}
    )
    db.session.commit()
    response = Response(current_app.json.dumps(shown), 201, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


@bp.delete("/me/calendar-feed")
@allow(Role.CLIENT)
@bp.response(204)
def end_feed() -> Response:
    """Nothing is at my calendar's address any more. Safe to repeat."""
    subscribing.end(actor(), at=now())
    return committed(None, None, 204)
