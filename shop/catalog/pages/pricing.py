"""Prices of many packs at once: a list is pasted or handed in, looked at, and set as a whole."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, current_app, flash, request
from flask_babel import gettext as _
from flask_babel import ngettext

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.catalog import queries, repricing
from shop.catalog.errors import BadPriceList
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.web.forms import or_again, rendered, to
from shop.web.uploads import sent

bp = Blueprint("pricing_pages", __name__, url_prefix="/manage/prices")


@bp.get("")
@allow(Role.MANAGER)
def prices() -> Response:
    """The list of today to take away, what begins later, and a place for a changed list."""
    return _page()


@bp.post("")
@allow(Role.MANAGER)
def look() -> Response:
    """See what a list would change. Nothing is changed by looking."""

    def act() -> Response:
        text = _given()
        begins = _begins()
        plan = repricing.plan(text, at=begins or now())
        return _page(plan=plan, typed={"list": text, "from": request.form.get("from", "")})

    return or_again(act, lambda **why: _page(typed=request.form, **why))


@bp.post("/setting")
@allow(Role.MANAGER)
def set_them() -> Response:
    """Set every price of the list that was looked at, or none."""

    def act() -> Response:
        expected = request.form.get("expected", "")
        done = repricing.apply(
            request.form.get("list", ""),
            valid_from=_begins(),
            expected=int(expected) if expected.isdecimal() and len(expected) < 5 else -1,
            by=actor(),
            at=now(),
        )
        db.session.commit()
        flash(ngettext("%(num)s price is set.", "%(num)s prices are set.", len(done)))
        return to("/manage/prices")

    return or_again(act, lambda **why: _page(typed=request.form, **why))


def _given() -> str:
    """What was pasted, or else what stands in the file. Raises BadPriceList."""
    text = request.form.get("list", "")
    if text.strip():
        return text
    try:
        return sent(repricing.LONGEST).decode("utf-8-sig")
    except UnicodeDecodeError:
        said = "The file is not UTF-8 text. Save it as CSV, UTF-8."
        raise BadPriceList(said, fields={"file": [said]}) from None


def _begins() -> datetime | None:
    """The first moment of the day from which they hold, in the clinic's zone; None for now.

    Raises BadPriceList.
    """
    typed = request.form.get("from", "").strip()
    zone = current_app.config["SHOP"].clinic_time_zone
    try:
        day = datetime.fromisoformat(typed).date() if typed else None
    except ValueError:
        said = "Choose a day, such as 2027-01-31."
        raise BadPriceList("This is no day.", fields={"from": [said]}) from None
    today = day_in(zone, now())
    if day is not None and day < today:
        said = "Choose today or a day to come."
        raise BadPriceList("Prices do not begin in the past.", fields={"from": [said]})
    if day is None or day == today:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone))


def _page(**context: Any) -> Response:
    at = now()
    return rendered(
        "catalog/prices.html",
        coming=queries.coming_prices(at),
        today=day_in(current_app.config["SHOP"].clinic_time_zone, at),
        labels={"list": _("Changed prices"), "file": _("File"), "from": _("They hold from")},
        **({"plan": None} | context),
    )
