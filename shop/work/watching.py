"""Work that gives no sign of life is said to have stopped; files whose day is over are removed."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from shop.core.db import db
from shop.work.carrying import CARRIERS
from shop.work.models import SILENCE, Work, WorkFile
from shop.work.states import WorkStatus


def stop_what_is_silent(*, at: datetime) -> Sequence[uuid.UUID]:
    """Whoever carried these died over them. The queue takes their jobs up again by itself; where it
    gives up, a person does.
    """
    found = db.session.scalars(
        sa.update(Work)
        .where(
            Work.status == WorkStatus.RUNNING,
            Work.kind.in_(list(CARRIERS)),
            Work.seen_at < at - SILENCE,
        )
        .values(status=WorkStatus.STOPPED, error="worker_died")
        .returning(Work.id)
        .execution_options(synchronize_session=False)
    )
    return found.all()


def remove_old_files(*, at: datetime) -> int:
    """Files are kept for a day; how many are removed."""
    gone = db.session.scalars(
        sa.delete(WorkFile).where(WorkFile.expires_at <= at).returning(WorkFile.work_id)
    )
    return len(gone.all())
