"""The packing board of the day: what is picked next, what is ready to leave, what waits and why.

Changes and locks nothing. A fixed number of statements for the whole board.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core.db import db
from shop.core.events import Event, Kind
from shop.inventory.errors import NotEnoughStock
from shop.orders import (
    disputing,
    judging,
    labelling,
    lapsing,
    picking,
    queries,
    rechecking,
    stranding,
)
from shop.orders.errors import NothingWaitsForIt
from shop.orders.models import Order, OrderLine
from shop.orders.pricing import PICKUP
from shop.orders.scanning import Scanned
from shop.orders.states import LineStatus, OrderStatus

MOST = 100  # orders of a group


class Step(StrEnum):
    """What comes next for an order that can go."""

    PICK = "pick"
    LABEL = "label"
    SHIP = "ship"
    HAND_OVER = "hand_over"
    SHORT = "short"  # the shelf has too little
    PUT_BACK = "put_back"  # something that was picked must not leave


class Why(StrEnum):
    """Why a paid line waits; nothing medical."""

    RECALLED = "recalled"
    RULE = "rule"
    PRESCRIPTION = "prescription"  # it was taken back, or is looked at again
    DISPUTE = "dispute"


OF_REASON = {
    stranding.RECALLED: Why.RECALLED,
    lapsing.REASON: Why.PRESCRIPTION,
    rechecking.REASON: Why.PRESCRIPTION,
    disputing.REASON: Why.DISPUTE,
}


@dataclass(frozen=True)
class Row:
    """An order on the board: its lines that can go, so many of their units picked, what is next."""

    order: Order
    lines: list[OrderLine]
    step: Step
    picked: int
    why: str = ""  # what the shelf says where it is short

    @property
    def units(self) -> int:
        return sum(line.quantity for line in self.lines)


@dataclass(frozen=True)
class Held:
    """A paid order with lines that wait, each with why."""

    order: Order
    lines: list[tuple[OrderLine, Why]]


@dataclass(frozen=True)
class Board:
    """The day: by what comes next, the longest waiting first, and what waits."""

    rows: list[Row]
    held: list[Held]

    def at(self, *steps: Step) -> list[Row]:
        return [row for row in self.rows if row.step in steps]


def board(reader: Person, *, at: datetime) -> Board:
    """Everything that is paid and still here."""
    return Board(_rows(queries.to_pack(reader), at), _held(reader))


def waiting_for(reader: Person, scanned: Scanned, *, at: datetime) -> Order:
    """The order that waits longest for this pack: for this lot, where the code says one.

    Raises NothingWaitsForIt.
    """
    orders = queries.to_pack(reader)
    lines = [
        (order, line) for order in orders for line in _ready(order) if scanned.is_of(line.variant)
    ]
    planned = picking.as_planned([line for _, line in lines], at=at)
    for order, line in lines:
        _taken, rest = planned[line.id]
        if isinstance(rest, NotEnoughStock):
            continue
        if any(scanned.lot_number in ("", each.lot.lot_number) for each in rest):
            return order
    raise _nothing(scanned, [order.number for order, _ in lines])


def _rows(orders: Sequence[Order], at: datetime) -> list[Row]:
    lines = [line for order in orders for line in _ready(order)]
    planned = picking.as_planned(lines, at=at)
    labelled = labelling.labelled(lines)
    return [_row(order, planned, labelled, at) for order in orders]


def _row(
    order: Order, planned: Mapping[UUID, picking.Planned], labelled: set[UUID], at: datetime
) -> Row:
    lines = _ready(order)
    taken = [one for line in lines for one in planned[line.id][0]]
    rests = [planned[line.id][1] for line in lines]
    short = next((rest.text for rest in rests if isinstance(rest, NotEnoughStock)), "")
    if any(not one.lot.sellable(judging.day(at)) for one in taken):
        step = Step.PUT_BACK
    elif short:
        step = Step.SHORT
    elif any(rests):
        step = Step.PICK
    elif any(line.id not in labelled for line in lines):
        step = Step.LABEL
    else:
        step = Step.HAND_OVER if order.shipping_method == PICKUP else Step.SHIP
    return Row(order, lines, step, sum(one.units for one in taken), short)


def _ready(order: Order) -> list[OrderLine]:
    return [line for line in order.lines if line.status is LineStatus.READY]


def _held(reader: Person) -> list[Held]:
    waits = Order.lines.any(OrderLine.status == LineStatus.ON_HOLD)
    query = queries.orders_for(reader, status=OrderStatus.PAID).where(waits)
    orders = list(db.session.scalars(query.order_by(Order.paid_at).limit(MOST)))
    lines = {
        order.id: [line for line in order.lines if line.status is LineStatus.ON_HOLD]
        for order in orders
    }
    why = _whys([line.id for found in lines.values() for line in found])
    return [Held(order, [(line, why[line.id]) for line in lines[order.id]]) for order in orders]


def _whys(line_ids: Sequence[UUID]) -> Mapping[UUID, Why]:
    """By line id what its last hold named as the cause. One statement."""
    query = (
        sa.select(OrderLine.id, Event.facts)
        .join(Event, sa.and_(Event.subject_id == OrderLine.id, Event.seq == OrderLine.state_seq))
        .where(OrderLine.id.in_(line_ids), Event.kind == Kind.LINE_HELD)
    )
    found: dict[UUID, Why] = defaultdict(lambda: Why.PRESCRIPTION)
    for line_id, facts in db.session.execute(query):
        other = Why.RULE if facts.get("rule") else Why.PRESCRIPTION
        found[line_id] = OF_REASON.get(facts.get("reason"), other)
    return found


def _nothing(scanned: Scanned, others: list[str]) -> NothingWaitsForIt:
    if others:
        text = (
            f"No order takes lot {scanned.lot_number} of {scanned.item} now: the lot that expires"
            f" first goes first. Open {others[0]} to see what it takes."
        )
    else:
        text = f"No order that can go waits for {scanned.item[:40] or 'this'}."
    return NothingWaitsForIt(text, item=scanned.item[:40], fields={"code": [text]})
