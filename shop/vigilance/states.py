"""The life of an adverse reaction, as data; `legal_transitions` holds the same."""

from __future__ import annotations

from enum import StrEnum


class ReactionStatus(StrEnum):
    OPEN = "open"
    REPORTED = "reported"  # whoever has to be told was told of all that is known
    CLOSED = "closed"


R = ReactionStatus
REACTION_ARROWS: dict[ReactionStatus | None, set[ReactionStatus]] = {
    None: {R.OPEN},
    R.OPEN: {R.REPORTED, R.CLOSED},
    R.REPORTED: {R.OPEN, R.CLOSED},  # open again when more became known
    R.CLOSED: {R.OPEN},
}
