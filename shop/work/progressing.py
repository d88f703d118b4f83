"""Say how far a piece of work is while its own transaction is open, so that others see it.

Commits, on a connection of its own: the row must not be locked by the work's own transaction.
"""

from __future__ import annotations

import uuid

import sqlalchemy as sa

from shop.core.db import db
from shop.work.models import Work
from shop.work.states import WorkStatus


def noted(work_id: uuid.UUID, fence: int, *, done: int, total: int) -> None:
    """So many of so many are behind us. Work that was taken over hears nothing from us."""
    with db.engine.begin() as apart:
        apart.execute(
            sa.update(Work)
            .where(Work.id == work_id, Work.fence == fence, Work.status == WorkStatus.RUNNING)
            .values(done=done, total=total)
        )
