"""The two clocks of a request: how long its client waits, and how long the shelf will.

Pure. The clinical clock runs from handing in to `due_at`; past certain moments of it others are
called. The stock clock is shown only where units are short, or will be by expiry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta


@dataclass(frozen=True)
class Policy:
    """What the clinic promises and when it calls for help; the medical director may change it."""

    answered_within: timedelta = timedelta(hours=24)  # what the client is told
    second_physician: timedelta = timedelta(hours=-4)  # from `due_at`
    medical_director: timedelta = timedelta(0)
    use_days: int = 30  # a pack lasts so long; what expires sooner is no use
    stock_ahead: timedelta = timedelta(days=7)  # a shelf that falls short later is no news yet


POLICY = Policy()


def step_at(due_at: datetime, at: datetime, *, policy: Policy = POLICY) -> int:
    """How far a request that waits should be escalated at `at`: 0 not, 1 a second physician, 2 the
    medical director.
    """
    return sum(due_at + after <= at for after in (policy.second_physician, policy.medical_director))


@dataclass(frozen=True)
class Left:
    """How far a deadline is off: whole days from two on, whole hours from one on, else minutes."""

    count: int
    unit: str  # "day", "hour" or "minute"
    late: bool


def left(due_at: datetime, at: datetime) -> Left:
    """Rounded towards now; 0 minutes where it is due."""
    minutes = int(abs(due_at - at).total_seconds() // 60)
    late = at > due_at
    if minutes >= 48 * 60:
        return Left(minutes // (24 * 60), "day", late)
    return Left(minutes // 60, "hour", late) if minutes >= 60 else Left(minutes, "minute", late)


def in_words(due_at: datetime, at: datetime) -> str:
    """ "due in 3 hours", "due now", "2 hours late"."""
    far = left(due_at, at)
    if far.count == 0:
        return "due now"
    length = f"{far.count} {far.unit}" if far.count == 1 else f"{far.count} {far.unit}s"
    return f"{length} late" if far.late else f"due in {length}"


@dataclass(frozen=True)
class Units:
    """Units of one lot that are promised to nobody, and the last day they may be used."""

    free: int
    expires_on: date


@dataclass(frozen=True)
class StockClock:
    """What the shelf has for those who ask: units, for how many of how many open requests.

    `short_from` is the day on which expiry leaves too little; None where it is too little today.
    """

    left: int
    enough_for: int
    requests: int
    short_from: date | None

    @property
    def words(self) -> str:
        """ "3 left, enough for 2 of 4 open requests"; "None left"."""
        if self.left == 0:
            return "None left"
        asking = "open request" if self.requests == 1 else "open requests"
        return f"{self.left} left, enough for {self.enough_for} of {self.requests} {asking}"


def stock_clock(
    shelf: Sequence[Units], wanted: Sequence[int], *, today: date, policy: Policy = POLICY
) -> StockClock | None:
    """The stock clock of a pack; None where there is enough, and will be for a while.

    `wanted` are the units of every open request for it, those to be decided first before others.
    A unit counts as long as a treatment that begins with it ends before it expires.
    """
    last_starts = [(one.expires_on - timedelta(days=policy.use_days), one.free) for one in shelf]
    useful = sorted((day, units) for day, units in last_starts if day >= today and units > 0)
    left = sum(units for _, units in useful)
    enough_for = _served(left, wanted)
    if left < sum(wanted):
        return StockClock(left, enough_for, len(wanted), None)
    remaining = left
    for day, units in useful:
        remaining -= units
        if remaining < sum(wanted):
            short_from = day + timedelta(days=1)
            soon = short_from <= today + policy.stock_ahead
            return StockClock(left, enough_for, len(wanted), short_from) if soon else None
    return None


def _served(left: int, wanted: Sequence[int]) -> int:
    """How many of them get all they ask for, one after another; who asks for too much is passed."""
    served = 0
    for units in wanted:
        if units <= left:
            left -= units
            served += 1
    return served
