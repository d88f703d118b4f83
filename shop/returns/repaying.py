"""The money of exactly what came back, once it was looked at."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from shop.accounts.models import Person
from shop.core.db import db
from shop.core.events import Kind, record
from shop.orders.models import Order
from shop.payments import proposing
from shop.payments.models import Refund
from shop.payments.proposing import Wanted
from shop.payments.states import FREED, RefundReason
from shop.returns.errors import NothingCameBack
from shop.returns.models import ReturnReason, ReturnRequest
from shop.returns.states import RequestStatus

INSPECTED = (RequestStatus.INSPECTED, RequestStatus.DISPOSED)
REASONS = {
    ReturnReason.DAMAGED: RefundReason.DAMAGED,
    ReturnReason.WRONG_ITEM: RefundReason.WRONG_ITEM,
    ReturnReason.UNDELIVERABLE: RefundReason.NOT_ARRIVED,
}


def propose(
    order: Order, request: ReturnRequest, *, with_shipping: bool, by: Person, at: datetime
) -> Refund:
    """Propose to refund what came back for a request; order and request are locked.

    `with_shipping` sends back what she paid for it, too. Raises NothingCameBack and what
    `payments.proposing.propose` raises.
    """
    if request.status not in INSPECTED:
        raise NothingCameBack("Look at what came back first.", status=request.status)
    before = request.refund
    if before is not None and before.status not in FREED:
        raise NothingCameBack("Its money goes back already.", status=before.status)
    came: Counter[str] = Counter()
    for one in request.returns:
        came[one.line.sku] += one.units
    tries = 0 if before is None else int(before.request_key.rpartition(":")[2]) + 1
    refund = proposing.propose(
        order,
        Wanted(units=came, shipping_cents=order.shipping_cents if with_shipping else 0),
        reason=REASONS.get(request.reason, RefundReason.RETURNED),
        request_key=f"return:{request.id}:{tries}",
        by=by,
        at=at,
    )
    request.refund_id = refund.id
    record(Kind.RETURN_REFUNDED, request, order=order.number, cents=refund.total_cents)
    db.session.flush()
    db.session.refresh(request, ["refund"])
    return refund
