"""Plans over HTTP: /plans and their sessions.

What a writing route answers may be kept for an Idempotency-Key, so it holds no sealed words. Who
opens a plan that is not her own is written down first.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow, fresh_proof
from shop.accounts.models import Person, Role
from shop.charts import reading
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.inventory import using
from shop.orders import plan_ending, readiness
from shop.prescriptions import plan_starting
from shop.prescriptions import schemas as prescription_schemas
from shop.treatments import (
    booking,
    cancelling,
    completing,
    drafting,
    holding,
    instructing,
    missing,
    moving,
    planning,
    proposing,
    queries,
    revoking,
    schemas,
)
from shop.treatments.models import Plan, Session
from shop.treatments.templates import Step, template_of, templates
from shop.web.api import Blueprint, committed
from shop.web.paging import page
from shop.web.pdf import pdf

bp = Blueprint("plans", __name__, url_prefix="/api/v1", description="Treatment plans, sessions")

CLINICIANS = (Role.ESTHETICIAN, Role.PHYSICIAN)


@bp.get("/plan-templates")
@allow(*CLINICIANS)
@bp.response(200, schemas.TemplatesOut)
def list_templates() -> dict[str, Any]:
    """What a plan can be started from, each with its reason."""
    return schemas.listed(templates())


@bp.post("/plans")
@allow(*CLINICIANS)
@bp.arguments(schemas.PlanIn)
@bp.response(201, schemas.PlanOut)
def draft(given: dict[str, Any]) -> Response:
    """Begin a plan for a client, from a template or session by session."""
    return _answered(_drafted(queries.client_to_plan_for(given["client"]), given), 201)


def _drafted(client: Person, given: dict[str, Any]) -> Plan:
    """A plan as PlanIn says it, in the clinic's state and zone."""
    clinic = current_app.config["SHOP"]
    common: dict[str, Any] = {
        "goal": given["goal"],
        "state": clinic.clinic_state,
        "zone": clinic.clinic_time_zone,
        "by": actor(),
        "at": now(),
    }
    if given["template"] is None:
        return drafting.draft(client, steps=given["sessions"], **common)
    template = template_of(given["template"])
    return drafting.from_template(client, template, first=given["starts"], **common)


@bp.get("/plans")
@allow(Role.CLIENT, *CLINICIANS)
@bp.arguments(schemas.PlansQuery, location="query")
@bp.response(200, schemas.PlansOut)
def list_plans(asked: dict[str, Any]) -> dict[str, Any]:
    """The plans I may see, newest first."""
    at, status = now(), asked["status"]
    found = page(
        queries.plans(actor(), at=at, statuses=frozenset({status} if status else ())),
        (Plan.created_at, Plan.id),
        limit=asked["limit"],
        after=asked["after"],
        descending=True,
    )
    judged = readiness.of([one for plan in found["items"] for one in plan.sessions], at=at)
    return found | {"items": [schemas.shown(plan, at, judged) for plan in found["items"]]}


@bp.get("/plans/<number>")
@allow(Role.CLIENT, *CLINICIANS)
@bp.response(200, schemas.WholePlanOut)
def show(number: str) -> dict[str, Any]:
    """One plan with its words, versions and history. Opening it is written down."""
    plan = queries.plan_for(actor(), number, at=now())
    reading.open_record(actor(), plan.client, record=f"plan {number}", purpose=reading.TREATMENT)
    db.session.commit()
    return schemas.whole(plan, now(), inside=actor().role in CLINICIANS)


@bp.patch("/plans/<number>")
@allow(*CLINICIANS)
@bp.arguments(schemas.GoalIn)
@bp.response(200, schemas.PlanOut)
def change(given: dict[str, Any], number: str) -> Response:
    """Say anew what it is for: its next version."""
    plan = _locked(number)
    planning.change(plan, goal=given["goal"], by=actor(), at=now())
    return _answered(plan)


@bp.get("/plans/<number>/regimen")
@allow(Role.CLIENT, *CLINICIANS)
@bp.response(200, schemas.RegimenOut)
def show_regimen(number: str) -> dict[str, Any]:
    """Home care as the plan says it now. Opening it is written down."""
    plan = _opened(number)
    return schemas.regimen(plan, now(), inside=actor().role in CLINICIANS)


@bp.post("/plans/<number>/regimen")
@allow(*CLINICIANS)
@bp.arguments(schemas.RegimenIn)
@bp.response(201, schemas.PlanOut)
def instruct(given: dict[str, Any], number: str) -> Response:
    """Say home care anew, all of it: the plan's next version."""
    plan = _locked(number)
    instructing.instruct(plan, given["steps"], by=actor(), at=now())
    return _answered(plan, 201)


@bp.get("/plans/<number>/regimen/card")
@allow(Role.CLIENT, *CLINICIANS)
@bp.response(200)
def print_card(number: str) -> Response:
    """The same as a PDF with a code that leads to the client's page."""
    plan = _opened(number)
    return pdf(schemas.card(plan, current_app.config["SHOP"]), f"home-care-{number}.pdf")


def _opened(number: str) -> Plan:
    """A plan to read; who opens another's is written down, for good, before it is shown."""
    plan = queries.plan_for(actor(), number, at=now())
    reading.open_record(actor(), plan.client, record=f"plan {number}", purpose=reading.TREATMENT)
    db.session.commit()
    return plan


@bp.post("/plans/<number>/proposal")
@allow(*CLINICIANS)
@bp.response(201, schemas.PlanOut)
def propose(number: str) -> Response:
    """Let the client and the physicians read it; what is outside my scope waits for one."""
    plan = _locked(number)
    proposing.propose(plan, by=actor(), at=now())
    return _answered(plan, 201)


@bp.post("/plans/<number>/start")
@allow(Role.PHYSICIAN)
@bp.arguments(prescription_schemas.PlanStartIn)
@bp.response(201, schemas.PlanAndPrescriptionsOut)
def start(given: dict[str, Any], number: str) -> Response:
    """Start the version that I read, and sign these of its requests: all or nothing.

    Needs a fresh sign-in.
    """
    plan = _locked(number)
    signed = plan_starting.start(
        plan,
        prescription_schemas.ticked(given["sign"]),
        version=given["version"],
        by=actor(),
        proof=fresh_proof(),
        at=now(),
    )
    return _answered_with(plan, [one.number for one in signed])


@bp.post("/plans/<number>/statements")
@allow(Role.PHYSICIAN)
@bp.arguments(prescription_schemas.PlanStatementsIn)
@bp.response(200, prescription_schemas.PlanStatementsOut)
def word_statements(given: dict[str, Any], number: str) -> dict[str, Any]:
    """The statements that a start would sign, to be read first. Opening them is written down."""
    plan, at = _opened(number), now()
    terms = {one["number"]: prescription_schemas.terms(one) for one in given["sign"]}
    found = plan_starting.prepare(plan, terms, by=actor(), at=at)
    return prescription_schemas.worded(found)


@bp.post("/plans/<number>/hold")
@allow(Role.PHYSICIAN)
@bp.arguments(schemas.WhyIn)
@bp.response(201, schemas.PlanOut)
def hold(given: dict[str, Any], number: str) -> Response:
    """Pause a plan: nothing of it is performed or booked."""
    plan = _locked(number)
    holding.hold(plan, reason=given["reason"], by=actor(), at=now())
    return _answered(plan, 201)


@bp.delete("/plans/<number>/hold")
@allow(Role.PHYSICIAN)
@bp.response(204)
def resume(number: str) -> Response:
    """Let a plan go on."""
    holding.resume(_locked(number), by=actor(), at=now())
    return committed(None, None, 204)


@bp.post("/plans/<number>/completion")
@allow(*CLINICIANS)
@bp.arguments(prescription_schemas.PlanCompletionIn)
@bp.response(201, schemas.PlanAndPrescriptionsOut)
def complete(given: dict[str, Any], number: str) -> Response:
    """Say that it is done: nothing of it is ahead. Its prescriptions stand, but for those named."""

    def act(plan: Plan) -> None:
        completing.complete(plan, by=actor(), at=now())

    return _ended(number, act, given)


@bp.post("/plans/<number>/revocation")
@allow(Role.CLIENT, *CLINICIANS)
@bp.arguments(prescription_schemas.PlanRevocationIn)
@bp.response(201, schemas.PlanAndPrescriptionsOut)
def revoke(given: dict[str, Any], number: str) -> Response:
    """Take a plan back; what is ahead of it is cancelled, and these prescriptions end with it."""

    def act(plan: Plan) -> None:
        revoking.revoke(plan, reason=given["reason"], by=actor(), at=now())

    return _ended(number, act, given)


@bp.post("/plans/<number>/sessions")
@allow(*CLINICIANS)
@bp.arguments(schemas.PlannedSessionIn)
@bp.response(201, schemas.PlannedSessionOut)
def add(step: Step, number: str) -> Response:
    """One session more: the plan's next version."""
    return _answered_session(planning.add(_locked(number), step, by=actor(), at=now()), 201)


@bp.post("/plans/<number>/sessions/<uuid:session_id>/booking")
@allow(*CLINICIANS)
@bp.arguments(schemas.BookingIn)
@bp.response(201, schemas.PlannedSessionOut)
def book(given: dict[str, Any], number: str, session_id: uuid.UUID) -> Response:
    """Keep its time, with who performs it."""
    session = _session(number, session_id)
    booking.book(session, performer=_named(given["performer"]), by=actor(), at=now())
    return _answered_session(session, 201)


@bp.patch("/plans/<number>/sessions/<uuid:session_id>")
@allow(*CLINICIANS)
@bp.arguments(schemas.MoveIn)
@bp.response(200, schemas.PlannedSessionOut)
def move(given: dict[str, Any], number: str, session_id: uuid.UUID) -> Response:
    """Move it to another time; the move is kept."""
    session = _session(number, session_id)
    moving.move(session, **given, by=actor(), at=now())
    return _answered_session(session, 200)


@bp.get("/plans/<number>/sessions/<uuid:session_id>/changes")
@allow(Role.CLIENT, *CLINICIANS)
@bp.arguments(schemas.HomeChangesQuery, location="query")
@bp.response(200, schemas.HomeChangesOut)
def show_changes(asked: dict[str, Any], number: str, session_id: uuid.UUID) -> dict[str, Any]:
    """What moving it to `starts` would change at home, or what its last move changed."""
    session = queries.session_of(_opened(number), session_id)
    return schemas.changes(session, asked["starts"], at=now())


@bp.post("/plans/<number>/sessions/<uuid:session_id>/performance")
@allow(*CLINICIANS)
@bp.arguments(schemas.PerformanceIn)
@bp.response(201, schemas.PlannedSessionOut)
def perform(given: dict[str, Any], number: str, session_id: uuid.UUID) -> Response:
    """Write down that it was done, and which packs were opened for it."""
    session, at = _session(number, session_id), now()
    using.perform(
        session,
        used=schemas.uses.lots(given["used"]),
        performer=_named(given["performer"]),
        performed_at=given["performed_at"] or at,
        area=given["area"],
        note=given["note"],
        today=day_in(current_app.config["SHOP"].clinic_time_zone, at),
        by=actor(),
        at=at,
    )
    return _answered_session(session, 201)


@bp.post("/plans/<number>/sessions/<uuid:session_id>/cancellation")
@allow(*CLINICIANS)
@bp.arguments(schemas.WhyIn)
@bp.response(201, schemas.PlannedSessionOut)
def cancel(given: dict[str, Any], number: str, session_id: uuid.UUID) -> Response:
    """It will not take place."""
    session = _session(number, session_id)
    cancelling.cancel(session, reason=given["reason"], by=actor(), at=now())
    return _answered_session(session, 201)


@bp.post("/plans/<number>/sessions/<uuid:session_id>/no-show")
@allow(*CLINICIANS)
@bp.response(201, schemas.PlannedSessionOut)
def miss(number: str, session_id: uuid.UUID) -> Response:
    """The client did not come."""
    session = _session(number, session_id)
    missing.miss(session, by=actor(), at=now())
    return _answered_session(session, 201)


def _locked(number: str) -> Plan:
    return queries.plan_for(actor(), number, at=now(), lock=True)


def _session(number: str, session_id: uuid.UUID) -> Session:
    return queries.session_of(_locked(number), session_id)


def _named(person_id: uuid.UUID | None) -> Person:
    return actor() if person_id is None else queries.performer(person_id)


def _answered(plan: Plan, status: int = 200) -> Response:
    db.session.flush()  # the answer shows what the database stamped
    return committed(schemas.PlanOut, schemas.shown(plan, now()), status)


def _ended(number: str, act: Callable[[Plan], None], given: dict[str, Any]) -> Response:
    plan, _ = plan_ending.end(
        number, act, revoked=given["prescriptions"], reason=given["reason"], by=actor(), at=now()
    )
    return _answered_with(plan, given["prescriptions"])


def _answered_with(plan: Plan, prescriptions: Sequence[str]) -> Response:
    db.session.flush()  # the answer shows what the database stamped
    told = schemas.shown(plan, now()) | {"prescriptions": prescriptions}
    return committed(schemas.PlanAndPrescriptionsOut, told, 201)


def _answered_session(session: Session, status: int) -> Response:
    db.session.flush()  # the answer shows what the database stamped
    return committed(schemas.PlannedSessionOut, schemas.shown_session(session, now()), status)
