"""What a client sees of her plans, and her calendar's address."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, request

from shop.accounts.access import actor, allow, failures_counted
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotFound
from shop.orders import readiness
from shop.treatments import picturing, queries, schemas, subscribing
from shop.treatments.models import Plan
from shop.treatments.pages.blueprint import SHOWN, bp, read, rendered
from shop.web.forms import or_again, to
from shop.web.paging import page


@bp.get("/plan")
@allow(Role.CLIENT)
def mine() -> Response:
    """A client's plans: what is done when, how it stands, and how her skin did."""
    return _again()


@bp.post("/plan/calendar")
@allow(Role.CLIENT)
def subscribe() -> Response:
    """A new address for her calendar program; this page shows it, once."""

    def act() -> Response:
        given = read(schemas.FeedIn)
        _, secret = subscribing.make(actor(), words=given["words"], at=now())
        db.session.commit()
        return _again(address=schemas.feed_address(secret))

    return or_again(act, _again)


@bp.post("/plan/calendar/end")
@allow(Role.CLIENT)
def unsubscribe() -> Response:
    subscribing.end(actor(), at=now())
    db.session.commit()
    flash("Nothing is at that address any more.")
    return to("/plan")


@bp.get("/calendar/<secret>.ics")
@allow()
def calendar(secret: str) -> Response:
    """Her calendar, for whatever program holds its address. Nobody signs in."""
    at = now()
    with failures_counted(NotFound):
        feed = subscribing.opened(secret, address=request.remote_addr or "", at=at)
    response = Response(
        subscribing.stream(feed, at=at), content_type="text/calendar; charset=utf-8"
    )
    response.headers["Cache-Control"] = "private, no-cache"  # asked again, with the tag
    response.headers["X-Robots-Tag"] = "noindex"
    response.add_etag()
    response.make_conditional(request)
    return response


def _again(**context: Any) -> Response:
    """The same page, with what was typed or refused."""
    at = now()
    found = page(
        queries.plans(actor(), at=at),
        (Plan.created_at, Plan.id),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    return rendered(
        "mine.html",
        shown=found,
        ribbons={plan.id: picturing.ribbon_of(plan, at=at) for plan in found["items"]},
        feed=subscribing.feed_of(actor()),
        judged=readiness.of([one for plan in found["items"] for one in plan.sessions], at=at),
        **context,
    )
