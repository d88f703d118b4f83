"""Pages: a client is to be seen first, was seen, or was not seen after all."""

from __future__ import annotations

import uuid

from flask import Response, flash, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions import examining, queries, referring, schemas
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.pages.blueprint import SHOWN, bp, form, or_again, rendered, to
from shop.prescriptions.pages.review import case_page as case
from shop.prescriptions.states import RequestStatus
from shop.web.paging import page


@bp.get("/review/visits")
@allow(Role.PHYSICIAN)
def visits() -> Response:
    """Whom a physician has to see before she can decide."""
    waiting = queries.requests(actor(), at=now(), statuses=[RequestStatus.REFERRED])
    shown = page(
        waiting,
        (ApprovalRequest.submitted_at, ApprovalRequest.id),
        limit=SHOWN,
        after=request.args.get("after"),
    )
    return rendered("visits.html", shown=shown)


@bp.post("/review/<number>/referral")
@allow(Role.PHYSICIAN)
def refer(number: str) -> Response:
    def act() -> Response:
        given = form(schemas.ReferralIn, numbers=("claim",))
        asked = queries.request_for(actor(), number, at=now(), lock=True)
        referring.refer(
            asked,
            reason=given["reason"],
            message=given["message"],
            note=given["note"],
            by=actor(),
            at=now(),
            fence=given["claim"],
        )
        db.session.commit()
        flash("The client is told to come and see us.")
        return to("/review")

    return or_again(act, lambda **why: case(number, typed=request.form, **why))


@bp.post("/review/<number>/examination")
@allow(Role.PHYSICIAN)
def record_examination(number: str) -> Response:
    def act() -> Response:
        given = form(schemas.ExaminationRecordIn, scope=request.form.getlist("scope"))
        asked = queries.request_for(actor(), number, at=now(), lock=True)
        examining.record(
            asked.client,
            mode=given["mode"],
            on=given["date"],
            scope=given["scope"],
            findings=given["findings"],
            by=actor(),
            at=now(),
        )
        db.session.commit()
        flash("The examination is on record.")
        return to(f"/review/{number}")

    return or_again(act, lambda **why: case(number, typed=request.form, **why))


@bp.post("/review/<number>/examinations/<uuid:examination_id>/void")
@allow(Role.PHYSICIAN)
def void_examination(number: str, examination_id: uuid.UUID) -> Response:
    def act() -> Response:
        given = form(schemas.WhyIn)
        examination = queries.examination_for(actor(), examination_id, at=now())
        examining.void(examination, reason=given["reason"], by=actor(), at=now())
        db.session.commit()
        flash("The examination counts no more.")
        return to(f"/review/{number}")

    return or_again(act, lambda **why: case(number, typed=request.form, **why))
