"""What a client's calendar shows of her plans: sessions at their times, windows in whole days.

Pure. A calendar lies open at home and at work, so unless the client asks for full words it says
"Appointment" and "Home care changes" and nothing else. Names of products never stand in it.

An entry keeps its UID when its session moves, and its SEQUENCE rises (RFC 5545, 3.8.7.4).
"""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from shop.treatments.procedures import LIBRARY
from shop.treatments.states import SessionStatus
from shop.treatments.windows import Action, Calendar, Interval, wording
from shop.treatments.windows import Session as Treated

# What UIDs are made from: they tell nothing, and are the same whatever the address of the feed.
NAMESPACE = uuid.UUID("5b0c7c1e-6f0e-4e0b-9b4e-3f1d3a5e7c21")
APPOINTMENT = "Appointment"
HOME_CARE = "Home care changes"
SEE = "What changes is on your plan's page."
TITLES = {  # a client is told of what may be used again where it was stopped
    Action.STOP: "Stop {name} by {day}",
    Action.AVOID: "Avoid {name}",
    Action.REQUIRE: "Needed: {name}",
    Action.PRIME: "Use as prescribed: {name}",
}


class Words(StrEnum):
    """How much the entries say."""

    DISCREET = "discreet"
    FULL = "full"


class Certainty(StrEnum):
    """STATUS of a VEVENT (RFC 5545, 3.8.1.11)."""

    TENTATIVE = "TENTATIVE"
    CONFIRMED = "CONFIRMED"
    CANCELLED = "CANCELLED"


CERTAINTY = {
    SessionStatus.PROPOSED: Certainty.TENTATIVE,
    SessionStatus.BOOKED: Certainty.CONFIRMED,
    SessionStatus.PERFORMED: Certainty.CONFIRMED,
    SessionStatus.CANCELLED: Certainty.CANCELLED,
    SessionStatus.NO_SHOW: Certainty.CANCELLED,
}


@dataclass(frozen=True)
class Planned:
    """A session as a calendar shows it; `starts` and `ends` in the clinic's zone.

    `sequence` rises with whatever happens to it, `revised` is when that was last.
    """

    key: str
    procedure: str
    area: str
    status: SessionStatus
    starts: datetime
    ends: datetime
    sequence: int
    revised: datetime


@dataclass(frozen=True)
class Entry:
    """One VEVENT: two aware moments, or two days of which the second is the first after."""

    uid: str
    title: str
    text: str
    begins: datetime | date
    until: datetime | date
    sequence: int
    revised: datetime
    certainty: Certainty

    @property
    def all_day(self) -> bool:
        return not isinstance(self.begins, datetime)


def appointments(sessions: Iterable[Planned], *, words: Words) -> Iterator[Entry]:
    """An entry for each session, also for one that is cancelled: programs have to be told."""
    for one in sessions:
        yield Entry(
            uid=_uid("session", one.key),
            title=_called(one) if words is Words.FULL else APPOINTMENT,
            text="",
            begins=one.starts,
            until=one.ends,
            sequence=one.sequence,
            revised=one.revised,
            certainty=CERTAINTY[one.status],
        )


def home_care(
    calendar: Calendar, sessions: Sequence[Planned], *, revised: datetime, words: Words
) -> Iterator[Entry]:
    """What the windows of `calendar` ask, in whole days; `sessions` has those it was made of.

    `revised`: when the rules or what is known of the client last changed.
    """
    by_key = {one.key: one for one in sessions}
    told = [one for one in calendar.intervals if one.action in TITLES]
    if words is Words.FULL:
        return _windows(told, by_key, revised)
    return _changes(told, by_key, revised)


def _windows(
    intervals: Iterable[Interval], by_key: Mapping[str, Planned], revised: datetime
) -> Iterator[Entry]:
    """One entry for each interval: from its first day to its last.

    Of several that ask the same of one subject for the same sessions, each is known by its place.
    """
    places: Counter[tuple[str, ...]] = Counter()
    treated = [Treated(one.key, one.procedure, one.starts, one.ends) for one in by_key.values()]
    for one in intervals:
        about = (one.action.value, one.subject, *sorted(one.sessions))
        first = one.begins.date()
        yield Entry(
            uid=_uid("window", *about, str(places[about])),
            title=TITLES[one.action].format(
                name=wording.name(one.subject), day=wording.day(first, first.year)
            ),
            text=wording.titled(one, treated),
            begins=first,
            until=one.until.date(),
            **_of(one.sessions, by_key, revised),
        )
        places[about] += 1


def _changes(
    intervals: Iterable[Interval], by_key: Mapping[str, Planned], revised: datetime
) -> Iterator[Entry]:
    """One entry for each day on which something begins or ends, whatever and however much it is."""
    days: defaultdict[frozenset[str], set[date]] = defaultdict(set)
    for one in intervals:
        days[one.sessions] |= {one.begins.date(), one.until.date()}
    shown: set[date] = set()
    for keys in sorted(days, key=sorted):
        for place, day in enumerate(sorted(days[keys])):
            if day not in shown:
                shown.add(day)
                yield Entry(
                    uid=_uid("change", *sorted(keys), str(place)),
                    title=HOME_CARE,
                    text=SEE,
                    begins=day,
                    until=day + timedelta(days=1),
                    **_of(keys, by_key, revised),
                )


def _of(keys: Iterable[str], by_key: Mapping[str, Planned], revised: datetime) -> dict[str, Any]:
    """What an entry has from its sessions."""
    meant = [by_key[key] for key in keys]
    sure = all(CERTAINTY[one.status] is Certainty.CONFIRMED for one in meant)
    return {
        "sequence": sum(one.sequence for one in meant),
        "revised": max([revised, *(one.revised for one in meant)]),
        "certainty": Certainty.CONFIRMED if sure else Certainty.TENTATIVE,
    }


def _called(one: Planned) -> str:
    procedure = LIBRARY.get(one.procedure)
    called = procedure.name if procedure else one.procedure.replace("_", " ").capitalize()
    return f"{called}, {one.area.replace('_', ' ')}"


def _uid(*parts: str) -> str:
    """A UUID, as RFC 7986, 5.3 asks: nobody reads a host or a meaning from it."""
    return str(uuid.uuid5(NAMESPACE, "\n".join(parts)))
