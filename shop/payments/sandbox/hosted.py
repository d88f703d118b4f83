"""The hosted page: plain forms where a card is typed, tried, and authenticated."""

from __future__ import annotations

from datetime import UTC, date, datetime
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import HTTPException, NotFound
from werkzeug.wrappers import Response as AnyResponse

from shop.payments.sandbox import paying, sessions
from shop.payments.sandbox.cards import Card, FieldError, read_card
from shop.payments.sandbox.desk import Desk, intent_of
from shop.payments.sandbox.objects import Body
from shop.payments.sandbox.running import here
from shop.payments.sandbox.store import Kept, Ledger

FIELDS = ("number", "exp", "cvc", "name")


bp = Blueprint("hosted", __name__, template_folder="templates")


@bp.get("/c/pay/<session_id>")
def ask(session_id: str) -> AnyResponse:
    with here().store.writing() as ledger:
        session = _session(Desk(ledger, here().public_url), session_id)
        over = _over(session)
        return over or _card_page(session, intent_of(ledger, session), {}, {})


@bp.post("/c/pay/<session_id>")
def pay(session_id: str) -> AnyResponse:
    typed = {name: request.form.get(name, "") for name in FIELDS}
    with here().store.writing() as ledger:
        desk = Desk(ledger, here().public_url)
        session = _session(desk, session_id)
        card = read_card(typed, today=_today(ledger))
        answered = _over(session) or _tried(desk, session, card, typed)
    here().courier.wake()
    return answered


@bp.get("/c/pay/<session_id>/authenticate")
def challenge(session_id: str) -> AnyResponse:
    with here().store.writing() as ledger:
        session = _session(Desk(ledger, here().public_url), session_id)
        intent = intent_of(ledger, session)
        if not _asked(intent):
            return _over(session) or _to_card_page(session)
        return _over(session) or _page("authenticate.html", session)


@bp.post("/c/pay/<session_id>/authenticate")
def authenticate(session_id: str) -> AnyResponse:
    with here().store.writing() as ledger:
        desk = Desk(ledger, here().public_url)
        session = _session(desk, session_id)
        answered = _over(session) or _authenticated(desk, session)
    here().courier.wake()
    return answered


@bp.get("/c/sandbox.css")
def style() -> Response:
    response = make_response(render_template("sandbox.css"))
    response.mimetype = "text/css"
    return response


def _session(desk: Desk, session_id: str) -> Kept:
    sessions.expire_overdue(desk)
    session = desk.ledger.find("checkout.session", session_id)
    if session is None:
        raise NotFound("There is no such payment page.")
    return session


def _over(session: Kept) -> AnyResponse | None:
    """Where to go when there is nothing left to pay here; None while there is."""
    if session.body["status"] == "complete":
        return _to_shop(session)
    if session.body["status"] == "expired":
        return _page("expired.html", session, status=410)
    return None


def _tried(
    desk: Desk, session: Kept, card: Card | dict[str, FieldError], typed: dict[str, str]
) -> AnyResponse:
    if isinstance(card, dict):
        intent = intent_of(desk.ledger, session)
        return _card_page(session, intent, card, typed)
    return _after_try(desk.ledger, session, paying.try_card(desk, session, card), typed)


def _after_try(ledger: Ledger, session: Kept, intent: Body, typed: dict[str, str]) -> AnyResponse:
    if intent["status"] == "succeeded":
        return _to_shop(session)
    if intent["status"] == "requires_action":
        return redirect(f"/c/pay/{session.id}/authenticate", 303)
    return _card_page(session, intent_of(ledger, session), {}, typed, status=402)


def _authenticated(desk: Desk, session: Kept) -> AnyResponse:
    decision = request.form.get("decision")
    if not _asked(intent_of(desk.ledger, session)):
        return _to_card_page(session)
    if decision not in {"authorise", "refuse"}:
        return _page("authenticate.html", session, status=422)
    intent = paying.answer_authentication(desk, session, authorised=decision == "authorise")
    return _to_shop(session) if intent["status"] == "succeeded" else _to_card_page(session)


def _asked(intent: Kept | None) -> bool:
    return intent is not None and intent.body["status"] == "requires_action"


def _to_shop(session: Kept) -> AnyResponse:
    url = session.body["success_url"].replace("{CHECKOUT_SESSION_ID}", session.id)
    return redirect(url, 303)


def _to_card_page(session: Kept) -> AnyResponse:
    return redirect(f"/c/pay/{session.id}", 303)


def _card_page(
    session: Kept,
    intent: Kept | None,
    errors: dict[str, FieldError],
    typed: dict[str, str],
    *,
    status: int = 200,
) -> AnyResponse:
    failed = None if intent is None else _last_error(intent)
    return _page(
        "card.html",
        session,
        status=422 if errors else status,
        errors=errors,
        failed=None if errors else failed,
        # Number and security code are typed anew each time: no answer carries them back.
        typed={name: typed.get(name, "") for name in ("exp", "name")},
    )


def _last_error(intent: Kept) -> Body | None:
    setup = intent.body["object"] == "setup_intent"
    error: Body | None = intent.body["last_setup_error" if setup else "last_payment_error"]
    return error


def _amount(session: Kept) -> str | None:
    """What is to be paid; nothing where a card is only saved."""
    total = session.body["amount_total"]
    return None if total is None else f"${total / 100:,.2f}"


def _page(template: str, session: Kept, *, status: int = 200, **more: object) -> AnyResponse:
    body = render_template(
        template,
        session=session.body,
        line=session.hidden["line"],
        amount=_amount(session),
        keeps=session.body["mode"] == "setup" or session.hidden.get("setup_future_usage"),
        **more,
    )
    response = make_response(body, status)
    response.headers["Content-Security-Policy"] = _policy(session.body["success_url"])
    return response


def _policy(success_url: str) -> str:
    """Browsers hold a form's redirect to `form-action` as well, so the shop stands in it."""
    shop = urlsplit(success_url)
    return (
        "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none';"
        f" form-action 'self' {shop.scheme}://{shop.netloc}"
    )


@bp.errorhandler(HTTPException)
def lost(error: HTTPException) -> AnyResponse:
    """A person came to a page that is not there, or sent what no form of ours sends."""
    response = make_response(render_template("lost.html"), error.code or 500)
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'self'"
    return response


@bp.after_request
def _safe(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", "default-src 'none'")
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["X-Frame-Options"] = "DENY"
    return response


def _today(ledger: Ledger) -> date:
    return datetime.fromtimestamp(ledger.now(), UTC).date()
