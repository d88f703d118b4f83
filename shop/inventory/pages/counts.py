"""Staff's pages of counts and adjustments."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import marshmallow as ma
import sqlalchemy as sa
from flask import Blueprint, Response, current_app, flash, make_response, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.errors import Refusal
from shop.inventory import adjusting, counting, cycle, limits, locations, queries, stocktaking
from shop.inventory.errors import AdjustmentRefused, CountRefused
from shop.inventory.models import Adjustment, Count, CountCause, Location, LocationKind, Reason
from shop.inventory.schemas import counts as schemas
from shop.inventory.states import AdjustmentStatus, CountStatus
from shop.web.forms import form, or_again, partial, rendered, to
from shop.web.paging import page

bp = Blueprint("count_pages", __name__, url_prefix="/stock")

KEEPERS = (Role.STAFF, Role.MANAGER)
SHOWN = 50
DUE_SHOWN = 30


@bp.get("/counts")
@allow(*KEEPERS)
def board() -> Response:
    return _board()


@bp.post("/counts")
@allow(*KEEPERS)
def plan() -> Response:
    """Plan a count of a location: of what is due there, or of everything."""

    def act() -> Response:
        where = locations.location(request.form.get("location", ""))
        if "due" in request.form:
            made = cycle.plan_due(where, today=_today(), by=actor(), at=now())
        else:
            made = counting.plan(where, by=actor(), at=now())
        return _done(made, f"{len(made.lines)} lots are on the sheet.")

    return or_again(act, lambda **why: _board(typed=request.form, **why))


@bp.get("/counts/<number>")
@allow(*KEEPERS)
def show(number: str) -> Response:
    return _one(number)


@bp.post("/counts/<number>/start")
@allow(*KEEPERS)
def begin(number: str) -> Response:
    return _changed(number, counting.begin, "Count what is there.")


@bp.post("/counts/<number>/entries")
@allow(*KEEPERS)
def enter(number: str) -> Response:
    """What was typed into the sheet; empty fields were not counted yet."""

    def act(one: Count, **who: Any) -> None:
        given = {lot: text.strip() for lot, text in _sheet().items() if text.strip()}
        if not given:
            raise CountRefused("Nothing was typed in.", fields={})
        lots = stocktaking.named(given)
        wrong = {lot: ["Enter whole packs, such as 12."] for lot in given if not _whole(given[lot])}
        if wrong:
            raise CountRefused("Nothing was written down. Correct what is marked.", fields=wrong)
        counting.enter(one, [(lots[lot], int(text)) for lot, text in given.items()], **who)

    return _changed(number, act, "It is written down.")


@bp.get("/counts/<number>/walk")
@allow(*KEEPERS)
def walk(number: str) -> Response:
    """The sheet for a phone: one lot at a time, blind, each written down at once."""
    return _walk(number)


@bp.post("/counts/<number>/lines/<lot>")
@allow(*KEEPERS)
def enter_one(number: str, lot: str) -> Response:
    """One lot of the sheet. A page that sends it by itself is answered in a word."""

    def act() -> Response:
        count = stocktaking.count(number, lock=True)
        text = request.form.get("units", "").strip()
        if not _whole(text):
            told = "Enter whole packs, such as 12."
            raise CountRefused(told, fields={f"units.{lot}": [told]})
        line = stocktaking.line(count, lot)
        counting.enter(count, [(line.lot, int(text))], by=actor(), at=now())
        following = count.sheet.index(line) + 2
        db.session.commit()
        if partial():
            return make_response("", 204)
        return to(f"/stock/counts/{number}/walk#l-{following}")

    return or_again(act, lambda **why: _walk(number, typed=request.form, lot=lot, **why))


@bp.post("/counts/<number>/finish")
@allow(*KEEPERS)
def finish(number: str) -> Response:
    return _changed(number, counting.finish, "All is counted.")


@bp.post("/counts/<number>/explanations")
@allow(*KEEPERS)
def explain(number: str) -> Response:
    """Why one lot differs."""

    def act(one: Count, **who: Any) -> None:
        given = _form(schemas.CountExplanationIn, refused=CountRefused)
        counting.explain(stocktaking.line(one, given.pop("lot")), **given, **who)

    return _changed(number, act, "It is written down.")


@bp.post("/counts/<number>/recount")
@allow(*KEEPERS)
def again(number: str) -> Response:
    return _changed(number, counting.again, "Count again.")


@bp.post("/counts/<number>/approval")
@allow(*KEEPERS)
def approve(number: str) -> Response:
    return _changed(number, counting.approve, "It is approved.")


@bp.post("/counts/<number>/posting")
@allow(*KEEPERS)
def post(number: str) -> Response:
    return _changed(
        number, functools.partial(counting.post, today=_today()), "The ledger says what is there."
    )


@bp.post("/counts/<number>/cancellation")
@allow(*KEEPERS)
def cancel(number: str) -> Response:
    def act(one: Count, **who: Any) -> None:
        counting.cancel(one, **_form(schemas.CountGivenUpIn, refused=CountRefused), **who)

    return _changed(number, act, "It is given up.")


@bp.get("/adjustments")
@allow(*KEEPERS)
def adjustments() -> Response:
    return _adjustments(typed=request.args)


@bp.post("/adjustments")
@allow(*KEEPERS)
def adjust() -> Response:
    """Units come or go, for a reason."""

    def act() -> Response:
        given = _form(schemas.AdjustmentIn, refused=AdjustmentRefused, **_signed())
        lot = queries.lot(given.pop("lot"))
        where, units = locations.location(given.pop("location")), given.pop("units")
        made = adjusting.adjust(lot, where, units, **given, today=_today(), by=actor(), at=now())
        booked = made.status is AdjustmentStatus.BOOKED
        db.session.commit()
        flash("It is booked." if booked else "Somebody else has to confirm it first.")
        return to("/stock/adjustments")

    return or_again(act, lambda **why: _adjustments(typed=request.form, **why))


@bp.post("/adjustments/<number>/confirmation")
@allow(*KEEPERS)
def confirm(number: str) -> Response:
    return _decided(number, functools.partial(adjusting.confirm, today=_today()), "It is booked.")


@bp.post("/adjustments/<number>/refusal")
@allow(*KEEPERS)
def decline(number: str) -> Response:
    return _decided(number, adjusting.decline, "Nothing moves.")


def _signed() -> dict[str, Any]:
    """The units as a number, as they were typed: "-2" or "2"."""
    text = request.form.get("units", "").strip()
    return {"units": int(text)} if _whole(text.removeprefix("-")) else {}


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 10


def _sheet() -> dict[str, str]:
    """Our number of a lot → what was typed; one that was not on the sheet has fields of its own."""
    typed = {
        name.removeprefix("units."): text
        for name, text in request.form.items()
        if name.startswith("units.")
    }
    stray = request.form.get("stray", "").strip()
    return typed | ({stray: request.form.get("stray_units", "")} if stray else {})


def _decided(number: str, act: Callable[..., None], told: str) -> Response:
    def done() -> Response:
        act(stocktaking.adjustment(number, lock=True), by=actor(), at=now())
        db.session.commit()
        flash(told)
        return to("/stock/adjustments")

    return or_again(done, _adjustments)


def _changed(number: str, act: Callable[..., object], told: str) -> Response:
    def done() -> Response:
        count = stocktaking.count(number, lock=True)
        act(count, by=actor(), at=now())
        return _done(count, told)

    return or_again(done, lambda **why: _one(number, typed=request.form, **why))


def _done(count: Count, told: str) -> Response:
    number = count.number
    db.session.commit()
    flash(told)
    return to(f"/stock/counts/{number}")


def _board(**context: Any) -> Response:
    found = page(
        stocktaking.counts(),
        (Count.planned_at, Count.id),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    due = cycle.plan(at=now())
    return _rendered("counts.html", shown=found, due=due[:DUE_SHOWN], places=_places(), **context)


def _one(number: str, **context: Any) -> Response:
    count = stocktaking.count(number)
    judged = count.status is CountStatus.INVESTIGATING
    return _rendered("count.html", count=count, large=judged and counting.large(count), **context)


def _walk(number: str, **context: Any) -> Response:
    if partial():  # a page that waits for a word
        answer = make_response(context.get("detail", ""))
        answer.mimetype = "text/plain"
        return answer
    return _rendered("walk.html", count=stocktaking.count(number), **context)


def _adjustments(**context: Any) -> Response:
    found = page(
        stocktaking.adjustments(),
        (Adjustment.proposed_at, Adjustment.id),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    return _rendered("adjustments.html", shown=found, places=_places(), **context)


def _places() -> list[tuple[str, str]]:
    query = sa.select(Location).where(
        Location.closed_at.is_(None), Location.kind != LocationKind.IN_TRANSIT
    )
    return [(one.code, one.name) for one in db.session.scalars(query.order_by(Location.code))]


def _form(schema: type[ma.Schema], *, refused: type[Refusal], **also: Any) -> Any:
    """See `web.forms.form`."""
    return form(schema, refused=refused, **also)


def _rendered(template: str, **context: Any) -> Response:
    """A page of this feature."""
    words: dict[str, Any] = {
        "today": _today(),
        "reasons": [(one.value, one.value.replace("_", " ").capitalize()) for one in Reason],
        "causes": {one.value: one.value.replace("_", " ") for one in CountCause},
        "limit_units": limits.LIMIT_UNITS,
        "limit_cents": limits.LIMIT_CENTS,
        "me": actor().id,
    }
    return rendered(f"inventory/{template}", **(words | context))


def _today() -> Any:
    """The clinic's day."""
    return day_in(current_app.config["SHOP"].clinic_time_zone, now())
