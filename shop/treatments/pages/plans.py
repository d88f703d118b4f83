"""One plan: what it says, and what is done to the whole of it."""

from __future__ import annotations

from flask import Response, request

from shop.accounts.access import actor, allow, fresh_proof, sign_in_afresh
from shop.accounts.models import Role
from shop.core.clock import now
from shop.treatments import (
    completing,
    holding,
    instructing,
    planning,
    proposing,
    regimens,
    revoking,
    schemas,
    starting,
)
from shop.treatments.errors import PlanChanged
from shop.treatments.models import Plan
from shop.treatments.pages.blueprint import CLINICIANS, bp, changed, moment, plan_page, read


@bp.get("/plans/<number>")
@allow(*CLINICIANS)
def show(number: str) -> Response:
    """One plan, with what may be done to it. Opening it is written down."""
    return plan_page(number)


@bp.post("/plans/<number>/sessions")
@allow(*CLINICIANS)
def add(number: str) -> Response:
    def act(plan: Plan) -> str:
        starts = moment("starts", plan.zone)
        step = read(schemas.PlannedSessionIn, numbers=("minutes",), starts=starts.isoformat())
        planning.add(plan, step, by=actor(), at=now())
        return "It is planned."

    return changed(number, act)


@bp.post("/plans/<number>/regimen")
@allow(*CLINICIANS)
def instruct(number: str) -> Response:
    """One step more of home care."""

    def act(plan: Plan) -> str:
        days = [day.strip().lower() for day in request.form.get("days", "").split(",")]
        given = read(schemas.StepIn, numbers=("every",), days=list(filter(None, days)))
        steps = [instructing.wanted(one) for one in regimens.read(plan.version.content)]
        instructing.instruct(plan, [*steps, given], by=actor(), at=now())
        return "It is part of the home care now."

    return changed(number, act)


@bp.post("/plans/<number>/regimen/<int:place>/removal")
@allow(*CLINICIANS)
def uninstruct(number: str, place: int) -> Response:
    """The step at this place of the version that was read is left out."""

    def act(plan: Plan) -> str:
        steps = [instructing.wanted(one) for one in regimens.read(plan.version.content)]
        given = read(schemas.StartIn, numbers=("version",))
        if given["version"] != plan.version.number or place >= len(steps):
            raise PlanChanged("The plan says something else by now. Read it again.")
        instructing.instruct(plan, steps[:place] + steps[place + 1 :], by=actor(), at=now())
        return "It is left out."

    return changed(number, act)


@bp.post("/plans/<number>/proposal")
@allow(*CLINICIANS)
def propose(number: str) -> Response:
    def act(plan: Plan) -> str:
        proposing.propose(plan, by=actor(), at=now())
        return "The client and our physicians can read it now."

    return changed(number, act)


@bp.post("/plans/<number>/start")
@allow(Role.PHYSICIAN)
def start(number: str) -> Response:
    def act(plan: Plan) -> str:
        given = read(schemas.StartIn, numbers=("version",))
        starting.start(plan, **given, by=actor(), proof=fresh_proof(), at=now())
        return "The plan is active."

    return changed(number, act, before=sign_in_afresh)


@bp.post("/plans/<number>/hold")
@allow(Role.PHYSICIAN)
def hold(number: str) -> Response:
    def act(plan: Plan) -> str:
        holding.hold(plan, **read(schemas.WhyIn), by=actor(), at=now())
        return "It is on hold."

    return changed(number, act)


@bp.post("/plans/<number>/resumption")
@allow(Role.PHYSICIAN)
def resume(number: str) -> Response:
    def act(plan: Plan) -> str:
        holding.resume(plan, by=actor(), at=now())
        return "It goes on."

    return changed(number, act)


@bp.post("/plans/<number>/completion")
@allow(*CLINICIANS)
def complete(number: str) -> Response:
    def act(plan: Plan) -> str:
        completing.complete(plan, by=actor(), at=now())
        return "It is complete."

    return changed(number, act)


@bp.post("/plans/<number>/revocation")
@allow(*CLINICIANS)
def revoke(number: str) -> Response:
    def act(plan: Plan) -> str:
        revoking.revoke(plan, **read(schemas.WhyIn), by=actor(), at=now())
        return "It is taken back; what was ahead is cancelled."

    return changed(number, act)
