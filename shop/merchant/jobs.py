"""What happens to permissions by itself. An edge."""

from __future__ import annotations

from shop.core.clock import now
from shop.core.db import db
from shop.core.jobs import job
from shop.merchant import warning

PERIODIC = {"tell_of_ending_permissions": "25 15 * * *"}  # the clinic is open


@job("tell_of_ending_permissions", retry=False)
def tell_of_ending_permissions(timestamp: int = 0) -> None:
    """Say which permissions end soon; letters follow."""
    warning.tell(at=now())
    db.session.commit()
