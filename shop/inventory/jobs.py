"""What the shelf does by itself. An edge."""

from __future__ import annotations

from flask import current_app

from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.jobs import job
from shop.inventory import expiring

PERIODIC = {"expire_lots": "10 * * * *"}  # minute hour day month weekday


@job("expire_lots", retry=False)
def expire_lots(timestamp: int = 0) -> None:
    """Mark the lots whose last day has passed; they were not sellable before either."""
    today = day_in(current_app.config["SHOP"].clinic_time_zone, now())
    while expiring.expire(today=today):
        db.session.commit()
