"""Pages: who opened my record, a copy of it, the end of the account; and what waits of all that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, current_app, flash, request
from flask_babel import gettext as _

from shop.accounts.access import actor, allow, fresh_proof
from shop.accounts.models import Person, Role
from shop.accounts.queries import client as account_of
from shop.charts import queries as charts
from shop.charts.models import Access
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import Refused
from shop.privacy import closing, exporting, keeping, obstacles, queries, wording
from shop.privacy.schemas import board, fetched, today
from shop.privacy.states import ExportStatus
from shop.web.forms import or_again, rendered, to
from shop.web.paging import page

bp = Blueprint("privacy_pages", __name__)

CLINIC = (Role.PHYSICIAN, Role.ESTHETICIAN, Role.STAFF, Role.MANAGER)
SHOWN = 50
HERE = "/account/privacy"
CLOSING = "/account/privacy/closure"


@bp.get("/account/opened")
@allow(Role.CLIENT)
def opened() -> Response:
    """Who opened my record, by day, in sentences."""
    chosen = request.args.get("purpose", "")
    if chosen and chosen not in list(wording.Purpose):
        raise Refused(
            "There is no such purpose.", fields={"purpose": ["Choose one of those on the page."]}
        )
    query = charts.accesses_of(actor())
    if chosen:
        query = query.where(Access.purpose == chosen)
    found = page(
        query,
        (Access.at, Access.id),
        limit=SHOWN,
        after=request.args.get("after"),
        descending=True,
    )
    zone = current_app.config["SHOP"].clinic_time_zone
    return rendered(
        "privacy/opened.html",
        days=wording.by_day(found["items"], zone=zone),
        next=found["next"],
        chosen=chosen,
        first=not request.args.get("after"),
        names=wording.NAMES,
        meanings=wording.MEANINGS,
    )


@bp.get(HERE)
@allow(*Role)
def show() -> Response:
    """What I may ask of my record."""
    return _privacy()


@bp.post(f"{HERE}/copies")
@allow(Role.CLIENT)
def ask_for_a_copy() -> Response:
    """Ask for a copy of my record."""

    def act() -> Response:
        exporting.ask(actor(), by=actor(), at=now())
        db.session.commit()
        flash(_("Your copy is being made. We write to you when it is there."))
        return to(HERE)

    return or_again(act, _privacy)


@bp.post(f"{HERE}/copies/<number>/download")
@allow(Role.CLIENT)
def download(number: str) -> Response:
    """Fetch it, once."""
    return _afresh(HERE, lambda: or_again(lambda: fetched(number), _privacy))


@bp.get(CLOSING)
@allow(Role.CLIENT)
def show_closing() -> Response:
    """What goes, what stays and why, before anything is asked for."""
    return _closing()


@bp.post(CLOSING)
@allow(Role.CLIENT)
def close() -> Response:
    """Close the account in seven days."""

    def act() -> Response:
        if request.form.get("read") != "yes":
            wrong = _("Say that you have read what is kept.")
            raise Refused(wrong, fields={"read": [wrong]})
        closing.ask(actor(), by=actor(), at=now())
        db.session.commit()
        flash(_("Your account ends in seven days. Until then you can keep it after all."))
        return to(HERE)

    return _afresh(CLOSING, lambda: or_again(act, _closing))


@bp.post(f"{CLOSING}/withdrawal")
@allow(Role.CLIENT)
def keep() -> Response:
    """Keep it after all."""
    closure = queries.standing_closure(actor(), lock=True)
    closing.withdraw(closure, by=actor(), at=now())
    db.session.commit()
    flash(_("You keep your account. Nothing was changed."))
    return to(HERE)


@bp.get("/manage/privacy-requests")
@allow(*CLINIC)
def requests() -> Response:
    """What clients asked of their records, and by when it is due."""
    return _board()


@bp.post("/manage/privacy-requests/<number>/second-try")
@allow(*CLINIC)
def begin_again(number: str) -> Response:
    """Have a copy made again that could not be made."""

    def act() -> Response:
        exporting.begin_again(queries.export_to_see_to(actor(), number), by=actor(), at=now())
        db.session.commit()
        flash(_("It is made again."))
        return to("/manage/privacy-requests")

    return or_again(act, _board)


def _privacy(**why: Any) -> Response:
    reader = actor()
    mine: dict[str, Any] = {}
    if reader.role is Role.CLIENT:
        exports = queries.exports_of(reader)
        mine = {
            "exports": exports,
            "making": any(one.status is ExportStatus.ASKED for one in exports),
            "open": any(exporting.is_open(one) for one in exports),
            "closure": queries.closure_of(reader),
            "proven": fresh_proof() is not None,
        }
    oversees = queries.answers_for_privacy(reader)
    return rendered("privacy/privacy.html", oversees=oversees, at=now(), **mine, **why)


def _closing(**why: Any) -> Response:
    client = account_of(actor().id)
    return rendered(
        "privacy/closing.html",
        closure=queries.closure_of(client),
        waiting=_said(obstacles.of(client)),
        goes=[wording.GOES[name] for name in keeping.GOES],
        kept=[(wording.KEEPS[one.kind], one) for one in keeping.of(client, today=today(now()))],
        proven=fresh_proof() is not None,
        **why,
    )


def _said(waiting: list[obstacles.Obstacle]) -> list[dict[str, Any]]:
    return [
        {
            "what": wording.OBSTACLES[one.kind][0],
            "remedy": wording.OBSTACLES[one.kind][1],
            "href": wording.PLACES[one.kind],
            "numbers": () if one.kind is obstacles.Open.CREDIT else one.numbers,
        }
        for one in waiting
    ]


def _board(**why: Any) -> Response:
    reader: Person = actor()
    names = {kind.value: text for kind, (text, _remedy) in wording.OBSTACLES.items()}
    return rendered("privacy/requests.html", **board(reader), at=now(), names=names, **why)


def _afresh(back: str, act: Callable[[], Response]) -> Response:
    """Do it where she showed just now who she is; else ask her to, and lead her back."""
    if fresh_proof() is None:
        flash(_("Confirm first that it is you. Then press the button again."))
        return to(f"/sign-in/fresh?next={back}")
    return act()
