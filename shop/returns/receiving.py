"""Units of a parcel come back, into the place of returns; they are sold to nobody there."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core import events, numbers
from shop.core.db import db, locked
from shop.core.events import Kind
from shop.inventory import locations, moving
from shop.inventory.models import LocationKind, Lot, MovementKind
from shop.orders.models import Order, OrderLine, ShipmentLine
from shop.orders.states import LineStatus
from shop.returns import following as requests
from shop.returns.errors import ReturnRefused
from shop.returns.models import Return, ReturnReason, ReturnRequest
from shop.returns.states import ReturnStatus


def receive(
    order: Order,
    parcel: ShipmentLine,
    units: int,
    *,
    reason: ReturnReason,
    request: ReturnRequest | None = None,
    by: Person,
    at: datetime,
) -> Return:
    """Book what came back of a line of a parcel of `order`, which is locked.

    The order's line is returned once all of it came back; its money is another matter. `request`
    is what the client asked for, where she did. Raises ReturnRefused.
    """
    if parcel.line.order_id != order.id:
        raise _wrong("lot", "This lot did not leave with this order.")
    if request is not None:
        requests.insist_authorised(request, parcel, units)
    left = parcel.units - _back(Return.shipment_line_id == parcel.id)
    if not 1 <= units <= left:
        raise _wrong("units", f"Of lot {parcel.lot.lot_number} {left} units are still out.")
    lot = db.session.scalars(locked(sa.select(Lot).where(Lot.id == parcel.lot_id))).one()
    made = Return(
        id=uuid.uuid4(),
        number=numbers.fresh("R"),
        shipment_line_id=parcel.id,
        order_line_id=parcel.order_line_id,
        lot_id=lot.id,
        request_id=request and request.id,
        units=units,
        reason=reason,
        status=ReturnStatus.RECEIVED,
        received_by_id=by.id,
    )
    db.session.add(made)
    events.record(Kind.RETURN_RECEIVED, made, order=order.number, lot=lot.number, units=units)
    db.session.flush()  # the movement is judged by it
    db.session.refresh(made)
    moving.move(
        lot,
        units,
        kind=MovementKind.RETURN_IN,
        from_=None,
        to=locations.home(LocationKind.RETURNS),
        reference_id=made.id,
    )
    _follow(parcel.line, order)
    requests.follow(request)
    return made


def _follow(line: OrderLine, order: Order) -> None:
    if _back(Return.order_line_id == line.id) == line.quantity:
        line.status = LineStatus.RETURNED
        events.record(Kind.LINE_RETURNED, line, order=order.number, position=line.position)


def _back(of: sa.ColumnElement[bool]) -> int:
    return (
        db.session.scalar(sa.select(sa.func.coalesce(sa.func.sum(Return.units), 0)).where(of)) or 0
    )


def _wrong(field: str, text: str) -> ReturnRefused:
    return ReturnRefused(text, fields={field: [text]})
