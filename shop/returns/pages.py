"""Staff's pages of what came back: the list, and one of them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import marshmallow as ma
from flask import Blueprint, Response, current_app, flash, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.returns import disposing, inspecting, queries, receiving, schemas
from shop.returns.errors import ReturnRefused
from shop.returns.models import Condition, Disposition, Return, ReturnReason, Storage
from shop.web.forms import form, or_again, rendered, to
from shop.web.paging import page

bp = Blueprint("return_pages", __name__, url_prefix="/stock/returns")

KEEPERS = (Role.STAFF, Role.MANAGER)
SHOWN = 50


@bp.get("")
@allow(*KEEPERS)
def board() -> Response:
    return _board()


@bp.post("")
@allow(*KEEPERS)
def receive() -> Response:
    """Book what came back of an order."""

    def act() -> Response:
        typed = {"order": request.form.get("order", "").strip()}
        if not typed["order"]:
            raise ReturnRefused("Name the order.", fields={"order": ["This is missing."]})
        terms = _form(schemas.ReturnIn, numbers=("units",))
        order, parcel = queries.parcel(actor(), typed["order"], terms.pop("lot"))
        made = receiving.receive(order, parcel, **terms, by=actor(), at=now())
        return _done(made, "It is booked. Look at it next.")

    return or_again(act, lambda **why: _board(typed=request.form, **why))


@bp.get("/<number>")
@allow(*KEEPERS)
def show(number: str) -> Response:
    return _one(number)


@bp.post("/<number>/inspection")
@allow(*KEEPERS)
def inspect(number: str) -> Response:
    """Say how it is and what should become of it."""

    def act(one: Return) -> str:
        terms = _form(schemas.ReturnInspectionIn)
        inspecting.inspect(one, **terms, today=_today(), by=actor(), at=now())
        return "It is written down. Somebody else has to see it."

    return _changed(number, act)


@bp.post("/<number>/disposal")
@allow(*KEEPERS)
def witness(number: str) -> Response:
    """Be the witness: it goes where was said."""

    def act(one: Return) -> str:
        disposing.witness(one, today=_today(), by=actor(), at=now())
        return "It is done, and you are its witness."

    return _changed(number, act)


@bp.post("/<number>/second-look")
@allow(*KEEPERS)
def send_back(number: str) -> Response:
    """Have it looked at again."""

    def act(one: Return) -> str:
        disposing.send_back(one, **_form(schemas.ReturnSecondLookIn), by=actor(), at=now())
        return "Somebody has to look at it again."

    return _changed(number, act)


def _board(**context: Any) -> Response:
    found = page(
        queries.returns(),
        (Return.received_at, Return.id),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    return _rendered("board.html", shown=found, **context)


def _one(number: str, **context: Any) -> Response:
    return _rendered("return.html", one=queries.return_with(number), **context)


def _changed(number: str, act: Callable[[Return], str]) -> Response:
    def done() -> Response:
        found = queries.return_with(number, lock=True)
        return _done(found, act(found))

    return or_again(done, lambda **why: _one(number, typed=request.form, **why))


def _done(found: Return, told: str) -> Response:
    number = found.number
    db.session.commit()
    flash(told)
    return to(f"/stock/returns/{number}")


def _form(schema: type[ma.Schema], *, numbers: tuple[str, ...] = ()) -> Any:
    """See `web.forms.form`. Raises ReturnRefused."""
    return form(schema, refused=ReturnRefused, numbers=numbers)


def _rendered(template: str, **context: Any) -> Response:
    """A page of this feature."""
    words: dict[str, Any] = {
        "reasons": _words(ReturnReason),
        "conditions": _words(Condition),
        "storages": [
            ("as_labelled", "As its label says, certainly"),
            ("cold", "It needs the cold, which nobody watched"),
            ("unknown", "Nobody knows"),
        ],
        "dispositions": [
            ("restock", "Back on the shelf"),
            ("destroy", "Destroy it"),
            ("return_to_vendor", "Send it back to the vendor"),
        ],
        "mine": lambda person_id: person_id == actor().id,
    }
    assert len(words["storages"]) == len(Storage)
    assert len(words["dispositions"]) == len(Disposition)
    return rendered(f"returns/{template}", **(words | context))


def _words(words: Any) -> list[tuple[str, str]]:
    return [(one.value, one.value.replace("_", " ").capitalize()) for one in words]


def _today() -> date:
    """The clinic's day."""
    return day_in(current_app.config["SHOP"].clinic_time_zone, now())
