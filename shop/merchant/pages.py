"""The manager's page of payment permissions."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Blueprint, Response, flash, request

from shop.accounts.access import actor, allow
from shop.accounts.expiring import STEPS
from shop.accounts.models import Role
from shop.catalog.models import LegalClass
from shop.core.clock import now
from shop.core.db import db
from shop.merchant import permitting, queries, schemas
from shop.merchant.choosing import CALLED
from shop.merchant.errors import PermissionRefused
from shop.merchant.routes import ROUTES, Route
from shop.web.forms import form, or_again, rendered, to

bp = Blueprint("merchant_pages", __name__, url_prefix="/manage/payment-permissions")


@bp.get("")
@allow(Role.MANAGER)
def board() -> Response:
    return _board()


@bp.post("")
@allow(Role.MANAGER)
def permit() -> Response:
    """Write a permission down."""

    def act() -> Response:
        terms = form(schemas.PermissionIn, refused=PermissionRefused)
        permitting.permit(**terms, by=actor(), at=now())
        db.session.commit()
        flash("The permission is written down.")
        return to("/manage/payment-permissions")

    return or_again(act, lambda **why: _board(typed=request.form, **why))


@bp.post("/<uuid:permission_id>/end")
@allow(Role.MANAGER)
def end(permission_id: uuid.UUID) -> Response:
    """End one before its time."""

    def act() -> Response:
        terms = form(schemas.PermissionEndIn, refused=PermissionRefused)
        found = queries.permission_with(permission_id, lock=True)
        permitting.end(found, on=terms["ended_on"], by=actor(), at=now())
        db.session.commit()
        flash(f"From {terms['ended_on']} on the permission does not count.")
        return to("/manage/payment-permissions")

    return or_again(act, _board)


def _board(**context: Any) -> Response:
    today = queries.today(now())
    found = queries.permissions()
    sold = [each for each in LegalClass if each is not LegalClass.CLINIC_USE]
    permitted = queries.permitted(Route.ONLINE, sold, at=now())
    return rendered(
        "merchant/permissions.html",
        permissions=found,
        today=today,
        soon={one.id for one in db.session.scalars(queries.ending(today, within=STEPS[0]))},
        classes=[(each.value, _titled(CALLED[each])) for each in sold],
        barred=[CALLED[each] for each in sold if each not in permitted],
        routes={route.value: terms.name for route, terms in ROUTES.items()},
        **context,
    )


def _titled(words: str) -> str:
    """A capital at the beginning, and those within as they are."""
    return words[:1].upper() + words[1:]
