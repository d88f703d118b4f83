"""Something new is known of a client's health: nothing leaves that it speaks against.

In the transaction that writes it down, prescriptions that a new stop speaks against go on hold
(`prescriptions.rechecking`), unpaid orders under them are cancelled, and paid lines that are still
here wait with their units and fills until a physician has looked.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.charts.queries import locked_as_of
from shop.core import events
from shop.core.db import db
from shop.core.errors import StartAgain
from shop.core.events import Kind
from shop.orders import ending, judging, queries
from shop.orders.models import Order, OrderLine
from shop.orders.rejudging import OPEN, held_with
from shop.orders.states import LineStatus, OrderStatus
from shop.prescriptions import holding, rechecking
from shop.prescriptions.asking import Stage
from shop.prescriptions.models import Prescription

REASON = "prescription_held"  # staff reads it, so it says no more


@contextmanager
def following(client: Person, *, at: datetime) -> Iterator[None]:
    """Within, something may be written of her health; at the end, what she was promised follows.

    Her orders are locked first, then what the caller locks, her chart, her prescriptions. Raises
    StartAgain where an order was placed meanwhile: roll back and run it again.
    """
    orders = queries.promised_to(client)
    yield
    db.session.flush()
    _follow(client, orders, locked_as_of(client, at=at))


def recheck(client: Person, *, at: datetime) -> None:
    """The same for what was written before. Safe to repeat."""
    with following(client, at=at):
        pass


def resume(prescription: Prescription, *, reason: str, by: Person, at: datetime) -> None:
    """A physician has looked at the news: it goes on, and the lines that waited for that.

    The caller does not hold the prescription's lock, for the orders and her chart come first.
    Raises as `holding.resume_after_review`, and StartAgain.
    """
    orders = queries.promised_to(prescription.client)
    at = locked_as_of(prescription.client, at=at)
    ending.hold_prescriptions([], also=[prescription.id])
    _refuse_newer([prescription.id], orders)
    holding.resume_after_review(prescription, reason=reason, by=by, at=at)
    for order in orders:
        _go_on(order, prescription.id, at)


def _follow(client: Person, orders: Sequence[Order], at: datetime) -> None:
    ids = rechecking.spoken_against(client, at=at)
    if not ids:
        return
    concerned = [order for order in orders if _under(order, ids)]
    unpaid = [one for one in concerned if one.status is OrderStatus.AWAITING_PAYMENT]
    # All that will be given back is locked at once, or the order of locks would not hold.
    given_back = [line for order in unpaid for line in order.lines]
    ending.hold_prescriptions(given_back, also=ids)
    _refuse_newer(ids, orders)
    ending.hold_lots(given_back)
    query = sa.select(Prescription).where(Prescription.id.in_(ids)).order_by(Prescription.id)
    held = [one.id for one in db.session.scalars(query) if rechecking.hold(one)]
    for order in concerned:
        if order.status is OrderStatus.PAID:
            _hold(order, held)
        elif _under(order, held):
            ending.end(order, OrderStatus.CANCELLED, Kind.ORDER_CANCELLED, at=at, reason=REASON)


def _refuse_newer(ids: Collection[UUID], orders: Sequence[Order]) -> None:
    """No order that is not locked has come under these (locked) prescriptions."""
    backed = sa.select(Order.id).where(Order.id.in_(queries.backed_by(ids)), Order.status.in_(OPEN))
    if set(db.session.scalars(backed)) - {order.id for order in orders}:
        raise StartAgain


def _under(order: Order, ids: Collection[UUID]) -> list[OrderLine]:
    return [line for line in order.lines if line.fill and line.fill.prescription_id in ids]


def _hold(order: Order, ids: Collection[UUID]) -> None:
    here = (LineStatus.READY, LineStatus.PACKED)
    lines = [line for line in _under(order, ids) if line.status in here]
    for line in lines:
        line.status = LineStatus.ON_HOLD
        told = {"order": order.number, "position": line.position, "reason": REASON}
        events.record(Kind.LINE_HELD, line, **told)
    if lines:
        events.record(Kind.ORDER_HELD, order, reason=REASON)  # the client is told


def _go_on(order: Order, prescription_id: UUID, at: datetime) -> None:
    lines = _under(order, [prescription_id])
    waiting = held_with(lines, "reason", REASON)
    lines = [one for one in lines if one.id in waiting and one.status is LineStatus.ON_HOLD]
    if not lines or order.disputed:
        return
    decisions = judging.of_lines(order, lines, at=at, stage=Stage.SHIP)
    going = [line for line, yes in zip(lines, decisions, strict=True) if yes.open]
    for line in going:
        line.status = LineStatus.READY
        events.record(Kind.LINE_RESUMED, line, order=order.number, position=line.position)
    if going:
        events.record(Kind.ORDER_RESUMED, order, reason=REASON)
    db.session.flush()  # what the database refuses is refused here
