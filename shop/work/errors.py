"""What long work refuses."""

from __future__ import annotations

from shop.core.errors import Conflict, Gone


class NotResumable(Conflict):
    """It runs, it is done, or nobody takes work of its kind up again."""

    code = "work_not_resumable"


class TakenOver(Conflict):
    """Somebody else carries this work now, or it was stopped: whoever carried it leaves it."""

    code = "work_taken_over"


class FileGone(Gone):
    """The file was kept for its day and is removed."""

    code = "work_file_gone"
