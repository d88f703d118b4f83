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
from shop.orders.queries import locked_order, order_for
from shop.payments import calls
from shop.payments.jobs import gateway
from shop.payments.states import FREED, RefundStatus
from shop.returns import (
    asking,
    deciding,
    disposing,
    inspecting,
    policy,
    queries,
    receiving,
    repaying,
    schemas,
)
from shop.returns.errors import ReturnRefused
from shop.returns.models import (
    LONGEST_NOTE,
    Condition,
    Disposition,
    Refusal,
    Return,
    ReturnReason,
    ReturnRequest,
    Storage,
)
from shop.web.forms import form, or_again, rendered, to
from shop.web.paging import page

bp = Blueprint("return_pages", __name__, url_prefix="/stock/returns")
asked = Blueprint("asked_return_pages", __name__)

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
        asked_for = terms.pop("request")
        request_ = None if asked_for is None else queries.request_of(order, asked_for)
        made = receiving.receive(order, parcel, **terms, request=request_, by=actor(), at=now())
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


@asked.get("/orders/<number>/returns")
@allow(Role.CLIENT)
def ask_form(number: str) -> Response:
    """What may come back of an order, and the form to ask."""
    return _ask(number)


@asked.post("/orders/<number>/returns")
@allow(Role.CLIENT)
def ask(number: str) -> Response:
    """Ask to send something back."""

    def act() -> Response:
        units = {
            name.removeprefix("units."): text
            for name, text in request.form.items()
            if name.startswith("units.") and text.strip() not in {"", "0"}
        }
        lines = [
            {"sku": sku, "units": int(text) if text.isdecimal() and len(text) < 4 else text}
            for sku, text in units.items()
        ]
        if not lines:
            raise ReturnRefused("Say how many packs you want to send back.")
        plain = {name: request.form.get(name, "") for name in ("reason", "words")}
        given = form(schemas.ReturnRequestIn, refused=ReturnRefused, sent=plain, lines=lines)
        asking.ask(
            order_for(actor(), number, lock=True),
            {line["sku"]: line["units"] for line in given["lines"]},
            reason=given["reason"],
            words=given["words"],
            zone=_zone(),
            by=actor(),
            at=now(),
        )
        db.session.commit()
        flash("We have it, and write to you.")
        return to(f"/orders/{number}")

    return or_again(act, lambda **why: _ask(number, typed=request.form, **why))


@asked.post("/orders/<number>/returns/<asked_number>/withdrawal")
@allow(Role.CLIENT)
def withdraw(number: str, asked_number: str) -> Response:
    """Keep it after all."""
    found = queries.request_for(actor(), asked_number, lock=True)
    asking.withdraw(found, by=actor(), at=now())
    db.session.commit()
    flash("You keep it.")
    return to(f"/orders/{number}")


@asked.get("/stock/return-requests")
@allow(*KEEPERS)
def asked_board() -> Response:
    found = page(
        queries.requests_for(actor()),
        (ReturnRequest.asked_at, ReturnRequest.id),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    return _rendered("requests.html", shown=found)


@asked.get("/stock/return-requests/<number>")
@allow(*KEEPERS)
def show_asked(number: str) -> Response:
    return _asked(number)


@asked.post("/stock/return-requests/<number>/authorisation")
@allow(*KEEPERS)
def authorise(number: str) -> Response:
    """Say yes."""

    def act(one: ReturnRequest) -> str:
        deciding.authorise(one, today=_today(), by=actor(), at=now())
        return "She is told, and how long she has."

    return _decided(number, act)


@asked.post("/stock/return-requests/<number>/refusal")
@allow(*KEEPERS)
def refuse(number: str) -> Response:
    """Say no, and why."""

    def act(one: ReturnRequest) -> str:
        why = _form(schemas.ReturnRefusalIn)["refusal"]
        deciding.refuse(one, why, by=actor(), at=now())
        return "She is told."

    return _decided(number, act)


@asked.post("/stock/return-requests/<number>/refund")
@allow(*KEEPERS)
def repay(number: str) -> Response:
    """Send back the money of what came."""

    def act(one: ReturnRequest) -> str:
        order = locked_order(one.order_id)
        wanted = "with_shipping" in request.form
        refund = repaying.propose(order, one, with_shipping=wanted, by=actor(), at=now())
        waits = refund.status is RefundStatus.PROPOSED
        return "It waits for somebody else to sign." if waits else "It is on its way."

    return _decided(number, act)


def _decided(number: str, act: Callable[[ReturnRequest], str]) -> Response:
    def done() -> Response:
        found = queries.request_for(actor(), number, lock=True)
        told, order_id = act(found), found.order_id
        db.session.commit()
        calls.send_for(order_id, gateway())
        flash(told)
        return to(f"/stock/return-requests/{number}")

    return or_again(done, lambda **why: _asked(number, typed=request.form, **why))


def _asked(number: str, **context: Any) -> Response:
    one = queries.request_for(actor(), number)
    free = one.refund is None or one.refund.status in FREED
    return _rendered(
        "request.html",
        one=one,
        refundable=one.status in repaying.INSPECTED and free,
        refusals=_words(Refusal),
        days_to_send=policy.current().days_to_send,
        **context,
    )


def _ask(number: str, **context: Any) -> Response:
    order = order_for(actor(), number)
    return _rendered(
        "ask.html",
        order=order,
        left=queries.returnable(order),
        terms=policy.current().words,
        longest=LONGEST_NOTE,
        **context,
    )


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
    return day_in(_zone(), now())


def _zone() -> str:
    zone: str = current_app.config["SHOP"].clinic_time_zone
    return zone
