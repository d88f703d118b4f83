"""Let paid lines leave: what was picked for them, labelled, by a carrier or over the desk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import uuid4

from shop.accounts.models import Person
from shop.core import events, numbers
from shop.core.db import db
from shop.core.events import Kind
from shop.inventory import stock
from shop.inventory.errors import NotEnoughStock
from shop.inventory.picking import Pick
from shop.orders import carriers, ending, handing_over, judging, labelling, picking, queries
from shop.orders.errors import LineNotReady, NothingToShip, NotInOrder
from shop.orders.handing_over import Met
from shop.orders.models import Identifier, Order, OrderLine, Picked, Shipment, ShipmentLine
from shop.orders.picking import Planned
from shop.orders.pricing import PICKUP
from shop.orders.states import LineStatus
from shop.prescriptions import asking, filling
from shop.prescriptions.asking import Stage
from shop.prescriptions.gate import Decision


@dataclass(frozen=True)
class ToPick:
    """A line that waits to be shipped: the gate's answer, what was picked, what is still to be.

    `picks` are the lots and places to take the rest from; `short` says why there are none. What
    was picked of a lot that may not be sent any more is `stopped`: it is put back.
    """

    line: OrderLine
    decision: Decision
    picked: list[Picked]
    picks: list[Pick]
    short: str | None
    stopped: list[Picked]
    labelled: bool  # it needs no label, or has one

    @property
    def goes(self) -> bool:
        """Whether it can be picked and shipped now."""
        return self.decision.open and self.short is None

    @property
    def packed(self) -> bool:
        """Whether nothing lacks but the parcel."""
        return self.goes and not self.picks and not self.stopped and self.labelled


def picking_list(order: Order, *, at: datetime) -> list[ToPick]:
    """What is taken from where now, line by line. Changes and locks nothing.

    Raises NotPaid, MoneyGone.
    """
    judging.insist_paid(order)
    lines = [line for line in order.lines if line.status is LineStatus.READY]
    decisions = asking.ask(
        order.client,
        judging.wishes(lines),
        ship_to_state=order.ship_to_state,
        at=at,
        stage=Stage.PICK,
    )
    planned = picking.as_planned(lines, at=at)
    labelled = labelling.labelled(lines)
    return [
        _to_pick(line, answer, planned[line.id], judging.day(at), labelled=line.id in labelled)
        for line, answer in zip(lines, decisions, strict=True)
    ]


def _to_pick(
    line: OrderLine, decision: Decision, planned: Planned, today: date, *, labelled: bool
) -> ToPick:
    taken, rest = planned
    stopped = [one for one in taken if not one.lot.sellable(today)]
    if isinstance(rest, NotEnoughStock):
        return ToPick(line, decision, taken, [], rest.text, stopped, labelled)
    return ToPick(line, decision, taken, rest, None, stopped, labelled)


def ship(
    order: Order,
    *,
    skus: Sequence[str] | None,
    carrier: str = "",
    tracking: str = "",
    met: Met | None = None,
    by: Person,
    at: datetime,
) -> Shipment:
    """Ship the named lines (all that are ready where `skus` is None). Everything or nothing.

    A parcel has its carrier's number; what is picked up is handed to the client, as she was `met`.
    The gate is asked a last time, and the money; fills are dispensed; the order is closed with its
    last line. Raises NotPaid, MoneyGone, NotInOrder, LineNotReady, NothingToShip, BadTracking,
    NotTheClient, NotPicked, LabelMissing, LabelOutdated, NotEnoughStock, and what the gate refuses
    (NoPrescription, LineBlocked, NeedsClientAction, TooSoon).
    """
    order = queries.locked_order(order.id)
    judging.insist_paid(order)
    lines = _named(order, skus)
    way = _way(order, carrier, tracking, met)
    wishes = judging.wishes(lines)
    judging.insist(order.client, wishes, ship_to_state=order.ship_to_state, at=at, stage=Stage.SHIP)
    picked = picking.whole(lines)
    labelling.refuse_unlabelled(lines)
    ending.hold_lots(lines)
    shipment = Shipment(
        id=uuid4(), number=numbers.fresh("S"), order_id=order.id, shipped_by_id=by.id, **way
    )
    order.shipments.append(shipment)
    for line in lines:
        _let_go(line, picked[line.id], shipment, order, at)
    ending.close_if_all_left(order)
    db.session.flush()  # what the database refuses is refused here
    return shipment


def _way(order: Order, carrier: str, tracking: str, met: Met | None) -> dict[str, Any]:
    """How it leaves: with a carrier, or into the client's own hands."""
    if order.shipping_method == PICKUP:
        name = handing_over.identified(order.client, met)
        return {
            "carrier": handing_over.DESK,
            "tracking": "",
            "handed_to": name,
            "identified_by": Identifier.BIRTH_DATE,
        }
    carrier, tracking = carriers.checked(carrier, tracking)
    return {"carrier": carrier, "tracking": tracking}


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


def _let_go(
    line: OrderLine, picks: list[Pick], shipment: Shipment, order: Order, at: datetime
) -> None:
    line.status = LineStatus.PACKED
    events.record(Kind.LINE_PACKED, line, order=order.number, position=line.position)
    movements = stock.ship(
        line.reservation, reference_id=line.id, today=judging.day(at), picks=picks
    )
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
