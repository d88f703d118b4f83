"""The manager's page of the clinic's look, the style page, and what a look is made of."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, current_app, flash, request
from flask_babel import gettext as _

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.clinic import choosing, colours, queries, schemas
from shop.clinic.errors import BadLook, NoLogo
from shop.clinic.models import LARGEST_LOGO
from shop.core.clock import now
from shop.core.db import db
from shop.web.forms import form, or_again, rendered, to
from shop.web.statuses import KINDS, STATUSES
from shop.web.uploads import sent

bp = Blueprint("clinic_pages", __name__)

KEPT = "clinic_look"
FRESH_FOR = 15  # seconds in which another process may still show the look before
FOR_GOOD = "public, max-age=31536000, immutable"  # its address holds the look's number


def shown_look() -> queries.Shown:
    """The look of now, at most 15 seconds old: every page asks, so a process remembers it."""
    kept: tuple[float, queries.Shown] | None = current_app.extensions.get(KEPT)
    if kept is None or (time.monotonic() - kept[0] > FRESH_FOR and not current_app.testing):
        kept = (time.monotonic(), queries.shown(current_app.config["SHOP"].clinic_name))
        current_app.extensions[KEPT] = kept
    return kept[1]


@bp.get("/manage/clinic")
@allow(Role.MANAGER)
def look() -> Response:
    """How the clinic looks, and looked."""
    return _look()


@bp.post("/manage/clinic")
@allow(Role.MANAGER)
def choose() -> Response:
    """Show it otherwise."""

    def act() -> Response:
        given = form(schemas.LookIn, refused=BadLook)
        choosing.choose(**given, logo=sent(LARGEST_LOGO), by=actor(), at=now())
        db.session.commit()
        current_app.extensions.pop(KEPT, None)
        flash(_("The clinic shows itself so from now on."))
        return to("/manage/clinic")

    return or_again(act, lambda **why: _look(typed=request.form, **why))


@bp.get("/manage/style")
@allow(Role.MANAGER)
def style() -> Response:
    """Every piece that pages are put together from."""
    return rendered("clinic/style.html", at=now(), icons=_icons())


@bp.get("/words")
@allow()
def words() -> Response:
    """Every status and what it means."""
    return rendered("clinic/words.html", kinds=KINDS, statuses=STATUSES)


@bp.get("/clinic.css")
@allow()
def stylesheet() -> Response:
    """The clinic's accent."""
    accent = shown_look().accent
    response = Response(colours.stylesheet(accent) if accent else "", mimetype="text/css")
    response.headers["Cache-Control"] = FOR_GOOD
    return response


@bp.get("/clinic/logo")
@allow()
def logo() -> Response:
    """The clinic's logo. Raises NoLogo."""
    found = queries.latest()
    if found is None or found.logo is None:
        raise NoLogo("There is no logo here.")
    response = Response(found.logo, mimetype=found.logo_type)
    response.headers["Cache-Control"] = FOR_GOOD
    return response


def _icons() -> list[str]:
    sprite = Path(current_app.static_folder or "") / "icons.svg"
    return sorted(re.findall('<symbol id="([a-z0-9-]+)"', sprite.read_text()))


def _look(**context: Any) -> Response:
    return rendered("clinic/look.html", shown=shown_look(), looks=queries.looks(), **context)
