"""Pages: what became known of a client's health after signing, and a physician's word on it."""

from __future__ import annotations

from typing import Any

from flask import Response, flash, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.charts import reading
from shop.core.clock import now
from shop.core.db import db
from shop.core.rules import Severity
from shop.orders import queries as orders
from shop.orders import rechecking as following
from shop.prescriptions import rechecking, schemas
from shop.prescriptions.models import Prescription
from shop.prescriptions.pages.blueprint import SHOWN, bp, form, or_again, rendered, to
from shop.web.paging import page


@bp.get("/review/health-news")
@allow(Role.PHYSICIAN)
def list_news() -> Response:
    shown = page(
        rechecking.waiting(actor(), at=now()),
        (Prescription.held_at, Prescription.id),
        limit=SHOWN,
        after=request.args.get("after"),
    )
    return rendered("health_news.html", shown=shown)


@bp.get("/prescriptions/<number>/health-review")
@allow(Role.PHYSICIAN)
def show_news(number: str) -> Response:
    return _news(number)


@bp.post("/prescriptions/<number>/health-review")
@allow(Role.PHYSICIAN)
def review_news(number: str) -> Response:
    def act() -> Response:
        given = form(schemas.WhyIn)
        one = rechecking.to_review(actor(), number, at=now())
        following.resume(one, reason=given["reason"], by=actor(), at=now())
        db.session.commit()
        flash(f"{number} goes on.")
        return to("/review/health-news")

    return or_again(act, lambda **why: _news(number, typed=request.form, **why))


def _news(number: str, **context: Any) -> Response:
    at = now()
    one = rechecking.to_review(actor(), number, at=at)
    reading.open_record(
        actor(), one.client, record=f"prescription {number}", purpose=reading.TREATMENT
    )
    db.session.commit()  # written down for good before it is shown
    news = rechecking.news_of([one], at=at)[one.id]
    return rendered(
        "health_review.html",
        one=one,
        mine=actor().id == one.prescriber_id,
        news=news,
        hard=any(hit.severity is Severity.HARD_STOP for hit in news),
        waits=rechecking.to_be_looked_at(one, news),
        left=orders.left_under([one.id]),
        at=at,
        **context,
    )
