"""Write a call to the provider down, in the transaction that decides it and before it is sent."""

from __future__ import annotations

import uuid
from enum import StrEnum
from typing import Any

import sqlalchemy as sa

from shop.core.db import db
from shop.payments.models import ProviderCall
from shop.payments.states import CallStatus


class Operation(StrEnum):
    OPEN_SESSION = "open_session"  # of a payment
    EXPIRE_SESSION = "expire_session"  # of a payment
    REFUND = "refund"  # of a refund


PENDING = (CallStatus.PLANNED, CallStatus.IN_FLIGHT)


def plan(
    operation: Operation, reference_id: uuid.UUID, *, order_id: uuid.UUID, **parameters: Any
) -> ProviderCall:
    """Plan the one call of this kind for a payment or refund; planned before, it is that one.

    The order is locked. The key under which the provider knows the call never changes, and
    neither do the parameters (plain JSON, nothing medical).
    """
    known = db.session.scalar(
        sa.select(ProviderCall).where(
            ProviderCall.operation == operation, ProviderCall.reference_id == reference_id
        )
    )
    if known is not None:
        return known
    call = ProviderCall(
        id=uuid.uuid4(),
        operation=operation,
        reference_id=reference_id,
        order_id=order_id,
        idempotency_key=f"{operation}:{reference_id}",
        parameters=parameters,
        status=CallStatus.PLANNED,
    )
    db.session.add(call)
    return call


def pending(order_id: uuid.UUID) -> list[uuid.UUID]:
    """The calls about an order that wait to be sent or answered, oldest first."""
    query = (
        sa.select(ProviderCall.id)
        .where(ProviderCall.order_id == order_id, ProviderCall.status.in_(PENDING))
        .order_by(ProviderCall.planned_at, ProviderCall.id)
    )
    return list(db.session.scalars(query))
