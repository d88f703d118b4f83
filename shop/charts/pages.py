"""Pages: a client sees what the clinic knows of her health, changes it, and sees who looked; who
treats her sees the same.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import Any

import marshmallow as ma
from flask import Blueprint, Response, flash, make_response, redirect, render_template, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Person, Role
from shop.catalog.concerns import Concern
from shop.charts import charting, queries, reading, schemas
from shop.charts.errors import FactRefused
from shop.charts.facts import (
    ASKED_FOR_NONE,
    ConditionCode,
    Fact,
    FactKind,
    Phototype,
    PregnancyStatus,
    Relationship,
    Severity,
)
from shop.charts.models import Access, ChartEntry, Ending
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.orders import rechecking
from shop.prescriptions.queries import in_care_of
from shop.web.problems import status_of

bp = Blueprint("chart_pages", __name__)

SHOWN = 50  # of what was said before, and of openings


def _labels(words: type[Severity | ConditionCode | Relationship]) -> list[tuple[str, str]]:
    return [(word.value, word.value.replace("_", " ").capitalize()) for word in words]


CHOICES: dict[str, list[tuple[str, str]]] = {
    "severity": _labels(Severity),
    "condition": _labels(ConditionCode),
    "relationship": _labels(Relationship),
    "concern": [(word.value, word.label) for word in Concern],
    "pregnancy": [
        (PregnancyStatus.NONE.value, "None of these"),
        (PregnancyStatus.PREGNANT.value, "Pregnant"),
        (PregnancyStatus.TRYING.value, "Trying to become pregnant"),
        (PregnancyStatus.BREASTFEEDING.value, "Breastfeeding"),
    ],
    # Fitzpatrick's own words, Arch Dermatol 1988;124:869.
    "phototype": [
        (Phototype.I.value, "I: always burns, never tans"),
        (Phototype.II.value, "II: usually burns, tans a little"),
        (Phototype.III.value, "III: sometimes burns, tans evenly"),
        (Phototype.IV.value, "IV: rarely burns, tans well"),
        (Phototype.V.value, "V: very rarely burns, brown skin"),
        (Phototype.VI.value, "VI: never burns, dark brown skin"),
    ],
}
WORDS = {name: dict(options) for name, options in CHOICES.items()} | {
    "ending": {
        Ending.RESOLVED.value: "true no longer",
        Ending.SUPERSEDED.value: "said otherwise since",
        Ending.ENTERED_IN_ERROR.value: "it never was so",
    }
}
# Kind → its heading, in the order of the page.
HEADINGS = {
    FactKind.PREGNANCY: "Pregnancy",
    FactKind.ALLERGY: "Allergies",
    FactKind.MEDICINE: "Medicines",
    FactKind.CONDITION: "Conditions",
    FactKind.FITZPATRICK: "Your skin in the sun",
    FactKind.CONCERN: "What you would like to improve",
    FactKind.GUARDIAN: "Guardian",
}


@bp.get("/account/health")
@allow(Role.CLIENT)
def health() -> Response:
    return _health()


@bp.post("/account/health")
@allow(Role.CLIENT)
def state() -> Response:
    def act() -> Response:
        fact = _typed_fact(request.form)
        with rechecking.following(actor(), at=now()):
            charting.state(actor(), fact, by=actor(), at=now())
        return _done("We noted that.")

    return _or_again(act)


@bp.post("/account/health/<uuid:entry_id>/end")
@allow(Role.CLIENT)
def end(entry_id: uuid.UUID) -> Response:
    def act() -> Response:
        mistaken = "mistaken" in request.form
        ending = Ending.ENTERED_IN_ERROR if mistaken else Ending.RESOLVED
        with rechecking.following(actor(), at=now()):
            entry = queries.entry_of(actor(), entry_id)
            charting.end(entry, ending=ending, by=actor(), at=now())
        return _done("It no longer counts. We keep that it was said.")

    return _or_again(act)


@bp.get("/clients/<uuid:client_id>/chart")
@allow(Role.PHYSICIAN, Role.ESTHETICIAN)
def show(client_id: uuid.UUID) -> Response:
    """The chart of a client one treats. Opening it is written down first."""
    client = in_care_of(actor(), client_id, at=now())
    reading.open_record(actor(), client, record="chart", purpose=reading.TREATMENT)
    db.session.commit()
    return _unkept(
        render_template(
            "charts/chart.html",
            client=client,
            age=client.age_on(now().astimezone(UTC).date()),
            **_told(client),
        )
    )


def _told(client: Person) -> dict[str, Any]:
    """What stands of a client by kind, and what was said before, the latest first."""
    entries = list(db.session.scalars(queries.entries_of(client)))
    at = now()
    return {
        "headings": HEADINGS,
        "words": WORDS,
        "standing": {kind: [one for one in entries if _stands(one, kind)] for kind in FactKind},
        "before": [entry for entry in reversed(entries) if not entry.stands][:SHOWN],
        "lacks_guardian": queries.chart_of(client, at=at).lacks_guardian(at.astimezone(UTC).date()),
    }


def _health(**context: Any) -> Response:
    client = actor()
    opened = queries.accesses_of(client).order_by(Access.at.desc(), Access.id).limit(SHOWN)
    blank: dict[str, Any] = {"detail": "", "errors": {}, "typed": {}}
    page = render_template(
        "charts/health.html",
        asked_for_none=ASKED_FOR_NONE,
        choices=CHOICES,
        **_told(client),
        opened=list(db.session.scalars(opened)),
        **(blank | context),
    )
    return _unkept(page)


def _unkept(page: str) -> Response:
    """A page that no browser or proxy keeps."""
    response = make_response(page)
    response.headers["Cache-Control"] = "no-store"
    return response


def _stands(entry: ChartEntry, kind: FactKind) -> bool:
    return entry.kind is kind and entry.stands


def _typed_fact(form: Mapping[str, str]) -> Fact:
    """What was typed ("allergy.substance"), as the API would take it; an empty field is none."""
    kind = form.get("kind", "")
    said: dict[str, Any] = {
        kind: {
            name.removeprefix(f"{kind}."): text
            for name, text in form.items()
            if name.startswith(f"{kind}.") and text.strip()
        }
    }
    if "none_known" in form:
        said = {"none_known": form["none_known"]}
    try:
        fact: Fact = schemas.FactIn().load(said)
    except ma.ValidationError as error:
        raise FactRefused(
            "Some of what you typed cannot be used.", fields=_flat(error.messages_dict)
        ) from None
    return fact


def _flat(messages: Mapping[str, Any]) -> dict[str, list[str]]:
    flat: dict[str, list[str]] = {}
    for name, wrong in messages.items():
        inner = wrong if isinstance(wrong, dict) else {}
        flat |= {f"{name}.{field}": list(map(str, texts)) for field, texts in inner.items()}
        if not inner:
            flat[name] = list(map(str, wrong))
    return flat


def _or_again(act: Callable[[], Response]) -> Response:
    """Do it; where it is refused, show the page with what was typed and what was wrong."""
    try:
        return act()
    except Refusal as refusal:
        db.session.rollback()
        response = _health(detail=refusal.text, errors=refusal.fields, typed=request.form)
        response.status_code = status_of(refusal)
        return response


def _done(told: str) -> Response:
    db.session.commit()
    flash(told)
    return make_response(redirect("/account/health", 303))
