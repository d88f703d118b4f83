"""The life cycle of an import, as data."""

from __future__ import annotations

from enum import StrEnum


class ImportStatus(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"


I = ImportStatus  # noqa: E741
IMPORT_ARROWS: dict[ImportStatus | None, set[ImportStatus]] = {
    None: {I.QUEUED, I.RUNNING},
    I.QUEUED: {I.RUNNING, I.STOPPED},
    I.RUNNING: {I.DONE, I.FAILED, I.STOPPED},
    # What was committed stays: run again, the same file goes on behind it.
    I.FAILED: {I.RUNNING},
    I.STOPPED: {I.RUNNING},
    I.DONE: set(),
}
