"""Background work: procrastinate, whose queue is a table of our own database.

A job is deferred on the session's own connection, so it exists exactly when the change that asked
for it was committed. It is the only outbox.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import procrastinate
import sqlalchemy as sa
import structlog
from flask import Flask

from shop.core.cluster import SEARCH_PATH
from shop.core.db import act_as, db

TRIES = 8  # then the job stays as failed, for a person
# A worker says every ten seconds that it lives; one that said nothing for so long is dead.
SILENCE = timedelta(seconds=60)
PERIODIC = {"take_up_dropped": "* * * * *"}  # minute hour day month weekday

queue = procrastinate.App(connector=procrastinate.PsycopgConnector())
# Jobs are deferred on the session's connection, which is not the worker's: while a worker runs, its
# connector speaks asynchronously and could not use ours.
_outbox = procrastinate.App(connector=procrastinate.SyncPsycopgConnector())
log = structlog.get_logger()
_flask: list[Flask] = []


def job(name: str, *, retry: bool = True) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a background job. It runs in an app context as `system:worker` and commits itself.

    A job may run twice: it must be safe to repeat.
    """

    def registered(work: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(work)
        def run(**arguments: Any) -> None:
            with _flask[0].app_context():
                act_as("system:worker")
                try:
                    work(**arguments)
                except Exception:
                    db.session.rollback()
                    log.exception("job_failed", job=name)
                    raise

        strategy = procrastinate.RetryStrategy(max_attempts=TRIES, exponential_wait=2)
        queue.task(name=name, retry=strategy if retry else False)(run)
        return work

    return registered


def defer(
    name: str, *, lock: str | None = None, after: timedelta | None = None, **arguments: Any
) -> None:
    """Queue a job within the session's transaction; jobs with one `lock` run one after another.

    It is due at once, or `after` so long.
    """
    connection = db.session.connection().connection.driver_connection
    wait = {"seconds": int(after.total_seconds())} if after else None
    task = _outbox.configure_task(name, lock=lock, connection=connection, schedule_in=wait)
    task.defer(**arguments)


def every(schedule: Mapping[str, str]) -> None:
    """From now on this process's worker starts these jobs by itself: name → cron line.

    Periodic jobs are called with the moment (`timestamp=`), which they may ignore.
    """
    for name, cron in schedule.items():
        queue.periodic(cron=cron)(queue.tasks[name])


def drain(flask: Flask, conninfo: str, *, wait: bool = False) -> None:
    """Run jobs: all that are due (`wait=False`), or for ever."""
    _flask[:] = [flask]
    connector = procrastinate.PsycopgConnector(
        conninfo=conninfo,
        kwargs={"options": f"-csearch_path={SEARCH_PATH.replace(' ', '')}"},
        min_size=1,
        max_size=3,
    )

    async def work() -> None:
        with queue.replace_connector(connector) as app:
            async with app.open_async():
                await app.run_worker_async(wait=wait, listen_notify=wait, concurrency=1)

    asyncio.run(work())


@job("take_up_dropped", retry=False)
def take_up_dropped(timestamp: int = 0) -> None:
    """Jobs whose worker died over them are due again; the queue itself would leave them for ever.

    Dying counts as a try: what kills its worker every time ends as failed, for a person.
    """
    taken_up = db.session.execute(DROPPED, {"silence": SILENCE, "tries": TRIES}).all()
    db.session.commit()
    if taken_up:
        log.warning("jobs_taken_up", jobs=[row.id for row in taken_up])


DROPPED = sa.text("""
    SELECT dropped.id, CASE WHEN dropped.attempts + 1 >= :tries
        THEN procrastinate_finish_job_v1(dropped.id, 'failed', false)
        ELSE procrastinate_retry_job_v2(dropped.id, NULL, NULL, NULL, NULL) END
    FROM (SELECT job.id, job.attempts FROM procrastinate_jobs job
            LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id
          WHERE job.status = 'doing'
            AND (worker.id IS NULL OR worker.last_heartbeat < now() - :silence)
          FOR UPDATE OF job SKIP LOCKED) AS dropped
""").bindparams(sa.bindparam("silence", type_=sa.Interval()))
