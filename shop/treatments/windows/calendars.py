"""The calendar of a plan: what is asked of her, day by day, and how each session stands to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from shop.treatments.windows import outlook, reckoning
from shop.treatments.windows.facts import Facts, Session
from shop.treatments.windows.outlook import Outlook
from shop.treatments.windows.reckoning import Conflict, Interval, Unknown
from shop.treatments.windows.rules import WindowRule


@dataclass(frozen=True)
class Calendar:
    """`intervals` by subject and time: of one subject none overlap, and none that touch agree.

    `sessions` in the order of time. `unknown`: facts that rules rest on and nobody knows.
    """

    zone: ZoneInfo
    intervals: tuple[Interval, ...]
    conflicts: tuple[Conflict, ...] = ()
    sessions: tuple[Outlook, ...] = ()
    unknown: tuple[Unknown, ...] = ()

    def of(self, subject: str) -> tuple[Interval, ...]:
        """What is asked of a subject, in the order of time."""
        return tuple(one for one in self.intervals if one.subject == subject)

    def at(self, subject: str, moment: datetime) -> Interval | None:
        """What is asked of a subject at an aware moment; None: nothing."""
        holding = (one for one in self.of(subject) if one.begins <= moment < one.until)
        return next(holding, None)

    def held_until(self, subject: str, moment: datetime) -> datetime | None:
        """Until when a stop holds that only a physician lifts; None: none holds at a moment."""
        held = None
        for one in self.of(subject):
            if one.holds and one.begins <= (held or moment) < one.until:
                held = one.until  # the next may begin there
        return held


def calendar(
    sessions: Iterable[Session],
    rules: Iterable[WindowRule],
    *,
    facts: Facts,
    zone: ZoneInfo,
) -> Calendar:
    """The calendar of these sessions under these rules, whatever order both come in.

    `sessions` are those that count (a cancelled one does not), each key once; of `rules` those are
    asked that are in force on the day of a session. Raises ValueError for a key that stands twice.
    """
    asked = sorted(sessions, key=lambda one: (one.starts.timestamp(), one.key))
    for key, times in Counter(session.key for session in asked).items():
        if times > 1:
            raise ValueError(f"Session {key} stands {times} times in one plan.")
    found, unknown = reckoning.pieces(asked, rules, facts=facts, zone=zone)
    intervals, conflicts = reckoning.united(found, zone)
    outlooks = outlook.outlooks(asked, found, conflicts, unknown, facts=facts, zone=zone)
    return Calendar(zone, intervals, conflicts, outlooks, tuple(unknown))
