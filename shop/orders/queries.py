"""Reads of carts and orders, always through a reader: clients see their own, staff all."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.accounts.models import Person, Role
from shop.core.db import db, locked
from shop.core.errors import NotFound
from shop.core.events import Event, Kind
from shop.inventory.models import Lot
from shop.orders.models import Order, OrderLine, Shipment, ShipmentLine
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


def to_pack(reader: Person) -> list[Order]:
    """Paid orders with a line that waits to be shipped, first paid first."""
    waiting = Order.lines.any(OrderLine.status == LineStatus.READY)
    query = orders_for(reader, status=OrderStatus.PAID).where(waiting).order_by(Order.paid_at)
    return list(db.session.scalars(query.limit(100)))


@dataclass(frozen=True)
class Happened:
    """One thing in the history of an order or of one of its lines (then `sku` says which)."""

    kind: Kind
    at: datetime
    sku: str | None
    facts: dict[str, Any]


def history(order: Order) -> list[Happened]:
    """What happened to an order and its lines, oldest first."""
    skus = {line.id: line.sku for line in order.lines}
    query = (
        sa.select(Event)
        .where(Event.subject_id.in_([order.id, *skus]))
        .order_by(Event.at, Event.subject_id, Event.seq)
    )
    return [
        Happened(Kind(event.kind), event.at, skus.get(event.subject_id), event.facts)
        for event in db.session.scalars(query)
    ]


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


def address_of(client: Person) -> str:
    """The last address a client gave with an order, on one line; "" where she never did."""
    query = sa.select(Order).where(Order.client_id == client.id).order_by(Order.placed_at.desc())
    last = db.session.scalars(query.limit(1)).one_or_none()
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
    """What an order still owes under these: its number and status, and the line's sku."""
    query = (
        sa.select(Order.number, Order.status, OrderLine.sku)
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
