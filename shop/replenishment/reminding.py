"""Remind clients, once, that something runs out."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert

from shop.core import events
from shop.core.db import db
from shop.core.events import Kind
from shop.replenishment import queries
from shop.replenishment.models import RefillReminder
from shop.replenishment.supplying import Supply

LATEST = timedelta(days=14)  # after it ran out: then it is no reminder any more


def remind(
    supplies: Mapping[UUID, Collection[Supply]],
    *,
    refilled: Collection[tuple[UUID, UUID]],
    days: int,
    today: date,
) -> int:
    """Write to each client whose pack runs out within so many days; how many were written to.

    Not of what is `refilled` by itself (client, variant), what she has ordered already, or what
    waits for nobody knows how long; not to who wants none. Once for each pack, however often asked.
    """
    near = [one for each in supplies.values() for one in each if _is_near(one, days, today)]
    near = [one for one in near if (one.client_id, one.variant_id) not in refilled]
    if not near:
        return 0
    clients = {one.client_id for one in near}
    ordered, wanted = queries.on_their_way(clients), queries.reminded(clients)
    rows = [
        {
            "id": uuid.uuid4(),
            "line_id": one.line_id,
            "client_id": one.client_id,
            "runs_out_on": one.run_out.on,
            "moved_days": one.run_out.days,
        }
        for one in near
        if one.run_out
        and wanted.get(one.client_id, True)
        and (one.client_id, one.variant_id) not in ordered
    ]
    return _written(rows)


def _is_near(one: Supply, days: int, today: date) -> bool:
    if one.run_out is None or one.run_out.held:
        return False
    first = one.run_out.on - timedelta(days=days)
    return first <= today <= one.run_out.on + LATEST


def _written(rows: list[dict[str, object]]) -> int:
    if not rows:
        return 0
    new = db.session.scalars(
        insert(RefillReminder).values(rows).on_conflict_do_nothing().returning(RefillReminder)
    ).all()
    with events.together():
        for reminder in new:
            events.record(Kind.REFILL_REMINDED, reminder, moved=reminder.moved_days > 0)
    return len(new)
