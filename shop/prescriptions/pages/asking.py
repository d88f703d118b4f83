"""Pages: a client asks a physician, and reads what became of it."""

from __future__ import annotations

import re
from datetime import UTC, date, timedelta
from typing import Any

from flask import (
    Response,
    flash,
    request,
)

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.catalog import queries as catalog
from shop.core.clock import now
from shop.core.db import db
from shop.core.usps import STATES
from shop.orders import rechecking
from shop.prescriptions import changing, examining, queries, requesting, schemas
from shop.prescriptions.intake import carrying, questioning, versions
from shop.prescriptions.intake.carrying import Sheet
from shop.prescriptions.intake.questioning import Question
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.pages.blueprint import SHOWN, bp, form, or_again, rendered, to
from shop.prescriptions.states import RequestStatus
from shop.treatments import queries as treatments
from shop.web.paging import page

TOLD = {RequestStatus.DRAFT: "Kept.", RequestStatus.REFERRED: "A visit comes first: see below."}
WITHDRAWABLE = (
    RequestStatus.DRAFT,
    RequestStatus.QUEUED,
    RequestStatus.INFO_REQUESTED,
    RequestStatus.REFERRED,
    RequestStatus.PENDING_CLIENT,
)
NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")


@bp.get("/requests")
@allow(Role.CLIENT)
def requests() -> Response:
    return rendered("requests.html", shown=_list(queries.requests(actor(), at=now())))


@bp.get("/requests/new")
@allow(Role.CLIENT)
def new_request() -> Response:
    defaults = {"quantity": 1, "ship_to_state": actor().state}
    return _new_request(typed=defaults | request.args.to_dict())


@bp.post("/requests")
@allow(Role.CLIENT)
def start() -> Response:
    def act() -> Response:
        given = form(schemas.RequestIn, numbers=("quantity",))
        plan = given["plan"] and treatments.plan_for(actor(), given["plan"], at=now(), lock=True)
        begun = requesting.start(
            actor(),
            catalog.variant(given["sku"]),
            quantity=given["quantity"],
            ship_to_state=given["ship_to_state"] or actor().state or "",
            plan=plan,
            by=actor(),
            at=now(),
        )
        db.session.commit()
        return to(f"/requests/{begun.number}")

    return or_again(act, lambda **why: _new_request(typed=request.form, **why))


@bp.get("/requests/<number>")
@allow(Role.CLIENT)
def show_request(number: str) -> Response:
    return request_page(number)


@bp.post("/requests/<number>/answers")
@allow(Role.CLIENT)
def answer(number: str) -> Response:
    def act() -> Response:
        with rechecking.following(actor(), at=now()):
            asked = queries.request_for(actor(), number, at=now(), lock=True)
            requesting.answer(asked, answers_typed(asked), by=actor(), at=now())
            if "submit" in request.form:
                consent = request.form.get("consent") == "yes"
                requesting.submit(asked, consent=consent, by=actor(), at=now())
        db.session.commit()
        flash(TOLD.get(asked.status, "Your request is with our physicians."))
        return to(f"/requests/{number}")

    return or_again(act, lambda **why: request_page(number, again=True, **why))


@bp.post("/requests/<number>/withdrawal")
@allow(Role.CLIENT)
def withdraw(number: str) -> Response:
    def act() -> Response:
        asked = queries.request_for(actor(), number, at=now(), lock=True)
        requesting.withdraw(asked, by=actor(), at=now())
        db.session.commit()
        flash("Your request is taken back.")
        return to("/requests")

    return or_again(act, lambda **why: request_page(number, **why))


@bp.post("/requests/<number>/acceptance")
@allow(Role.CLIENT)
def accept(number: str) -> Response:
    def act() -> Response:
        given = form(schemas.AcceptanceIn, numbers=("expect_unit_cents",))
        with rechecking.following(actor(), at=now()):
            asked = queries.request_for(actor(), number, at=now(), lock=True)
            changing.accept(
                asked, expect_unit_cents=given["expect_unit_cents"], by=actor(), at=now()
            )
        db.session.commit()
        flash("It is yours to order now.")
        return to(f"/requests/{number}")

    return or_again(act, lambda **why: request_page(number, **why))


def _new_request(**context: Any) -> Response:
    sku = context["typed"].get("sku", "")
    variant = catalog.variant(sku)
    states = [(state, state) for state in sorted(STATES)]
    return rendered("new_request.html", variant=variant, states=states, **context)


def request_page(number: str, *, again: bool = False, **context: Any) -> Response:
    """A client's request; `again` with the answers that she typed."""
    at = now()
    asked = queries.request_for(actor(), number, at=at)
    form = questioning.questionnaire(asked.questionnaire_version)
    draft = asked.status is RequestStatus.DRAFT
    typed = answers_typed(asked) if again else None
    answers = typed if draft and typed is not None else (asked.answers or {})
    today = at.astimezone(UTC).date()
    texts = {question.id: question.text for question in form.questions}
    return rendered(
        "request.html",
        request=asked,
        form=form,
        sheet=_sheet(asked, answers if draft else typed or {}, today=today),
        exchange=list(versions.exchange(asked)),
        bounds={question.id: _bounds(question, today) for question in form.questions},
        answers=answers,
        anew=typed or {},
        said_on=carrying.said_earlier(asked),
        texts=texts,
        labels={f"answers.{each}": text for each, text in texts.items()},
        draft=draft,
        offer=changing.offered(asked, at=at),
        withdrawable=asked.status in WITHDRAWABLE,
        visits=[examining.in_words(rule) for rule in examining.visits_asked(asked, at=at)],
        **context,
    )


def _sheet(asked: ApprovalRequest, answers: dict[str, Any], *, today: date) -> Sheet | None:
    """What is to be answered: of a draft all that is open, of a question what she changes."""
    if asked.status is RequestStatus.DRAFT:
        return carrying.sheet(asked, answers, today=today)
    if asked.status is RequestStatus.INFO_REQUESTED:
        return carrying.sheet_anew(asked, answers, today=today)
    return None


def _bounds(question: Question, today: date) -> dict[str, Any]:
    """What the browser can refuse by itself; the server asks again."""
    if question.type == "number":
        return {"min": question.least, "max": question.most, "step": "any"}
    if question.type == "text":
        return {"maxlength": question.longest}
    days = {"min": question.earliest_days, "max": question.latest_days}
    return {name: today + timedelta(days=n) for name, n in days.items() if n is not None}


def answers_typed(asked: ApprovalRequest) -> dict[str, Any]:
    """The answers of a form, as the questionnaire takes them."""
    form = questioning.questionnaire(asked.questionnaire_version)
    return questioning.given({question.id: _typed_answer(question) for question in form.questions})


def _typed_answer(question: Question) -> Any:
    """A form's text as the questionnaire takes it; what cannot be read stays as it was typed."""
    name = f"answers.{question.id}"
    text = request.form.get(name, "").strip()
    if question.type == "choices":
        return request.form.getlist(name)
    if question.type == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if question.type == "number" and NUMBER.fullmatch(text):
        return float(text) if "." in text else int(text)
    return text


def _list(query: Any) -> dict[str, Any]:
    return page(
        query,
        (ApprovalRequest.created_at, ApprovalRequest.id),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
