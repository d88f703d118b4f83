"""Reports whose files take long are made by the worker. An edge."""

from __future__ import annotations

import uuid
from datetime import date

import sqlalchemy as sa
import structlog
from flask import current_app

from shop.core.clock import now
from shop.core.db import db
from shop.core.jobs import job
from shop.reports import filing, naming, schemas
from shop.work import carrying
from shop.work.errors import TakenOver
from shop.work.progressing import noted

PERIODIC: dict[str, str] = {}
PATIENCE = "10min"  # for one statement of a report: nobody waits at a browser
log = structlog.get_logger()


@job(filing.JOB)
def make_report(*, work_id: str) -> None:
    """Make the file of a report. Safe to repeat: it is made anew, and kept once."""
    work = carrying.take_up(uuid.UUID(work_id))
    if work is None:
        return
    fence, terms = work.fence, work.terms
    db.session.commit()  # that it runs is seen while it runs
    try:
        db.session.execute(sa.select(sa.func.set_config("statement_timeout", PATIENCE, sa.true())))
        zone = current_app.config["SHOP"].clinic_time_zone
        first, last = (date.fromisoformat(terms[name]) for name in ("since", "until"))
        asked = schemas.asked_for(first, last, zone=zone, at=now())
        figures = naming.report(terms["name"]).make(asked)
        db.session.commit()  # it only read; the file is put together outside of any transaction
        content = filing.written(
            figures, lambda done: noted(work.id, fence, done=done, total=len(figures.rows))
        )
        carrying.keep_file(work, content, name=filing.name_of(terms["name"], first, last))
        carrying.finish(work, fence)
        db.session.commit()
    except TakenOver as gone:
        db.session.rollback()
        log.info("report_taken_over", work=work_id, why=gone.text)
    except Exception as error:
        db.session.rollback()
        carrying.fail(work, fence, why=type(error).__name__)
        db.session.commit()
        raise
