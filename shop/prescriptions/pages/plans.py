"""Pages: the prescriptions of a plan; a physician starts it and signs them in one act; it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from flask import Response, flash, request

from shop.accounts.access import actor, allow, fresh_proof
from shop.accounts.models import Person, Role
from shop.catalog import queries as catalog
from shop.charts import reading
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.orders import plan_ending
from shop.orders import revoking as revoking_orders
from shop.prescriptions import plan_starting, queries, queueing, requesting, schemas
from shop.prescriptions.errors import TermsRefused
from shop.prescriptions.intake import carrying, questioning
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.pages import review
from shop.prescriptions.pages.blueprint import bp, form, or_again, rendered, sign_in_afresh, to
from shop.prescriptions.plan_starting import Ticked
from shop.prescriptions.states import PrescriptionStatus
from shop.treatments import completing, permitting, regimens
from shop.treatments import queries as treatments
from shop.treatments import revoking as revoking_plans
from shop.treatments.errors import PlanChanged
from shop.treatments.models import Plan
from shop.treatments.states import ENDED, PlanStatus

STARTABLE = (PlanStatus.PROPOSED, PlanStatus.AWAITING_PHYSICIAN)
LIVING = (PrescriptionStatus.ACTIVE, PrescriptionStatus.ON_HOLD)
HASH = "statement_hash"


@bp.get("/plans/<number>/prescriptions")
@allow(Role.CLIENT, Role.ESTHETICIAN, Role.PHYSICIAN)
def of_plan(number: str) -> Response:
    """What was asked for with a plan; for who may start it, each open case with its terms."""
    return _page(number)


@bp.post("/plans/<number>/requests")
@allow(Role.ESTHETICIAN)
def ask_with_plan(number: str) -> Response:
    """Propose home care that a physician has to approve; the client answers the questions."""

    def act() -> Response:
        given = form(schemas.RequestIn, numbers=("quantity",))
        plan = treatments.plan_for(actor(), number, at=now(), lock=True)
        requesting.start(
            plan.client,
            catalog.variant(given["sku"]),
            quantity=given["quantity"],
            ship_to_state=given["ship_to_state"] or plan.client.state or "",
            plan=plan,
            by=actor(),
            at=now(),
        )
        db.session.commit()
        flash("The client can answer the questions now.")
        return to(f"/plans/{number}/prescriptions")

    return or_again(act, lambda **why: _page(number, typed=request.form, **why))


@bp.post("/plans/<number>/statements")
@allow(Role.PHYSICIAN)
def read_plan_statements(number: str) -> Response:
    """Show exactly what would be signed with the start; signs and starts nothing."""
    return or_again(
        lambda: _statements(number), lambda **why: _page(number, typed=request.form, **why)
    )


@bp.post("/plans/<number>/signatures")
@allow(Role.PHYSICIAN)
def start_and_sign(number: str) -> Response:
    def act() -> Response:
        sign_in_afresh()
        given = form(schemas.PlanStartIn, numbers=("version",), sign=[])
        plan = treatments.plan_for(actor(), number, at=now(), lock=True)
        signed = plan_starting.start(
            plan,
            _ticked(),
            version=given["version"],
            by=actor(),
            proof=fresh_proof(),
            at=now(),
        )
        db.session.commit()
        flash(f"The plan is active. Signed with it: {len(signed)}.")
        return to(f"/plans/{number}/prescriptions")

    return or_again(act, lambda **why: _not_started(number, **why))


@bp.post("/plans/<number>/ending")
@allow(Role.CLIENT, Role.ESTHETICIAN, Role.PHYSICIAN)
def end_plan(number: str) -> Response:
    """Take a plan back, or say that it is complete, with those of its prescriptions ticked."""

    def act() -> Response:
        complete = request.form.get("how") == "completion" and actor().role is not Role.CLIENT
        shape = schemas.PlanCompletionIn if complete else schemas.PlanRevocationIn
        given = form(shape, prescriptions=request.form.getlist("prescriptions"))

        def ends(plan: Plan) -> None:
            if complete:
                completing.complete(plan, by=actor(), at=now())
            else:
                revoking_plans.revoke(plan, reason=given["reason"], by=actor(), at=now())

        plan_ending.end(
            number,
            ends,
            revoked=given["prescriptions"],
            reason=given["reason"],
            by=actor(),
            at=now(),
        )
        db.session.commit()
        flash("The plan has ended.")
        return to(f"/plans/{number}/prescriptions")

    return or_again(act, lambda **why: _page(number, typed=request.form, **why))


def _page(number: str, **context: Any) -> Response:
    at = now()
    plan = treatments.plan_for(actor(), number, at=at)
    _opened(plan, f"prescriptions of plan {number}")
    asked = db.session.scalars(queries.of_plan(actor(), plan, at=at)).unique().all()
    startable = actor().role is Role.PHYSICIAN and plan.status in STARTABLE
    waiting = [one for one in asked if startable and one.status in queries.WAITING]
    typed, errors = context.pop("typed", None), context.get("errors", {})
    for one in waiting:
        _opened(plan, f"approval_request {one.number}")
    cases = [_case(one, plan, errors, at=at) for one in waiting]
    proposed = {name: value for case in cases for name, value in case["typed"].items()}
    page = rendered(
        "plan.html",
        plan=plan,
        steps=_steps(plan),
        name_of=_name_of,
        asked=asked,
        signed=[one.prescription for one in asked if _is_of_it(one)],
        cases=cases,
        startable=startable,
        unasked=_unasked(plan, asked),
        ends=plan.status not in ENDED and _may_end(plan),
        to_revoke=[(one, revoking_orders.consequences(one)) for one in _revocable(asked, actor())],
        ticked=request.form.getlist("sign"),
        modes=review.MODES,
        severities=review.SEVERITIES,
        at=at,
        typed=proposed | dict((typed or {}).items()),
        **context,
    )
    db.session.commit()  # written down for good before it is shown
    return page


def _case(
    asked: ApprovalRequest, plan: Plan, errors: Mapping[str, object], *, at: datetime
) -> dict[str, Any]:
    """An open request with all that she decides it on, and the terms she would most likely sign."""
    hits = queueing.explain(asked, at=at).hits
    own = {
        name.removeprefix(f"{asked.number}."): wrong
        for name, wrong in errors.items()
        if name.startswith(f"{asked.number}.")
    }
    terms = review.proposed(asked, asked.variant, mine=True, at=at)
    step = next((one for one in _steps(plan) if one.sku == asked.variant.sku), None)
    if step is not None and not terms.get("directions"):
        terms["directions"] = f"{step.frequency}, {step.dose}".rstrip(", ").capitalize() + "."
    return {
        "request": asked,
        "hits": hits,
        "form": questioning.questionnaire(asked.questionnaire_version),
        "answers": asked.answers or {},
        "said_on": carrying.said_earlier(asked),
        "reasons_asked": review.reasons_asked(hits, own),
        "typed": {f"{asked.number}.{name}": value for name, value in terms.items()},
    }


def _statements(number: str, **context: Any) -> Response:
    at = now()
    plan = treatments.plan_for(actor(), number, at=at)
    given = form(schemas.PlanStartIn, numbers=("version",), sign=[])
    if given["version"] != plan.version.number:
        raise PlanChanged("The plan says something else by now. Read it again.")
    terms = {one.number: one.terms for one in _ticked()}
    worded = plan_starting.prepare(plan, terms, by=actor(), at=at)
    for one in worded:
        if one.refusal is not None:
            raise one.refusal
    for one in worded:
        _opened(plan, f"approval_request {one.request.number}")
    page = rendered(
        "plan_statements.html",
        plan=plan,
        steps=_steps(plan),
        name_of=_name_of,
        worded=worded,
        sent={
            one.request.number: {
                name: text for name, text in _part(one.request.number).items() if name != HASH
            }
            for one in worded
        },
        fresh=fresh_proof() is not None,
        **context,
    )
    db.session.commit()  # written down for good before it is shown
    return page


def _not_started(number: str, **context: Any) -> Response:
    """The statements again with what went wrong; the plan where they are no more to be had."""
    try:
        return _statements(number, **context)
    except Refusal:
        db.session.rollback()
        return _page(number, typed=request.form, **context)


def _ticked() -> list[Ticked]:
    """The requests that she ticked, each with its part of the form."""
    found = []
    numbers = dict.fromkeys(request.form.getlist("sign"))
    if len(numbers) > plan_starting.MOST:
        raise TermsRefused(f"Sign {plan_starting.MOST} at most in one act.")
    for number in numbers:
        part = _part(number)
        given = _signature(number, part)
        shown = given[HASH]
        terms = schemas.terms(given)
        found.append(Ticked(number, terms, bytes.fromhex(shown) if shown else None))
    return found


def _signature(number: str, part: Mapping[str, str]) -> dict[str, Any]:
    try:
        return review.signature(part)
    except Refusal as refusal:
        refusal.fields = {f"{number}.{name}": wrong for name, wrong in refusal.fields.items()}
        raise


def _part(number: str) -> dict[str, str]:
    """The fields of one request: its number, a point, and the field's own name."""
    before = f"{number}."
    return {
        name.removeprefix(before): text
        for name, text in request.form.items()
        if name.startswith(before)
    }


def _unasked(plan: Plan, asked: Sequence[ApprovalRequest]) -> list[regimens.Step]:
    """What its home care has of doctor-only packs that nobody has asked for with it."""
    if plan.status in ENDED or plan.status is PlanStatus.DRAFT:
        return []
    had = {one.variant.sku for one in asked}
    steps = {one.sku: one for one in _steps(plan) if one.doctor_only and one.sku not in had}
    return list(steps.values())


def _name_of(procedure: str) -> str:
    return permitting.procedure_of(procedure).name


def _steps(plan: Plan) -> tuple[regimens.Step, ...]:
    return regimens.read(plan.version.content)


def _is_of_it(asked: ApprovalRequest) -> bool:
    signed = asked.prescription
    return signed is not None and signed.plan_id == asked.plan_id


def _revocable(asked: Sequence[ApprovalRequest], reader: Person) -> list[Prescription]:
    signed = (one.prescription for one in asked if _is_of_it(one))
    return [
        one
        for one in signed
        if one is not None
        and one.status in LIVING
        and reader.id in (one.prescriber_id, one.client_id)
    ]


def _may_end(plan: Plan) -> bool:
    return actor().role is not Role.ESTHETICIAN or plan.start is None or _is_active(plan)


def _is_active(plan: Plan) -> bool:
    return plan.status is PlanStatus.ACTIVE


def _opened(plan: Plan, record: str) -> None:
    reading.open_record(actor(), plan.client, record=record, purpose=reading.TREATMENT)
