"""Write a call to the provider down, in the transaction that decides it and before it is sent."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
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
    CHARGE_CARD = "charge_card"  # of a payment
    OPEN_SETUP = "open_setup"  # of a card's setup
    DETACH_CARD = "detach_card"  # of a saved card
    SUBMIT_EVIDENCE = "submit_evidence"  # of a dispute


PENDING = (CallStatus.PLANNED, CallStatus.IN_FLIGHT)
LEASE = timedelta(seconds=60)
# The provider forgets a key after 24 hours: from then on it would do the thing once more.
KEY_LIFE = timedelta(hours=23)
# An error that the provider remembers under the key: after so many answers of it we look instead.
TRIES = 5


def plan(
    operation: Operation, reference_id: uuid.UUID, *, order_id: uuid.UUID | None, **parameters: Any
) -> ProviderCall:
    """Plan the one call of this kind for what it is about; planned before, it is that one.

    The order is locked; what concerns a card and no order has none, and its own row is. The key
    under which the provider knows the call never changes, and neither do the parameters (plain
    JSON, nothing medical).
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


@dataclass(frozen=True)
class Lease:
    """A call that is ours to send until the lease ends."""

    call_id: uuid.UUID
    fence: int
    operation: Operation
    reference_id: uuid.UUID
    key: str
    parameters: dict[str, Any]
    tries: int
    first_sent_at: datetime
    at: datetime
    over: str | None = None  # why nobody wants it any more

    @property
    def again(self) -> bool:
        """Sent before: the answer may be an old one, kept under the key."""
        return self.at > self.first_sent_at

    @property
    def only_look(self) -> bool:
        """Sending once more could do it twice, is not wanted, or would bring the same error."""
        grown_old = self.at - self.first_sent_at > KEY_LIFE
        return grown_old or self.over is not None or self.tries >= TRIES


def pending(order_id: uuid.UUID) -> list[uuid.UUID]:
    """The calls about an order that wait to be sent or answered, oldest first."""
    query = (
        sa.select(ProviderCall.id)
        .where(ProviderCall.order_id == order_id, ProviderCall.status.in_(PENDING))
        .order_by(ProviderCall.planned_at, ProviderCall.id)
    )
    return list(db.session.scalars(query))


def pending_about(reference_id: uuid.UUID) -> list[uuid.UUID]:
    """The calls about a card or its setup that wait to be sent or answered, oldest first."""
    query = (
        sa.select(ProviderCall.id)
        .where(ProviderCall.reference_id == reference_id, ProviderCall.status.in_(PENDING))
        .order_by(ProviderCall.planned_at, ProviderCall.id)
    )
    return list(db.session.scalars(query))
