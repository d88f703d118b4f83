"""What long work does by itself. An edge."""

from __future__ import annotations

import structlog

from shop.core.clock import now
from shop.core.db import db
from shop.core.jobs import job
from shop.work import watching

PERIODIC = {"watch_over_work": "* * * * *"}  # minute hour day month weekday
log = structlog.get_logger()


@job("watch_over_work", retry=False)
def watch_over_work(timestamp: int = 0) -> None:
    """Say of silent work that it stopped, and remove files whose day is over."""
    at = now()
    stopped = watching.stop_what_is_silent(at=at)
    removed = watching.remove_old_files(at=at)
    db.session.commit()
    if stopped or removed:
        log.info("work_watched_over", stopped=len(stopped), files_removed=removed)
