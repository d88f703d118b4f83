"""What a client sees of her plans, her calendar's address, and how her skin did."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, flash, request

from shop.accounts.access import actor, allow, failures_counted
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotFound
from shop.orders import readiness
from shop.treatments import picturing, queries, reporting, schemas, subscribing
from shop.treatments.models import Plan
from shop.treatments.pages.blueprint import SHOWN, bp, read, rendered
from shop.web.forms import or_again, to
from shop.web.paging import page

STOP = "Thank you. Stop all active products until your clinic has written."


@bp.get("/plan")
@allow(Role.CLIENT)
def mine() -> Response:
    """A client's plans: what is done when, how it stands, and how her skin did."""
    return mine_again()


@bp.post("/plan/calendar")
@allow(Role.CLIENT)
def subscribe() -> Response:
    """A new address for her calendar program; this page shows it, once."""

    def act() -> Response:
        given = read(schemas.FeedIn)
        _, secret = subscribing.make(actor(), words=given["words"], at=now())
        db.session.commit()
        return mine_again(address=schemas.feed_address(secret))

    return or_again(act, mine_again)


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


@bp.post("/plan/<number>/sessions/<uuid:session_id>/reports")
@allow(Role.CLIENT)
def report(number: str, session_id: uuid.UUID) -> Response:
    """How her skin does on a day after a session."""

    def act() -> Response:
        alarms = request.form.getlist("alarms")
        given = read(schemas.ReportIn, numbers=("comfort",), alarms=alarms)
        plan = queries.plan_for(actor(), number, at=now(), lock=True)
        session = queries.session_of(plan, session_id)
        reporting.report(session, **given, by=actor(), at=now())
        held = plan.held_for_report
        db.session.commit()
        flash(STOP if held else "Thank you. It is written down.")
        return to("/plan")

    return or_again(
        act, lambda **why: mine_again(typed=request.form, reported_of=str(session_id), **why)
    )


def mine_again(**context: Any) -> Response:
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
