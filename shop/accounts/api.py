"""Accounts over HTTP: /accounts, /session, /tokens, /me, /people.

Answers that carry a secret are not kept for an Idempotency-Key: a secret stands nowhere in clear.
"""

from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

from flask import Response, current_app, request
from flask_wtf.csrf import generate_csrf

from shop.accounts import (
    changing,
    confirming,
    delegating,
    duties,
    employing,
    licences,
    moving,
    opening,
    passkeys,
    queries,
    schemas,
    signing_in,
    tokens,
)
from shop.accounts.access import (
    FRESH_FOR,
    actor,
    allow,
    begin_visit,
    browser_session,
    by_token,
    end_visit,
    failures_counted,
    fresh_proof,
    held,
    keep_passkey_secret,
    passkey_secret,
    require_fresh_proof,
    visiting_session,
)
from shop.accounts.errors import DelegationRefused, PasskeyRefused, WrongPasskey
from shop.accounts.models import (
    Delegation,
    DutyGrant,
    Passkey,
    Person,
    Role,
    SignIn,
    Token,
)
from shop.accounts.passkeys import Party
from shop.accounts.returning import home_of
from shop.accounts.scopes import Scope
from shop.charts import queries as charts
from shop.charts.models import Access
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.web.api import Blueprint, PageQuery, committed
from shop.web.limits import limiter
from shop.web.paging import page

bp = Blueprint("accounts", __name__, url_prefix="/api/v1", description="People and sign-ins")

OPENED = "We sent a mail to this address. Open the link in it to confirm that it is yours."

MAY = {
    Role.CLIENT: ["shop", "ask for approval", "order", "see who opened the record"],
    Role.PHYSICIAN: ["review requests", "sign and revoke prescriptions"],
    Role.ESTHETICIAN: ["ask for approval for a client"],
    Role.STAFF: ["receive and release stock", "pick and ship orders"],
    Role.MANAGER: ["manage the catalogue, people and licences"],
}


@bp.post("/accounts")
@allow()
@bp.arguments(schemas.AccountIn)
@bp.response(202, schemas.AccountOut)
def open_account(details: dict[str, Any]) -> Response:
    """Open a client's account. The answer is the same where the address has one."""
    at = now()
    opening.open_account(**details, at=at, today=_today(at))
    return committed(schemas.AccountOut, {"email": details["email"], "detail": OPENED}, 202)


@bp.post("/accounts/confirmation")
@allow()
@bp.arguments(schemas.ConfirmationIn)
@bp.response(204)
def confirm(terms: dict[str, Any]) -> Response:
    """Redeem the link of a mail: confirm the address, choose a password where invited."""
    confirming.redeem(terms["secret"], password=terms["password"], at=now())
    return committed(None, None, 204)


@bp.post("/session")
@allow()
@bp.arguments(schemas.SessionIn)
@bp.response(200, schemas.SessionOut)
def sign_in(proof: dict[str, Any]) -> Response:
    """Sign a browser in; the answer sets its cookie."""
    person = _proven(proof["email"], proof["password"])
    session, secret = signing_in.sign_in(
        person, agent=request.user_agent.string, at=now(), instead_of=visiting_session()
    )
    return _begun(session, secret)


@bp.post("/session/passkey/options")
@allow()
@limiter.shared_limit("60/minute", scope="passkeys asked")
@bp.response(200, schemas.DeviceQuestionOut)
def ask_for_a_passkey() -> Response:
    """What to ask a device that may hold a passkey of ours. Who signs in is not said."""
    return _asked(*passkeys.ask_to_sign_in(_party()))


@bp.post("/session/passkey")
@allow()
@bp.arguments(schemas.DeviceAnswerIn)
@bp.response(200, schemas.SessionOut)
def sign_in_with_a_passkey(answer: dict[str, Any]) -> Response:
    """Sign a browser in by what its device answered; the answer sets its cookie."""
    with failures_counted(WrongPasskey):
        passkey = passkeys.prove(
            answer["credential"],
            secret=passkey_secret(),
            party=_party(),
            address=_address(),
            at=now(),
        )
    session, secret = signing_in.sign_in(
        passkey.person,
        agent=request.user_agent.string,
        at=now(),
        instead_of=visiting_session(),
        passkey=passkey,
    )
    return _begun(session, secret)


@bp.delete("/session")
@allow(*Role, scope=Scope.ACCOUNT)
@bp.response(204)
def sign_out() -> Response:
    """End the session, or the token, that this request came with."""
    _end(held())
    db.session.commit()
    if not by_token():
        end_visit()
    return Response(status=204)


@bp.post("/session/fresh")
@allow(*Role)
@bp.arguments(schemas.ProofIn)
@bp.response(200, schemas.FreshOut)
def sign_in_afresh(proof: dict[str, Any]) -> Response:
    """Show the password again: a signature is possible for the next 5 minutes."""
    with failures_counted():
        fresh = signing_in.refresh(held(), proof["password"], address=_address(), at=now())
    return committed(schemas.FreshOut, {"fresh_until": fresh.at + FRESH_FOR})


@bp.post("/session/fresh/passkey/options")
@allow(*Role)
@bp.response(200, schemas.DeviceQuestionOut)
def ask_for_a_passkey_afresh() -> Response:
    """What to ask a device that holds one of my passkeys."""
    return _asked(*passkeys.ask_afresh(browser_session(), _party()))


@bp.post("/session/fresh/passkey")
@allow(*Role)
@bp.arguments(schemas.DeviceAnswerIn)
@bp.response(200, schemas.FreshOut)
def sign_in_afresh_with_a_passkey(answer: dict[str, Any]) -> Response:
    """Show a passkey instead of the password: a signature is possible for the next 5 minutes."""
    with failures_counted(WrongPasskey):
        fresh = passkeys.refresh(
            browser_session(),
            answer["credential"],
            secret=passkey_secret(),
            party=_party(),
            address=_address(),
            at=now(),
        )
    return committed(schemas.FreshOut, {"fresh_until": fresh.at + FRESH_FOR})


@bp.get("/me/passkeys")
@allow(*Role)
@bp.response(200, schemas.Passkeys)
def list_passkeys() -> dict[str, Any]:
    """The passkeys that open my account."""
    return {"items": passkeys.passkeys_of(actor()), "next": None}


@bp.post("/me/passkeys/options")
@allow(*Role)
@bp.response(200, schemas.DeviceQuestionOut)
def ask_for_a_new_passkey() -> Response:
    """What to ask a device that is to make a passkey. I signed in afresh just now."""
    session = browser_session()
    require_fresh_proof()
    return _asked(*passkeys.ask_to_register(session, _party()))


@bp.post("/me/passkeys")
@allow(*Role)
@bp.arguments(schemas.PasskeyIn)
@bp.response(201, schemas.PasskeyOut)
def add_passkey(answer: dict[str, Any]) -> Response:
    """Keep the passkey that my device made."""
    session = browser_session()
    require_fresh_proof()
    with failures_counted(PasskeyRefused):
        added = passkeys.register(
            session,
            answer["credential"],
            name=answer["name"],
            secret=passkey_secret(),
            party=_party(),
            at=now(),
        )
    return _passkey(added, 201)


@bp.patch("/me/passkeys/<uuid:passkey_id>")
@allow(*Role)
@bp.arguments(schemas.PasskeyNameIn)
@bp.response(200, schemas.PasskeyOut)
def rename_passkey(named: dict[str, Any], passkey_id: uuid.UUID) -> Response:
    """Call it something else."""
    browser_session()
    passkey = queries.passkey_of(actor(), passkey_id)
    passkeys.rename(passkey, named["name"])
    return _passkey(passkey, 200)


@bp.delete("/me/passkeys/<uuid:passkey_id>")
@allow(*Role)
@bp.response(204)
def remove_passkey(passkey_id: uuid.UUID) -> Response:
    """It opens nothing from now on. I signed in afresh just now."""
    browser_session()
    require_fresh_proof()
    passkeys.remove(queries.passkey_of(actor(), passkey_id), at=now())
    return committed(None, None, 204)


@bp.post("/me/password")
@allow(*Role)
@bp.arguments(schemas.PasswordIn)
@bp.response(200, schemas.SessionOut)
def change_password(given: dict[str, Any]) -> Response:
    """Another password. Every session and token of mine ends; this browser gets a new session."""
    with failures_counted():
        session, secret = changing.change_password(
            browser_session(),
            old=given["old_password"],
            new=given["new_password"],
            agent=request.user_agent.string,
            address=_address(),
            at=now(),
        )
    return _begun(session, secret)


@bp.post("/tokens")
@allow()
@bp.arguments(schemas.TokenIn)
@bp.response(201, schemas.NewTokenOut)
def issue_token(terms: dict[str, Any]) -> Response:
    """A Bearer token for a program. Without scopes it may do all that its person may."""
    person = _proven(terms["email"], terms["password"])
    token, secret = tokens.issue(person, name=terms["name"], scopes=terms["scopes"], at=now())
    db.session.commit()
    return _unkept(schemas.TokenOut().dump(token) | {"token": secret}, 201)


@bp.get("/tokens")
@allow(*Role)
@bp.response(200, schemas.Tokens)
def list_tokens() -> dict[str, Any]:
    """My live tokens."""
    return {"items": queries.tokens_of(actor(), at=now()), "next": None}


@bp.delete("/tokens/<uuid:token_id>")
@allow(*Role, scope=Scope.ACCOUNT)
@bp.response(204)
def revoke_token(token_id: uuid.UUID) -> Response:
    """Revoke one of my tokens."""
    at = now()
    tokens.revoke(queries.token_of(actor(), token_id, at=at), at=at)
    return committed(None, None, 204)


@bp.get("/me")
@allow(*Role)
@bp.response(200, schemas.MeOut)
def me() -> dict[str, Any]:
    """Who am I, and what may I do."""
    used, fresh = held(), fresh_proof()
    return {
        "user": used.person,
        "may": MAY[used.person.role],
        "scopes": used.scopes if isinstance(used, Token) else None,
        "fresh_until": fresh.at + FRESH_FOR if fresh else None,
        "csrf_token": None if by_token() else generate_csrf(),
    }


@bp.patch("/me")
@allow(Role.CLIENT, scope=Scope.ACCOUNT)
@bp.arguments(schemas.UserChangeIn)
@bp.response(200, schemas.UserOut)
def change_me(asked: dict[str, Any]) -> Response:
    """I am called so, or live in another state, from now on. What was signed before stays."""
    changed = actor()
    if "state" in asked:
        changed = moving.move(changed, asked["state"])
    if "name" in asked:
        changed = changing.rename(changed, asked["name"])
    return committed(schemas.UserOut, changed)


@bp.get("/me/sessions")
@allow(*Role)
@bp.response(200, schemas.SignIns)
def list_sessions() -> dict[str, Any]:
    """Where I am signed in."""
    return {"items": queries.sessions_of(actor(), at=now()), "next": None}


@bp.delete("/me/sessions")
@allow(*Role, scope=Scope.ACCOUNT)
@bp.response(204)
def revoke_other_sessions() -> Response:
    """End all my sessions but this one."""
    at, used = now(), held()
    for session in queries.sessions_of(actor(), at=at):
        if session.id != used.id:
            signing_in.revoke(session, at=at)
    return committed(None, None, 204)


@bp.delete("/me/sessions/<uuid:session_id>")
@allow(*Role, scope=Scope.ACCOUNT)
@bp.response(204)
def revoke_session(session_id: uuid.UUID) -> Response:
    """End one of my sessions."""
    at = now()
    signing_in.revoke(queries.session_of(actor(), session_id, at=at), at=at)
    return committed(None, None, 204)


@bp.get("/me/accesses")
@allow(*Role)
@bp.arguments(PageQuery, location="query")
@bp.response(200, schemas.Accesses)
def list_accesses(query: dict[str, Any]) -> dict[str, Any]:
    """Who opened my record, when and why; the latest first."""
    found = charts.accesses_of(actor())
    return page(found, (Access.at, Access.id), descending=True, **query)


@bp.get("/people")
@allow(Role.MANAGER, Role.PHYSICIAN)
@bp.arguments(PageQuery, location="query")
@bp.response(200, schemas.People)
def list_people(query: dict[str, Any]) -> dict[str, Any]:
    """Who works here, by name."""
    return page(queries.people(), (Person.name, Person.id), **query)


@bp.post("/people")
@allow(Role.MANAGER)
@bp.arguments(schemas.PersonIn)
@bp.response(201, schemas.PersonOut)
def employ(details: dict[str, Any]) -> Response:
    """Take somebody on. She chooses her password by the link of the mail she gets."""
    return committed(schemas.PersonOut, employing.employ(**details), 201)


@bp.post("/people/<uuid:person_id>/disablement")
@allow(Role.MANAGER)
@bp.response(204)
def disable(person_id: uuid.UUID) -> Response:
    """Let somebody in no longer; every session and token of hers ends at once."""
    employing.disable(queries.person(person_id), by=actor(), at=now())
    return committed(None, None, 204)


@bp.post("/people/<uuid:person_id>/licences")
@allow(Role.MANAGER)
@bp.arguments(schemas.LicenceIn)
@bp.response(201, schemas.LicenceOut)
def record_licence(terms: dict[str, Any], person_id: uuid.UUID) -> Response:
    """Record a licence, with the range that its document says."""
    licence = licences.record(queries.person(person_id), **terms)
    return committed(schemas.LicenceOut, licence, 201)


@bp.post("/people/<uuid:person_id>/licences/<uuid:licence_id>/end")
@allow(Role.MANAGER)
@bp.arguments(schemas.LicenceEndIn)
@bp.response(200, schemas.LicenceOut)
def end_licence(terms: dict[str, Any], person_id: uuid.UUID, licence_id: uuid.UUID) -> Response:
    """End a licence sooner than its document says."""
    licence = queries.licence(person_id, licence_id)
    licences.end(licence, on=terms["ended_on"], by=actor())
    return committed(schemas.LicenceOut, licence)


@bp.get("/duties")
@allow(Role.MANAGER, Role.PHYSICIAN)
@bp.arguments(PageQuery, location="query")
@bp.response(200, schemas.Duties)
def list_duties(query: dict[str, Any]) -> dict[str, Any]:
    """Who is charged with what, and was; the latest first."""
    keys = (DutyGrant.granted_at, DutyGrant.id)
    return page(queries.duties(), keys, descending=True, **query)


@bp.post("/people/<uuid:person_id>/duties")
@allow(Role.MANAGER)
@bp.arguments(schemas.DutyIn)
@bp.response(201, schemas.DutyOut)
def grant_duty(terms: dict[str, Any], person_id: uuid.UUID) -> Response:
    """Charge somebody with a duty, such as the medical director's."""
    granted = duties.grant(queries.person(person_id), **terms, by=actor())
    db.session.refresh(granted)
    return committed(schemas.DutyOut, granted, 201)


@bp.post("/people/<uuid:person_id>/duties/<uuid:duty_id>/end")
@allow(Role.MANAGER)
@bp.arguments(schemas.DutyEndIn)
@bp.response(200, schemas.DutyOut)
def end_duty(terms: dict[str, Any], person_id: uuid.UUID, duty_id: uuid.UUID) -> Response:
    """End a duty on one of its days; from that day it no longer counts."""
    granted = queries.duty(person_id, duty_id)
    duties.end(granted, on=terms["ended_on"], by=actor())
    return committed(schemas.DutyOut, granted)


@bp.get("/me/delegations")
@allow(Role.PHYSICIAN)
@bp.arguments(PageQuery, location="query")
@bp.response(200, schemas.Delegations)
def list_delegations(query: dict[str, Any]) -> dict[str, Any]:
    """When I am away, and when I stand in for others; the latest first."""
    keys = (Delegation.starts_on, Delegation.id)
    return page(queries.delegations_of(actor()), keys, descending=True, **query)


@bp.post("/me/delegations")
@allow(Role.PHYSICIAN)
@bp.arguments(schemas.DelegationIn)
@bp.response(201, schemas.DelegationOut)
def delegate(terms: dict[str, Any]) -> Response:
    """Name who stands in while I am away. She signs as herself, under her own licences."""
    named = delegating.delegate(
        actor(),
        _delegate(terms["delegate"]),
        starts_on=terms["starts_on"],
        ends_on=terms["ends_on"],
        today=_today(now()),
    )
    return committed(schemas.DelegationOut, named, 201)


@bp.delete("/me/delegations/<uuid:delegation_id>")
@allow(Role.PHYSICIAN)
@bp.response(204)
def withdraw_delegation(delegation_id: uuid.UUID) -> Response:
    """I am back sooner, or somebody else stands in. Safe to repeat."""
    delegating.withdraw(queries.delegation_of(actor(), delegation_id), at=now())
    return committed(None, None, 204)


def _party() -> Party:
    config = current_app.config["SHOP"]
    return passkeys.party(config.base_url, config.clinic_name)


def _asked(options: dict[str, Any], secret: str) -> Response:
    db.session.commit()
    keep_passkey_secret(secret)
    return _unkept({"options": options, "csrf_token": generate_csrf()}, 200)


def _passkey(passkey: Passkey, status: int) -> Response:
    db.session.flush()
    db.session.refresh(passkey)  # the database stamps its times
    return committed(schemas.PasskeyOut, passkey, status)


def _begun(session: SignIn, secret: str) -> Response:
    """A session begins in this browser: its cookie comes with the answer."""
    db.session.commit()
    begin_visit(session, secret)
    user = schemas.UserOut().dump(session.person)
    home = home_of(session.person.role)
    return _unkept({"user": user, "home": home, "csrf_token": generate_csrf()}, 200)


def _delegate(person_id: uuid.UUID) -> Person:
    found = db.session.get(Person, person_id)
    if found is None:
        raise DelegationRefused(
            "Nobody can stand in like this.",
            fields={"delegate": ["Choose a physician who works here."]},
        )
    return found


def _proven(email: str, password: str) -> Person:
    with failures_counted():
        return signing_in.prove(email, password, address=_address(), at=now())


def _end(used: SignIn | Token) -> None:
    if isinstance(used, Token):
        tokens.revoke(used, at=now())
    else:
        signing_in.sign_out(used, at=now())


def _address() -> str:
    return request.remote_addr or ""


def _today(at: datetime) -> date:
    return day_in(current_app.config["SHOP"].clinic_time_zone, at)


def _unkept(shown: dict[str, Any], status: int) -> Response:
    response = Response(current_app.json.dumps(shown), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
