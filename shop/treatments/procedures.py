"""What is done in the clinic: the library of procedures, with downtime and signs as published.

Pure. The library is a versioned file that the shop ships, a row each with source and grade; a file
that was used once is never edited, a change is a new file. Who may do what is another question:
it is asked of rows of law, by state.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from shop.core.rules import Grade
from shop.treatments import reading

CURRENT = "2026-1"
FOLDER = Path(__file__).parent / "data"
PREFIX = "procedures_"
LONGEST_DOWNTIME = 120  # days


class Family(StrEnum):
    FACIAL = "facial"
    EXFOLIATION = "exfoliation"  # by hand or machine: dermaplaning, microdermabrasion
    PEEL = "peel"
    NEEDLING = "needling"
    LIGHT = "light"  # intense pulsed, not a laser
    LASER = "laser"
    INJECTABLE = "injectable"
    HAIR_REMOVAL = "hair_removal"


class Depth(StrEnum):
    """How deep it works, where that is what tells one procedure from the next."""

    SUPERFICIAL = "superficial"
    MEDIUM = "medium"
    DEEP = "deep"


class Sign(StrEnum):
    """What treated skin may show in the downtime, and nobody need be alarmed by."""

    REDNESS = "redness"
    SWELLING = "swelling"
    BRUISING = "bruising"
    PEELING = "peeling"
    CRUSTING = "crusting"
    DARKENING = "darkening"  # of spots, before they flake


class Area(StrEnum):
    FACE = "face"
    NECK = "neck"
    CHEST = "chest"
    BACK = "back"
    HANDS = "hands"
    ARMS = "arms"
    UNDERARMS = "underarms"
    BIKINI = "bikini"
    LEGS = "legs"
    LIPS = "lips"
    UNDER_CHIN = "under_chin"


@dataclass(frozen=True)
class Procedure:
    """A procedure. `downtime` is (fewest, most) days after it; `published` the ranges as found.

    `ablative`: it takes the surface off, and the skin is open until it has healed.
    """

    code: str
    name: str
    family: Family
    depth: Depth | None
    areas: tuple[Area, ...]
    downtime: tuple[int, int]
    signs: tuple[Sign, ...]
    ablative: bool
    published: str
    source: str
    grade: Grade

    def recovered(self, performed_on: date) -> tuple[date, date]:
        """The first day on which the downtime can be over, and the one by which it is."""
        fewest, most = self.downtime
        return performed_on + timedelta(days=fewest), performed_on + timedelta(days=most)


@functools.cache
def library(version: str = CURRENT) -> Mapping[str, Procedure]:
    """A version of the library, by code. Raises KeyError for one that was never shipped."""
    if version not in versions():
        raise KeyError(version)
    raw = json.loads((FOLDER / f"{PREFIX}{version}.json").read_text(encoding="utf-8"))
    return read(raw["procedures"])


@functools.cache
def versions() -> tuple[str, ...]:
    """All that were shipped."""
    found = (path.stem.removeprefix(PREFIX) for path in FOLDER.glob(f"{PREFIX}*.json"))
    return tuple(sorted(found))


def read(rows: Any) -> Mapping[str, Procedure]:
    """Rows as procedures, by code. Raises BadRow, which names row and column."""
    found = reading.rows(Procedure, rows, READERS, key="code")
    return MappingProxyType({procedure.code: procedure for procedure in found})


def _code(value: Any) -> str:
    code = reading.text(value)
    if not (code.isascii() and code.replace("_", "").isalnum() and code == code.lower()):
        raise ValueError(f"{code!r} is no code; codes are lower case with underscores.")
    return code


def _depth(value: Any) -> Depth | None:
    return None if value is None else reading.word(Depth)(value)


def _areas(value: Any) -> tuple[Area, ...]:
    areas = reading.some_of(Area)(value)
    if not areas:
        raise ValueError("names no area.")
    return areas


def _downtime(value: Any) -> tuple[int, int]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError(f"{value!r} is no range; it is [fewest, most] days.")
    fewest, most = (reading.whole(days, least=0, most=LONGEST_DOWNTIME) for days in value)
    if most < fewest:
        raise ValueError(f"{value!r} ends before it begins.")
    return fewest, most


READERS: Mapping[str, reading.Reader] = {
    "code": _code,
    "name": reading.text,
    "family": reading.word(Family),
    "depth": _depth,
    "areas": _areas,
    "downtime": _downtime,
    "signs": reading.some_of(Sign),
    "ablative": reading.flag,
    "published": reading.text,
    "source": reading.text,
    "grade": reading.word(Grade),
}

LIBRARY: Mapping[str, Procedure] = library()
