"""The kit of a client's plan, of what she is shown of the shop."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person
from shop.core.clock import day_in
from shop.orders import cart as carts
from shop.replenishment import kitting
from shop.replenishment.kits import Item, Kit
from shop.replenishment.kitting import Shelf
from shop.storefront.searching import stocked_on, visible
from shop.storefront.visibility import view_of
from shop.treatments import queries as treatments
from shop.treatments.models import Plan


def kit_of(client: Person, number: str, *, home: str, at: datetime) -> tuple[Plan, Kit]:
    """Her plan and what it needs now; `home` is the clinic's own state. Raises NotFound."""
    plan = treatments.plan_for(client, number, at=at)
    today = day_in(plan.zone, at)
    view = view_of(client, home=home, day=today)
    shelf = Shelf(view.seen & visible(today), stocked_on(today), view.teased)
    return plan, kitting.kit_of(plan, shelf, at=at)


def put(client: Person, number: str, *, home: str, at: datetime) -> list[Item]:
    """What is ready of it, into her cart; what was put. Raises NotFound, NotForSale."""
    cart = carts.cart_of(client, lock=True)
    return kitting.put(cart, kit_of(client, number, home=home, at=at)[1])
