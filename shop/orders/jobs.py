"""What happens to orders when the law changes. An edge."""

from __future__ import annotations

import structlog

from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import StartAgain
from shop.core.jobs import job
from shop.orders import rejudging

# Rules begin and end with a UTC day; the second round is for a worker that slept through the first.
PERIODIC = {"rejudge_orders": "3 0,6 * * *"}  # minute hour day month weekday
log = structlog.get_logger()


@job("rejudge_orders")
def rejudge_orders(timestamp: int = 0) -> None:
    """Ask the gate again about every open order that a rule speaks of, each by itself."""
    for order_id in rejudging.concerned():
        try:
            done = rejudging.rejudge(order_id, at=now())
            db.session.commit()
        except StartAgain:
            db.session.rollback()
            done = rejudging.rejudge(order_id, at=now())
            db.session.commit()
        if done != rejudging.Rejudged():
            log.info(
                "order_rejudged",
                cancelled=done.cancelled,
                held=len(done.held),
                resumed=len(done.resumed),
            )
