"""How a letter stands. It follows from its row and is kept nowhere."""

from __future__ import annotations

from enum import StrEnum


class LetterStatus(StrEnum):
    WAITING = "waiting"
    DELAYED = "delayed"
    SENT = "sent"
    GAVE_UP = "gave_up"
    ENDED = "ended"  # its reader switched letters like it off
