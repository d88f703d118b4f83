"""Staff say yes or no to what a client wants to send back; what nobody sends in time is over."""

from __future__ import annotations

import uuid
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core.db import db
from shop.core.events import Kind, record
from shop.returns import policy
from shop.returns.models import Refusal, ReturnRequest
from shop.returns.states import RequestStatus


def authorise(request: ReturnRequest, *, today: date, by: Person, at: datetime) -> None:
    """It may come until its last day; `request` is locked. Raises WrongState."""
    request.status = RequestStatus.AUTHORISED
    request.decided_by = by
    request.send_by = today + timedelta(days=policy.current().days_to_send)
    record(Kind.RETURN_AUTHORISED, request, order=request.order.number, by=str(request.send_by))
    db.session.flush()


def refuse(request: ReturnRequest, why: Refusal, *, by: Person, at: datetime) -> None:
    """It is not taken back; `request` is locked. Raises WrongState."""
    request.status = RequestStatus.REFUSED
    request.decided_by, request.refusal = by, why
    record(Kind.RETURN_REFUSED, request, order=request.order.number, refusal=why)
    db.session.flush()


def overdue(*, today: date) -> list[uuid.UUID]:
    """What was authorised and did not come by its last day, in id order.

    A day later than here at the earliest, so that it is over everywhere (the database's own rule).
    """
    query = sa.select(ReturnRequest.id).where(
        ReturnRequest.status == RequestStatus.AUTHORISED,
        ReturnRequest.send_by < today - timedelta(days=1),
    )
    return list(db.session.scalars(query.order_by(ReturnRequest.id)))


def expire(request: ReturnRequest, *, today: date, at: datetime) -> None:
    """Nothing came of a (locked) request in time. Safe to repeat."""
    late = request.send_by is not None and request.send_by < today - timedelta(days=1)
    if request.status is RequestStatus.AUTHORISED and late:
        request.status = RequestStatus.EXPIRED
        record(Kind.RETURN_EXPIRED, request, order=request.order.number)
        db.session.flush()
