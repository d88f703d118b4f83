"""What the provider tells us unasked: checked, remembered by its id, and followed by a job."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shop.core import jobs
from shop.core.clock import now
from shop.core.db import db
from shop.payments import calls, following
from shop.payments.gateway import Gateway, ProviderEvent
from shop.payments.models import ProviderEvent as Remembered

# The provider's largest events are a few tens of kilobytes.
LONGEST = 256 * 1024  # bytes
JOB = "follow_provider_event"


def remember(event: ProviderEvent) -> bool:
    """Keep a checked event and queue the job that follows it; False if it is known already.

    A hint, never the truth: what it says of amounts and states is not even read.
    """
    new = db.session.scalar(
        insert(Remembered)
        .values(
            id=event.id,
            type=event.type,
            object_type=event.object_type,
            object_id=event.object_id,
            created=event.created,
        )
        .on_conflict_do_nothing()
        .returning(Remembered.id)
    )
    if new is None:
        return False
    jobs.defer(JOB, event_id=event.id)
    return True


def follow(event_id: str, gateway: Gateway) -> None:
    """Read again what a remembered event is about, apply it, note that, send what follows.

    Repeatable. Commits. Raises GatewayError where the provider cannot be read now.
    """
    event = db.session.get_one(Remembered, event_id)
    if event.applied_at is not None:
        return
    orders = following.event(event.object_type, event.object_id, gateway)
    db.session.execute(
        sa.update(Remembered)
        .where(Remembered.id == event_id, Remembered.applied_at.is_(None))
        .values(applied_at=now())
    )
    db.session.commit()
    for order_id in orders:
        calls.send_for(order_id, gateway)
