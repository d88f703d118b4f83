"""What staff look up of returns."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from shop.accounts.models import Person, Role
from shop.catalog.models import Variant
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.inventory.models import Lot
from shop.orders import queries as orders
from shop.orders.models import Order, OrderLine, ShipmentLine
from shop.orders.states import GONE
from shop.returns.models import Return, ReturnRequest, ReturnRequestLine
from shop.returns.states import ENDED, RequestStatus, ReturnStatus

_SHOWN = (
    selectinload(Return.lot).joinedload(Lot.variant).joinedload(Variant.product),
    selectinload(Return.line).joinedload(OrderLine.order),
    selectinload(Return.received_by),
    selectinload(Return.inspected_by),
    selectinload(Return.witness),
)


def returns(*, status: ReturnStatus | None = None) -> sa.Select[Return]:
    """All, or those in one state, with all that is shown of them."""
    query = sa.select(Return).options(*_SHOWN)
    return query if status is None else query.where(Return.status == status)


def return_with(number: str, *, lock: bool = False) -> Return:
    """The return with our number, locked where it is changed. Raises NotFound."""
    query = returns().where(Return.number == number)
    found = db.session.scalars(locked(query, Return) if lock else query).one_or_none()
    if found is None:
        raise NotFound("There is no such return.")
    return found


def parcel(reader: Person, order_number: str, lot_number: str) -> tuple[Order, ShipmentLine]:
    """The order, locked, and the line of a parcel that took units of a lot to it.

    The lot by our number or the maker's, which is printed on the pack. Where several parcels took
    some, the first of which units are still out. Raises NotFound.
    """
    order = orders.order_for(reader, order_number, lock=True)
    query = (
        sa.select(ShipmentLine)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Lot, Lot.id == ShipmentLine.lot_id)
        .where(
            OrderLine.order_id == order.id,
            sa.or_(Lot.number == lot_number, Lot.lot_number == lot_number),
        )
        .options(joinedload(ShipmentLine.line), joinedload(ShipmentLine.lot))
        .order_by(ShipmentLine.id)
    )
    found = list(db.session.scalars(query))
    if not found:
        raise NotFound("This order took nothing of this lot.")
    back = back_of(one.id for one in found)
    out = [one for one in found if one.units > back.get(one.id, 0)]
    return order, (out or found)[0]


def back_of(parcels: Iterable[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Units that came back, by the id of a parcel's line."""
    query = (
        sa.select(Return.shipment_line_id, sa.func.sum(Return.units))
        .where(Return.shipment_line_id.in_(list(parcels)))
        .group_by(Return.shipment_line_id)
    )
    return {row[0]: int(row[1]) for row in db.session.execute(query)}


_ASKED = (
    selectinload(ReturnRequest.order).joinedload(Order.client),
    selectinload(ReturnRequest.lines).joinedload(ReturnRequestLine.line),
    selectinload(ReturnRequest.returns).joinedload(Return.line),
    selectinload(ReturnRequest.decided_by),
    selectinload(ReturnRequest.refund),
)


def requests_for(
    reader: Person, *, status: RequestStatus | None = None
) -> sa.Select[ReturnRequest]:
    """What clients asked to send back, as far as the reader may see it: her own, or all."""
    query = sa.select(ReturnRequest).options(*_ASKED)
    if reader.role not in (Role.STAFF, Role.MANAGER):
        query = query.where(ReturnRequest.client_id == reader.id)
    return query if status is None else query.where(ReturnRequest.status == status)


def requests_of(reader: Person, order: Order) -> list[ReturnRequest]:
    """Those of an order, oldest first."""
    query = requests_for(reader).where(ReturnRequest.order_id == order.id)
    return list(db.session.scalars(query.order_by(ReturnRequest.asked_at, ReturnRequest.id)))


def request_for(reader: Person, number: str, *, lock: bool = False) -> ReturnRequest:
    """One; where it is changed, its order is locked before it. Raises NotFound."""
    query = requests_for(reader).where(ReturnRequest.number == number)
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise NotFound("There is no such return.", number=number)
    if lock:
        orders.locked_order(found.order_id)
        found = db.session.scalars(locked(query, ReturnRequest)).one()
    return found


def request_of(order: Order, number: str) -> ReturnRequest:
    """What was asked of this (locked) order, locked. Raises NotFound."""
    query = sa.select(ReturnRequest).where(
        ReturnRequest.number == number, ReturnRequest.order_id == order.id
    )
    found = db.session.scalars(locked(query)).one_or_none()
    if found is None:
        raise NotFound("This order has no such return.", number=number)
    return found


def locked_request(request_id: uuid.UUID) -> ReturnRequest:
    """One, for a job: locked after its order."""
    found = db.session.get_one(ReturnRequest, request_id)
    orders.locked_order(found.order_id)
    query = sa.select(ReturnRequest).where(ReturnRequest.id == request_id)
    return db.session.scalars(locked(query, ReturnRequest)).one()


def returnable(order: Order) -> dict[uuid.UUID, int]:
    """Units of each line that are out and that nobody asked back yet, by the line's id."""
    left = {line.id: line.quantity if line.status in GONE else 0 for line in order.lines}
    asked = (
        sa.select(ReturnRequestLine.order_line_id, sa.func.sum(ReturnRequestLine.units))
        .join(ReturnRequest, ReturnRequest.id == ReturnRequestLine.request_id)
        .where(ReturnRequest.order_id == order.id, ReturnRequest.status.not_in(ENDED))
        .group_by(ReturnRequestLine.order_line_id)
    )
    unasked = (
        sa.select(Return.order_line_id, sa.func.sum(Return.units))
        .where(Return.order_line_id.in_(list(left)), Return.request_id.is_(None))
        .group_by(Return.order_line_id)
    )
    for query in (asked, unasked):
        for line_id, units in db.session.execute(query):
            left[line_id] -= int(units)
    return {line_id: max(0, units) for line_id, units in left.items()}
