"""The aftercare kit of a client's plan over HTTP."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.prescriptions import schemas
from shop.prescriptions.api.blueprint import bp
from shop.storefront import kits
from shop.web.api import committed


@bp.get("/plans/<number>/kit")
@allow(Role.CLIENT)
@bp.response(200, schemas.KitOut)
def show_kit(number: str) -> dict[str, Any]:
    """What my plan needs now, and how I get it."""
    _plan, kit = kits.kit_of(actor(), number, home=_home(), at=now())
    return schemas.shown_kit(kit)


@bp.post("/plans/<number>/kit/cart")
@allow(Role.CLIENT)
@bp.response(201, schemas.KitPutOut)
def put_kit(number: str) -> Response:
    """Put all of the kit that I may order into my cart; again, it changes nothing."""
    put = kits.put(actor(), number, home=_home(), at=now())
    return committed(schemas.KitPutOut, schemas.put_out(put), 201)


def _home() -> str:
    return str(current_app.config["SHOP"].clinic_state)
