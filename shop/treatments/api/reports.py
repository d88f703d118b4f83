"""Clients' reports over HTTP: what she says of her skin after a session, and what we answer."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.catalog import renditions
from shop.charts import reading
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotFound
from shop.treatments import answering, photographing, queries, reporting, schemas
from shop.treatments.models import SessionReport
from shop.web.api import Blueprint, PageQuery, committed
from shop.web.limits import MIB, larger_bodies
from shop.web.paging import page

bp = Blueprint("session_reports", __name__, url_prefix="/api/v1", description="Reports of clients")

bp.record_once(
    larger_bodies(
        dict.fromkeys(
            ("session_reports.add_photo", "plan_pages.add_photo"), renditions.MOST_BYTES + MIB
        )
    )
)

CLINICIANS = (Role.ESTHETICIAN, Role.PHYSICIAN)


@bp.get("/plans/<number>/reports")
@allow(Role.CLIENT, *CLINICIANS)
@bp.response(200, schemas.ReportsOut)
def list_reports(number: str) -> dict[str, Any]:
    """What was reported after each session, beside what is expected. Opening it is written down."""
    plan = queries.plan_for(actor(), number, at=now())
    record = f"reports of plan {number}"
    reading.open_record(actor(), plan.client, record=record, purpose=reading.TREATMENT)
    db.session.commit()
    return schemas.reported(plan, inside=actor().role in CLINICIANS)


@bp.post("/plans/<number>/sessions/<uuid:session_id>/reports")
@allow(Role.CLIENT)
@bp.arguments(schemas.ReportIn)
@bp.response(201, schemas.ReportOut)
def report(given: dict[str, Any], number: str, session_id: uuid.UUID) -> Response:
    """Say how my skin does on a day after a session, or correct what I said."""
    plan = queries.plan_for(actor(), number, at=now(), lock=True)
    session = queries.session_of(plan, session_id)
    made = reporting.report(session, **given, by=actor(), at=now())
    return _answered(made)


@bp.post("/plans/<number>/reports/<uuid:report_id>/photos")
@allow(Role.CLIENT)
@bp.arguments(schemas.PhotoIn, location="form")
@bp.arguments(schemas.PhotoFileIn, location="files")
@bp.response(201, schemas.PhotoOut)
def add_photo(
    terms: dict[str, Any], files: dict[str, Any], number: str, report_id: uuid.UUID
) -> Response:
    """Add a photo to a report of mine: PNG, JPEG or WebP, at most 10 MB, with my consent to it.

    It is made anew, and nothing of the file but its pixels is kept: no place, no camera.
    """
    report, picture = schemas.sent_photo(actor(), number, report_id)
    photo = photographing.add(report, picture, consent=terms["consent"], by=actor(), at=now())
    db.session.flush()  # the answer shows what the database stamped
    return committed(schemas.PhotoOut, photo, 201)


@bp.get("/plans/<number>/reports/<uuid:report_id>/photos/<uuid:photo_id>")
@allow(Role.CLIENT, *CLINICIANS)
@bp.response(200, content_type="image/webp")
def show_photo(number: str, report_id: uuid.UUID, photo_id: uuid.UUID) -> Response:
    """The picture itself. Opening it is written down."""
    plan = queries.plan_for(actor(), number, at=now())
    photo = photographing.photo_of(queries.report_of(plan, report_id), photo_id)
    record = f"photo {photo.number} of a report of plan {number}"
    reading.open_record(actor(), plan.client, record=record, purpose=reading.TREATMENT)
    db.session.commit()
    picture = photo.picture
    if picture is None:
        raise NotFound("She has erased this photo.")
    return Response(picture, content_type="image/webp")


@bp.delete("/plans/<number>/reports/<uuid:report_id>/photos/<uuid:photo_id>")
@allow(Role.CLIENT)
@bp.response(200, schemas.PhotoOut)
def erase_photo(number: str, report_id: uuid.UUID, photo_id: uuid.UUID) -> Response:
    """Take a photo of mine back: the picture is erased for good."""
    plan = queries.plan_for(actor(), number, at=now(), lock=True)
    report = queries.report_of(plan, report_id)
    photo = photographing.photo_of(report, photo_id)
    photographing.erase(report, photo, by=actor(), at=now())
    return committed(schemas.PhotoOut, photo, 200)


@bp.get("/session-reports")
@allow(*CLINICIANS)
@bp.arguments(PageQuery, location="query")
@bp.response(200, schemas.WaitingReportsOut)
def list_waiting(asked: dict[str, Any]) -> dict[str, Any]:
    """The reports that wait for an answer of mine, longest first."""
    query = queries.reports_waiting(actor(), at=now())
    return page(query, (SessionReport.reported_at, SessionReport.id), **asked)


@bp.post("/plans/<number>/reports/<uuid:report_id>/answer")
@allow(*CLINICIANS)
@bp.arguments(schemas.AnswerIn)
@bp.response(201, schemas.ReportOut)
def answer(given: dict[str, Any], number: str, report_id: uuid.UUID) -> Response:
    """Write to the client about a report that was more than expected."""
    plan = queries.plan_for(actor(), number, at=now(), lock=True)
    found = queries.report_of(plan, report_id)
    answering.answer(found, message=given["message"], by=actor(), at=now())
    return _answered(found)


def _answered(made: SessionReport) -> Response:
    db.session.flush()  # the answer shows what the database stamped
    return committed(schemas.ReportOut, made, 201)
