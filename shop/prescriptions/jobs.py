"""What happens to requests by itself. An edge."""

from __future__ import annotations

from shop.core.clock import now
from shop.core.db import db
from shop.core.jobs import job
from shop.prescriptions import requesting, signing_keys

PERIODIC = {  # minute hour day month weekday
    "expire_drafts": "20 3 * * *",
    "tell_of_expiring_keys": "25 15 * * *",
}


@job("expire_drafts", retry=False)
def expire_drafts(timestamp: int = 0) -> None:
    """End the requests that nobody finished within 30 days."""
    requesting.expire_drafts(at=now())
    db.session.commit()


@job("tell_of_expiring_keys", retry=False)
def tell_of_expiring_keys(timestamp: int = 0) -> None:
    """Say that the signing key ends soon and none follows; a letter follows."""
    signing_keys.tell_of_expiry(at=now())
    db.session.commit()
