"""Orders that left, and returns of them, valid by default; saved and committed."""

from __future__ import annotations

from typing import Any

from shop.accounts.models import Person
from shop.catalog.models import Variant
from shop.core.clock import now
from shop.core.db import db
from shop.orders import queries as orders
from shop.orders.models import Order
from shop.returns import inspecting, receiving
from shop.returns.models import Condition, Disposition, Return, ReturnReason, Storage
from tests.builders import a_variant
from tests.inventory.lots import a_lot, today
from tests.orders.things import leave, paid
from tests.people import alice, sam


def left(variant: Variant | None = None, units: int = 3, client: Person | None = None) -> Order:
    """An order of one line that left."""
    pack = variant or a_variant()
    if variant is None:
        a_lot(pack)
    order = paid(client or alice(), {pack: units})
    leave(order)
    db.session.commit()
    return order


def came_back(order: Order, units: int = 1, **given: Any) -> Return:
    """Units of the order's first line come back."""
    fields = {
        "reason": ReturnReason.CHANGED_MIND,
        "by": given.pop("by", None) or sam(),
        "at": now(),
    }
    order = orders.locked_order(order.id)
    return receiving.receive(order, order.lines[0].parcels[0], units, **(fields | given))


def inspected(found: Return, disposition: Disposition, **given: Any) -> Return:
    """Looked at: unopened and kept as its label says."""
    fields = {
        "condition": Condition.UNOPENED,
        "storage": Storage.AS_LABELLED,
        "note": "The seal is whole.",
        "today": today(),
        "by": given.pop("by", None) or sam(),
        "at": now(),
    }
    inspecting.inspect(found, disposition=disposition, **(fields | given))
    return found
