"""Let paid lines leave, from the lots that expire first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from shop.accounts.models import Person
from shop.core import events, numbers
from shop.core.db import db
from shop.core.events import Kind
from shop.inventory import stock
from shop.inventory.errors import NotEnoughStock
from shop.inventory.picking import Pick
from shop.orders import ending, judging, labelling, queries
from shop.orders.errors import LineNotReady, NothingToShip, NotInOrder, NotPaid
from shop.orders.models import Order, OrderLine, Shipment, ShipmentLine
from shop.orders.states import GONE, LineStatus, OrderStatus
from shop.prescriptions import asking, filling
from shop.prescriptions.asking import Stage
from shop.prescriptions.gate import Decision


@dataclass(frozen=True)
class ToPick:
    """A line that waits to be shipped: the gate's answer and the lots to take it from.

    `short` says why there are no lots.
    """

    line: OrderLine
    decision: Decision
    picks: list[Pick]
    short: str | None = None

    @property
    def goes(self) -> bool:
        """Whether it can be shipped now."""
        return self.decision.open and self.short is None


def picking_list(order: Order, *, at: datetime) -> list[ToPick]:
    """What `ship` would take from where now, line by line. Changes and locks nothing.

    Raises NotPaid.
    """
    _paid(order)
    lines = [line for line in order.lines if line.status is LineStatus.READY]
    decisions = asking.ask(
        order.client,
        judging.wishes(lines),
        ship_to_state=order.ship_to_state,
        at=at,
        stage=Stage.PICK,
    )
    return [_to_pick(line, answer, at) for line, answer in zip(lines, decisions, strict=True)]


def _to_pick(line: OrderLine, decision: Decision, at: datetime) -> ToPick:
    try:
        return ToPick(line, decision, stock.preview(line.reservation, today=judging.day(at)))
    except NotEnoughStock as short:
        return ToPick(line, decision, [], short.text)


def ship(
    order: Order,
    *,
    skus: Sequence[str] | None,
    carrier: str,
    tracking: str,
    by: Person,
    at: datetime,
) -> Shipment:
    """Ship the named lines (all that are ready where `skus` is None). Everything or nothing.

    The gate is asked a last time; fills are dispensed; the order is closed with its last line.
    Raises NotPaid, NotInOrder, LineNotReady, NothingToShip, NotEnoughStock, LabelOutdated, and
    what the gate refuses (NoPrescription, LineBlocked, NeedsClientAction, TooSoon).
    """
    order = queries.locked_order(order.id)
    _paid(order)
    lines = _named(order, skus)
    wishes = judging.wishes(lines)
    judging.insist(order.client, wishes, ship_to_state=order.ship_to_state, at=at, stage=Stage.SHIP)
    ending.hold_lots(lines)
    shipment = Shipment(
        id=uuid4(),
        number=numbers.fresh("S"),
        order_id=order.id,
        carrier=carrier,
        tracking=tracking,
        shipped_by_id=by.id,
    )
    order.shipments.append(shipment)
    for line in lines:
        _let_go(line, shipment, order, at)
    if all(line.status in GONE for line in order.lines):
        order.status = OrderStatus.CLOSED
        events.record(Kind.ORDER_CLOSED, order)
    db.session.flush()  # what the database refuses is refused here
    return shipment


def _paid(order: Order) -> None:
    if order.status is not OrderStatus.PAID:
        raise NotPaid(f"An order that is {order.status} is not shipped.", status=order.status)


def _named(order: Order, skus: Sequence[str] | None) -> list[OrderLine]:
    if skus is None:
        ready = [line for line in order.lines if line.status is LineStatus.READY]
        if not ready:
            raise NothingToShip("No line of this order waits to be shipped.", status=order.status)
        return ready
    missing = sorted(set(skus) - {line.sku for line in order.lines})
    if missing or not skus:
        raise NotInOrder(f"Not in this order: {', '.join(missing) or 'nothing'}.", skus=missing)
    lines = [line for line in order.lines if line.sku in skus]
    for line in lines:
        if line.status is not LineStatus.READY:
            raise LineNotReady(
                f"{line.sku} is {line.status}, not ready.", sku=line.sku, status=line.status
            )
    return lines


def _let_go(line: OrderLine, shipment: Shipment, order: Order, at: datetime) -> None:
    line.status = LineStatus.PACKED
    events.record(Kind.LINE_PACKED, line, order=order.number, position=line.position)
    movements = stock.ship(line.reservation, reference_id=line.id, today=judging.day(at))
    labelling.refuse_other_lots(line, movements)
    for movement in movements:
        shipment.lines.append(
            ShipmentLine(
                id=uuid4(),
                line=line,
                lot_id=movement.lot_id,
                movement_id=movement.id,
                fill_id=line.fill_id,
                units=movement.units,
            )
        )
    if line.fill is not None:
        filling.dispense(line.fill, at=at)
    line.status = LineStatus.SHIPPED
    events.record(
        Kind.LINE_SHIPPED,
        line,
        order=order.number,
        position=line.position,
        shipment=shipment.number,
    )
