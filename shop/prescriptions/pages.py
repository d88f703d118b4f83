"""Pages: a client asks and reads; a physician reviews, signs, refuses, pauses and takes back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, timedelta
from typing import Any

import marshmallow as ma
from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    make_response,
    redirect,
    render_template,
    request,
)

from shop.accounts import signing_in
from shop.accounts.access import actor, allow, failures_counted, fresh_proof, held
from shop.accounts.models import Role
from shop.catalog import queries as catalog
from shop.charts import reading
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.core.usps import STATES
from shop.orders import revoking
from shop.prescriptions import (
    carrying,
    checking,
    holding,
    queries,
    questioning,
    requesting,
    reviewing,
    schemas,
    signing,
)
from shop.prescriptions.errors import TermsRefused
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.prescriptions.questioning import Question
from shop.prescriptions.reviewing import RefusalReason
from shop.prescriptions.screening import Hit
from shop.prescriptions.screening_rules import Severity, rules
from shop.prescriptions.states import RequestStatus
from shop.web.paging import page
from shop.web.problems import STATUS

bp = Blueprint("prescription_pages", __name__)

SHOWN = 50
NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,3})?")
REASONS = [
    (RefusalReason.CONTRAINDICATED.value, "Not safe for this client"),
    (RefusalReason.INSUFFICIENT_INFORMATION.value, "The answers do not tell enough"),
    (RefusalReason.EXAM_REQUIRED.value, "An examination comes first"),
    (RefusalReason.OUTSIDE_SCOPE.value, "Outside my scope of practice"),
    (RefusalReason.OUT_OF_STATE.value, "Not in a state I am licensed for"),
    (RefusalReason.DUPLICATE_THERAPY.value, "The client already uses something like it"),
    (RefusalReason.MISUSE_SUSPECTED.value, "Misuse is suspected"),
    (RefusalReason.BETTER_ALTERNATIVE.value, "Something else suits better"),
    (RefusalReason.PRODUCT_UNAVAILABLE.value, "The product cannot be had"),
    (RefusalReason.IDENTITY_UNVERIFIED.value, "Not sure who asks"),
    (RefusalReason.MINOR.value, "The client is a minor"),
]
MODES = [
    ("in_person", "In person"),
    ("video", "By video"),
    ("asynchronous", "From written answers and pictures"),
]
SEVERITIES = {
    "info": "To know",
    "warn": "Warning",
    "soft_stop": "Needs your reason",
    "hard_stop": "Cannot be signed",
}
OVERRIDES = "overrides."  # a reason's field, before the rule's number


# The client asks.


@bp.get("/requests")
@allow(Role.CLIENT)
def requests() -> Response:
    return _page("requests.html", shown=_list(queries.requests(actor(), at=now())))


@bp.get("/requests/new")
@allow(Role.CLIENT)
def new_request() -> Response:
    defaults = {"quantity": 1, "ship_to_state": actor().state}
    return _new_request(typed=defaults | request.args.to_dict())


@bp.post("/requests")
@allow(Role.CLIENT)
def start() -> Response:
    def act() -> Response:
        given = _form(schemas.RequestIn, numbers=("quantity",))
        begun = requesting.start(
            actor(),
            catalog.variant(given["sku"]),
            quantity=given["quantity"],
            ship_to_state=given["ship_to_state"] or actor().state or "",
            by=actor(),
            at=now(),
        )
        db.session.commit()
        return _to(f"/requests/{begun.number}")

    return _or_again(act, lambda **why: _new_request(typed=request.form, **why))


@bp.get("/requests/<number>")
@allow(Role.CLIENT)
def show_request(number: str) -> Response:
    return _request(number)


@bp.post("/requests/<number>/answers")
@allow(Role.CLIENT)
def answer(number: str) -> Response:
    def act() -> Response:
        asked = queries.request_for(actor(), number, at=now(), lock=True)
        requesting.answer(asked, _answers(asked), by=actor(), at=now())
        if "submit" in request.form:
            consent = request.form.get("consent") == "yes"
            requesting.submit(asked, consent=consent, by=actor(), at=now())
        db.session.commit()
        flash("Your request is with our physicians." if "submit" in request.form else "Kept.")
        return _to(f"/requests/{number}")

    return _or_again(act, lambda **why: _request(number, typed=True, **why))


@bp.post("/requests/<number>/withdrawal")
@allow(Role.CLIENT)
def withdraw(number: str) -> Response:
    def act() -> Response:
        asked = queries.request_for(actor(), number, at=now(), lock=True)
        requesting.withdraw(asked, by=actor(), at=now())
        db.session.commit()
        flash("Your request is taken back.")
        return _to("/requests")

    return _or_again(act, lambda **why: _request(number, **why))


# What was signed.


@bp.get("/prescriptions")
@allow(Role.CLIENT, Role.PHYSICIAN)
def prescriptions() -> Response:
    return _prescriptions()


@bp.get("/prescriptions/<number>")
@allow(Role.CLIENT, Role.PHYSICIAN)
def show_prescription(number: str) -> Response:
    return _prescription(number)


@bp.post("/prescriptions/<number>/hold")
@allow(Role.PHYSICIAN)
def hold(number: str) -> Response:
    return _changed(number, "It is on hold.", holding.hold)


@bp.post("/prescriptions/<number>/resumption")
@allow(Role.PHYSICIAN)
def resume(number: str) -> Response:
    def act() -> Response:
        one = queries.prescription_for(actor(), number, lock=True)
        holding.resume(one, by=actor(), at=now())
        db.session.commit()
        flash("It goes on.")
        return _to(f"/prescriptions/{number}")

    return _or_again(act, lambda **why: _prescription(number, **why))


@bp.post("/prescriptions/<number>/revocation")
@allow(Role.CLIENT, Role.PHYSICIAN)
def revoke(number: str) -> Response:
    return _changed(
        number, "It is taken back, with all that was promised under it.", revoking.revoke
    )


# The physician reviews.


@bp.get("/review")
@allow(Role.PHYSICIAN)
def queue() -> Response:
    waiting = page(
        queries.queue(actor(), at=now()),
        (ApprovalRequest.due_at, ApprovalRequest.id),
        limit=SHOWN,
        after=request.args.get("after"),
    )
    return _page("queue.html", shown=waiting, at=now())


@bp.get("/review/<number>")
@allow(Role.PHYSICIAN)
def case(number: str) -> Response:
    return _case(number)


@bp.post("/review/<number>/claim")
@allow(Role.PHYSICIAN)
def claim(number: str) -> Response:
    def act() -> Response:
        asked = queries.request_for(actor(), number, at=now(), lock=True)
        reviewing.claim(asked, by=actor(), at=now())
        db.session.commit()
        return _to(f"/review/{number}")

    return _or_again(act, lambda **why: _case(number, **why))


@bp.post("/review/<number>/release")
@allow(Role.PHYSICIAN)
def release(number: str) -> Response:
    def act() -> Response:
        asked = queries.request_for(actor(), number, at=now(), lock=True)
        reviewing.release(asked, by=actor(), at=now())
        db.session.commit()
        return _to("/review")

    return _or_again(act, lambda **why: _case(number, **why))


@bp.post("/review/<number>/statement")
@allow(Role.PHYSICIAN)
def read_statement(number: str) -> Response:
    """Show exactly what would be signed; signs nothing."""

    def act() -> Response:
        return _statement(number)

    return _or_again(act, lambda **why: _case(number, typed=request.form, **why))


@bp.post("/review/<number>/signature")
@allow(Role.PHYSICIAN)
def sign(number: str) -> Response:
    def act() -> Response:
        _sign_in_afresh()
        given = _signature()
        asked = queries.request_for(actor(), number, at=now(), lock=True)
        signing.sign(
            asked,
            schemas.terms(given),
            by=actor(),
            proof=fresh_proof(),
            at=now(),
            fence=given["claim"],
            shown=bytes.fromhex(given["statement_hash"] or ""),
        )
        db.session.commit()
        return _to(f"/review/{number}/signed")

    return _or_again(act, lambda **why: _unsigned(number, **why))


@bp.get("/review/<number>/signed")
@allow(Role.PHYSICIAN)
def signed(number: str) -> Response:
    asked = queries.request_for(actor(), number, at=now())
    if asked.prescription is None:
        return _to(f"/review/{number}")
    return _to(f"/prescriptions/{asked.prescription.number}")


@bp.post("/review/<number>/refusal")
@allow(Role.PHYSICIAN)
def refuse(number: str) -> Response:
    def act() -> Response:
        given = _form(schemas.RefusalIn, numbers=("claim",))
        asked = queries.request_for(actor(), number, at=now(), lock=True)
        reviewing.refuse(
            asked,
            reason=given["reason"],
            message=given["message"],
            note=given["note"],
            by=actor(),
            at=now(),
            fence=given["claim"],
        )
        db.session.commit()
        flash("The client is told.")
        return _to("/review")

    return _or_again(act, lambda **why: _case(number, typed=request.form, **why))


# How pages are put together.


def _new_request(**context: Any) -> Response:
    sku = context["typed"].get("sku", "")
    variant = catalog.variant(sku)
    states = [(state, state) for state in sorted(STATES)]
    return _page("new_request.html", variant=variant, states=states, **context)


def _request(number: str, *, typed: bool = False, **context: Any) -> Response:
    at = now()
    asked = queries.request_for(actor(), number, at=at)
    form = questioning.questionnaire(asked.questionnaire_version)
    answers = _answers(asked) if typed else (asked.answers or {})
    draft = asked.status is RequestStatus.DRAFT
    today = at.astimezone(UTC).date()
    texts = {question.id: question.text for question in form.questions}
    return _page(
        "request.html",
        request=asked,
        form=form,
        sheet=carrying.sheet(asked, answers, today=today) if draft else None,
        bounds={question.id: _bounds(question, today) for question in form.questions},
        answers=answers,
        said_on=carrying.said_earlier(asked),
        texts=texts,
        labels={f"answers.{each}": text for each, text in texts.items()},
        draft=draft,
        withdrawable=asked.status in (RequestStatus.DRAFT, RequestStatus.QUEUED),
        **context,
    )


def _bounds(question: Question, today: date) -> dict[str, Any]:
    """What the browser can refuse by itself; the server asks again."""
    if question.type == "number":
        return {"min": question.least, "max": question.most, "step": "any"}
    if question.type == "text":
        return {"maxlength": question.longest}
    days = {"min": question.earliest_days, "max": question.latest_days}
    return {name: today + timedelta(days=n) for name, n in days.items() if n is not None}


def _prescriptions() -> Response:
    shown = page(
        queries.prescriptions(actor()),
        (Prescription.signed_at, Prescription.id),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    return _page("prescriptions.html", shown=shown, at=now())


def _prescription(number: str, **context: Any) -> Response:
    one = queries.prescription_for(actor(), number)
    reading.open_record(
        actor(), one.client, record=f"prescription {number}", purpose=reading.TREATMENT
    )
    db.session.commit()  # written down for good before it is shown
    mine = actor().id == one.prescriber_id
    return _page("prescription.html", one=one, mine=mine, at=now(), **context)


def _case(number: str, **context: Any) -> Response:
    asked = queries.request_for(actor(), number, at=now())
    reading.open_record(
        actor(), asked.client, record=f"approval_request {number}", purpose=reading.TREATMENT
    )
    db.session.commit()  # written down for good before it is shown
    at = now()
    today = day_in(current_app.config["SHOP"].clinic_time_zone, at)
    mine = (
        asked.claimed_by_id == actor().id
        and asked.claimed_until is not None
        and at < asked.claimed_until
    )
    hits = checking.check(asked, at=at) if asked.status in queries.WAITING else ()
    defaults = {
        "quantity_per_fill": asked.quantity,
        "fills": 3,
        "days_supply": 30,
        "examination.date": today.isoformat(),
    }
    return _page(
        "case.html",
        request=asked,
        form=questioning.questionnaire(asked.questionnaire_version),
        answers=asked.answers or {},
        said_on=carrying.said_earlier(asked),
        mine=mine,
        age=asked.client.age_on(today),
        days=signing.default_validity(asked),
        reasons=REASONS,
        modes=MODES,
        hits=hits,
        severities=SEVERITIES,
        reasons_asked=_reasons_asked(hits, context.get("errors", {})),
        **({"typed": defaults} | context),
    )


def _reasons_asked(hits: Sequence[Hit], errors: Mapping[str, object]) -> dict[str, str]:
    """The rules that want a reason, with their words: soft stops, and what the terms set off."""
    asked = {hit.rule for hit in hits if hit.severity is Severity.SOFT_STOP}
    asked |= {name.removeprefix(OVERRIDES) for name in errors if name.startswith(OVERRIDES)}
    stopped = {hit.rule for hit in hits if hit.severity is Severity.HARD_STOP}
    said = {rule.number: rule.physician_text for rule in rules()}
    said |= {hit.rule: hit.physician_text for hit in hits}  # names what is missing, too
    return {number: text for number, text in said.items() if number in asked - stopped}


def _statement(number: str, **context: Any) -> Response:
    given = _signature()
    asked = queries.request_for(actor(), number, at=now())
    draft = signing.prepare(asked, schemas.terms(given), by=actor(), at=now(), fence=given["claim"])
    return _page(
        "statement.html",
        request=asked,
        statement=draft.statement,
        typed={
            name: value
            for name, value in request.form.items()
            if name not in ("csrf_token", "password", "statement_hash")
        },
        fresh=fresh_proof() is not None,
        **context,
    )


def _unsigned(number: str, **context: Any) -> Response:
    """The statement again with what went wrong; the case where there is no statement any more."""
    try:
        return _statement(number, **context)
    except Refusal:
        db.session.rollback()
        return _case(number, typed=request.form, **context)


def _changed(number: str, told: str, verb: Callable[..., object]) -> Response:
    """Hold or revoke; revoking locks for itself, since orders come first."""

    def act() -> Response:
        given = _form(schemas.WhyIn)
        one = queries.prescription_for(actor(), number, lock=verb is holding.hold)
        verb(one, reason=given["reason"], by=actor(), at=now())
        db.session.commit()
        flash(told)
        return _to(f"/prescriptions/{number}")

    return _or_again(act, lambda **why: _prescription(number, typed=request.form, **why))


def _sign_in_afresh() -> None:
    """Where the form carries the password, prove it before anything is locked."""
    password = request.form.get("password")
    if password:
        with failures_counted():
            signing_in.refresh(held(), password, address=request.remote_addr or "", at=now())


def _signature() -> dict[str, Any]:
    parts = {name: request.form.get(f"examination.{name}", "") for name in ("mode", "date")}
    return _form(
        schemas.SignatureIn,
        numbers=("quantity_per_fill", "fills", "days_supply", "interval_days", "claim"),
        examination={name: text for name, text in parts.items() if text},
        overrides=[
            {"rule": name.removeprefix(OVERRIDES), "reason": text}
            for name, text in request.form.items()
            if name.startswith(OVERRIDES) and text.strip()
        ],
    )


def _form(schema: type[ma.Schema], *, numbers: tuple[str, ...] = (), **also: Any) -> dict[str, Any]:
    """What was typed, as the API would take it; an empty field was not filled in."""
    typed: dict[str, Any] = {name: text for name, text in request.form.items() if text.strip()}
    for name in numbers:
        if typed.get(name, "").isdecimal() and len(typed[name]) < 10:
            typed[name] = int(typed[name])
    try:
        return dict(schema(unknown=ma.EXCLUDE).load(typed | also))
    except ma.ValidationError as error:
        raise TermsRefused(
            "Some of what you typed cannot be used.", fields=_flat(error.messages_dict)
        ) from None


def _flat(messages: dict[str, Any]) -> dict[str, list[str]]:
    flat: dict[str, list[str]] = {}
    for name, wrong in messages.items():
        if isinstance(wrong, dict):
            flat |= {f"{name}.{inner}": texts for inner, texts in _flat(wrong).items()}
        else:
            flat[str(name)] = [str(text) for text in wrong]
    return flat


def _answers(asked: ApprovalRequest) -> dict[str, Any]:
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


def _or_again(act: Callable[[], Response], again: Callable[..., Response]) -> Response:
    """Do it; where it is refused, show the same page with what was typed and what was wrong."""
    try:
        return act()
    except Refusal as refusal:
        db.session.rollback()
        response = again(detail=refusal.text, errors=refusal.fields)
        response.status_code = next(
            status for family, status in STATUS.items() if isinstance(refusal, family)
        )
        return response


def _page(template: str, **context: Any) -> Response:
    blank: dict[str, Any] = {"detail": "", "errors": {}, "typed": {}}
    response = make_response(render_template(f"prescriptions/{template}", **(blank | context)))
    response.headers["Cache-Control"] = "no-store"
    return response


def _to(path: str) -> Response:
    return make_response(redirect(path, 303))
