"""How a piece of long work stands."""

from __future__ import annotations

from enum import StrEnum


class WorkStatus(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    STOPPED = "stopped"  # by hand, or whoever carried it died


W = WorkStatus
WORK_ARROWS: dict[WorkStatus | None, set[WorkStatus]] = {
    None: {W.WAITING, W.RUNNING},
    W.WAITING: {W.RUNNING, W.STOPPED, W.FAILED},
    W.RUNNING: {W.DONE, W.FAILED, W.STOPPED},
    # Taken up again, at once or by the worker.
    W.FAILED: {W.WAITING, W.RUNNING},
    W.STOPPED: {W.WAITING, W.RUNNING},
    W.DONE: set(),
}
OPEN = frozenset({W.WAITING, W.RUNNING})
BROKEN_OFF = frozenset({W.FAILED, W.STOPPED})
