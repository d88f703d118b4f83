"""What a new calendar changes for her who was told the one before. Pure.

The past is a fact: what was asked before `at` was asked, and stays as it was told. So both
calendars are read from `at` on, and a change is what differs there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from shop.treatments.windows.calendars import Calendar
from shop.treatments.windows.reckoning import Interval, laid


@dataclass(frozen=True)
class Change:
    """One interval that is told differently: `was` None is new, `now` None is no more.

    Neither begins before the moment of the change; what has begun begins with it.
    """

    subject: str
    was: Interval | None
    now: Interval | None

    @property
    def begins(self) -> datetime:
        """When it first makes a difference that she has to know of it."""
        return min(one.begins for one in (self.was, self.now) if one is not None)


def changes(before: Calendar, after: Calendar, *, at: datetime) -> tuple[Change, ...]:
    """What to tell her, by time; nothing where nothing that is to come differs.

    Taking all `was` out of what `before` has from `at` on, and putting all `now` in, gives what
    `after` has. A rule of another version that asks the same is no change.
    """
    was = {_said(one): one for one in _from(before.intervals, at)}
    now = {_said(one): one for one in _from(after.intervals, at)}
    gone = [one for said, one in was.items() if said not in now]
    new = [one for said, one in now.items() if said not in was]
    found = [change for subject in _subjects(gone, new) for change in _paired(subject, gone, new)]
    return tuple(sorted(found, key=lambda one: (one.begins.timestamp(), one.subject)))


def settled(before: Calendar, after: Calendar, *, at: datetime) -> Calendar:
    """The calendar that was told until `at`, and the new one from then on."""
    past, future = _until(before.intervals, at), _from(after.intervals, at)
    by_subject = sorted([*past, *future], key=lambda one: (one.subject, one.begins.timestamp()))
    return replace(after, intervals=laid(by_subject))


def _said(one: Interval) -> tuple[object, ...]:
    """What an interval tells her, without the reasons."""
    return one.subject, one.asks, one.begins.timestamp(), one.until.timestamp()


def _from(intervals: Iterable[Interval], at: datetime) -> list[Interval]:
    """What lies at or after a moment, cut there."""
    return [
        replace(one, begins=at.astimezone(one.begins.tzinfo)) if one.begins < at else one
        for one in intervals
        if at < one.until
    ]


def _until(intervals: Iterable[Interval], at: datetime) -> list[Interval]:
    return [
        replace(one, until=at.astimezone(one.until.tzinfo)) if at < one.until else one
        for one in intervals
        if one.begins < at
    ]


def _subjects(*lists: Sequence[Interval]) -> list[str]:
    return sorted({one.subject for intervals in lists for one in intervals})


def _paired(subject: str, gone: Sequence[Interval], new: Sequence[Interval]) -> list[Change]:
    """What is gone beside what has come in its place: the same asked for a session of both."""
    left = [one for one in gone if one.subject == subject]
    found = []
    for now in (one for one in new if one.subject == subject):
        was = next((one for one in left if _follows(one, now)), None)
        if was is not None:
            left.remove(was)
        found.append(Change(subject, was, now))
    return [*found, *(Change(subject, was, None) for was in left)]


def _follows(was: Interval, now: Interval) -> bool:
    return was.action is now.action and bool(was.sessions & now.sessions)
