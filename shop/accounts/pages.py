"""Pages: sign in and out, register, confirm, the own account, and the people who work here."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
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
from flask import session as cookie
from flask_babel import gettext as _

from shop.accounts import (
    changing,
    confirming,
    employing,
    licences,
    moving,
    opening,
    passkeys,
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
    browser_session,
    end_visit,
    failures_counted,
    fresh_proof,
    held,
    visiting_session,
)
from shop.accounts.errors import BadDetails
from shop.accounts.models import Person, Role
from shop.accounts.returning import home_of, safe_path
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

PEOPLE_SHOWN = 100
CONFIRMED = "confirmed"  # the mail address that this browser has just confirmed


@bp.get("/sign-in")
@allow()
def sign_in_page() -> Response:
    known = {"email": cookie.pop(CONFIRMED, "")}  # she has just confirmed it in this browser
    return _page("sign_in.html", typed=known | request.args.to_dict(), **_asked(request.args))


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
        return _again("sign_in.html", refusal, **_asked(request.form))
    visit, secret = signing_in.sign_in(
        person, agent=request.user_agent.string, at=now(), instead_of=visiting_session()
    )
    db.session.commit()
    begin_visit(visit, secret)
    return _to(safe_path(request.form.get("next"), home_of(person.role)))


@bp.get("/sign-in/fresh")
@allow(*Role)
def fresh_page() -> Response:
    return _page("fresh.html", typed=request.args, **_device(request.args))


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
        return _again("fresh.html", refusal, **_device(request.form))
    db.session.commit()
    return _to(safe_path(request.form.get("next"), home_of(actor().role)))


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
    return _page("register.html", typed=request.args, states=_states())


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
    onward = safe_path(request.form.get("next"), "")
    return _page("registered.html", email=details["email"], onward=onward)


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
        person = confirming.redeem(secret, password=request.form.get("password"), at=now())
    except Refusal as refusal:
        db.session.rollback()
        return _private(_again("confirm.html", refusal, secret=secret, purpose=purpose))
    cookie[CONFIRMED] = person.email
    db.session.commit()
    flash("Your mail address is confirmed. You can sign in.")
    return _private(_to("/sign-in"))


@bp.get("/account")
@allow(*Role)
def account() -> Response:
    """Who I am here: name, address, state, language."""
    return _account()


@bp.post("/account/name")
@allow(Role.CLIENT)
def rename() -> Response:
    """Be called so from now on."""
    return _changed(
        lambda: changing.rename(actor(), _form(schemas.NameIn)["name"]),
        _("Your name is changed. What was signed or sent before keeps the old one."),
        _account,
    )


@bp.post("/account/state")
@allow(Role.CLIENT)
def move() -> Response:
    """Live in another state from now on."""

    def act() -> None:
        moved = moving.move(actor(), _form(schemas.RelocationIn)["state"])
        flash(
            _(
                "You live in %(state)s. What you ask for from now on goes to physicians there.",
                state=moved.state,
            )
        )

    return _changed(act, "", _account)


@bp.get("/account/security")
@allow(*Role)
def security() -> Response:
    """How I sign in, and where I am signed in."""
    return _security()


@bp.post("/account/password")
@allow(*Role)
def change_password() -> Response:
    """Another password: everything else of mine is signed out, this browser stays."""
    try:
        given = _form(schemas.PasswordIn)
        with failures_counted():
            session, secret = changing.change_password(
                browser_session(),
                old=given["old_password"],
                new=given["new_password"],
                agent=request.user_agent.string,
                address=request.remote_addr or "",
                at=now(),
            )
    except Refusal as refusal:
        db.session.rollback()
        return _security(refusal)
    db.session.commit()
    begin_visit(session, secret)
    flash(_("Your password is changed. Every other device and program is signed out."))
    return _to(url_for(".security"))


@bp.post("/account/passkeys/<uuid:passkey_id>/name")
@allow(*Role)
def rename_passkey(passkey_id: uuid.UUID) -> Response:
    """Call a passkey something else."""
    passkey = queries.passkey_of(actor(), passkey_id)
    return _changed(
        lambda: passkeys.rename(passkey, _form(schemas.PasskeyNameIn)["name"]),
        _("The passkey is renamed."),
        _security,
        ".security",
    )


@bp.post("/account/passkeys/<uuid:passkey_id>/removal")
@allow(*Role)
def remove_passkey(passkey_id: uuid.UUID) -> Response:
    """It opens nothing from now on."""
    if fresh_proof() is None:
        flash(_("Confirm first that it is you. Then press the button again."))
        return _to("/sign-in/fresh?next=/account/security")
    passkey = queries.passkey_of(actor(), passkey_id)
    return _changed(
        lambda: passkeys.remove(passkey, at=now()),
        _("The passkey is removed here. Remove it from your device, too."),
        _security,
        ".security",
    )


@bp.post("/account/sessions/<uuid:session_id>/end")
@allow(*Role)
def end_session(session_id: uuid.UUID) -> Response:
    at = now()
    signing_in.revoke(queries.session_of(actor(), session_id, at=at), at=at)
    db.session.commit()
    flash(_("That device is signed out."))
    return _to(url_for(".security"))


@bp.post("/account/sessions/end-others")
@allow(*Role)
def end_other_sessions() -> Response:
    """Be signed in here and nowhere else."""
    at, used = now(), held()
    for session in queries.sessions_of(actor(), at=at):
        if session.id != used.id:
            signing_in.revoke(session, at=at)
    db.session.commit()
    flash(_("You are signed in here and nowhere else."))
    return _to(url_for(".security"))


@bp.get("/account/programs")
@allow(*Role)
def programs() -> Response:
    """The programs that act for me."""
    return _page("programs.html", tokens=queries.tokens_of(actor(), at=now()))


@bp.post("/account/tokens/<uuid:token_id>/revoke")
@allow(*Role)
def revoke_token(token_id: uuid.UUID) -> Response:
    at = now()
    tokens.revoke(queries.token_of(actor(), token_id, at=at), at=at)
    db.session.commit()
    flash(_("That program acts for you no longer."))
    return _to(url_for(".programs"))


def _changed(
    act: Callable[[], object],
    told: str,
    again: Callable[[Refusal], Response],
    back: str = ".account",
) -> Response:
    """Do it and go back to its page; where it is refused, show that page with what was typed."""
    try:
        act()
    except Refusal as refusal:
        db.session.rollback()
        return again(refusal)
    db.session.commit()
    if told:
        flash(told)
    return _to(url_for(back))


def _account(refusal: Refusal | None = None) -> Response:
    if refusal is not None:
        return _again("account.html", refusal, states=_states())
    return _page("account.html", states=_states())


def _security(refusal: Refusal | None = None) -> Response:
    at, reader = now(), actor()
    shown = {
        "sessions": queries.sessions_of(reader, at=at),
        "current": visiting_session(),
        "passkeys": passkeys.passkeys_of(reader),
        "removed": queries.removed_passkeys_of(reader, at=at),
        "proven": fresh_proof() is not None,
        "origin": _origin(),
        "agent": request.user_agent.string,
    }
    if refusal is not None:
        return _again("security.html", refusal, **shown)
    return _page("security.html", **shown)


def _asked(given: Mapping[str, str]) -> dict[str, Any]:
    """What a page needs that a passkey can be shown on: where it works, and where it leads."""
    return {"origin": _origin(), "onward": safe_path(given.get("next"), "")}


def _device(given: Mapping[str, str]) -> dict[str, Any]:
    """The same, where one of her own can be shown instead of the password."""
    shown = _asked(given) | {"passkeys": passkeys.passkeys_of(actor())}
    return shown | {"onward": shown["onward"] or home_of(actor().role)}


def _origin() -> str:
    """Where our pages have to come from for a passkey to work."""
    config = current_app.config["SHOP"]
    return passkeys.party(config.base_url, config.clinic_name).origin


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
