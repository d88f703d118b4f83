"""Pages: the log of adverse reactions, what is due first, and one of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import marshmallow as ma
from flask import (
    Blueprint,
    Response,
    current_app,
    flash,
    request,
)

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.vigilance import filing, opening, queries, recording, schemas
from shop.vigilance.errors import ReactionRefused
from shop.vigilance.models import Outcome, Reaction, Teller
from shop.web.forms import form, or_again, rendered, to
from shop.web.paging import page

bp = Blueprint("reaction_pages", __name__)

KEEPERS = (Role.STAFF, Role.MANAGER, Role.PHYSICIAN)
DECIDERS = (Role.MANAGER, Role.PHYSICIAN)
SHOWN = 50  # rows of a list on one page


@bp.get("/reactions")
@allow(*KEEPERS)
def board() -> Response:
    return _board()


@bp.post("/reactions")
@allow(*KEEPERS)
def record() -> Response:
    """Write down what happened to a client with a product."""

    def act() -> Response:
        given = _form(schemas.ReactionIn)
        named = queries.named(given.pop("email"), sku=given.pop("sku"), lot=given.pop("lot"))
        made = recording.record(**named, **given, today=_today(), by=actor(), at=now())
        return _done(made, "It is written down.")

    return or_again(act, lambda **why: _board(typed=request.form, **why))


@bp.get("/reactions/<number>")
@allow(*KEEPERS)
def show(number: str) -> Response:
    """All that was told of one. Opening it is written down."""
    return _one(number)


@bp.post("/reactions/<number>/accounts")
@allow(*KEEPERS)
def tell(number: str) -> Response:
    def act(one: Reaction) -> str:
        given = _form(schemas.ReactionAccountIn)
        recording.tell(one, **given, today=_today(), by=actor(), at=now())
        return "It is written down."

    return _changed(number, act)


@bp.post("/reactions/<number>/filings")
@allow(*DECIDERS)
def file(number: str) -> Response:
    def act(one: Reaction) -> str:
        given = _form(schemas.FilingIn)
        filing.file(one, **given, today=_today(), by=actor(), at=now())
        return "It is reported."

    return _changed(number, act)


@bp.post("/reactions/<number>/closure")
@allow(*DECIDERS)
def close(number: str) -> Response:
    def act(one: Reaction) -> str:
        filing.close(one, **_form(schemas.WhyIn), by=actor(), at=now())
        return "It is closed."

    return _changed(number, act)


def _board(**context: Any) -> Response:
    found = page(
        queries.reactions(actor()),
        (queries.DUE_FIRST, Reaction.id),
        limit=SHOWN,
        after=request.args.get("after"),
    )
    return _rendered("board.html", shown=found, **context)


def _one(number: str, **context: Any) -> Response:
    reaction = opening.opened(actor(), number)
    db.session.commit()  # written down for good before it is shown
    return _rendered("reaction.html", one=reaction, **context)


def _changed(number: str, act: Callable[[Reaction], str]) -> Response:
    def done() -> Response:
        reaction = queries.reaction_for(actor(), number, lock=True)
        return _done(reaction, act(reaction))

    return or_again(done, lambda **why: _one(number, typed=request.form, **why))


def _done(reaction: Reaction, told: str) -> Response:
    number = reaction.number
    db.session.commit()
    flash(told)
    return to(f"/reactions/{number}")


def _form(schema: type[ma.Schema]) -> Any:
    """See `web.forms.form`. Raises ReactionRefused."""
    ticked: dict[str, Any] = (
        {"outcomes": request.form.getlist("outcomes")} if "outcomes" in schema().fields else {}
    )
    return form(schema, refused=ReactionRefused, **ticked)


def _rendered(template: str, **context: Any) -> Response:
    """A page of this feature."""
    told = {
        "today": _today(),
        "outcomes": list(Outcome),
        "tellers": [(one.value, one.value.capitalize()) for one in Teller],
        "decides": actor().role in DECIDERS,
    }
    return rendered(f"vigilance/{template}", **(told | context))


def _today() -> date:
    """The clinic's day."""
    return day_in(current_app.config["SHOP"].clinic_time_zone, now())
