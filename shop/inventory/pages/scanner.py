"""Staff's page of the scanner: what is this pack, where does it lie, what may be done with it."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Blueprint, Response, current_app, request

from shop.accounts.access import allow
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.core.errors import Refusal
from shop.inventory import places, queries, understanding
from shop.inventory.gs1 import LONGEST
from shop.inventory.understanding import Understood
from shop.web import bars
from shop.web.forms import partial, rendered
from shop.web.problems import status_of

bp = Blueprint("scanner_pages", __name__)

MOST_LABELS = 100  # at a time


@bp.get("/stock/scan")
@allow(Role.STAFF, Role.MANAGER)
def scan() -> Response:
    """What was scanned, part by part. Changes nothing."""
    code = request.args.get("code", "")[: LONGEST + 1]
    if not code.strip():
        return _page()
    try:
        heard = understanding.understand(code, today=_today())
    except Refusal as refused:
        answer = _page(code=code, detail=refused.text, errors={"code": [refused.text]})
        answer.status_code = status_of(refused)
        return answer
    return _page(heard=heard, **_about(heard))


@bp.get("/stock/lots/<number>/label")
@allow(Role.STAFF, Role.MANAGER)
def label(number: str) -> Response:
    """Labels with our number of the lot, for packs whose own code names none."""
    typed = request.args.get("copies", "1")
    copies = int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 4 else 1
    lot = queries.lot(number)
    return rendered(
        "inventory/lot_label.html",
        lot=lot,
        bars=bars.of(lot.number),
        copies=max(1, min(copies, MOST_LABELS)),
    )


def _about(heard: Understood) -> dict[str, Any]:
    """The shelf of the pack, and where its lot lies."""
    if heard.variant is None:
        return {}
    (shelf,) = queries.shelves([heard.variant], today=_today())
    lots = [heard.lot] if heard.lot else shelf.lots
    return {"shelf": shelf, "lots": lots, "lying": places.lying([lot.id for lot in lots])}


def _page(**context: Any) -> Response:
    template = "inventory/_found.html" if partial() else "inventory/scan.html"
    return rendered(template, today=_today(), **context)


def _today() -> date:
    return day_in(current_app.config["SHOP"].clinic_time_zone, now())
