"""What happens to requests by itself. An edge."""

from __future__ import annotations

from shop.core.clock import now
from shop.core.db import db
from shop.core.jobs import job
from shop.prescriptions import expiring

PERIODIC = {"expire_requests": "20 3 * * *"}  # minute hour day month weekday


@job("expire_requests", retry=False)
def expire_requests(timestamp: int = 0) -> None:
    """End the requests that nobody finished, answered, accepted or was seen for in time."""
    ended = expiring.BATCH
    while ended == expiring.BATCH:
        ended = expiring.expire(at=now())
        db.session.commit()
