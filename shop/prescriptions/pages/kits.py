"""Pages: what a client's plan needs now, and all of it in her cart with one click."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app, flash

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.prescriptions.pages.blueprint import bp, or_again, to
from shop.storefront import kits
from shop.web.forms import rendered


@bp.get("/plans/<number>/kit")
@allow(Role.CLIENT)
def show_kit(number: str) -> Response:
    return _page(number)


@bp.post("/plans/<number>/kit/cart")
@allow(Role.CLIENT)
def put_kit(number: str) -> Response:
    def act() -> Response:
        put = kits.put(actor(), number, home=_home(), at=now())
        db.session.commit()
        flash(f"In your cart: {len(put)} more." if put else "It was in your cart already.")
        return to("/cart")

    return or_again(act, lambda **why: _page(number, **why))


def _page(number: str, **context: Any) -> Response:
    plan, kit = kits.kit_of(actor(), number, home=_home(), at=now())
    return rendered("replenishment/kit.html", plan=plan, kit=kit, **context)


def _home() -> str:
    return str(current_app.config["SHOP"].clinic_state)
