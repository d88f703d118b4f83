"""Ask for a piece of work, take it up, say how far it is, and end it.

Whoever takes work up moves its fence; every later word must name it, so that two who carry the same
work (a worker thought dead, and its follower) cannot both end it. Nothing here commits: progress
that is to be seen before the work's own transaction ends is said by `progressing`.
"""

from __future__ import annotations

import uuid
from typing import Any

import sqlalchemy as sa

from shop.accounts.models import Person
from shop.core import jobs
from shop.core.db import db
from shop.core.sealed import seal
from shop.work import queries
from shop.work.errors import NotResumable, TakenOver
from shop.work.models import LONGEST_TITLE, Work, WorkFile, WorkKind
from shop.work.states import BROKEN_OFF, OPEN, WorkStatus

# The job that takes work of a kind up, and whether it is called with the work or with its subject.
CARRIERS: dict[WorkKind, tuple[str, str]] = {
    WorkKind.IMPORT: ("load_catalog", "import_id"),
    WorkKind.REHEARSAL: ("load_catalog", "import_id"),
    WorkKind.REPORT: ("make_report", "work_id"),
}


def ask(
    kind: WorkKind,
    title: str,
    *,
    by: Person | None,
    subject_id: uuid.UUID | None = None,
    total: int | None = None,
    terms: dict[str, Any] | None = None,
    id: uuid.UUID | None = None,
) -> Work:
    """Work that waits to be taken up. The job is the caller's to queue. `by` None: a shell."""
    work = Work(
        id=id or uuid.uuid4(),
        kind=kind,
        title=title.strip()[:LONGEST_TITLE] or kind.value,
        terms=terms or {},
        subject_id=subject_id,
        asked_by_id=by.id if by else None,
        status=WorkStatus.WAITING,
        total=total,
        done=0,
        failed=0,
        fence=0,
    )
    db.session.add(work)
    db.session.flush()  # what it makes points at it
    return work


def take_up(work_id: uuid.UUID, *, done: int = 0, total: int | None = None) -> Work | None:
    """It is ours from now on, `done` of it behind us; None where it is done already.

    Locks the work.
    """
    work = queries.locked_work(work_id)
    if work.status is WorkStatus.DONE:
        return None
    work.status = WorkStatus.RUNNING
    work.fence += 1
    work.done, work.failed, work.error = done, 0, ""
    work.total = work.total if total is None else total
    db.session.flush()  # the database stamps when it began
    return work


def advance(work: Work, fence: int, *, done: int = 0, failed: int = 0) -> None:
    """So much more is behind us. Raises TakenOver."""
    held = _held(work.id, fence)
    held.done += done
    held.failed += failed
    db.session.flush()


def finish(work: Work, fence: int) -> None:
    """Everything is accounted for. Raises TakenOver."""
    held = _held(work.id, fence)
    if held.total is None:
        held.total = held.so_far
    held.status = WorkStatus.DONE
    db.session.flush()


def fail(work: Work, fence: int, *, why: str) -> None:
    """It broke off; `why` is a word of ours, never a value. Raises TakenOver."""
    held = _held(work.id, fence)
    held.status, held.error = WorkStatus.FAILED, why or "unknown"
    db.session.flush()


def stop(work: Work) -> None:
    """Let it go no further; what is done stays. Safe to repeat; work that is over is left."""
    held = queries.locked_work(work.id)
    if held.status in OPEN:
        held.status = WorkStatus.STOPPED
        db.session.flush()


def resume(work: Work) -> None:
    """Queue broken-off work again. Raises NotResumable."""
    held = queries.locked_work(work.id)
    if held.status not in BROKEN_OFF:
        raise NotResumable(
            f"This work is {held.status}. Only work that failed or was stopped is taken up again.",
            status=held.status,
        )
    if held.kind not in CARRIERS:
        raise NotResumable("Work of this kind goes on by itself, piece by piece.", kind=held.kind)
    held.status = WorkStatus.WAITING
    db.session.flush()
    job, named = CARRIERS[held.kind]
    arguments: dict[str, Any] = {named: str(held.id if named == "work_id" else held.subject_id)}
    jobs.defer(job, **arguments)


def count(work_id: uuid.UUID, *, done: int = 0, failed: int = 0) -> None:
    """So many pieces that many hands carry are behind us; the last one ends it.

    For work whose pieces are jobs of their own: no fence, one statement, so that no hand waits
    for another. What is over is left as it is.
    """
    ends = Work.done + Work.failed + done + failed >= Work.total
    db.session.execute(
        sa.update(Work)
        .where(Work.id == work_id, Work.status == WorkStatus.RUNNING)
        .values(
            done=Work.done + done,
            failed=Work.failed + failed,
            status=sa.case((ends, WorkStatus.DONE), else_=Work.status),
        )
        .execution_options(synchronize_session=False)
    )


def keep_file(work: Work, content: bytes, *, name: str) -> None:
    """What the work made, sealed, for whoever asked. The work still runs; a retry makes it anew."""
    place = {"table": WorkFile.__tablename__, "row": work.id, "column": "content_sealed"}
    db.session.execute(
        sa.insert(WorkFile).values(
            work_id=work.id,
            name=name,
            media_type="text/csv",
            content_sealed=seal(content, **place),  # type: ignore[arg-type]
        )
    )


def _held(work_id: uuid.UUID, fence: int) -> Work:
    """The work, locked. Raises TakenOver where it is not ours any more."""
    work = queries.locked_work(work_id)
    if work.status is not WorkStatus.RUNNING or work.fence != fence:
        said = "It was stopped." if work.fence == fence else "Somebody else took this work up."
        raise TakenOver(f"{said} What is done stays.", work=str(work_id))
    return work
