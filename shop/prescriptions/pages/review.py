"""Pages: a physician reviews, signs and refuses."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import (
    Response,
    current_app,
    flash,
    request,
)
from flask_babel import lazy_gettext as _

from shop.accounts.access import actor, allow, fresh_proof
from shop.accounts.models import Role
from shop.catalog.models import Variant
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.core.rules import Severity
from shop.prescriptions import (
    directions,
    examining,
    opening,
    queries,
    renewing,
    reviewing,
    schemas,
    signing,
)
from shop.prescriptions.intake import carrying, questioning, versions
from shop.prescriptions.intake.versions import Change
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.pages.blueprint import (
    bp,
    form,
    or_again,
    rendered,
    sign_in_afresh,
    to,
)
from shop.prescriptions.pages.desk import due_in_words
from shop.prescriptions.practice.rules import Mode
from shop.prescriptions.reviewing import RefusalReason
from shop.prescriptions.screening.judging import Hit
from shop.prescriptions.screening.rules import rules

REASONS = [
    (RefusalReason.CONTRAINDICATED.value, _("Not safe for this client")),
    (RefusalReason.INSUFFICIENT_INFORMATION.value, _("The answers do not tell enough")),
    (RefusalReason.EXAM_REQUIRED.value, _("An examination comes first")),
    (RefusalReason.OUTSIDE_SCOPE.value, _("Outside my scope of practice")),
    (RefusalReason.OUT_OF_STATE.value, _("Not in a state I am licensed for")),
    (RefusalReason.DUPLICATE_THERAPY.value, _("The client already uses something like it")),
    (RefusalReason.MISUSE_SUSPECTED.value, _("Misuse is suspected")),
    (RefusalReason.BETTER_ALTERNATIVE.value, _("Something else suits better")),
    (RefusalReason.PRODUCT_UNAVAILABLE.value, _("The product cannot be had")),
    (RefusalReason.IDENTITY_UNVERIFIED.value, _("Not sure who asks")),
    (RefusalReason.MINOR.value, _("The client is a minor")),
]


MODES = [
    ("in_person", _("In person")),
    ("video", _("By video")),
    ("asynchronous", _("From written answers and pictures")),
]


SEVERITIES = {
    "info": _("To know"),
    "warn": _("Warning"),
    "soft_stop": _("Needs your reason"),
    "hard_stop": _("Cannot be signed"),
}


FAMILIES = [
    ("retinoid", _("Retinoids")),
    ("hydroquinone", _("Hydroquinone")),
    ("antibiotic", _("Antibiotics")),
    ("steroid", _("Steroids")),
    ("other", _("Other home care")),
]

OVERRIDES = "overrides."  # a reason's field, before the rule's number


@bp.get("/review/<number>")
@allow(Role.PHYSICIAN)
def case(number: str) -> Response:
    return case_page(number)


@bp.get("/review/<number>/packs")
@allow(Role.PHYSICIAN)
def packs(number: str) -> Response:
    """What may be prescribed instead: packs with an active of what is asked for."""
    at = now()
    asked = queries.request_for(actor(), number, at=at)
    offered = [(pack, pack.price_at(at)) for pack in queries.packs_alike(asked)]
    return rendered("packs.html", request=asked, offered=offered)


@bp.post("/review/<number>/claim")
@allow(Role.PHYSICIAN)
def claim(number: str) -> Response:
    def act() -> Response:
        asked = queries.request_for(actor(), number, at=now(), lock=True)
        reviewing.claim(asked, by=actor(), at=now())
        db.session.commit()
        return to(f"/review/{number}")

    return or_again(act, lambda **why: case_page(number, **why))


@bp.post("/review/<number>/release")
@allow(Role.PHYSICIAN)
def release(number: str) -> Response:
    def act() -> Response:
        asked = queries.request_for(actor(), number, at=now(), lock=True)
        reviewing.release(asked, by=actor(), at=now())
        db.session.commit()
        return to("/review")

    return or_again(act, lambda **why: case_page(number, **why))


@bp.post("/review/<number>/statement")
@allow(Role.PHYSICIAN)
def read_statement(number: str) -> Response:
    """Show exactly what would be signed; signs nothing."""

    def act() -> Response:
        return _statement(number)

    return or_again(act, lambda **why: case_page(number, typed=request.form, **why))


@bp.post("/review/<number>/signature")
@allow(Role.PHYSICIAN)
def sign(number: str) -> Response:
    def act() -> Response:
        sign_in_afresh()
        given = signature(request.form)
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
        return to(f"/review/{number}/signed")

    return or_again(act, lambda **why: _unsigned(number, **why))


@bp.get("/review/<number>/signed")
@allow(Role.PHYSICIAN)
def signed(number: str) -> Response:
    asked = queries.request_for(actor(), number, at=now())
    if asked.prescription is None:
        return to(f"/review/{number}")
    return to(f"/prescriptions/{asked.prescription.number}")


@bp.post("/review/<number>/refusal")
@allow(Role.PHYSICIAN)
def refuse(number: str) -> Response:
    def act() -> Response:
        given = form(schemas.RefusalIn, numbers=("claim",))
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
        return to("/review")

    return or_again(act, lambda **why: case_page(number, typed=request.form, **why))


def case_page(number: str, **context: Any) -> Response:
    """All that a physician decides a request on. Opening it is written down."""
    at, typed = now(), context.pop("typed", None)
    opened = opening.open_case(actor(), number, at=at, sku=(typed or request.args).get("sku"))
    asked, pack, judged = opened.request, opened.pack, opened.judged
    today = day_in(current_app.config["SHOP"].clinic_time_zone, at)
    mine = (
        asked.claimed_by_id == actor().id
        and asked.claimed_until is not None
        and at < asked.claimed_until
    )
    page = rendered(
        "case.html",
        request=asked,
        at=at,
        form=questioning.questionnaire(asked.questionnaire_version),
        answers=asked.answers or {},
        said_on=carrying.said_earlier(asked),
        pack=pack,
        exchange=list(versions.exchange(asked)),
        mine=mine,
        age=asked.client.age_on(today),
        days=signing.default_validity(judged.facts.candidates[0]) if judged else None,
        reasons=REASONS,
        modes=MODES,
        sent=_opened(),
        changed=_changed_answers(asked),
        fresh=fresh_proof() is not None,
        due=due_in_words(asked.due_at, at) if asked.due_at else "",
        late=asked.due_at is not None and asked.due_at < at,
        families=FAMILIES,
        hits=opened.hits,
        weighed=judged.weighed if judged else None,
        severities=SEVERITIES,
        reasons_asked=reasons_asked(opened.hits, context.get("errors", {})),
        # Another form than hers to approve may have come back: its proposals stay.
        typed=proposed(asked, pack, mine=mine, at=at)
        | _from_template()
        | dict((typed or {}).items()),
        **context,
    )
    db.session.commit()  # written down for good before it is shown
    return page


def _opened() -> str:
    """The form that stands open: the one that was refused, or that is asked for by a link."""
    if request.method == "POST":
        return (request.endpoint or "").rpartition(".")[2]
    return request.args.get("do", "")


def _from_template() -> dict[str, str]:
    """The words of the template that was chosen by a link, as without JavaScript."""
    try:
        template_id = uuid.UUID(request.args.get("template", ""))
    except ValueError:
        return {}
    return {"directions": directions.template_for(actor(), template_id).directions}


def _changed_answers(asked: ApprovalRequest) -> dict[str, Change]:
    """By question, what is answered otherwise than before: when it was first handed in, or in the
    request whose prescription this one renews.
    """
    if asked.inquiries:
        first = versions.version_before(asked.inquiries[0]).answers
    elif asked.renews is not None and asked.renews.request.answers is not None:
        first = asked.renews.request.answers
    else:
        return {}
    found = versions.changes(first, asked.answers or {})
    return {one.question: one for one in found}


def proposed(asked: ApprovalRequest, pack: Variant, *, mine: bool, at: datetime) -> dict[str, Any]:
    """What the form says before she types: what she would most likely sign, so that a routine
    decision is read and signed. She reads all of it again in the statement.
    """
    today = day_in(current_app.config["SHOP"].clinic_time_zone, at)
    defaults: dict[str, Any] = {
        "sku": pack.sku,
        "quantity_per_fill": asked.quantity,
        "fills": 3,
        "days_supply": 30,
        "examination.date": today.isoformat(),
    }
    earlier = asked.renews
    if earlier is None and mine:  # her own words, where she signed this product before
        earlier = queries.last_words(actor(), pack.product_id)
    if earlier is not None:
        defaults |= renewing.same_terms(earlier)
    if seen := examining.newest(asked, day=at.astimezone(UTC).date()):
        on_record = {"mode": seen.mode, "date": seen.examined_on.isoformat()}
        defaults |= {f"examination.{name}": value for name, value in on_record.items()}
    elif not examining.visits_asked(asked, at=at):  # the answers she has before her will do
        defaults["examination.mode"] = Mode.ASYNCHRONOUS.value
    return defaults


def reasons_asked(hits: Sequence[Hit], errors: Mapping[str, object]) -> dict[str, str]:
    """The rules that want a reason, with their words: soft stops, and what the terms set off."""
    asked = {hit.rule for hit in hits if hit.severity is Severity.SOFT_STOP}
    asked |= {name.removeprefix(OVERRIDES) for name in errors if name.startswith(OVERRIDES)}
    stopped = {hit.rule for hit in hits if hit.severity is Severity.HARD_STOP}
    said = {rule.number: rule.physician_text for rule in rules()}
    said |= {hit.rule: hit.physician_text for hit in hits}  # names what is missing, too
    return {number: text for number, text in said.items() if number in asked - stopped}


def _statement(number: str, **context: Any) -> Response:
    given = signature(request.form)
    asked = queries.request_for(actor(), number, at=now())
    draft = signing.prepare(asked, schemas.terms(given), by=actor(), at=now(), fence=given["claim"])
    return rendered(
        "statement.html",
        partial=request.headers.get("HX-Request") == "true",
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
        return case_page(number, typed=request.form, **context)


def signature(sent: Mapping[str, str]) -> dict[str, Any]:
    """The terms of a form, or of the part of one that is about one request."""
    parts = {name: sent.get(f"examination.{name}", "") for name in ("mode", "date")}
    return form(
        schemas.SignatureIn,
        numbers=("quantity_per_fill", "fills", "days_supply", "interval_days", "claim"),
        sent=sent,
        examination={name: text for name, text in parts.items() if text},
        overrides=[
            {"rule": name.removeprefix(OVERRIDES), "reason": text}
            for name, text in sent.items()
            if name.startswith(OVERRIDES) and text.strip()
        ],
    )
