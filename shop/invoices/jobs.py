"""Papers follow money: what an order is owed is written after the commit. An edge."""

from __future__ import annotations

import uuid

import structlog
from flask import current_app

from shop.config import Config
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.errors import Unavailable
from shop.core.jobs import job
from shop.invoices import issuing, queries
from shop.prescriptions.paper.clinic import Clinic

# The net: what a reaction lost, or what waited for the clinic's address in the settings.
PERIODIC = {"issue_owed_papers": "*/10 * * * *"}  # minute hour day month weekday
ROUND = 200
WAITS = "papers_wait_for_settings"
log = structlog.get_logger()


@job("issue_papers")
def issue_papers(order_id: str) -> None:
    """Money came for an order, or went back: write the papers it is owed.

    Where the clinic has no address yet, the net writes them once it has.
    """
    try:
        _issue(uuid.UUID(order_id))
    except Unavailable as why:
        log.error(WAITS, why=why.text)  # noqa: TRY400 - nothing was raised by mistake
        db.session.rollback()


@job("issue_owed_papers", retry=False)
def issue_owed_papers(timestamp: int = 0) -> None:
    """Write what is owed to any order, each in a transaction of its own."""
    for order_id in queries.owed(ROUND):
        try:
            _issue(order_id)
        except Unavailable as why:
            log.error(WAITS, why=why.text)  # noqa: TRY400 - nothing was raised by mistake
            return


def _issue(order_id: uuid.UUID) -> None:
    config: Config = current_app.config["SHOP"]
    clinic, at = Clinic.of(config), now()
    issuing.issue(order_id, clinic=clinic, today=day_in(config.clinic_time_zone, at), at=at)
    db.session.commit()
