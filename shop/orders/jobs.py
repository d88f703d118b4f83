"""What happens to orders when the law or a licence changes. An edge."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import structlog

from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import StartAgain
from shop.core.jobs import job
from shop.orders import lapsing, rechecking, rejudging
from shop.orders.rejudging import Rejudged
from shop.prescriptions import lapsing as prescriptions

# Rules and licences begin and end with a UTC day; the second round is for a worker that slept
# through the first.
PERIODIC = {  # minute hour day month weekday
    "rejudge_orders": "3 0,6 * * *",
    "follow_licences": "1 0,6 * * *",
}
log = structlog.get_logger()

Done = TypeVar("Done")


@job("rejudge_orders")
def rejudge_orders(timestamp: int = 0) -> None:
    """Ask the gate again about every open order that a rule speaks of, each by itself."""
    for order_id in rejudging.concerned():
        _each(rejudging.rejudge, order_id)


@job("follow_licences")
def follow_licences(timestamp: int = 0) -> None:
    """Hold what rests on a lapsed licence, let go on what waited for one, each by itself."""
    for prescription_id in prescriptions.out_of_step(at=now()):
        status = prescriptions.follow(prescription_id, at=now())
        db.session.commit()
        log.info("prescription_followed_its_licence", status=status)
    for order_id in lapsing.concerned(at=now()):
        _each(lapsing.rejudge, order_id)


@job("recheck_client")
def recheck_client(*, client_id: str) -> None:
    """Screen again what a client was prescribed. Safe to repeat."""
    _twice_at_most(
        lambda: rechecking.recheck(db.session.get_one(Person, UUID(client_id)), at=now())
    )


def _each(rejudge: Callable[..., Rejudged], order_id: UUID) -> None:
    done = _twice_at_most(lambda: rejudge(order_id, at=now()))
    if done != Rejudged():
        log.info(
            "order_rejudged",
            cancelled=done.cancelled,
            held=len(done.held),
            resumed=len(done.resumed),
        )


def _twice_at_most(act: Callable[[], Done]) -> Done:
    """Do it and commit; once more where somebody came between."""
    try:
        done = act()
    except StartAgain:
        db.session.rollback()
        done = act()
    db.session.commit()
    return done
