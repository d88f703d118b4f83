"""What happens to requests and prescriptions by itself. An edge."""

from __future__ import annotations

from shop.core.clock import now
from shop.core.db import db
from shop.core.jobs import job
from shop.prescriptions import noticing, requesting

PERIODIC = {  # minute hour day month weekday
    "expire_drafts": "20 3 * * *",
    "notice_prescriptions": "40 3 * * *",
}


@job("expire_drafts", retry=False)
def expire_drafts(timestamp: int = 0) -> None:
    """End the requests that nobody finished within 30 days."""
    requesting.expire_drafts(at=now())
    db.session.commit()


@job("notice_prescriptions", retry=False)
def notice_prescriptions(timestamp: int = 0) -> None:
    """Tell, once, of what ends, has ended, or has no fill left."""
    while noticing.notice(at=now()):
        db.session.commit()
    db.session.commit()
