"""A client asks a physician for a doctor-only product."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from shop.accounts.models import Person
from shop.catalog.models import LegalClass, Variant, law_over
from shop.core import events, numbers
from shop.core.db import db
from shop.core.errors import NotAllowed, WrongState
from shop.core.events import Kind
from shop.prescriptions import declining, examining, queueing, reviewing, revoking
from shop.prescriptions.clocks import POLICY
from shop.prescriptions.errors import (
    AlreadyAsked,
    AnswersRefused,
    ConsentMissing,
    NotDoctorOnly,
    NotForSale,
    PlanNotOpen,
    TooYoung,
)
from shop.prescriptions.gate import ADULT
from shop.prescriptions.intake import carrying, composing, noting, questioning, versions
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.states import REQUEST_ARROWS, PrescriptionStatus, RequestStatus
from shop.treatments.models import Plan
from shop.treatments.states import OPEN as OPEN_PLANS
from shop.treatments.states import READABLE

LIVING = (PrescriptionStatus.ACTIVE, PrescriptionStatus.ON_HOLD)
OPEN = [status for status, after in REQUEST_ARROWS.items() if status and after]


def start(
    client: Person,
    variant: Variant,
    *,
    quantity: int,
    ship_to_state: str,
    by: Person,
    at: datetime,
    renews: Prescription | None = None,
    plan: Plan | None = None,
) -> ApprovalRequest:
    """Begin a request as a draft; `quantity` in units of the pack.

    `renews` is what it asks to go on with (`renewing.renew` says when), `plan` (locked) what it is
    part of. Raises NotDoctorOnly, NotForSale, TooYoung, AlreadyAsked, PlanNotOpen.
    """
    if plan is not None:
        _refuse_plan(plan, client)
    for refuse in refusing(client, variant, ship_to_state, at=at):
        refuse()
    request = ApprovalRequest(
        number=numbers.fresh("Q"),
        client=client,
        requested_by=by,
        variant=variant,
        renews_id=None if renews is None else renews.id,
        plan_id=None if plan is None else plan.id,
        quantity=quantity,
        ship_to_state=ship_to_state,
        status=RequestStatus.DRAFT,
        questionnaire_version=composing.version_for(variant.product_id),
    )
    try:
        with db.session.begin_nested():
            db.session.add(request)
            db.session.flush()  # the event needs request.id; two drafts at once clash here
            events.record(Kind.REQUEST_STARTED, request, number=request.number)
    except IntegrityError as error:
        if "approval_requests_one_live" not in str(error.orig):
            raise
        _refuse_second_request(client, variant)
        raise
    return request


def answer(
    request: ApprovalRequest, answers: Mapping[str, Any], *, by: Person, at: datetime
) -> None:
    """Keep the answers of a draft, said today; they may still be incomplete.

    What is left out and carried over from an earlier request need not be said. Raises
    AnswersRefused.
    """
    _require_own(request, by)
    _require_draft(request)
    today = _day(at)
    own = questioning.given(answers)
    sheet = carrying.sheet(request, own, today=today)
    questioning.check(sheet.form, sheet.answers, complete=False, today=today)
    request.answers = own
    request.answered_on = dict.fromkeys(own, today.isoformat())
    db.session.flush()  # the row goes before its event
    events.record(Kind.REQUEST_ANSWERED, request)


def answer_one(
    request: ApprovalRequest, question: str, said: Any, *, by: Person, at: datetime
) -> None:
    """Keep one answer of a draft, said today; the others stay, but for those that hang on it.

    A blank is no answer: where one is needed that is refused, else the question stays open. Raises
    AnswersRefused, NotAllowed, WrongState.
    """
    _require_own(request, by)
    _require_draft(request)
    today = _day(at)
    before = dict(request.answers or {})
    own = questioning.given(before | {question: said})
    asked = carrying.sheet(request, own, today=today)
    _refuse_answer(asked, question, own.get(question), today=today)
    request.answers = carrying.without_orphans(request, own, today=today)
    days = request.answered_on or {}
    request.answered_on = {
        name: days.get(name, today.isoformat())
        if name != question and before.get(name) == answer
        else today.isoformat()
        for name, answer in request.answers.items()
    }
    db.session.flush()  # the row goes before its event
    events.record(Kind.REQUEST_ANSWERED, request)


def _refuse_answer(sheet: carrying.Sheet, name: str, said: Any, *, today: date) -> None:
    question = sheet.form.by_id.get(name)
    if question is None or not question.shown(sheet.answers):
        problem = "This is not asked of you."
    elif said is not None:
        problem = questioning.problem_with(question, said, today=today) or ""
    else:
        needed = question.required and name not in sheet.carried
        problem = "Please answer this." if needed else ""
    if problem:
        wrong = {f"answers.{name}": [problem]}
        raise AnswersRefused("This answer is missing or cannot be used.", fields=wrong)


def submit(request: ApprovalRequest, *, consent: bool, by: Person, at: datetime) -> None:
    """Hand a draft to the physicians; its answers, pack, quantity and state are frozen from here.

    Where a state asks for a visit that is not on record, it waits for that: it is referred.
    What is carried over from earlier requests becomes part of it, with the day it was first said.
    What the answers say of her health is written into her chart. Where a rule says so, it is
    declined at once: nobody could sign it.
    Raises ConsentMissing, AnswersRefused, WrongState.
    """
    _require_own(request, by)
    _require_draft(request)
    if not consent:
        raise ConsentMissing(
            "The physician needs your consent to read your answers.",
            fields={"consent": ["Agree to this first."]},
        )
    today = _day(at)
    own, days = request.answers or {}, request.answered_on or {}
    sheet = carrying.sheet(request, own, today=today)
    questioning.check(sheet.form, sheet.answers, complete=True, today=today)
    carried = {name: said.on.isoformat() for name, said in sheet.carried.items()}
    request.answers = sheet.answers
    request.answered_on = {
        name: days.get(name) or carried.get(name) or today.isoformat() for name in sheet.answers
    }
    request.answers_hash = frozen_hash(request, sheet.answers)
    request.consented_at = at
    judged = queueing.judge(request, at=at)
    if judged.declined_by is not None:
        declining.decline(request, judged.declined_by, hits=judged.hits, at=at)
        return
    visits = examining.unmet(request, at=at)
    if visits:
        request.due_at, request.status = None, RequestStatus.REFERRED
    else:
        request.due_at = at + POLICY.answered_within
        queueing.lay(request, judged, at=at)
        request.status = RequestStatus.QUEUED
    db.session.flush()  # the database stamps when
    db.session.refresh(request, ["consented_at", "submitted_at"])
    events.record(Kind.REQUEST_SUBMITTED, request, questionnaire=request.questionnaire_version)
    if visits:
        events.record(Kind.REQUEST_REFERRED, request, rules=[rule.number for rule in visits])
    noting.note(request, by=by, at=at)


def withdraw(request: ApprovalRequest, *, by: Person, at: datetime) -> None:
    """The client no longer wants it, or does not take what was prescribed instead.

    Raises WrongState while a physician is looking at it.
    """
    _require_own(request, by)
    reviewing.release_if_run_out(request, at=at)
    not_taken = request.prescription if request.status is RequestStatus.PENDING_CLIENT else None
    request.status = RequestStatus.WITHDRAWN
    if not_taken is not None and not_taken.status in LIVING:
        revoking.revoke(not_taken, reason="The client did not take the change.", by=by, at=at)
    db.session.flush()  # the row goes before its event
    events.record(Kind.REQUEST_WITHDRAWN, request)


def frozen_hash(request: ApprovalRequest, answers: Mapping[str, Any]) -> bytes:
    """SHA-256 of what was submitted, with these answers (`versions.hash_of`)."""
    return versions.hash_of(request, versions.current(request, answers))


def refusing(
    client: Person, variant: Variant, ship_to_state: str, *, at: datetime
) -> tuple[Callable[[], None], ...]:
    """What refuses a request before it begins, each by itself, for who wants every reason."""
    return (
        lambda: refuse_what_needs_no_request(variant, ship_to_state, at),
        lambda: _refuse_minors(client, at),
        lambda: _refuse_second_request(client, variant),
    )


def refuse_what_needs_no_request(variant: Variant, state: str, at: datetime) -> None:
    """Only what is sold in `state`, and only under a prescription, is asked for and prescribed.

    Raises NotForSale, NotDoctorOnly.
    """
    if not variant.for_sale or variant.product.published_at is None:
        raise NotForSale("This is not for sale.", sku=variant.sku)
    law = law_over(variant.product_id, state, _day(at))
    ruled = db.session.scalar(sa.select(law.c.legal_class))
    if ruled is LegalClass.CLINIC_USE:
        raise NotForSale(f"This is not sold in {state}.", sku=variant.sku, state=state)
    here = ruled is not None and ruled.prescription_only
    if not (variant.doctor_only or variant.legal_class.prescription_only or here):
        raise NotDoctorOnly("Nobody has to approve this: put it in your cart.", sku=variant.sku)


def _refuse_plan(plan: Plan, client: Person) -> None:
    if plan.client_id != client.id:
        raise PlanNotOpen(f"{plan.number} is another client's plan.", plan=plan.number)
    if plan.status not in OPEN_PLANS & READABLE:
        raise PlanNotOpen(
            f"Nothing is asked for with a plan that is {plan.status}.",
            plan=plan.number,
            status=plan.status.value,
        )


def _refuse_minors(client: Person, at: datetime) -> None:
    age = client.age_on(_day(at))
    if age is None or age < ADULT:
        raise TooYoung(
            f"We send prescription products to people of {ADULT} and over only.",
            minimum_age=ADULT,
        )


def _refuse_second_request(client: Person, variant: Variant) -> None:
    asked = db.session.execute(
        sa.select(ApprovalRequest.number, ApprovalRequest.status).where(
            ApprovalRequest.client_id == client.id,
            ApprovalRequest.variant_id == variant.id,
            ApprovalRequest.status.in_(OPEN),
        )
    ).first()
    if asked is not None:
        raise AlreadyAsked(
            "There is an open request for this already.",
            request=asked.number,
            status=asked.status.value,
        )


def _require_own(request: ApprovalRequest, by: Person) -> None:
    if by.id != request.client_id:
        raise NotAllowed("Only the client answers for herself.")


def _require_draft(request: ApprovalRequest) -> None:
    if request.status is not RequestStatus.DRAFT:
        raise WrongState(
            "This request was handed in; its answers are frozen.", status=request.status.value
        )


def _day(at: datetime) -> date:
    return at.astimezone(UTC).date()
