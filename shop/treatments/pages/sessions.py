"""What is done to one session of a plan, and to what was reported after it."""

from __future__ import annotations

import uuid

from flask import Response, current_app, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.inventory import using
from shop.orders import readiness
from shop.treatments import (
    answering,
    booking,
    cancelling,
    missing,
    moving,
    queries,
    rescheduled,
    schemas,
    waiving,
)
from shop.treatments.models import Plan
from shop.treatments.pages.blueprint import CLINICIANS, bp, changed, moment, plan_page, read
from shop.web.forms import or_again


@bp.post("/plans/<number>/sessions/<uuid:session_id>/booking")
@allow(*CLINICIANS)
def book(number: str, session_id: uuid.UUID) -> Response:
    def act(plan: Plan) -> str:
        given = read(schemas.BookingIn)
        who = queries.performer(given["performer"]) if given["performer"] else actor()
        session = queries.session_of(plan, session_id)
        booking.book(session, performer=who, by=actor(), at=now())
        return "It is booked."

    return changed(number, act)


@bp.post("/plans/<number>/sessions/<uuid:session_id>/move")
@allow(*CLINICIANS)
def move(number: str, session_id: uuid.UUID) -> Response:
    def act(plan: Plan) -> str:
        session = queries.session_of(plan, session_id)
        starts = moment("starts", plan.zone)
        given = read(schemas.MoveIn, starts=starts.isoformat())
        moving.move(session, starts=starts, reason=given["reason"], by=actor(), at=now())
        return "It is moved."

    return changed(number, act)


@bp.post("/plans/<number>/sessions/<uuid:session_id>/preview")
@allow(*CLINICIANS)
def preview(number: str, session_id: uuid.UUID) -> Response:
    """What moving it there would change for her at home; nothing is moved."""

    def act() -> Response:
        session = queries.session_of(queries.plan_for(actor(), number, at=now()), session_id)
        wanted = moment("starts", session.plan.zone)
        told = rescheduled.preview(session, wanted, at=now())
        return plan_page(number, previewed=session_id, wanted=wanted, told_then=told)

    return or_again(act, lambda **why: plan_page(number, **why))


@bp.post("/plans/<number>/sessions/<uuid:session_id>/performance")
@allow(*CLINICIANS)
def perform(number: str, session_id: uuid.UUID) -> Response:
    def act(plan: Plan) -> str:
        typed = schemas.uses.chosen(request.form) + schemas.uses.typed(request.form.get("used", ""))
        at, given = now(), read(schemas.PerformanceIn, used=typed)
        using.perform(
            queries.session_of(plan, session_id),
            used=schemas.uses.lots(given["used"]),
            performer=actor(),
            performed_at=at,
            note=given["note"],
            today=day_in(current_app.config["SHOP"].clinic_time_zone, at),
            by=actor(),
            at=at,
        )
        return "It is written down as done."

    return changed(number, act)


@bp.post("/plans/<number>/sessions/<uuid:session_id>/waivers")
@allow(Role.PHYSICIAN)
def waive(number: str, session_id: uuid.UUID) -> Response:
    def act(plan: Plan) -> str:
        at, session = now(), queries.session_of(plan, session_id)
        given = read(schemas.WaiverIn, findings=request.form.getlist("findings"))
        judged = readiness.of_one(session, at=at)
        waiving.waive(session, **given, judged=judged, by=actor(), at=at)
        return "It is waived, for as long as the session stays where it is."

    return changed(number, act)


@bp.post("/plans/<number>/sessions/<uuid:session_id>/cancellation")
@allow(*CLINICIANS)
def cancel(number: str, session_id: uuid.UUID) -> Response:
    def act(plan: Plan) -> str:
        session = queries.session_of(plan, session_id)
        cancelling.cancel(session, **read(schemas.WhyIn), by=actor(), at=now())
        return "It is cancelled."

    return changed(number, act)


@bp.post("/plans/<number>/sessions/<uuid:session_id>/no-show")
@allow(*CLINICIANS)
def miss(number: str, session_id: uuid.UUID) -> Response:
    def act(plan: Plan) -> str:
        missing.miss(queries.session_of(plan, session_id), by=actor(), at=now())
        return "She did not come. Move it to another day, or cancel it."

    return changed(number, act)


@bp.post("/plans/<number>/reports/<uuid:report_id>/answer")
@allow(*CLINICIANS)
def answer(number: str, report_id: uuid.UUID) -> Response:
    def act(plan: Plan) -> str:
        given = read(schemas.AnswerIn)
        answering.answer(queries.report_of(plan, report_id), **given, by=actor(), at=now())
        return "The client can read it now."

    return changed(number, act)
