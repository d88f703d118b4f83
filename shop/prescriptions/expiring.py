"""Requests that waited too long for somebody else than the physician end by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa

from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Event, Kind
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.states import RequestStatus

# How long a request may stay as it is. Defaults of docs/domain.md.
LASTS: Mapping[RequestStatus, timedelta] = {
    RequestStatus.DRAFT: timedelta(days=30),
    RequestStatus.INFO_REQUESTED: timedelta(days=14),
    RequestStatus.PENDING_CLIENT: timedelta(days=7),
    RequestStatus.REFERRED: timedelta(days=60),
}
BATCH = 500  # requests in a transaction


def expire(*, at: datetime, lasts: Mapping[RequestStatus, timedelta] = LASTS) -> int:
    """End the requests that have been as they are for longer than that; answers how many.

    At most BATCH: call it until it answers less. A prescription that waited for its client is left
    as it is.
    """
    came_to_it = (
        sa.select(sa.func.max(Event.at))
        .where(
            Event.subject_id == ApprovalRequest.id,
            Event.to_state == ApprovalRequest.status,
            Event.from_state != Event.to_state,
        )
        .correlate(ApprovalRequest)
        .scalar_subquery()
    )
    over = [
        sa.and_(
            ApprovalRequest.status == status,
            ApprovalRequest.created_at <= at - longest,  # sooner known than its history
            came_to_it <= at - longest,
        )
        for status, longest in lasts.items()
    ]
    query = sa.select(ApprovalRequest).where(sa.or_(*over)).order_by(ApprovalRequest.id)
    stale = list(db.session.scalars(locked(query.limit(BATCH))))
    for request in stale:
        request.status = RequestStatus.EXPIRED
        db.session.flush()  # the row goes before its event
        events.record(Kind.REQUEST_EXPIRED, request)
    return len(stale)
