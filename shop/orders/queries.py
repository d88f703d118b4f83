"""Reads of carts and orders, always through a reader: clients see their own, staff all."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import joinedload, selectinload

from shop.accounts.models import Person, Role
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.inventory.models import Location, Lot
from shop.inventory.states import LotStatus
from shop.orders.errors import LineNotReady, NotInOrder
from shop.orders.models import Order, OrderLine, Picked, Shipment, ShipmentLine, Shortage
from shop.orders.states import GONE, LIVE, LineStatus, OrderStatus
from shop.prescriptions import following
from shop.prescriptions.models import Fill

WHOLE = (
    selectinload(Order.client),
    selectinload(Order.lines).options(
        selectinload(OrderLine.reservation),
        selectinload(OrderLine.fill).selectinload(Fill.prescription),
    ),
    selectinload(Order.shipments)
    .selectinload(Shipment.lines)
    .options(selectinload(ShipmentLine.lot), selectinload(ShipmentLine.line)),
)


def order_for(reader: Person, number: str, *, lock: bool = False) -> Order:
    """The order, with its lines, fills, reservations and parcels. Raises NotFound.

    `lock` locks the order's row, which guards all of these.
    """
    query = sa.select(Order).where(Order.number == number, visible_to(reader))
    order = db.session.scalars(_whole(locked(query) if lock else query)).one_or_none()
    if order is None:
        raise NotFound("There is no such order.", number=number)
    return order


def orders_for(reader: Person, *, status: OrderStatus | None = None) -> sa.Select[Order]:
    """The orders a reader may see, for a list."""
    query = sa.select(Order).where(visible_to(reader)).options(*WHOLE)
    return query if status is None else query.where(Order.status == status)


def numbers_of(order_ids: Iterable[uuid.UUID]) -> dict[uuid.UUID, str]:
    """What people call these orders, by id; whoever shows them has seen that they may be seen."""
    query = sa.select(Order.id, Order.number).where(Order.id.in_(list(order_ids)))
    return {row.id: row.number for row in db.session.execute(query)}


def to_pack(reader: Person) -> list[Order]:
    """Paid orders with a line that waits to be shipped, first paid first."""
    waiting = Order.lines.any(OrderLine.status == LineStatus.READY)
    query = orders_for(reader, status=OrderStatus.PAID).where(waiting).order_by(Order.paid_at)
    return list(db.session.scalars(query.limit(100)))


def waiting_line(order: Order, sku: str) -> OrderLine:
    """The line of this pack, which waits to be shipped. Raises NotInOrder, LineNotReady."""
    line = next((line for line in order.lines if line.sku == sku), None)
    if line is None:
        raise NotInOrder(f"Not in this order: {sku}.", skus=[sku])
    if line.status is not LineStatus.READY:
        raise LineNotReady(f"{sku} is {line.status}, not ready.", sku=sku, status=line.status)
    return line


def picked(lines: Iterable[OrderLine]) -> list[Picked]:
    """What was picked for these lines and has neither left nor been put back, oldest first."""
    here = [line.id for line in lines if line.status not in GONE]
    query = (
        sa.select(Picked)
        .where(Picked.order_line_id.in_(here), Picked.put_back_at.is_(None))
        .options(joinedload(Picked.lot), joinedload(Picked.location).joinedload(Location.site))
        .order_by(Picked.picked_at, Picked.id)
        .execution_options(populate_existing=True)
    )
    return list(db.session.scalars(query))


def aside(variant_ids: Collection[uuid.UUID]) -> dict[tuple[uuid.UUID, uuid.UUID], int]:
    """Units of these variants that were picked and are still here, by lot id and place id."""
    rows = db.session.execute(
        sa.select(Picked.lot_id, Picked.location_id, sa.func.sum(Picked.units))
        .join(OrderLine, OrderLine.id == Picked.order_line_id)
        .where(
            OrderLine.variant_id.in_(variant_ids),
            OrderLine.status.not_in(GONE),
            Picked.put_back_at.is_(None),
        )
        .group_by(Picked.lot_id, Picked.location_id)
    )
    return {(lot_id, place_id): units for lot_id, place_id, units in rows}


def picked_from(lot: Lot) -> set[uuid.UUID]:
    """The promises of lines that something of this lot was picked for and that are still here."""
    query = (
        sa.select(OrderLine.reservation_id)
        .join(Picked, Picked.order_line_id == OrderLine.id)
        .where(Picked.lot_id == lot.id, Picked.put_back_at.is_(None), OrderLine.status.not_in(GONE))
    )
    return set(db.session.scalars(query))


def to_put_back() -> list[tuple[Picked, Order]]:
    """What was picked for lines that were cancelled or stopped since, oldest first."""
    query = (
        sa.select(Picked, Order)
        .join(OrderLine, OrderLine.id == Picked.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Lot, Lot.id == Picked.lot_id)
        .where(
            Picked.put_back_at.is_(None),
            sa.or_(
                OrderLine.status == LineStatus.CANCELLED,
                sa.and_(OrderLine.status == LineStatus.ON_HOLD, Lot.status != LotStatus.AVAILABLE),
            ),
        )
        .options(joinedload(Picked.lot), joinedload(Picked.location), joinedload(Picked.line))
        .order_by(Picked.picked_at, Picked.id)
        .limit(100)
    )
    return [(one, order) for one, order in db.session.execute(query)]


def shortages(order: Order) -> list[Shortage]:
    """What pickers of this order did not find, oldest first."""
    query = (
        sa.select(Shortage)
        .where(Shortage.order_line_id.in_([line.id for line in order.lines]))
        .options(
            joinedload(Shortage.lot), joinedload(Shortage.location), joinedload(Shortage.said_by)
        )
        .order_by(Shortage.said_at, Shortage.id)
    )
    return list(db.session.scalars(query))


def shipment_of(order: Order, number: str) -> Shipment:
    """A parcel of an order that was fetched through its reader. Raises NotFound."""
    found = next((one for one in order.shipments if one.number == number), None)
    if found is None:
        raise NotFound("This order has no such parcel.", number=number)
    return found


def treatments(order: Order, reader: Person, *, at: datetime) -> dict[uuid.UUID, tuple[str, ...]]:
    """What the client's treatments ask of the packs of her order, in words: for her alone."""
    if reader.id != order.client_id:
        return {}
    packs = {line.variant_id for line in order.lines}
    return following.sentences(order.client, packs, at=at)


def locked_order(order_id: uuid.UUID) -> Order:
    """The order, locked and read afresh with all that hangs on it: the first line of every verb."""
    query = locked(sa.select(Order).where(Order.id == order_id))
    return db.session.scalars(_whole(query)).one()


def promised_to(client: Person) -> list[Order]:
    """Her open orders with a line under a prescription, locked, in id order, as `locked_order`."""
    query = sa.select(Order).where(
        Order.client_id == client.id,
        Order.status.in_((OrderStatus.AWAITING_PAYMENT, OrderStatus.PAID)),
        Order.lines.any(OrderLine.fill_id.is_not(None)),
    )
    return list(db.session.scalars(_whole(locked(query.order_by(Order.id)))))


def address(order: Order) -> str:
    """Where it goes, on one line."""
    street = ", ".join(filter(None, [order.line1, order.line2]))
    return f"{street}, {order.city}, {order.ship_to_state} {order.postal_code}"


def last_order(client: Person) -> Order | None:
    """The order a client gave last: where she wants things sent."""
    query = sa.select(Order).where(Order.client_id == client.id)
    return db.session.scalar(query.order_by(Order.placed_at.desc(), Order.id).limit(1))


def placed_just_now(client: Person, since: datetime) -> list[Order]:
    """Her orders that wait for payment and were placed since then, with their lines."""
    query = sa.select(Order).where(
        Order.client_id == client.id,
        Order.status == OrderStatus.AWAITING_PAYMENT,
        Order.placed_at > since,
    )
    return list(db.session.scalars(query.options(selectinload(Order.lines))))


def address_of(client: Person) -> str:
    """The last address a client gave with an order, on one line; "" where she never did."""
    last = last_order(client)
    return "" if last is None else address(last)


@dataclass(frozen=True)
class Left:
    """A line that left under a prescription: what, when, from which lots, in what parcel."""

    order: str
    sku: str
    name: str
    quantity: int
    shipped_at: datetime
    shipment: str
    carrier: str
    tracking: str
    lots: tuple[tuple[str, int], ...]  # lot number, units


def left_under(prescription_ids: Collection[uuid.UUID]) -> list[Left]:
    """What has left under these prescriptions, first shipped first; one statement."""
    rows = db.session.execute(
        sa.select(
            Order.number.label("order"),
            OrderLine.id,
            OrderLine.sku,
            OrderLine.name,
            OrderLine.quantity,
            OrderLine.shipped_at,
            Shipment.number.label("shipment"),
            Shipment.carrier,
            Shipment.tracking,
            Lot.lot_number,
            ShipmentLine.units,
        )
        .join(Fill, Fill.id == ShipmentLine.fill_id)
        .join(OrderLine, OrderLine.id == ShipmentLine.order_line_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Shipment, Shipment.id == ShipmentLine.shipment_id)
        .join(Lot, Lot.id == ShipmentLine.lot_id)
        .where(Fill.prescription_id.in_(prescription_ids))
        .order_by(OrderLine.shipped_at, Order.number, OrderLine.position, Lot.lot_number)
    ).all()
    lots: dict[uuid.UUID, list[tuple[str, int]]] = {}
    for row in rows:
        lots.setdefault(row.id, []).append((row.lot_number, row.units))
    first = {row.id: row for row in reversed(rows)}
    return [
        Left(
            order=row.order,
            sku=row.sku,
            name=row.name,
            quantity=row.quantity,
            shipped_at=row.shipped_at,
            shipment=row.shipment,
            carrier=row.carrier,
            tracking=row.tracking,
            lots=tuple(taken),
        )
        for row, taken in ((first[line], taken) for line, taken in lots.items())
    ]


def promised_under(prescription_ids: Collection[uuid.UUID]) -> list[sa.Row[Any]]:
    """What an order still owes under these: its number and status, the line's sku and status."""
    query = (
        sa.select(Order.number, Order.status, OrderLine.sku, OrderLine.status.label("line_status"))
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(Fill, Fill.id == OrderLine.fill_id)
        .where(Fill.prescription_id.in_(prescription_ids), OrderLine.status.in_(LIVE - GONE))
        .order_by(Order.number, OrderLine.position)
    )
    return list(db.session.execute(query))


def backed_by(prescription_ids: Collection[uuid.UUID]) -> list[uuid.UUID]:
    """Orders with a live line that holds a fill of one of these prescriptions, in id order."""
    query = (
        sa.select(OrderLine.order_id)
        .join(Fill, Fill.id == OrderLine.fill_id)
        .where(Fill.prescription_id.in_(prescription_ids), OrderLine.status.in_(LIVE))
        .distinct()
        .order_by(OrderLine.order_id)
    )
    return list(db.session.scalars(query))


def visible_to(reader: Person) -> sa.ColumnElement[bool]:
    """Which orders a reader may see."""
    if reader.role in (Role.STAFF, Role.MANAGER):
        return sa.true()
    return Order.client_id == reader.id


def _whole(query: sa.Select[Order]) -> sa.Select[Order]:
    return query.options(*WHOLE).execution_options(populate_existing=True)
