"""When a pack runs out: its days of supply, moved by the days on which it was not to be used. Pure.

Everything is in days of the clinic's zone; a stretch is `[first, until)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Pause:
    """Days on which it is not used, and why in words for the client. `until` None: still so."""

    first: date
    until: date | None
    why: str


@dataclass(frozen=True)
class RunOut:
    """`on` is the first day on which nothing is left; `unmoved` is that day without any pause.

    `because` says why they differ. `held`: a pause holds now and nobody knows its end, so that it
    is `on` at the earliest.
    """

    on: date
    unmoved: date
    because: tuple[str, ...] = ()
    held: bool = False

    @property
    def days(self) -> int:
        """By how many it moved."""
        return (self.on - self.unmoved).days


def run_out(since: date, days: int, pauses: Iterable[Pause], *, today: date) -> RunOut:
    """When what was handed out on the day `since` runs out, if it lasts for `days`.

    A pause counts where it falls into the time of use, each day once however many pauses hold on
    it. What has no end holds through `today`, and the days ahead are not known.
    """
    counted = [(one, *_days(one, today)) for one in pauses]
    left, stopped = since + timedelta(days=days), list[tuple[Pause, date, date]]()
    reached = since
    for one, first, until in sorted(counted, key=lambda each: each[1:]):
        if first >= left:
            break
        if until <= since:
            continue
        stopped.append((one, first, until))
        begins = max(first, reached)
        if until > begins:
            left += until - begins
            reached = until
    return RunOut(
        on=left,
        unmoved=since + timedelta(days=days),
        because=tuple(dict.fromkeys(one.why for one, _, _ in stopped)),
        held=any(one.until is None for one, _, _ in stopped),
    )


def _days(one: Pause, today: date) -> tuple[date, date]:
    if one.until is not None:
        return one.first, one.until
    return one.first, max(one.first, today) + timedelta(days=1)


def between(first: date, until: date | None, why: str) -> Sequence[Pause]:
    """The pause, unless it is over before it began."""
    return () if until is not None and until <= first else (Pause(first, until, why),)
