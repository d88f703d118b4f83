"""The jobs of this package."""

from __future__ import annotations

import uuid

from shop.catalog import handing_in, loading
from shop.core.clock import now
from shop.core.db import db
from shop.core.jobs import job


@job(loading.JOB)
def load_catalog(import_id: str) -> None:
    """Take in a large file that was handed in."""
    loading.work_off(uuid.UUID(import_id))


@job("forget_old_sheets", retry=False)
def forget_old_sheets(timestamp: int = 0) -> None:
    """Files that were handed in to be looked at, and are looked at no more."""
    handing_in.forget_old(at=now())
    db.session.commit()


PERIODIC = {"forget_old_sheets": "40 3 * * *"}
