"""Rules of windows: what a procedure asks of one subject, from which day to which around it.

Pure. A rule is a row with the range as published, source and grade; the seed is a versioned file
that the shop ships, and a file that was used once is never edited. A modifier is no mechanism of
its own: a row that asks for more of darker skin has a condition (`when`) and a longer range, and
the strictest row wins.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from shop.catalog.models import ActiveClass
from shop.core.rules import EVERYWHERE, Grade, Severity
from shop.treatments import reading
from shop.treatments.procedures import LIBRARY
from shop.treatments.windows.facts import Facts

CURRENT = "2026-1"
FOLDER = Path(__file__).parents[1] / "data"
PREFIX = "window_rules_"
FURTHEST = 400  # days before or after a session


class Action(StrEnum):
    """What a window asks, strictest first."""

    STOP = "stop"
    AVOID = "avoid"
    REQUIRE = "require"
    PRIME = "prime"  # used beforehand on purpose, as a physician orders
    ALLOW = "allow"

    @property
    def forbids(self) -> bool:
        return self in (Action.STOP, Action.AVOID)


STRICTNESS = {action: -place for place, action in enumerate(Action)}  # the strictest is 0


class Anchor(StrEnum):
    """Which end of a session its days are counted from."""

    START = "start"
    END = "end"


class Conduct(StrEnum):
    """What a client does, or has done, that is no active of the catalogue."""

    SUN = "sun"
    SPF = "spf"
    WAX = "wax"
    SCRUB = "scrub"
    EXERCISE = "exercise"
    HEAT = "heat"  # sauna, hot baths
    ANTIVIRAL = "antiviral"
    NSAID = "nsaid"
    PHOTOSENSITISER = "photosensitiser"  # doxycycline and its like
    ISOTRETINOIN = "isotretinoin"  # swallowed
    OTHER_PROCEDURE = "other_procedure"
    RELEASE = "release"  # a clinician looks before actives begin again


SUBJECTS = frozenset({*ActiveClass, *Conduct})
TOLD_ONLY = (Severity.INFO, Severity.WARN)


@dataclass(frozen=True)
class When:
    """What must be true of a client for a rule to speak of her; what is left out is not asked.

    - `fitzpatrick_from`: her skin type at least. `melasma`, `cold_sores`: she has them.
    - `isotretinoin_days`: she swallows it, or did within so many days before the session.
    - `primed`: whether a physician has ordered the subject as priming.
    """

    fitzpatrick_from: int | None = None
    isotretinoin_days: int | None = None
    cold_sores: bool = False
    melasma: bool = False
    primed: bool | None = None

    def answers(self, facts: Facts, subject: str, day: date) -> Mapping[str, bool | None]:
        """Each fact that is asked for, and whether it speaks for the rule; None: nobody knows."""
        asked: dict[str, bool | None] = {}
        if self.fitzpatrick_from is not None:
            known = facts.fitzpatrick
            asked["fitzpatrick"] = None if known is None else known >= self.fitzpatrick_from
        if self.isotretinoin_days is not None:
            asked["isotretinoin"] = _took_isotretinoin(facts, day, self.isotretinoin_days)
        if self.cold_sores:
            asked["cold_sores"] = facts.cold_sores
        if self.melasma:
            asked["melasma"] = facts.melasma
        if self.primed is not None:
            asked["primed"] = facts.primes(subject, day) is self.primed
        return asked


def _took_isotretinoin(facts: Facts, day: date, days: int) -> bool | None:
    if facts.isotretinoin_now:
        return True
    last = facts.isotretinoin_last
    if last is not None:
        return last >= day - timedelta(days=days)
    return facts.isotretinoin_now


@dataclass(frozen=True)
class WindowRule:
    """A row: [anchor + from, anchor + to), in whole days of the clinic's zone, negative before it.

    `published` is the range as it was published, before the conservative end was taken.
    Raises ValueError where its columns cannot be meant together.
    """

    number: str
    version: int
    procedure: str
    subject: str
    anchor: Anchor
    from_day: int
    to_day: int
    action: Action
    severity: Severity
    published: str
    grade: Grade
    source: str
    when: When
    valid_from: date
    valid_until: date | None
    jurisdiction: str

    def __post_init__(self) -> None:
        if self.to_day <= self.from_day:
            raise ValueError(f"to_day {self.to_day} is not after from_day {self.from_day}.")
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise ValueError(f"valid_until {self.valid_until} is before {self.valid_from}.")
        if self.action in (Action.PRIME, Action.ALLOW) and self.severity not in TOLD_ONLY:
            raise ValueError(f"{self.action} stops nothing, so it is told: info or warn.")

    def in_force(self, day: date, states: frozenset[str]) -> bool:
        """Whether it holds on a day, for a client and a clinic in these states."""
        here = self.jurisdiction == EVERYWHERE or self.jurisdiction in states
        begun = self.valid_from <= day
        return here and begun and (self.valid_until is None or day < self.valid_until)


@functools.cache
def seed(version: str = CURRENT) -> tuple[WindowRule, ...]:
    """The rules that the shop ships, as proposals. Raises KeyError for what was never shipped."""
    if version not in versions():
        raise KeyError(version)
    raw = json.loads((FOLDER / f"{PREFIX}{version}.json").read_text(encoding="utf-8"))
    return read(raw["rules"])


@functools.cache
def versions() -> tuple[str, ...]:
    """All that were shipped."""
    found = (path.stem.removeprefix(PREFIX) for path in FOLDER.glob(f"{PREFIX}*.json"))
    return tuple(sorted(found))


def read(rows: Any) -> tuple[WindowRule, ...]:
    """Rows as rules, by number. Raises BadRow, which names row and column."""
    return reading.rows(WindowRule, rows, READERS, key="number")


def _procedure(value: Any) -> str:
    if reading.text(value) not in LIBRARY:
        raise ValueError(f"{value!r} is no procedure of the library.")
    return str(value)


def _subject(value: Any) -> str:
    if reading.text(value) not in SUBJECTS:
        raise ValueError(f"{value!r} is neither a class of active nor a word of conduct.")
    return str(value)


def _days(value: Any) -> int:
    return reading.whole(value, least=-FURTHEST, most=FURTHEST)


def _severity(value: Any) -> Severity:
    known = {severity.word: severity for severity in Severity}
    if reading.text(value) not in known:
        raise ValueError(f"{value!r} is none of {', '.join(known)}.")
    return known[value]


def when(value: Any) -> When:
    """A condition as a row writes it: {} asks nothing. Raises ValueError or TypeError."""
    if not isinstance(value, Mapping):
        raise TypeError(f"{value!r} is no condition; it is an object, empty for none.")
    strangers = sorted(set(value) - set(CONDITIONS))
    if strangers:
        raise ValueError(f"does not know {', '.join(strangers)}.")
    return When(**{name: CONDITIONS[name](given) for name, given in value.items()})


def _true(value: Any) -> bool:
    if value is not True:
        raise ValueError(f"{value!r} is not true; leave out what is not asked.")
    return True


CONDITIONS: Mapping[str, reading.Reader] = {
    "fitzpatrick_from": lambda value: reading.whole(value, least=1, most=6),
    "isotretinoin_days": lambda value: reading.whole(value, least=1, most=FURTHEST),
    "cold_sores": _true,
    "melasma": _true,
    "primed": reading.flag,
}
READERS: Mapping[str, reading.Reader] = {
    "number": reading.text,
    "version": reading.number_of_version,
    "procedure": _procedure,
    "subject": _subject,
    "anchor": reading.word(Anchor),
    "from_day": _days,
    "to_day": _days,
    "action": reading.word(Action),
    "severity": _severity,
    "published": reading.text,
    "grade": reading.word(Grade),
    "source": reading.text,
    "when": when,
    "valid_from": reading.day,
    "valid_until": reading.last_day,
    "jurisdiction": reading.jurisdiction,
}
