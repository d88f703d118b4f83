"""What happens to requests and prescriptions by itself. An edge."""

from __future__ import annotations

from shop.core.clock import now
from shop.core.db import db
from shop.core.jobs import job
from shop.prescriptions import escalating, expiring, noticing, signing_keys

PERIODIC = {  # minute hour day month weekday
    "escalate_requests": "*/5 * * * *",
    "expire_requests": "20 3 * * *",
    "notice_prescriptions": "40 3 * * *",
    "tell_of_expiring_keys": "25 15 * * *",
}


@job("expire_requests", retry=False)
def expire_requests(timestamp: int = 0) -> None:
    """End the requests that nobody finished, answered, accepted or was seen for in time."""
    ended = expiring.BATCH
    while ended == expiring.BATCH:
        ended = expiring.expire(at=now())
        db.session.commit()


@job("tell_of_expiring_keys", retry=False)
def tell_of_expiring_keys(timestamp: int = 0) -> None:
    """Say that the signing key ends soon and none follows; a letter follows."""
    signing_keys.tell_of_expiry(at=now())
    db.session.commit()


@job("escalate_requests", retry=False)
def escalate_requests(timestamp: int = 0) -> None:
    """Call somebody more for what waits too long, each request by itself."""
    for request_id in escalating.due(at=now()):
        escalating.escalate(request_id, at=now())
        db.session.commit()


@job("notice_prescriptions", retry=False)
def notice_prescriptions(timestamp: int = 0) -> None:
    """Tell, once, of what ends, has ended, or has no fill left."""
    while noticing.notice(at=now()):
        db.session.commit()
    db.session.commit()
