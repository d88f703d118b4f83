"""Examinations, referrals to a visit and supervisions over HTTP."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response

from shop.accounts import queries as accounts
from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import examining, queries, referring, schemas, supervising
from shop.prescriptions.api.blueprint import bp, committed_request
from shop.prescriptions.models import Supervision
from shop.web.api import committed


@bp.post("/approval-requests/<number>/referral")
@allow(Role.PHYSICIAN)
@bp.arguments(schemas.ReferralIn)
@bp.response(201, schemas.RequestOut)
def refer(given: dict[str, Any], number: str) -> Response:
    """Send the client of a request that one has claimed to a visit first."""
    request = queries.request_for(actor(), number, at=now(), lock=True)
    referring.refer(
        request,
        reason=given["reason"],
        message=given["message"],
        note=given["note"],
        by=actor(),
        at=now(),
        fence=given["claim"],
    )
    return committed_request(request, 201)


@bp.post("/approval-requests/<number>/examination")
@allow(Role.PHYSICIAN)
@bp.arguments(schemas.ExaminationRecordIn)
@bp.response(201, schemas.ExaminationRecordOut)
def record_examination(given: dict[str, Any], number: str) -> Response:
    """Record that one examined the client; her requests that waited for it go on."""
    request = queries.request_for(actor(), number, at=now(), lock=True)
    examination = examining.record(
        request.client,
        mode=given["mode"],
        on=given["date"],
        scope=given["scope"],
        findings=given["findings"],
        by=actor(),
        at=now(),
    )
    return committed(schemas.ExaminationRecordOut, examination, 201)


@bp.post("/examinations/<uuid:examination_id>/void")
@allow(Role.PHYSICIAN)
@bp.arguments(schemas.WhyIn)
@bp.response(201, schemas.ExaminationRecordOut)
def void_examination(given: dict[str, Any], examination_id: uuid.UUID) -> Response:
    """An examination was recorded by mistake: it counts no more."""
    examination = queries.examination_for(actor(), examination_id, at=now())
    examining.void(examination, reason=given["reason"], by=actor(), at=now())
    return committed(schemas.ExaminationRecordOut, examination, 201)


@bp.get("/people/<uuid:person_id>/supervisions")
@allow(Role.MANAGER)
@bp.response(200, schemas.SupervisionsOut)
def list_supervisions(person_id: uuid.UUID) -> dict[str, Any]:
    """Who stands, or stood, behind an NP or PA, the latest first."""
    found = queries.supervisions(accounts.person(person_id).id)
    query = found.order_by(Supervision.valid_from.desc(), Supervision.id).limit(100)
    return {"items": list(db.session.scalars(query))}


@bp.post("/people/<uuid:person_id>/supervisions")
@allow(Role.MANAGER)
@bp.arguments(schemas.SupervisionIn)
@bp.response(201, schemas.SupervisionOut)
def enter_supervision(given: dict[str, Any], person_id: uuid.UUID) -> Response:
    """A physician stands behind an NP or PA in a state."""
    prescriber = accounts.person(person_id)
    supervisor = accounts.person(given.pop("supervisor"))
    made = supervising.enter(prescriber, supervisor, by=actor(), at=now(), **given)
    return committed(schemas.SupervisionOut, made, 201)


@bp.post("/people/<uuid:person_id>/supervisions/<uuid:supervision_id>/end")
@allow(Role.MANAGER)
@bp.arguments(schemas.SupervisionEndIn)
@bp.response(200, schemas.SupervisionOut)
def end_supervision(
    given: dict[str, Any], person_id: uuid.UUID, supervision_id: uuid.UUID
) -> Response:
    """She stands behind them no more, from a day on."""
    supervision = queries.supervision(person_id, supervision_id)
    supervising.end(supervision, on=given["ended_on"], by=actor(), at=now())
    return committed(schemas.SupervisionOut, supervision)
