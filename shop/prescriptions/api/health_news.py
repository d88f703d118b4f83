"""What became known of clients' health after signing, and a physician's word on it, over HTTP."""

from __future__ import annotations

from typing import Any

from flask import Response

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.orders import rechecking as orders
from shop.prescriptions import rechecking, schemas
from shop.prescriptions.api.blueprint import bp, committed_prescription, opened
from shop.prescriptions.models import Prescription
from shop.web.api import PageQuery
from shop.web.paging import page


@bp.get("/health-news")
@allow(Role.PHYSICIAN)
@bp.arguments(PageQuery, location="query")
@bp.response(200, schemas.PrescriptionsOut)
def list_news(asked: dict[str, Any]) -> dict[str, Any]:
    """Prescriptions that wait for her to look at what became known; what that is, each tells."""
    shown = page(
        rechecking.waiting(actor(), at=now()),
        (Prescription.held_at, Prescription.id),
        limit=asked["limit"],
        after=asked["after"],
    )
    return shown | {"items": [schemas.listed_prescription(one) for one in shown["items"]]}


@bp.get("/prescriptions/<number>/health-review")
@allow(Role.PHYSICIAN)
@bp.response(200, schemas.NewsOut)
def show_news(number: str) -> dict[str, Any]:
    """What speaks against a prescription now and nobody has seen. Opening it is written down."""
    at = now()
    one = rechecking.to_review(actor(), number, at=at)
    opened(one.client, f"prescription {number}")
    return schemas.listed_prescription(one) | {
        "held_for": one.held_for,
        "news": rechecking.news_of([one], at=at)[one.id],
    }


@bp.post("/prescriptions/<number>/health-review")
@allow(Role.PHYSICIAN)
@bp.arguments(schemas.WhyIn)
@bp.response(201, schemas.PrescriptionOut)
def review_news(given: dict[str, Any], number: str) -> Response:
    """Say why a prescription goes on although something new is known of the client's health."""
    one = rechecking.to_review(actor(), number, at=now())
    orders.resume(one, reason=given["reason"], by=actor(), at=now())
    return committed_prescription(one, 201)
