"""Pages: sign in and out, register, confirm, the own account, and the people who work here."""

from __future__ import annotations

import uuid
from datetime import date
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
    url_for,
)

from shop.accounts import (
    confirming,
    employing,
    licences,
    moving,
    opening,
    queries,
    schemas,
    signing_in,
    speaking,
    tokens,
)
from shop.accounts.access import (
    actor,
    allow,
    begin_visit,
    end_visit,
    failures_counted,
    held,
    visiting_session,
)
from shop.accounts.errors import BadDetails
from shop.accounts.models import Person, Role
from shop.accounts.returning import safe_path
from shop.charts import queries as charts
from shop.charts.models import Access
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.core.languages import Language
from shop.core.usps import STATES
from shop.web.headers import YEAR
from shop.web.paging import page
from shop.web.problems import status_of
from shop.web.tongues import COOKIE

bp = Blueprint("account_pages", __name__)

HOME = {Role.PHYSICIAN: "/review", Role.STAFF: "/packing", Role.MANAGER: "/manage"}
PEOPLE_SHOWN = 100
ACCESSES_SHOWN = 50


@bp.get("/sign-in")
@allow()
def sign_in_page() -> Response:
    return _page("sign_in.html", typed=request.args)


@bp.post("/sign-in")
@allow()
def sign_in() -> Response:
    try:
        proof = _form(schemas.SessionIn)
        with failures_counted():
            person = signing_in.prove(
                proof["email"], proof["password"], address=request.remote_addr or "", at=now()
            )
    except Refusal as refusal:
        db.session.rollback()
        return _again("sign_in.html", refusal)
    session, secret = signing_in.sign_in(
        person, agent=request.user_agent.string, at=now(), instead_of=visiting_session()
    )
    db.session.commit()
    begin_visit(session, secret)
    return _to(safe_path(request.form.get("next"), HOME.get(person.role, "/")))


@bp.get("/sign-in/fresh")
@allow(*Role)
def fresh_page() -> Response:
    return _page("fresh.html", typed=request.args)


@bp.post("/sign-in/fresh")
@allow(*Role)
def sign_in_afresh() -> Response:
    try:
        proof = _form(schemas.ProofIn)
        with failures_counted():
            signing_in.refresh(
                held(), proof["password"], address=request.remote_addr or "", at=now()
            )
    except Refusal as refusal:
        db.session.rollback()
        return _again("fresh.html", refusal)
    db.session.commit()
    return _to(safe_path(request.form.get("next"), HOME.get(actor().role, "/")))


@bp.post("/sign-out")
@allow()
def sign_out() -> Response:
    session = visiting_session()
    if session is not None:
        signing_in.sign_out(session, at=now())
        db.session.commit()
    end_visit()
    return _to("/sign-in")


@bp.post("/language")
@allow()
def speak() -> Response:
    """Show pages, and write letters, in another language. What we do not speak changes nothing."""
    wish = request.form.get("language", "")
    response = _to(safe_path(request.form.get("next"), "/"))
    if wish in list(Language):
        session = visiting_session()
        if session is not None:
            speaking.speak(session.person, Language(wish))
            db.session.commit()
        response.set_cookie(COOKIE, wish, max_age=YEAR, samesite="Lax", httponly=True)
    return response


@bp.get("/register")
@allow()
def register_page() -> Response:
    return _page("register.html", typed={}, states=_states())


@bp.post("/register")
@allow()
def register() -> Response:
    at = now()
    try:
        details = _form(schemas.AccountIn)
        opening.open_account(**details, at=at, today=_today())
    except Refusal as refusal:
        db.session.rollback()
        return _again("register.html", refusal, states=_states())
    db.session.commit()
    return _page("registered.html", email=details["email"])


@bp.get("/confirm/<secret>")
@allow()
def confirm_page(secret: str) -> Response:
    """Shows a button: programs that open every link of a mail must not use it up."""
    try:
        purpose = confirming.purpose_of(secret, at=now())
    except Refusal as refusal:
        db.session.rollback()
        return _private(_again("confirm.html", refusal, secret=secret, purpose=None))
    return _private(_page("confirm.html", secret=secret, purpose=purpose))


@bp.post("/confirm/<secret>")
@allow()
def confirm(secret: str) -> Response:
    purpose = None
    try:
        purpose = confirming.purpose_of(secret, at=now())
        confirming.redeem(secret, password=request.form.get("password"), at=now())
    except Refusal as refusal:
        db.session.rollback()
        return _private(_again("confirm.html", refusal, secret=secret, purpose=purpose))
    db.session.commit()
    flash("Your mail address is confirmed. You can sign in.")
    return _private(_to("/sign-in"))


@bp.get("/account")
@allow(*Role)
def account() -> Response:
    return _account()


def _account(refusal: Refusal | None = None) -> Response:
    at, reader = now(), actor()
    opened = page(
        charts.accesses_of(reader),
        (Access.at, Access.id),
        limit=ACCESSES_SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    shown = {
        "sessions": queries.sessions_of(reader, at=at),
        "tokens": queries.tokens_of(reader, at=at),
        "opened": opened,
        "current": visiting_session(),
        "states": _states(),
    }
    if refusal is not None:
        return _again("account.html", refusal, **shown)
    return _page("account.html", typed={}, **shown)


@bp.post("/account/state")
@allow(Role.CLIENT)
def move() -> Response:
    try:
        moved = moving.move(actor(), _form(schemas.RelocationIn)["state"])
    except Refusal as refusal:
        db.session.rollback()
        return _account(refusal)
    db.session.commit()
    flash(f"You live in {moved.state}. What you ask for from now on goes to physicians there.")
    return _to(url_for(".account"))


@bp.post("/account/sessions/<uuid:session_id>/end")
@allow(*Role)
def end_session(session_id: uuid.UUID) -> Response:
    at = now()
    signing_in.revoke(queries.session_of(actor(), session_id, at=at), at=at)
    db.session.commit()
    return _to(url_for(".account"))


@bp.post("/account/tokens/<uuid:token_id>/revoke")
@allow(*Role)
def revoke_token(token_id: uuid.UUID) -> Response:
    at = now()
    tokens.revoke(queries.token_of(actor(), token_id, at=at), at=at)
    db.session.commit()
    return _to(url_for(".account"))


@bp.get("/people")
@allow(Role.MANAGER)
def people() -> Response:
    return _page("people.html", **_staffed(), typed={})


@bp.post("/people")
@allow(Role.MANAGER)
def employ() -> Response:
    try:
        person = employing.employ(**_form(schemas.PersonIn))
    except Refusal as refusal:
        db.session.rollback()
        return _again("people.html", refusal, **_staffed())
    db.session.commit()
    flash(f"{person.name} gets a mail with a link to choose a password.")
    return _to(url_for(".people"))


@bp.get("/people/<uuid:person_id>")
@allow(Role.MANAGER)
def person(person_id: uuid.UUID) -> Response:
    return _page("person.html", **_shown(queries.person(person_id)), typed={})


@bp.post("/people/<uuid:person_id>/licences")
@allow(Role.MANAGER)
def record_licence(person_id: uuid.UUID) -> Response:
    somebody = queries.person(person_id)
    try:
        licences.record(somebody, **_form(schemas.LicenceIn))
    except Refusal as refusal:
        db.session.rollback()
        return _again("person.html", refusal, **_shown(queries.person(person_id)))
    db.session.commit()
    return _to(url_for(".person", person_id=person_id))


@bp.post("/people/<uuid:person_id>/licences/<uuid:licence_id>/end")
@allow(Role.MANAGER)
def end_licence(person_id: uuid.UUID, licence_id: uuid.UUID) -> Response:
    try:
        licences.end(queries.licence(person_id, licence_id), on=_today(), by=actor())
    except Refusal as refusal:
        db.session.rollback()
        return _again("person.html", refusal, **_shown(queries.person(person_id)))
    db.session.commit()
    return _to(url_for(".person", person_id=person_id))


@bp.post("/people/<uuid:person_id>/disablement")
@allow(Role.MANAGER)
def disable(person_id: uuid.UUID) -> Response:
    try:
        employing.disable(queries.person(person_id), by=actor(), at=now())
    except Refusal as refusal:
        db.session.rollback()
        return _again("person.html", refusal, **_shown(queries.person(person_id)))
    db.session.commit()
    return _to(url_for(".person", person_id=person_id))


def _form(schema: type[ma.Schema]) -> dict[str, Any]:
    """What was typed, as the API would take it; an empty field was not filled in."""
    typed = {name: value for name, value in request.form.items() if value and name != "csrf_token"}
    try:
        return dict(schema(unknown=ma.EXCLUDE).load(typed))
    except ma.ValidationError as error:
        raise BadDetails(
            "Some of what you typed cannot be used.", fields=dict(error.messages_dict)
        ) from None


def _page(template: str, **context: Any) -> Response:
    blank: dict[str, Any] = {"detail": "", "errors": {}, "typed": {}}
    return make_response(render_template(f"accounts/{template}", **(blank | context)))


def _again(template: str, refusal: Refusal, **context: Any) -> Response:
    """The same form with what was typed, and what was wrong."""
    response = _page(
        template,
        **({"typed": request.form} | context),
        detail=refusal.text,
        errors=refusal.fields,
    )
    response.status_code = status_of(refusal)
    if "retry_after" in refusal.facts:
        response.headers["Retry-After"] = str(refusal.facts["retry_after"])
    return response


def _to(path: str) -> Response:
    return make_response(redirect(path, 303))


def _private(response: Response) -> Response:
    """The address of this page is a secret: it goes to nobody else."""
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


def _staffed() -> dict[str, Any]:
    shown = page(
        queries.people(),
        (Person.name, Person.id),
        limit=PEOPLE_SHOWN,
        after=request.args.get("after"),
    )
    roles = [(role.value, role.value) for role in Role if role is not Role.CLIENT]
    return {"people": shown, "roles": roles, "today": _today()}


def _shown(somebody: Person) -> dict[str, Any]:
    kinds = [(kind, kind) for kind in licences.KINDS.get(somebody.role, ())]
    return {
        "person": somebody,
        "kinds": kinds,
        "states": _states(),
        "today": _today(),
        "duties": queries.duties_of(somebody),
    }


def _states() -> list[tuple[str, str]]:
    return [(state, state) for state in sorted(STATES)]


def _today() -> date:
    return day_in(current_app.config["SHOP"].clinic_time_zone, now())
