"""The jobs of this package. An edge."""

from __future__ import annotations

from flask import current_app

from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.jobs import job
from shop.returns import deciding, queries

# What the worker starts by itself: the job's name and when (minute hour day month weekday).
PERIODIC = {"expire_asked_returns": "20 3 * * *"}


@job("expire_asked_returns", retry=False)
def expire_asked_returns(timestamp: int = 0) -> None:
    """What was authorised to come back and did not come by its last day is over."""
    today = day_in(current_app.config["SHOP"].clinic_time_zone, now())
    for request_id in deciding.overdue(today=today):
        deciding.expire(queries.locked_request(request_id), today=today, at=now())
        db.session.commit()
