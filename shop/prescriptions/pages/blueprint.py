"""The blueprint of these pages, and how each is put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import marshmallow as ma
from flask import (
    Blueprint,
    Response,
    make_response,
    redirect,
    render_template,
    request,
)

from shop.accounts import signing_in
from shop.accounts.access import failures_counted, held
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.prescriptions.errors import TermsRefused
from shop.web.problems import STATUS

bp = Blueprint("prescription_pages", __name__)

SHOWN = 50  # rows of a list on one page


def form(schema: type[ma.Schema], *, numbers: tuple[str, ...] = (), **also: Any) -> dict[str, Any]:
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


def or_again(act: Callable[[], Response], again: Callable[..., Response]) -> Response:
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


def rendered(template: str, **context: Any) -> Response:
    """A page of this feature; never kept by a browser or a proxy."""
    blank: dict[str, Any] = {"detail": "", "errors": {}, "typed": {}}
    response = make_response(render_template(f"prescriptions/{template}", **(blank | context)))
    response.headers["Cache-Control"] = "no-store"
    return response


def to(path: str) -> Response:
    """See other: a form that was taken in is not sent again by a reload."""
    return make_response(redirect(path, 303))


def sign_in_afresh() -> None:
    """Where the form carries the password, prove it before anything is locked."""
    password = request.form.get("password")
    if password:
        with failures_counted():
            signing_in.refresh(held(), password, address=request.remote_addr or "", at=now())
