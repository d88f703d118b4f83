"""A draft rule tried on cases that were decided: whom it would block, and who is let through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class Outcome(StrEnum):
    """What the draft makes of a case. What changes nothing is counted, not kept."""

    NEWLY_BLOCKED = "newly_blocked"
    ALREADY_BLOCKED = "already_blocked"  # by rules that hold; with the draft, too
    NEWLY_ALLOWED = "newly_allowed"
    NEEDS_REASON = "needs_reason"  # may be signed, but not without saying why


@dataclass(frozen=True)
class Replayed:
    """A case of which the draft says something. `about`: the number of an order or a request."""

    outcome: Outcome
    about: str
    client_id: UUID
    state: str
    product: str  # its slug


@dataclass(frozen=True)
class Replay:
    """All that was tried. Not `complete` where there were more cases than were asked for.

    `not_known`: sentences that say what cannot be known of the past, and what stands for it.
    """

    since: datetime
    until: datetime
    cases: int
    complete: bool
    replayed: tuple[Replayed, ...]
    not_known: tuple[str, ...]

    def of(self, outcome: Outcome) -> list[Replayed]:
        """The cases with this outcome, newest first."""
        return [one for one in self.replayed if one.outcome is outcome]


def outcome(*, before: bool, after: bool) -> Outcome | None:
    """Of a case that is blocked without the draft (`before`), or with it (`after`)."""
    if before:
        return Outcome.ALREADY_BLOCKED if after else Outcome.NEWLY_ALLOWED
    return Outcome.NEWLY_BLOCKED if after else None


def clients(replayed: Sequence[Replayed]) -> int:
    """How many people these cases are of."""
    return len({one.client_id for one in replayed})
