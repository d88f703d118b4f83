"""Pages: recalls for who keeps the shelf, their lists, and a client's own notices."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, flash, request

from shop.accounts.access import actor, allow
from shop.accounts.models import Person, Role
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.recalls import (
    answering,
    closing,
    collecting,
    disposing,
    listing,
    notifying,
    opening,
    queries,
    recalling,
    schemas,
)
from shop.recalls.errors import RecallRefused
from shop.recalls.models import Recall, RecallClient
from shop.web.forms import form, or_again, rendered, to
from shop.web.paging import page

bp = Blueprint("recall_pages", __name__)

SHELF = (Role.STAFF, Role.MANAGER)
READERS = (Role.STAFF, Role.MANAGER, Role.PHYSICIAN)
SHOWN = 50  # rows of a list on one page
MOST_PRINTED = 2000  # rows on paper: more are called from the page
UNITS = ("has", "used_up", "returned", "never_got")
Act = Callable[[Recall], str]


@bp.get("/stock/recalls")
@allow(*READERS)
def board() -> Response:
    """Recalls and drills, newest first, and the form that opens one."""
    return _board()


@bp.post("/stock/recalls")
@allow(*SHELF)
def begin() -> Response:
    """Recall lots, or rehearse it."""

    def act() -> Response:
        given = form(
            schemas.RecallIn,
            refused=RecallRefused,
            lots=request.form.get("lots", "").split(),
            drill="drill" in request.form,
        )
        lots = queries.lots_named(**given["named"])
        made = recalling.begin(lots, given["notice"], drill=given["drill"], by=actor(), at=now())
        said = "The drill has begun." if made.drill else "Its lots are locked."
        return _done(made, f"{said} Draw up the list now.")

    return or_again(act, lambda **why: _board(typed=request.form, **why))


@bp.get("/stock/recalls/<number>")
@allow(*READERS)
def show(number: str) -> Response:
    """Where every unit is, and what is to be done next."""
    return _one(number)


@bp.post("/stock/recalls/<number>/list")
@allow(*SHELF)
def draw_up(number: str) -> Response:
    def act(recall: Recall) -> str:
        count = listing.draw_up(recall, by=actor(), at=now())
        return f"{count} client{'' if count == 1 else 's'} got units of its lots."

    return _changed(number, act)


@bp.post("/stock/recalls/<number>/notification")
@allow(Role.MANAGER)
def notify(number: str) -> Response:
    def act(recall: Recall) -> str:
        notifying.notify(recall, by=actor(), at=now())
        return "Everybody on the list is written to."

    return _changed(number, act)


@bp.post("/stock/recalls/<number>/reminder")
@allow(*SHELF)
def remind(number: str) -> Response:
    def act(recall: Recall) -> str:
        notifying.remind(recall, by=actor(), at=now())
        return "Whoever has not answered is written to again."

    return _changed(number, act)


@bp.post("/stock/recalls/<number>/collections")
@allow(*SHELF)
def collect(number: str) -> Response:
    def act(recall: Recall) -> str:
        given = form(schemas.RecallCollectionIn, refused=RecallRefused)
        lot = queries.lot_of(recall, given["lot"], lock=True)
        made = collecting.collect(recall, lot, by=actor(), at=now())
        return f"{made.units} units of lot {lot.lot_number} are in quarantine."

    return _changed(number, act)


@bp.post("/stock/recalls/<number>/dispositions")
@allow(*SHELF)
def plan(number: str) -> Response:
    def act(recall: Recall) -> str:
        given = form(schemas.RecallDispositionIn, refused=RecallRefused)
        lot = queries.lot_of(recall, given.pop("lot"), lock=True)
        made = disposing.plan(recall, lot, **given, by=actor(), at=now())
        return f"{made.units} units wait for a witness."

    return _changed(number, act)


@bp.post("/stock/recalls/<number>/dispositions/<uuid:key>/witness")
@allow(*SHELF)
def witness(number: str, key: uuid.UUID) -> Response:
    def act(recall: Recall) -> str:
        one = queries.disposition(recall, key)
        lot = queries.lot_of(recall, one.lot.number, lock=True)
        disposing.witness(one, recall, lot, by=actor(), at=now())
        return f"{one.units} units of lot {lot.lot_number} are gone."

    return _changed(number, act)


@bp.post("/stock/recalls/<number>/reconciliation")
@allow(Role.MANAGER)
def reconcile(number: str) -> Response:
    def act(recall: Recall) -> str:
        closing.reconcile(recall, by=actor(), at=now())
        return "Every pack that was sold is accounted for."

    return _changed(number, act)


@bp.post("/stock/recalls/<number>/closure")
@allow(Role.MANAGER)
def close(number: str) -> Response:
    def act(recall: Recall) -> str:
        closing.close(recall, by=actor(), at=now())
        return "It is closed."

    return _changed(number, act)


@bp.get("/stock/recalls/<number>/clients")
@allow(*READERS)
def clients(number: str) -> Response:
    """Who got units, how many, how to reach them, what they said. Opening it is written down."""
    return _clients(number)


@bp.get("/stock/recalls/<number>/clients/printed")
@allow(*READERS)
def printed(number: str) -> Response:
    """The whole list on paper, to call from. Opening it is written down, as on the page."""
    recall = queries.recall(number)
    silent = request.args.get("silent") == "true"
    query = queries.listed(actor(), recall, silent=silent).order_by(Person.name, RecallClient.id)
    found = list(db.session.scalars(query.limit(MOST_PRINTED)).unique())
    opening.opened(actor(), recall, found)
    db.session.commit()  # written down for good before it is shown
    return _rendered(
        "printed.html",
        recall=recall,
        rows=schemas.shown(found, actor()),
        silent=silent,
        most=MOST_PRINTED,
        treatments=actor().role in queries.READ_TREATMENTS,
    )


@bp.post("/stock/recalls/<number>/clients/<uuid:key>/answers")
@allow(*SHELF)
def answer_for(number: str, key: uuid.UUID) -> Response:
    """Write down what a client said on the telephone, or that nobody was reached."""

    def act() -> Response:
        unreachable = "unreachable" in request.form
        given = form(
            schemas.RecallAnswerForIn, refused=RecallRefused, numbers=UNITS, unreachable=unreachable
        )
        one = queries.listed_one(actor(), queries.recall(number), key)
        answering.answer(one, given["said"], channel=given["channel"], by=actor(), at=now())
        db.session.commit()
        flash("It is written down.")
        return to(f"/stock/recalls/{number}/clients")

    return or_again(act, lambda **why: _clients(number, typed=request.form, wrong=key, **why))


@bp.get("/recalls")
@allow(Role.CLIENT)
def notices() -> Response:
    """What a client was written to about."""
    return rendered("recalls/notices.html", notices=queries.notices_for(actor()))


@bp.get("/recalls/<number>")
@allow(Role.CLIENT)
def notice(number: str) -> Response:
    """What must come back, why, and what to do."""
    return _notice(number)


@bp.post("/recalls/<number>/answers")
@allow(Role.CLIENT)
def answer(number: str) -> Response:
    """What became of her packs."""

    def act() -> Response:
        given = form(schemas.RecallAnswerIn, refused=RecallRefused, numbers=UNITS)
        one = queries.notice_for(actor(), number)
        answering.answer(one, given["said"], channel=given["channel"], by=actor(), at=now())
        db.session.commit()
        flash("Thank you. We have your answer.")
        return to(f"/recalls/{number}")

    return or_again(act, lambda **why: _notice(number, typed=request.form, **why))


def _board(**context: Any) -> Response:
    found = page(
        queries.recalls(),
        (Recall.opened_at, Recall.id),
        descending=True,
        limit=SHOWN,
        after=request.args.get("after"),
    )
    return _rendered("board.html", shown=found, lot=request.args.get("lot", ""), **context)


def _one(number: str, **context: Any) -> Response:
    recall = queries.recall(number)
    return _rendered(
        "recall.html",
        recall=recall,
        told=queries.told(recall),
        unwritten=queries.unwritten(actor(), recall),
        accounts=queries.accounts(recall),
        dispositions=queries.dispositions(recall),
        history=events.of(recall.id),
        **context,
    )


def _clients(number: str, **context: Any) -> Response:
    recall = queries.recall(number)
    silent = request.args.get("silent") == "true"
    found = page(
        queries.listed(actor(), recall, silent=silent),
        (Person.name, RecallClient.id),
        limit=SHOWN,
        after=request.args.get("after"),
    )
    opening.opened(actor(), recall, found["items"])
    db.session.commit()  # written down for good before it is shown
    rows = schemas.shown(found["items"], actor())
    return _rendered(
        "clients.html",
        recall=recall,
        rows=rows,
        next_page=found["next"],
        silent=silent,
        treatments=actor().role in queries.READ_TREATMENTS,
        **({"wrong": None} | context),
    )


def _notice(number: str, **context: Any) -> Response:
    one = queries.notice_for(actor(), number)
    return rendered("recalls/notice.html", one=one, got=queries.got_by(one), **context)


def _changed(number: str, act: Act) -> Response:
    def done() -> Response:
        recall = queries.recall(number, lock=True)
        return _done(recall, act(recall))

    return or_again(done, lambda **why: _one(number, typed=request.form, **why))


def _done(recall: Recall, told: str) -> Response:
    number = recall.number
    db.session.commit()
    flash(told)
    return to(f"/stock/recalls/{number}")


def _rendered(template: str, **context: Any) -> Response:
    """A page of this feature, for who works here."""
    who = {"manages": actor().role is Role.MANAGER, "keeps": actor().role in SHELF}
    return rendered(f"recalls/{template}", **(who | {"me": actor()} | context))
