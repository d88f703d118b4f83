"""How a prescription stands at a moment, and when its next fill is ready: one place for all.

Pure. The gate decides by these words; pages and the API show them. A status is what somebody did;
the rest is read off the clock and the fills.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Protocol

from shop.prescriptions.states import PrescriptionStatus

MOMENT = timedelta(microseconds=1)


class Standing(StrEnum):
    """From the gravest to the plainest: of several that are true, the first is said."""

    ENTERED_IN_ERROR = "entered_in_error"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"
    NOT_ACCEPTED = "not_accepted"
    EXPIRED = "expired"
    NOT_YET = "not_yet"
    ON_HOLD = "on_hold"
    DEPLETED = "depleted"
    ACTIVE = "active"


FINAL = {
    PrescriptionStatus.ENTERED_IN_ERROR: Standing.ENTERED_IN_ERROR,
    PrescriptionStatus.SUPERSEDED: Standing.SUPERSEDED,
    PrescriptionStatus.REVOKED: Standing.REVOKED,
}


class Course(Protocol):
    """What is asked about: a `Prescription`, or the gate's `Authority`."""

    @property
    def status(self) -> PrescriptionStatus: ...
    @property
    def valid_from(self) -> datetime: ...
    @property
    def valid_until(self) -> datetime: ...
    @property
    def fills_left(self) -> int: ...
    @property
    def replaced(self) -> bool: ...
    @property
    def accepted(self) -> bool: ...


def standing(one: Course, at: datetime) -> Standing:
    """How it stands at `at`. A licence is not looked at: that is the gate's, per state.

    One that was replaced while something of it was under way is `active` to that, and
    `superseded` to everything else.
    """
    if one.status in FINAL:
        return FINAL[one.status]
    if not one.accepted:
        return Standing.NOT_ACCEPTED
    if one.valid_until <= at:
        return Standing.EXPIRED
    if at < one.valid_from:
        return Standing.NOT_YET
    if one.status is not PrescriptionStatus.ACTIVE:
        return Standing.ON_HOLD  # fail closed: what is not known to be active is not
    if one.replaced:
        return Standing.SUPERSEDED
    return Standing.DEPLETED if one.fills_left <= 0 else Standing.ACTIVE


def next_fill_on(interval_days: int | None, taken: Iterable[date]) -> date | None:
    """The first day on which another fill may be taken; None where none has to be waited for.

    `interval_days` is the term the physician signed: what she did not sign holds nobody back
    (docs/decisions/0008). It counts from the last fill, whichever prescription of the pack gave it.
    """
    if interval_days is None:
        return None
    return max((day + timedelta(days=interval_days) for day in taken), default=None)


def runs_out_on(taken: Iterable[tuple[date, int]]) -> date | None:
    """The first day without supply, of fills (day, days of supply) taken as they were needed.

    What was taken before the last one was used up is used after it. None where nothing was taken.
    """
    ends: date | None = None
    for day, supply in sorted(taken):
        ends = max(day, ends or day) + timedelta(days=supply)
    return ends


@dataclass(frozen=True)
class Outlook:
    """What a prescription gives from here: for the client and the physician, in days.

    `until` is the last day of what `standing` says, where the clock ends it; `next_fill_on` is None
    where no fill can be taken, else never before today; `runs_out_on` is the first day without
    supply.
    """

    standing: Standing
    until: date | None
    fills_left: int
    last_fill_on: date | None
    next_fill_on: date | None
    runs_out_on: date | None


def outlook(
    one: Course,
    at: datetime,
    *,
    interval_days: int | None,
    fills: Iterable[tuple[date, int]],
) -> Outlook:
    """What `one` gives from `at` on. `fills` are all live ones of its client and pack, whichever
    prescription gave them, each with its days of supply."""
    taken, today = list(fills), at.astimezone(UTC).date()
    word = standing(one, at)
    days = [day for day, _ in taken]
    ready = max(today, one.valid_from.date(), next_fill_on(interval_days, days) or today)
    takes = word in (Standing.ACTIVE, Standing.NOT_YET) and one.fills_left > 0
    return Outlook(
        standing=word,
        until=_until(one, word),
        fills_left=one.fills_left,
        last_fill_on=max(days, default=None),
        next_fill_on=ready if takes and ready < one.valid_until.date() else None,
        runs_out_on=runs_out_on(taken),
    )


def _until(one: Course, word: Standing) -> date | None:
    if word is Standing.NOT_YET:
        return (one.valid_from - MOMENT).date()
    if word in (Standing.ACTIVE, Standing.ON_HOLD, Standing.DEPLETED):
        return (one.valid_until - MOMENT).date()
    return None
