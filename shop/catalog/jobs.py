"""The jobs of this package."""

from __future__ import annotations

import uuid

from shop.catalog import loading
from shop.core.jobs import job


@job(loading.JOB)
def load_catalog(import_id: str) -> None:
    """Take in a large file that was handed in."""
    loading.work_off(uuid.UUID(import_id))


PERIODIC: dict[str, str] = {}
