"""When the law has changed: ask the gate again about what was promised and has not left.

Unpaid orders that may not go on are cancelled; paid lines are put on hold, and go on again when the
gate says yes. Their units and fills stay promised meanwhile, for a rule can be lifted again;
whoever cancels the order gives them back.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from shop.catalog.models import RULINGS, Variant
from shop.core import events
from shop.core.db import db
from shop.core.events import Event, Kind
from shop.orders import ending, judging, queries
from shop.orders.models import Order, OrderLine
from shop.orders.states import LineStatus, OrderStatus
from shop.prescriptions.asking import Stage
from shop.prescriptions.gate import Decision

OPEN = (OrderStatus.AWAITING_PAYMENT, OrderStatus.PAID)
HERE = (LineStatus.PLACED, LineStatus.READY, LineStatus.PACKED, LineStatus.ON_HOLD)
REASON = "rules_changed"


@dataclass(frozen=True)
class Rejudged:
    """What came of asking again: an order cancelled, lines held, lines that go on."""

    cancelled: bool = False
    held: list[OrderLine] = field(default_factory=list)
    resumed: list[OrderLine] = field(default_factory=list)


def concerned() -> list[UUID]:
    """Open orders with a line here of a product that some rule speaks of, in id order."""
    ruled = sa.select(RULINGS.c.product_id)
    query = (
        sa.select(OrderLine.order_id)
        .join(Order, Order.id == OrderLine.order_id)
        .join(Variant, Variant.id == OrderLine.variant_id)
        .where(Order.status.in_(OPEN), OrderLine.status.in_(HERE), Variant.product_id.in_(ruled))
        .distinct()
        .order_by(OrderLine.order_id)
    )
    return list(db.session.scalars(query))


def rejudge(order_id: UUID, *, at: datetime) -> Rejudged:
    """Ask again about an order, as of now, and act on the answer. Safe to repeat."""
    order = queries.locked_order(order_id)
    lines = [line for line in order.lines if line.status in HERE]
    if order.status is OrderStatus.AWAITING_PAYMENT:
        return _unpaid(order, lines, at)
    if order.status is OrderStatus.PAID:
        return _paid(order, lines, at)
    return Rejudged()


def _unpaid(order: Order, lines: list[OrderLine], at: datetime) -> Rejudged:
    decisions = judging.of_lines(order, lines, at=at, stage=Stage.PAY)
    if not any(_rule_against(decision) for decision in decisions):
        return Rejudged()
    ending.end(order, OrderStatus.CANCELLED, Kind.ORDER_CANCELLED, at=at, reason=REASON)
    return Rejudged(cancelled=True)


def _paid(order: Order, lines: list[OrderLine], at: datetime) -> Rejudged:
    decisions = judging.of_lines(order, lines, at=at, stage=Stage.SHIP)
    waiting = held_with(lines, "rule")
    done = Rejudged()
    for line, decision in zip(lines, decisions, strict=True):
        rule = _rule_against(decision)
        if line.status is LineStatus.ON_HOLD:
            if line.id in waiting and decision.open and not order.disputed:
                _go_on(line, order, done)
        elif rule is not None:
            _hold(line, order, rule, done)
    if done.held:
        events.record(Kind.ORDER_HELD, order, reason=REASON)
    if done.resumed:
        events.record(Kind.ORDER_RESUMED, order, reason=REASON)
    db.session.flush()  # what the database refuses is refused here
    return done


def _hold(line: OrderLine, order: Order, rule: str, done: Rejudged) -> None:
    line.status = LineStatus.ON_HOLD
    events.record(Kind.LINE_HELD, line, order=order.number, position=line.position, rule=rule)
    done.held.append(line)


def _go_on(line: OrderLine, order: Order, done: Rejudged) -> None:
    line.status = LineStatus.READY
    events.record(Kind.LINE_RESUMED, line, order=order.number, position=line.position)
    done.resumed.append(line)


def _rule_against(decision: Decision) -> str | None:
    """The number of the rule without which the gate would not have said no, if there is one."""
    told = (reason.facts.get("legal_rule") for reason in decision.reasons)
    return next((str(number) for number in told if number), None)


def held_with(lines: list[OrderLine], fact: str, value: str | None = None) -> set[UUID]:
    """Of lines on hold, those whose last event names this fact (as this value) as the cause."""
    told = Event.facts[fact].astext
    query = (
        sa.select(OrderLine.id)
        .join(Event, sa.and_(Event.subject_id == OrderLine.id, Event.seq == OrderLine.state_seq))
        .where(
            OrderLine.id.in_([line.id for line in lines]),
            Event.kind == Kind.LINE_HELD,
            told.is_not(None) if value is None else told == value,
        )
    )
    return set(db.session.scalars(query))
