"""What happens to requests by itself. An edge."""

from __future__ import annotations

from shop.core.clock import now
from shop.core.db import db
from shop.core.jobs import job
from shop.prescriptions import requesting

PERIODIC = {"expire_drafts": "20 3 * * *"}  # minute hour day month weekday


@job("expire_drafts", retry=False)
def expire_drafts(timestamp: int = 0) -> None:
    """End the requests that nobody finished within 30 days."""
    requesting.expire_drafts(at=now())
    db.session.commit()
