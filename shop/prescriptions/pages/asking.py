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
from shop.core.errors import NotFound
from shop.core.usps import STATES
from shop.orders import rechecking
from shop.prescriptions import changing, examining, queries, requesting, schemas
from shop.prescriptions.errors import AlreadyAsked
from shop.prescriptions.intake import carrying, questioning, versions
from shop.prescriptions.intake.carrying import Sheet
from shop.prescriptions.intake.questioning import Question
from shop.prescriptions.intake.walking import Walk
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
        return _go_on(begun)

    def act_or_go_on() -> Response:
        try:
            return act()
        except AlreadyAsked as refusal:  # in another window, or some days ago
            db.session.rollback()
            return to(f"/requests/{refusal.facts['request']}/next")

    return or_again(act_or_go_on, lambda **why: _new_request(typed=request.form, **why))


@bp.get("/requests/<number>")
@allow(Role.CLIENT)
def show_request(number: str) -> Response:
    """What became of it; of a draft what she has answered, to check and to send."""
    return request_page(number)


@bp.get("/requests/<number>/next")
@allow(Role.CLIENT)
def go_on(number: str) -> Response:
    """Where she left off."""
    return _go_on(queries.request_for(actor(), number, at=now()))


@bp.get("/requests/<number>/questions/<question>")
@allow(Role.CLIENT)
def show_question(number: str, question: str) -> Response:
    return _question_page(number, question)


@bp.post("/requests/<number>/questions/<question>")
@allow(Role.CLIENT)
def answer_question(number: str, question: str) -> Response:
    """Keep this one answer, and go to the next question, or back to check them all."""

    def act() -> Response:
        asked = queries.request_for(actor(), number, at=now(), lock=True)
        known = questioning.questionnaire(asked.questionnaire_version).by_id.get(question)
        if known is None:
            raise NotFound("There is no such question.")
        requesting.answer_one(asked, question, _typed_answer(known), by=actor(), at=now())
        db.session.commit()
        walk = _walk(asked)
        ahead = walk.opened_by(question) if "change" in request.form else walk.after(question)
        return _to_question(asked, ahead)

    return or_again(act, lambda **why: _question_page(number, question, again=True, **why))


@bp.get("/requests/<number>/form")
@allow(Role.CLIENT)
def show_form(number: str) -> Response:
    """All questions on one page, for who would rather see them together."""
    return _form_page(number)


@bp.post("/requests/<number>/answers")
@allow(Role.CLIENT)
def answer(number: str) -> Response:
    def act() -> Response:
        with rechecking.following(actor(), at=now()):
            asked = queries.request_for(actor(), number, at=now(), lock=True)
            requesting.answer(asked, answers_typed(asked), by=actor(), at=now())
            if "submit" in request.form:
                _submit(asked)
        db.session.commit()
        flash(TOLD.get(asked.status, "Your request is with our physicians."))
        return to(f"/requests/{number}")

    return or_again(act, lambda **why: _form_page(number, again=True, **why))


@bp.post("/requests/<number>/submission")
@allow(Role.CLIENT)
def submit(number: str) -> Response:
    """Hand in what she has checked."""

    def act() -> Response:
        with rechecking.following(actor(), at=now()):
            asked = queries.request_for(actor(), number, at=now(), lock=True)
            _submit(asked)
        db.session.commit()
        flash(TOLD.get(asked.status, "Your request is with our physicians."))
        return to(f"/requests/{number}")

    return or_again(act, lambda **why: request_page(number, **why))


def _submit(asked: ApprovalRequest) -> None:
    consent = request.form.get("consent") == "yes"
    requesting.submit(asked, consent=consent, by=actor(), at=now())


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
    """A client's request; `again` with the answers that she typed. A draft is there to check."""
    at = now()
    asked = queries.request_for(actor(), number, at=at)
    if asked.status is RequestStatus.DRAFT:
        return _draft_page(asked, **context)
    typed = answers_typed(asked) if again else None
    return rendered(
        "request.html",
        exchange=list(versions.exchange(asked)),
        anew=typed or {},
        said_on=carrying.said_earlier(asked),
        offer=changing.offered(asked, at=at),
        withdrawable=asked.status in WITHDRAWABLE,
        visits=[examining.in_words(rule) for rule in examining.visits_asked(asked, at=at)],
        **_asked_of(asked, asked.answers or {}, typed or {}),
        **context,
    )


def _draft_page(asked: ApprovalRequest, **context: Any) -> Response:
    """The answers so far, each with a way to change it, and the button that sends them."""
    walk = _walk(asked)
    days = {name: date.fromisoformat(day) for name, day in (asked.answered_on or {}).items()}
    today = now().astimezone(UTC).date()
    return rendered(
        "draft.html",
        request=asked,
        walk=walk,
        ahead=walk.where(),
        answers=walk.sheet.answers,
        earlier={name: day for name, day in days.items() if day < today},
        labels={f"answers.{each.id}": each.text for each in walk.applying},
        **context,
    )


def _question_page(number: str, question: str, *, again: bool = False, **context: Any) -> Response:
    """One question; one that no longer applies leads on to the next that does."""
    asked = queries.request_for(actor(), number, at=now())
    if asked.status is not RequestStatus.DRAFT:
        return to(f"/requests/{number}")
    walk = _walk(asked)
    shown = walk.find(question)
    if shown is None:
        if question not in walk.sheet.form.by_id:
            raise NotFound("There is no such question.")
        return _to_question(asked, walk.where())
    before = walk.before(question)
    change = "change" in (request.form if again else request.args)
    return rendered(
        "question.html",
        request=asked,
        question=shown,
        value=_typed_answer(shown) if again else walk.sheet.answers.get(question),
        carried=walk.sheet.carried.get(question),
        change=change,
        back=f"/requests/{number}/questions/{before.id}"
        if before and not change
        else f"/requests/{number}",
        place=walk.place(question),
        total=len(walk.asked),
        bounds=_bounds(shown, now().astimezone(UTC).date()),
        labels={f"answers.{question}": shown.text},
        **context,
    )


def _form_page(number: str, *, again: bool = False, **context: Any) -> Response:
    asked = queries.request_for(actor(), number, at=now())
    if asked.status is not RequestStatus.DRAFT:
        return request_page(number, **context)
    answers = answers_typed(asked) if again else (asked.answers or {})
    return rendered("form.html", **_asked_of(asked, answers, answers), **context)


def _asked_of(
    asked: ApprovalRequest, answers: dict[str, Any], typed: dict[str, Any]
) -> dict[str, Any]:
    """The questions of a request, with these answers, and what is to be answered of them."""
    form = questioning.questionnaire(asked.questionnaire_version)
    today = now().astimezone(UTC).date()
    texts = {question.id: question.text for question in form.questions}
    return {
        "request": asked,
        "form": form,
        "sheet": _sheet(asked, typed, today=today),
        "bounds": {question.id: _bounds(question, today) for question in form.questions},
        "answers": answers,
        "texts": texts,
        "labels": {f"answers.{each}": text for each, text in texts.items()},
    }


def _walk(asked: ApprovalRequest) -> Walk:
    """Where she is in a draft."""
    answers = dict(asked.answers or {})
    today = now().astimezone(UTC).date()
    return Walk(carrying.sheet(asked, answers, today=today), frozenset(answers))


def _go_on(asked: ApprovalRequest) -> Response:
    if asked.status is not RequestStatus.DRAFT:
        return to(f"/requests/{asked.number}")
    return _to_question(asked, _walk(asked).where())


def _to_question(asked: ApprovalRequest, ahead: Question | None) -> Response:
    where = f"/questions/{ahead.id}" if ahead else ""
    return to(f"/requests/{asked.number}{where}")


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
