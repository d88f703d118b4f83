"""The life of a recall, as data; `legal_transitions` holds the same."""

from __future__ import annotations

from enum import StrEnum


class RecallStatus(StrEnum):
    OPENED = "opened"
    LOCKED = "locked"  # nothing is promised or leaves from its lots any more
    LISTED = "listed"  # everybody who got units of them is written down
    NOTIFIED = "notified"  # they were written to; their answers come in
    RECONCILED = "reconciled"  # every unit that left is accounted for
    CLOSED = "closed"  # and nothing of the lots is here any more


R = RecallStatus
RECALL_ARROWS: dict[RecallStatus | None, set[RecallStatus]] = {
    None: {R.OPENED},
    R.OPENED: {R.LOCKED, R.LISTED},  # a drill locks nothing
    R.LOCKED: {R.LISTED},
    R.LISTED: {R.NOTIFIED, R.CLOSED},  # a drill writes to nobody
    R.NOTIFIED: {R.RECONCILED},
    R.RECONCILED: {R.CLOSED},
    R.CLOSED: set(),
}

# Answers are taken from the letter on until it is closed; a late one is still a fact.
ANSWERED = frozenset({R.NOTIFIED, R.RECONCILED})
