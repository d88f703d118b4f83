"""Where who treats begins: the plans, what waits for an answer, a new plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, current_app, request

from shop.accounts.access import actor, allow
from shop.accounts.models import LicenceKind
from shop.charts import reading
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.orders import readiness
from shop.treatments import drafting, permitting, queries, rulebook, schemas, scope
from shop.treatments.models import Plan, Session, SessionReport
from shop.treatments.pages.blueprint import CLINICIANS, SHOWN, bp, done, moment, read, rendered
from shop.treatments.procedures import library
from shop.treatments.scope import WORDS, ScopeAnswer, Verdict
from shop.treatments.templates import template_of, templates
from shop.web.forms import or_again
from shop.web.paging import page


@bp.get("/studio")
@allow(*CLINICIANS)
def studio() -> Response:
    return _studio()


@bp.get("/studio/reports")
@allow(*CLINICIANS)
def reports() -> Response:
    """The reports that wait for an answer of who looks."""
    query = queries.reports_waiting(actor(), at=now())
    keys = (SessionReport.reported_at, SessionReport.id)
    return rendered(
        "reports.html", shown=page(query, keys, limit=SHOWN, after=request.args.get("after"))
    )


@bp.get("/studio/readiness")
@allow(*CLINICIANS)
def ready() -> Response:
    """Today's sessions and those of the next days: who is ready, and who is not and why.

    The opening of each client's record is written down.
    """
    at = now()
    zone = current_app.config["SHOP"].clinic_time_zone
    keys = (Session.starts_at, Session.id)
    query = queries.booked_ahead(actor(), zone=zone, at=at)
    found = page(query, keys, limit=SHOWN, after=request.args.get("after"))
    judged = readiness.of(found["items"], at=at)
    for client in dict.fromkeys(one.plan.client for one in found["items"]):
        reading.open_record(actor(), client, record="readiness", purpose=reading.TREATMENT)
    db.session.commit()  # written down for good before it is shown
    return rendered("readiness.html", shown=found, judged=judged)


@bp.post("/studio")
@allow(*CLINICIANS)
def draft() -> Response:
    """Begin a plan from a template, or from a goal alone."""

    def act() -> Response:
        given = read(schemas.DraftIn)
        client = queries.client_to_plan_for(email=given["email"])
        clinic = current_app.config["SHOP"]
        common: dict[str, Any] = {
            "state": clinic.clinic_state,
            "zone": clinic.clinic_time_zone,
            "by": actor(),
            "at": now(),
        }
        if given["template"] is None:
            plan = drafting.draft(client, goal=given["goal"] or "", **common)
        else:
            first = moment("starts", clinic.clinic_time_zone)
            template = template_of(given["template"])
            plan = drafting.from_template(
                client, template, first=first, goal=given["goal"], **common
            )
        return done(plan.number, "It is a draft: nobody else sees it yet.")

    return or_again(act, lambda **why: _studio(typed=request.form, **why))


@bp.get("/studio/scope")
@allow(*CLINICIANS)
def may_i() -> Response:
    """What the reader may do here on her own, under supervision or not at all, and who may."""
    at, clinic = now(), current_app.config["SHOP"]
    on = day_in("UTC", at)  # licences and rules count UTC days
    licence = permitting.licence_of(actor(), clinic.clinic_state, on)
    rules = rulebook.scope_rules(clinic.clinic_state, on=on)
    rows = []
    for one in sorted(library().values(), key=lambda found: found.name):
        asked = {"state": clinic.clinic_state, "rules": rules, "on": on}
        kind = licence.kind if licence else None
        alone = scope.may(one, kind=kind, supervised=False, **asked)
        others = {
            other: scope.may(one, kind=other.value, supervised=False, **asked).verdict
            for other in LicenceKind
        }
        rows.append(
            Asked(
                one.code,
                one.name,
                alone,
                tuple(WORDS[other] for other, told in others.items() if told is Verdict.ALLOWED),
                tuple(
                    WORDS[other]
                    for other, told in others.items()
                    if told is Verdict.NEEDS_SUPERVISION
                ),
            )
        )
    word = request.args.get("q", "").strip()
    found = [one for one in rows if word.casefold() in one.name.casefold()]
    return rendered(
        "scope.html", rows=found, q=word, licence=licence, clinic_state=clinic.clinic_state
    )


@dataclass(frozen=True)
class Asked:
    """A procedure, the reader's answer to it, and which licences carry it here."""

    code: str
    name: str
    answer: ScopeAnswer
    alone: tuple[str, ...]
    supervised: tuple[str, ...]


def _today(at: datetime) -> dict[str, Any]:
    """The sessions of the day that she sees; each record that is opened is written down."""
    zone = current_app.config["SHOP"].clinic_time_zone
    query = queries.booked_ahead(actor(), zone=zone, at=at, days=0)
    sessions = list(db.session.scalars(query.order_by(Session.starts_at, Session.id).limit(SHOWN)))
    judged = readiness.of(sessions, at=at)
    for client in dict.fromkeys(one.plan.client for one in sessions):
        reading.open_record(actor(), client, record="readiness", purpose=reading.TREATMENT)
    db.session.commit()  # written down for good before it is shown
    return {"today_here": sessions, "judged": judged}


def _studio(**context: Any) -> Response:
    found = page(
        queries.plans(actor(), at=now()),
        (Plan.created_at, Plan.id),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    return rendered("studio.html", shown=found, templates=templates(), **_today(now()), **context)
