"""Readiness over HTTP: the sessions of the next days, and what a physician waives."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.charts import reading
from shop.core.clock import now
from shop.core.db import db
from shop.orders import readiness
from shop.treatments import queries, schemas, waiving
from shop.treatments.models import Session
from shop.web.api import Blueprint, PageQuery, committed
from shop.web.paging import page

bp = Blueprint("readiness", __name__, url_prefix="/api/v1", description="Ready for a session?")

CLINICIANS = (Role.ESTHETICIAN, Role.PHYSICIAN)


@bp.get("/readiness")
@allow(*CLINICIANS)
@bp.arguments(PageQuery, location="query")
@bp.response(200, schemas.AheadListOut)
def list_ahead(asked: dict[str, Any]) -> dict[str, Any]:
    """Today's booked sessions and those of the next 14 days, with what speaks against each.

    The opening of each client's record is written down.
    """
    at = now()
    zone = current_app.config["SHOP"].clinic_time_zone
    query = queries.booked_ahead(actor(), zone=zone, at=at)
    found = page(query, (Session.starts_at, Session.id), **asked)
    judged = readiness.of(found["items"], at=at)
    for client in dict.fromkeys(one.plan.client for one in found["items"]):
        reading.open_record(actor(), client, record="readiness", purpose=reading.TREATMENT)
    db.session.commit()
    return found | {"items": [schemas.ahead(one, judged.get(one.id)) for one in found["items"]]}


@bp.post("/plans/<number>/sessions/<uuid:session_id>/waivers")
@allow(Role.PHYSICIAN)
@bp.arguments(schemas.WaiverIn)
@bp.response(201, schemas.WaiverOut)
def waive(given: dict[str, Any], number: str, session_id: uuid.UUID) -> Response:
    """Go on with a session in spite of what I name. It ends when the session is moved."""
    at = now()
    plan = queries.plan_for(actor(), number, at=at, lock=True)
    session = queries.session_of(plan, session_id)
    judged = readiness.of_one(session, at=at)
    made = waiving.waive(session, **given, judged=judged, by=actor(), at=at)
    db.session.refresh(made)
    return committed(schemas.WaiverOut, made, 201)
