"""What clients ask to send back, as far as told; saved and committed."""

from __future__ import annotations

from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.orders.models import Order
from shop.orders.queries import locked_order
from shop.returns import asking, deciding, disposing, inspecting, queries, receiving, repaying
from shop.returns.models import (
    Condition,
    Disposition,
    Refusal,
    Return,
    ReturnReason,
    ReturnRequest,
    Storage,
)
from tests.inventory.lots import today
from tests.people import mona, sam

ZONE = "UTC"


def asked(order: Order, units: int = 1, **given: Any) -> ReturnRequest:
    """Units of the order's first line."""
    order = locked_order(order.id)
    fields: dict[str, Any] = {
        "reason": ReturnReason.CHANGED_MIND,
        "words": "The box was too big.",
        "zone": ZONE,
        "by": order.client,
        "at": now(),
    }
    made = asking.ask(order, {order.lines[0].sku: units}, **(fields | given))
    db.session.commit()
    return made


def authorised(order: Order, units: int = 1, **given: Any) -> ReturnRequest:
    made = locked(asked(order, units, **given))
    deciding.authorise(made, today=today(), by=sam(), at=now())
    db.session.commit()
    return made


def refused(order: Order, units: int = 1) -> ReturnRequest:
    made = locked(asked(order, units))
    deciding.refuse(made, Refusal.USED, by=sam(), at=now())
    db.session.commit()
    return made


def locked(request: ReturnRequest) -> ReturnRequest:
    return queries.locked_request(request.id)


def arrived(request: ReturnRequest, units: int = 1, **given: Any) -> Return:
    order = locked_order(request.order_id)
    fields: dict[str, Any] = {"reason": request.reason, "by": sam(), "at": now()}
    found = receiving.receive(
        order, order.lines[0].parcels[0], units, request=locked(request), **(fields | given)
    )
    db.session.commit()
    return found


def looked_at(found: Return, disposition: Disposition = Disposition.DESTROY) -> Return:
    inspecting.inspect(
        found,
        condition=Condition.UNOPENED,
        storage=Storage.AS_LABELLED,
        disposition=disposition,
        note="",
        today=today(),
        by=sam(),
        at=now(),
    )
    db.session.commit()
    return found


def done(found: Return) -> None:
    disposing.witness(found, today=today(), by=mona(), at=now())
    db.session.commit()


def repaid(request: ReturnRequest, **given: Any) -> Any:
    order = locked_order(request.order_id)
    fields: dict[str, Any] = {"with_shipping": False, "by": sam(), "at": now()}
    refund = repaying.propose(order, locked(request), **(fields | given))
    db.session.commit()
    return refund
