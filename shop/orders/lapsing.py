"""When a prescriber's licence has lapsed: what was promised under it waits, and goes on with it.

Unpaid orders are cancelled, paid lines that are still here go on hold with their units and fills.
They go on when the licence is in force again and the gate says yes. What somebody else held stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import Licence
from shop.core import events
from shop.core.db import db
from shop.core.events import Event, Kind
from shop.orders import ending, judging, queries
from shop.orders.models import Order, OrderLine
from shop.orders.rejudging import HERE, OPEN, Rejudged, held_with
from shop.orders.states import LineStatus, OrderStatus
from shop.prescriptions import licensing
from shop.prescriptions.asking import Stage
from shop.prescriptions.gate import Decision
from shop.prescriptions.models import Fill, Prescription

REASON = "licence_lapsed"

Held = Mapping[UUID, Mapping[str, Licence]]


def concerned(*, at: datetime) -> list[UUID]:
    """Open orders with a line here that lacks its licence, or that waits for one, in id order."""
    promised = (
        sa.select(
            OrderLine.order_id,
            OrderLine.ship_to_state,
            Prescription.prescriber_id,
            Prescription.client_state,
            sa.and_(
                OrderLine.status == LineStatus.ON_HOLD,
                Event.facts["reason"].astext == REASON,
            ).label("waits"),
        )
        .join(Order, Order.id == OrderLine.order_id)
        .join(Fill, Fill.id == OrderLine.fill_id)
        .join(Prescription, Prescription.id == Fill.prescription_id)
        .join(Event, sa.and_(Event.subject_id == OrderLine.id, Event.seq == OrderLine.state_seq))
        .where(Order.status.in_(OPEN), OrderLine.status.in_(HERE))
    )
    rows = db.session.execute(promised).all()
    held = licensing.in_force({row.prescriber_id for row in rows}, day=judging.day(at))
    return sorted(
        {
            row.order_id
            for row in rows
            if row.waits or {row.ship_to_state, row.client_state} - set(held[row.prescriber_id])
        }
    )


def rejudge(order_id: UUID, *, at: datetime) -> Rejudged:
    """Let an order's lines follow their licences of today. Safe to repeat.

    Raises StartAgain as `locked_order` does.
    """
    order = queries.locked_order(order_id)
    lines = [line for line in order.lines if line.status in HERE and line.fill is not None]
    decisions = judging.of_lines(order, lines, at=at, stage=_stage(order))
    prescribers = {line.fill.prescription.prescriber_id for line in lines if line.fill}
    held = licensing.in_force(prescribers, day=judging.day(at))
    lapsed = [line for line in lines if _unlicensed(line, held)]
    if order.status is OrderStatus.AWAITING_PAYMENT:
        return _unpaid(order, lapsed, at)
    waiting = held_with(lines, "reason", REASON)
    done = Rejudged()
    for line, decision in zip(lines, decisions, strict=True):
        if line in lapsed and line.status in (LineStatus.READY, LineStatus.PACKED):
            _hold(line, order, done)
        elif line.id in waiting and _may_go_on(line, lapsed, decision):
            _go_on(line, order, done)
    if done.held:
        events.record(Kind.ORDER_HELD, order, reason=REASON)
    if done.resumed:
        events.record(Kind.ORDER_RESUMED, order, reason=REASON)
    db.session.flush()  # what the database refuses is refused here
    return done


def _may_go_on(line: OrderLine, lapsed: list[OrderLine], decision: Decision) -> bool:
    return line not in lapsed and decision.open and not line.order.disputed


def _stage(order: Order) -> Stage:
    return Stage.PAY if order.status is OrderStatus.AWAITING_PAYMENT else Stage.SHIP


def _unlicensed(line: OrderLine, held: Held) -> bool:
    assert line.fill is not None
    one = line.fill.prescription
    return bool({line.ship_to_state, one.client_state} - set(held[one.prescriber_id]))


def _unpaid(order: Order, lapsed: list[OrderLine], at: datetime) -> Rejudged:
    if not lapsed:
        return Rejudged()
    ending.end(order, OrderStatus.CANCELLED, Kind.ORDER_CANCELLED, at=at, reason=REASON)
    return Rejudged(cancelled=True)


def _hold(line: OrderLine, order: Order, done: Rejudged) -> None:
    line.status = LineStatus.ON_HOLD
    events.record(Kind.LINE_HELD, line, order=order.number, position=line.position, reason=REASON)
    done.held.append(line)


def _go_on(line: OrderLine, order: Order, done: Rejudged) -> None:
    line.status = LineStatus.READY
    events.record(Kind.LINE_RESUMED, line, order=order.number, position=line.position)
    done.resumed.append(line)
