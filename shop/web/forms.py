"""Forms without JavaScript: what was typed, taken as the API would take it, or the page again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import marshmallow as ma
from flask import Response, make_response, redirect, render_template, request

from shop.core.db import db
from shop.core.errors import Refusal
from shop.web.problems import status_of


def form(
    schema: type[ma.Schema],
    *,
    refused: type[Refusal],
    numbers: tuple[str, ...] = (),
    sent: Mapping[str, str] | None = None,
    **also: Any,
) -> Any:
    """What was typed, as the API would take it; an empty field was not filled in.

    `numbers` names the fields of whole numbers, `also` gives what no single field says, `sent` is
    a part of a form that holds several. Raises `refused`, with what is wrong by field.
    """
    typed: dict[str, Any] = {
        name: text
        for name, text in (request.form if sent is None else sent).items()
        if text.strip()
    }
    for name in numbers:
        if typed.get(name, "").isdecimal() and len(typed[name]) < 10:
            typed[name] = int(typed[name])
    try:
        return schema(unknown=ma.EXCLUDE).load(typed | also)
    except ma.ValidationError as error:
        wrong = _flat(error.messages_dict)
        raise refused("Some of what you typed cannot be used.", fields=wrong) from None


def or_again(act: Callable[[], Response], again: Callable[..., Response]) -> Response:
    """Do it; where it is refused, show the same page with what was typed and what was wrong."""
    try:
        return act()
    except Refusal as refusal:
        db.session.rollback()
        response = again(detail=refusal.text, errors=refusal.fields)
        response.status_code = status_of(refusal)
        return response


def rendered(template: str, **context: Any) -> Response:
    """A page about somebody's health; never kept by a browser or a proxy."""
    blank: dict[str, Any] = {"detail": "", "errors": {}, "typed": {}}
    response = make_response(render_template(template, **(blank | context)))
    response.headers["Cache-Control"] = "no-store"
    return response


def partial() -> bool:
    """Whether htmx asks for the part of the page that changes."""
    return request.headers.get("HX-Request") == "true"


def to(path: str) -> Response:
    """See other: a form that was taken in is not sent again by a reload."""
    return make_response(redirect(path, 303))


def _flat(messages: dict[str, Any]) -> dict[str, list[str]]:
    flat: dict[str, list[str]] = {}
    for name, wrong in messages.items():
        if isinstance(wrong, dict):
            flat |= {f"{name}.{inner}": texts for inner, texts in _flat(wrong).items()}
        else:
            flat[str(name)] = [str(text) for text in wrong]
    return flat
