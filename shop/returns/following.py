"""What a client asked to send back follows what came of it: received, inspected, disposed."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa

from shop.core.db import db, locked
from shop.core.events import Kind, record
from shop.orders.models import ShipmentLine
from shop.returns.errors import ReturnRefused
from shop.returns.models import Return, ReturnRequest
from shop.returns.states import RequestStatus, ReturnStatus

TAKEN = (RequestStatus.AUTHORISED, RequestStatus.RECEIVED)
KINDS = {
    RequestStatus.RECEIVED: Kind.RETURN_ARRIVED,
    RequestStatus.INSPECTED: Kind.RETURN_LOOKED_AT,
    RequestStatus.DISPOSED: Kind.RETURN_SETTLED,
}


def insist_authorised(request: ReturnRequest, parcel: ShipmentLine, units: int) -> None:
    """So many units of this line may come for a request. Raises ReturnRefused."""
    held = _locked(request)
    if held.status not in TAKEN or held.refund_id is not None:
        raise _wrong(f"Return {held.number} is {held.status}: nothing more is taken for it.")
    asked = Counter({line.order_line_id: line.units for line in held.lines})
    came = Counter({parcel.order_line_id: units})
    for one in held.returns:
        came[one.order_line_id] += one.units
    if came[parcel.order_line_id] > asked[parcel.order_line_id]:
        raise _wrong(f"Return {held.number} is of fewer units of this product.")


def follow(request: ReturnRequest | None) -> None:
    """Let a request be as far as the slowest of what came for it."""
    if request is None:
        return
    held = _locked(request)
    query = sa.select(Return.status).where(Return.request_id == held.id)
    states = set(db.session.scalars(query))
    if ReturnStatus.RECEIVED in states:
        _to(held, RequestStatus.RECEIVED)
    elif states == {ReturnStatus.DISPOSED}:
        _to(held, RequestStatus.DISPOSED)
    elif states:
        _to(held, RequestStatus.INSPECTED)


def _to(request: ReturnRequest, status: RequestStatus) -> None:
    if request.status is status:
        return
    if status is RequestStatus.RECEIVED and request.status is RequestStatus.INSPECTED:
        kind = Kind.RETURN_LOOKED_AT_AGAIN
    else:
        kind = KINDS[status]
    request.status = status
    record(kind, request, order=request.order.number)
    db.session.flush()


def _locked(request: ReturnRequest) -> ReturnRequest:
    query = sa.select(ReturnRequest).where(ReturnRequest.id == request.id)
    found = db.session.scalars(locked(query, ReturnRequest)).one()
    db.session.refresh(found, ["returns", "lines"])
    return found


def _wrong(text: str) -> ReturnRefused:
    return ReturnRefused(text, fields={"request": [text]})
