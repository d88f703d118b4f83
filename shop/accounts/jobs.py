"""What happens to accounts by itself. An edge."""

from __future__ import annotations

from shop.accounts import confirming, expiring, passkeys
from shop.core.clock import now
from shop.core.db import db
from shop.core.jobs import job

PERIODIC = {  # minute hour day month weekday
    "clear_expired_links": "30 3 * * *",
    "tell_of_expiring_licences": "20 15 * * *",  # the clinic is open
}


@job("clear_expired_links", retry=False)
def clear_expired_links(timestamp: int = 0) -> None:
    """Forget the mail links, and the challenges to passkeys, that can no longer be used."""
    confirming.clear_expired(at=now())
    passkeys.clear_expired(at=now())
    db.session.commit()


@job("tell_of_expiring_licences", retry=False)
def tell_of_expiring_licences(timestamp: int = 0) -> None:
    """Say which licences end soon; letters follow."""
    expiring.tell(at=now())
    db.session.commit()
