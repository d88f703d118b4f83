"""What a clinic can start a plan from: versioned series of sessions, each with its reason. Pure.

A file that was used once is never edited; a change is a new file. A plan keeps code and version of
what it was drafted from. They are proposals: the physician who starts a plan decides.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from shop.core.rules import Grade
from shop.treatments.errors import PlanRefused
from shop.treatments.procedures import library

CURRENT = "2026-1"
FOLDER = Path(__file__).parent / "data"
PREFIX = "plan_templates_"


@dataclass(frozen=True)
class Step:
    """A session as it is planned: a procedure of the library, where, when, for how long."""

    procedure: str
    area: str
    starts: datetime
    minutes: int

    @property
    def ends(self) -> datetime:
        return self.starts + timedelta(minutes=self.minutes)


@dataclass(frozen=True)
class Series:
    """A session of a template: `day` days after the first."""

    procedure: str
    area: str
    day: int
    minutes: int


@dataclass(frozen=True)
class Template:
    """`lead_days` are needed before the first session (priming); `why` cites what it rests on."""

    code: str
    version: str
    name: str
    goal: str
    lead_days: int
    sessions: tuple[Series, ...]
    why: str
    source: str
    grade: Grade

    def steps(self, first: datetime, *, zone: str) -> list[Step]:
        """Its sessions from the first on, each at the same time of the clinic's day."""
        local = first.astimezone(ZoneInfo(zone))
        return [
            Step(
                one.procedure,
                one.area,
                local + timedelta(days=one.day),  # wall-clock days, daylight saving or not
                one.minutes,
            )
            for one in self.sessions
        ]


@functools.cache
def templates(version: str = CURRENT) -> Mapping[str, Template]:
    """A version of the file, by code. Raises KeyError for one that was never shipped."""
    path = FOLDER / f"{PREFIX}{version}.json"
    if not path.exists():
        raise KeyError(version)
    raw = json.loads(path.read_text(encoding="utf-8"))
    found = (_template(row, version) for row in raw["templates"])
    return MappingProxyType({one.code: one for one in found})


def template_of(code: str) -> Template:
    """One of the current file. Raises PlanRefused."""
    found = templates().get(code)
    if found is None:
        known = f"One of {', '.join(templates())}."
        raise PlanRefused("There is no such template.", fields={"template": [known]})
    return found


def _template(row: dict[str, Any], version: str) -> Template:
    """A row as a template. Raises ValueError, which names the template and what is wrong."""
    known = library()
    sessions = tuple(Series(**one) for one in row["sessions"])
    days = [one.day for one in sessions]
    strange = [one.procedure for one in sessions if one.procedure not in known]
    if strange:
        raise ValueError(f"{row['code']}: {strange[0]!r} is no procedure of the library.")
    elsewhere = [one.area for one in sessions if one.area not in known[one.procedure].areas]
    if elsewhere:
        raise ValueError(f"{row['code']}: {elsewhere[0]!r} is no area of its procedure.")
    if not days or days[0] != 0 or days != sorted(set(days)):
        raise ValueError(f"{row['code']}: days begin at 0 and go on.")
    return Template(
        **(row | {"version": version, "sessions": sessions, "grade": Grade(row["grade"])})
    )
