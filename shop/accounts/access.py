"""Who is asking: signed-in browsers, programs with a token, and the guard on every route.

A browser's cookie holds a random secret, Flask signs it; the database knows its SHA-256 only. A
session or token ends when its row says so, when its person is disabled, or when the person's
epoch moves on: all three are read again at every request, in one SELECT.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ParamSpec, TypeVar

import sqlalchemy as sa
from flask import Flask, Request, current_app, g, has_request_context, request, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user
from sqlalchemy.orm import contains_eager, joinedload

from shop.accounts import passwords, signing_in
from shop.accounts.errors import BrowserOnly, FreshSignInMissing, WrongPassword
from shop.accounts.models import AuthEvent, Person, Role, SignIn, Token
from shop.accounts.once import hashed
from shop.accounts.scopes import WRITES, Scope
from shop.config import Config
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.errors import NotAllowed, NotSignedIn, Refusal
from shop.web.origin import SAFE

P = ParamSpec("P")
R = TypeVar("R")

NOBODY = "system:signing-in"  # who writes before anybody is known
FRESH_FOR = timedelta(minutes=5)
SEEN_EVERY = timedelta(minutes=1)  # how exact "last seen" is
BEARER = "bearer "
PASSKEY_SECRET = "passkey"  # in the cookie, while a device is asked


@dataclass(eq=False)
class Visit(UserMixin):  # type: ignore[misc]  # flask_login has no types
    """A person, and the session or token that stands for her in this request."""

    held: SignIn | Token
    secret: str

    @property
    def person(self) -> Person:
        return self.held.person

    def get_id(self) -> str:
        """What the cookie carries."""
        return self.secret


def init_app(app: Flask) -> None:
    """Wire Flask-Login and the session cookie's flags.

    Who asks is found before anything else happens, and is the actor of the request's writes.
    """
    config: Config = app.config["SHOP"]
    passwords.set_cost(config.argon2)
    app.config.update(
        SESSION_COOKIE_NAME="__Host-aftercare" if config.secure else "aftercare",
        SESSION_COOKIE_SECURE=config.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_PATH="/",
    )
    manager = LoginManager()
    manager.session_protection = None  # the row is the protection; addresses change
    manager.user_loader(_by_cookie)
    manager.request_loader(_by_header)
    manager.init_app(app, add_context_processor=False)

    @app.before_request
    def know_who_asks() -> None:
        if request.endpoint != "static":
            visitor()


def allow(*roles: Role, scope: Scope | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Say who may call a view: these roles, or anyone where none is named.

    A token also needs `scope`; without one, "read" for a safe method, and otherwise the scope of
    its person's role. The view raises NotSignedIn or NotAllowed before anything else happens.
    """

    def guarded(view: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(view)
        def asked(*args: P.args, **kwargs: P.kwargs) -> R:
            person = visitor()
            if roles:
                _require_role(person, roles)
            _require_scope(scope)
            return view(*args, **kwargs)

        asked.allowed = roles  # type: ignore[attr-defined]
        _document(asked, roles)
        return asked

    return guarded


def visitor() -> Person | None:
    """The person asking, or None."""
    visit = _visit()
    return visit.person if visit else None


def language() -> str | None:
    """What the signed-in person wants to be spoken to in; None for a visitor."""
    person = visitor()
    return person.language if person else None


def actor() -> Person:
    """The person asking. Raises NotSignedIn."""
    person = visitor()
    if person is None:
        raise NotSignedIn("Sign in first.")
    return person


def held() -> SignIn | Token:
    """The session or token in use. Raises NotSignedIn."""
    visit = _visit()
    if visit is None:
        raise NotSignedIn("Sign in first.")
    return visit.held


def visiting_session() -> SignIn | None:
    """The browser's session, if it has one that lives."""
    visit = _visit()
    return visit.held if visit and isinstance(visit.held, SignIn) else None


def fresh_proof() -> AuthEvent | None:
    """The fresh sign-in of this very session or token, if it is at most 5 minutes old."""
    visit = _visit()
    fresh = visit.held.fresh if visit else None
    if fresh is None or now() - fresh.at > FRESH_FOR:
        return None
    return fresh


def browser_session() -> SignIn:
    """The session of the browser that asks. Raises NotSignedIn, BrowserOnly for a program."""
    used = held()
    if not isinstance(used, SignIn):
        raise BrowserOnly("This is done in a browser, by the person herself.")
    return used


def require_fresh_proof() -> AuthEvent:
    """The fresh sign-in of this session. Raises FreshSignInMissing."""
    fresh = fresh_proof()
    if fresh is None:
        raise FreshSignInMissing("Confirm that it is you, then do this again.")
    return fresh


def keep_passkey_secret(secret: str) -> None:
    """Bind what was asked of a device to this browser: its cookie holds the other half."""
    session[PASSKEY_SECRET] = secret


def passkey_secret() -> str:
    """The secret of what was asked of this browser's device last; used once, so taken out."""
    return str(session.pop(PASSKEY_SECRET, ""))


def by_token() -> bool:
    """Whether this request is judged by its Bearer token alone, and its cookie left unread.

    A browser never adds that header by itself, so such a request needs no CSRF token.
    """
    return request.headers.get("Authorization", "").lower().startswith(BEARER)


def begin_visit(sign_in: SignIn, secret: str) -> None:
    """Give the browser its new session; whatever its cookie held before is forgotten."""
    session.clear()
    g.pop("csrf_token", None)  # the form's token belongs to the old session
    login_user(Visit(sign_in, secret))
    act_as(sign_in.person.actor)


@contextmanager
def failures_counted(failure: type[Refusal] = WrongPassword) -> Iterator[None]:
    """Commit a failed try at a secret although the request is refused: the throttle counts it."""
    try:
        yield
    except failure:
        db.session.commit()
        raise


def end_visit() -> None:
    """Take the session out of the browser's cookie; its row is the verb's business."""
    logout_user()
    session.clear()


def unguarded(app: Flask) -> list[str]:
    """The routes that do not say who may call them, as "METHODS /path". Static files are open."""
    return sorted(
        f"{','.join(sorted(rule.methods or ()))} {rule.rule}"
        for rule in app.url_map.iter_rules()
        if rule.endpoint.rpartition(".")[2] != "static"
        and not all(hasattr(view, "allowed") for view in _views(app, rule.endpoint))
    )


def _views(app: Flask, endpoint: str) -> Iterator[object]:
    view = app.view_functions[endpoint]
    view_class = getattr(view, "view_class", None)
    methods = getattr(view_class, "methods", None) or ()
    if hasattr(view, "allowed") or not methods:
        yield view
    for method in () if hasattr(view, "allowed") else methods:
        yield getattr(view_class, method.lower())


def _require_role(person: Person | None, roles: tuple[Role, ...]) -> None:
    if person is None:
        raise NotSignedIn("Sign in first.")
    if person.role not in roles:
        raise NotAllowed("Your role does not include this.", role=person.role.value)


def _require_scope(scope: Scope | None) -> None:
    visit = _visit()
    if visit is None or not isinstance(visit.held, Token):
        return
    needed = scope or (Scope.READ if request.method in SAFE else WRITES[visit.person.role])
    if needed not in visit.held.scopes:
        raise NotAllowed("This token was not issued for that.", scope=needed.value)


def _document(view: Any, roles: tuple[Role, ...]) -> None:
    """Tell the OpenAPI page how to sign in (flask-smorest reads `_apidoc`)."""
    doc = copy.deepcopy(getattr(view, "_apidoc", {}))
    manual = doc.setdefault("manual_doc", {})
    manual["security"] = [{"bearer": []}, {"cookie": []}] if roles else []
    view._apidoc = doc  # noqa: SLF001  # what `Blueprint.doc` does, for any view


def _visit() -> Visit | None:
    if not has_request_context():
        return None
    if "_login_user" not in g and request.method not in SAFE:
        act_as(NOBODY)
    found = current_user._get_current_object()  # noqa: SLF001  # the way to look behind a proxy
    return found if isinstance(found, Visit) else None


def _by_cookie(secret: str) -> Visit | None:
    if by_token():
        return None
    config: Config = current_app.config["SHOP"]
    return _look_up(SignIn, secret, idle=config.idle)


def _by_header(asked: Request) -> Visit | None:
    if not by_token():
        return None
    return _look_up(Token, asked.headers["Authorization"][len(BEARER) :].strip())


def _look_up(kind: type[SignIn] | type[Token], secret: str, **more: object) -> Visit | None:
    """Find the live session or token in one SELECT, and act as its person from here on."""
    query, seen = LOOK_UP[kind]
    row = db.session.execute(query, {"secret": hashed(secret), **more}).first()
    if row is None:
        return None
    found, is_stale = row
    if is_stale:
        _note_seen(kind, seen, found.id)
    act_as(found.person.actor)
    return Visit(found, secret)


def _note_seen(kind: type[SignIn] | type[Token], seen: Any, held_id: object) -> None:
    """Committed at once: a page that only reads commits nothing, and nobody waits for this row."""
    db.session.execute(
        sa.update(kind)
        .where(kind.id == held_id)
        .values({seen.key: sa.func.shop_now()})
        .execution_options(synchronize_session=False)
    )
    db.session.commit()


def _ago(span: sa.BindParameter[timedelta]) -> sa.ColumnElement[datetime]:
    return sa.func.shop_now() - span


def _living(
    kind: type[SignIn] | type[Token], seen: Any, *also: sa.ColumnElement[bool]
) -> sa.Select[Any]:
    """The session or token whose hash is `:secret`, if it lives, and whether it was long unseen."""
    lately = sa.bindparam("lately", SEEN_EVERY, sa.Interval())
    return (
        sa.select(kind, sa.func.coalesce(seen < _ago(lately), sa.true()))
        .join(kind.person)
        .where(
            kind.secret_hash == sa.bindparam("secret"),
            kind.revoked_at.is_(None),
            kind.ends_at > sa.func.shop_now(),
            kind.epoch == Person.session_epoch,
            Person.disabled_at.is_(None),
            *also,
        )
        .options(contains_eager(kind.person), joinedload(kind.fresh))
        .execution_options(populate_existing=True)
    )


# Every request asks one of these: built once, since building costs more than PostgreSQL's answer.
_IDLE = sa.bindparam("idle", type_=sa.Interval())
LOOK_UP: dict[type[SignIn] | type[Token], tuple[sa.Select[Any], Any]] = {
    SignIn: (_living(SignIn, SignIn.seen_at, SignIn.seen_at > _ago(_IDLE)), SignIn.seen_at),
    Token: (_living(Token, Token.used_at), Token.used_at),
}


def sign_in_afresh() -> None:
    """Where the form carries the password, prove it before anything is locked."""
    password = request.form.get("password")
    if password:
        with failures_counted():
            signing_in.refresh(held(), password, address=request.remote_addr or "", at=now())
