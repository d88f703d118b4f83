"""What recalls do by themselves. An edge."""

from __future__ import annotations

from uuid import UUID

import structlog
from flask import current_app

from shop.core.clock import day_in, now
from shop.core.db import db
from shop.core.jobs import job
from shop.orders import stranding
from shop.recalls import following
from shop.recalls.models import Recall

PERIODIC = {"resume_stranded": "25 * * * *"}  # minute hour day month weekday
log = structlog.get_logger()


@job("follow_recall")
def follow_recall(*, recall_id: str) -> None:
    """Promises of its lots move to others; where there are none, orders wait. Safe to repeat."""
    recall = db.session.get_one(Recall, UUID(recall_id))
    today = day_in(current_app.config["SHOP"].clinic_time_zone, now())
    for lot_id in following.promising(recall):
        following.reallocate(lot_id, today=today)
        db.session.commit()
    cancelled = held = 0
    for done in following.strand(recall, at=now()):
        db.session.commit()
        cancelled += done.cancelled
        held += len(done.held)
    log.info("recall_followed", recall=recall.number, orders_cancelled=cancelled, lines_held=held)


@job("resume_stranded")
def resume_stranded(timestamp: int = 0) -> None:
    """Lines that wait for units since a recall go on as far as the shelf reaches."""
    for order_id in stranding.waiting(stranding.RECALLED):
        going = stranding.go_on(order_id, reason=stranding.RECALLED, at=now())
        db.session.commit()
        if going:
            log.info("stranded_lines_go_on", lines=len(going))
