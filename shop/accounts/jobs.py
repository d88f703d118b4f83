"""What happens to accounts by itself. An edge."""

from __future__ import annotations

from shop.accounts import confirming
from shop.core.clock import now
from shop.core.db import db
from shop.core.jobs import job

PERIODIC = {"clear_expired_links": "30 3 * * *"}  # minute hour day month weekday


@job("clear_expired_links", retry=False)
def clear_expired_links(timestamp: int = 0) -> None:
    """Forget the mail links that can no longer be used."""
    confirming.clear_expired(at=now())
    db.session.commit()
