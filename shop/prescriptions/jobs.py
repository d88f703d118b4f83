"""What happens to requests by itself. An edge."""

from __future__ import annotations

from shop.core.clock import now
from shop.core.db import db
from shop.core.jobs import job
from shop.prescriptions import escalating, requesting

# minute hour day month weekday
PERIODIC = {"expire_drafts": "20 3 * * *", "escalate_requests": "*/5 * * * *"}


@job("expire_drafts", retry=False)
def expire_drafts(timestamp: int = 0) -> None:
    """End the requests that nobody finished within 30 days."""
    requesting.expire_drafts(at=now())
    db.session.commit()


@job("escalate_requests", retry=False)
def escalate_requests(timestamp: int = 0) -> None:
    """Call somebody more for what waits too long, each request by itself."""
    for request_id in escalating.due(at=now()):
        escalating.escalate(request_id, at=now())
        db.session.commit()
