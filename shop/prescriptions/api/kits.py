"""The aftercare kit of a client's plan over HTTP."""

from __future__ import annotations

from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.orders import cart as carts
from shop.prescriptions import schemas
from shop.prescriptions.api.blueprint import bp
from shop.replenishment import kitting
from shop.replenishment.kits import Item, Kit
from shop.replenishment.kitting import Shelf
from shop.storefront.searching import stocked_on, visible
from shop.storefront.visibility import view_of
from shop.treatments import queries as treatments
from shop.treatments.models import Plan
from shop.web.api import committed


@bp.get("/plans/<number>/kit")
@allow(Role.CLIENT)
@bp.response(200, schemas.KitOut)
def show_kit(number: str) -> dict[str, Any]:
    """What my plan needs now, and how I get it."""
    return schemas.shown_kit(kit_of(number)[1])


@bp.post("/plans/<number>/kit/cart")
@allow(Role.CLIENT)
@bp.response(201, schemas.KitPutOut)
def put_kit(number: str) -> Response:
    """Put all of the kit that I may order into my cart; again, it changes nothing."""
    return committed(schemas.KitPutOut, schemas.put_out(put(number)), 201)


def kit_of(number: str) -> tuple[Plan, Kit]:
    """The reader's plan and its kit, of what she is shown of the shop."""
    at = now()
    plan = treatments.plan_for(actor(), number, at=at)
    clinic = current_app.config["SHOP"]
    today = day_in(clinic.clinic_time_zone, at)
    view = view_of(actor(), home=clinic.clinic_state, day=today)
    shelf = Shelf(view.seen & visible(today), stocked_on(today), view.teased)
    return plan, kitting.kit_of(plan, shelf, at=at)


def put(number: str) -> list[Item]:
    """What is ready of it, into her cart."""
    cart = carts.cart_of(actor(), lock=True)
    return kitting.put(cart, kit_of(number)[1])
