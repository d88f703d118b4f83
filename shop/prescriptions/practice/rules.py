"""What a state asks for before somebody prescribes there: an examination, and who stands behind it.

Versioned data that the shop ships, a row each with its source and grade. A file that was used once
is never edited: a change is a new file, and a migration that puts its rows into the tables by which
the database judges (`examination_rules`, `supervision_rules`). A test compares the two.

Where no row speaks of a state, the row of "US" does, and that is the strictest. A row that asks
less of anybody than the most careful state must be founded on the primary text (grade A or B).
"""

from __future__ import annotations

import functools
import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from shop.core.rules import EVERYWHERE, JURISDICTIONS, Grade

CURRENT = "2026-1"
FOLDER = Path(__file__).parent / "data"
PREFIX = "practice_rules_"
FOUNDED = (Grade.A, Grade.B)


class Mode(StrEnum):
    """How a client is examined; asynchronous is from her written answers and pictures."""

    IN_PERSON = "in_person"
    VIDEO = "video"
    ASYNCHRONOUS = "asynchronous"


@dataclass(frozen=True)
class Row(ABC):
    """What every row says. Days are UTC days, `valid_until` is the first day after."""

    number: str
    version: int
    jurisdiction: str
    valid_from: date
    valid_until: date | None
    source: str
    grade: Grade

    def in_force(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_until is None or day < self.valid_until)

    @property
    @abstractmethod
    def loosens(self) -> bool:
        """Whether it asks for less than a careful state does."""


@dataclass(frozen=True)
class ExaminationRule(Row):
    """`modes` are accepted without an earlier visit; `ends_with_it`: so does the prescription."""

    modes: tuple[Mode, ...]
    lasts_days: int
    ends_with_it: bool

    @property
    def loosens(self) -> bool:
        return Mode.ASYNCHRONOUS in self.modes

    def until(self, examined_on: date) -> date:
        """The first day on which an examination of that day no longer counts."""
        return examined_on + timedelta(days=self.lasts_days)


@dataclass(frozen=True)
class SupervisionRule(Row):
    """Whether who holds a licence of this kind prescribes under an MD or DO."""

    licence_kind: str
    needed: bool

    @property
    def loosens(self) -> bool:
        return not self.needed


@dataclass(frozen=True)
class Book:
    """One version of all of it."""

    examinations: tuple[ExaminationRule, ...]
    supervision: tuple[SupervisionRule, ...]


Kind = TypeVar("Kind", bound=Row)


def examination_in(state: str, day: date) -> ExaminationRule:
    """What `state` asks of an examination on `day`; the database's `examination_rule_in`."""
    return _nearest(book().examinations, state, day)


def supervision_in(state: str, licence_kind: str, day: date) -> SupervisionRule | None:
    """Whether `state` asks for a supervisor; None for a kind that never needs one (MD, DO)."""
    spoken_of = [rule for rule in book().supervision if rule.licence_kind == licence_kind]
    return _nearest(spoken_of, state, day) if spoken_of else None


def _nearest(rows: Sequence[Kind], state: str, day: date) -> Kind:
    """The state's own row before that of the whole country, which always holds."""
    holding = [row for row in rows if row.jurisdiction in (state, EVERYWHERE) and row.in_force(day)]
    return min(holding, key=lambda row: row.jurisdiction == EVERYWHERE)


@functools.cache
def book(version: str = CURRENT) -> Book:
    """A version of the rules. Raises KeyError for one that was never shipped."""
    if version not in versions():
        raise KeyError(version)
    return read(json.loads((FOLDER / f"{PREFIX}{version}.json").read_text(encoding="utf-8")))


def versions() -> list[str]:
    """All that were shipped."""
    return sorted(path.stem.removeprefix(PREFIX) for path in FOLDER.glob(f"{PREFIX}*.json"))


def read(raw: Mapping[str, Any]) -> Book:
    """A file as rules. Raises ValueError that names row and field."""
    return Book(
        examinations=_checked([_row(ExaminationRule, row) for row in raw["examinations"]]),
        supervision=_checked([_row(SupervisionRule, row) for row in raw["supervision"]]),
    )


def _checked(rows: list[Kind]) -> tuple[Kind, ...]:
    found = tuple(sorted(rows, key=lambda row: row.number))
    for one, after in itertools.pairwise(found):
        if one.number == after.number:
            raise ValueError(f"{one.number}: stands twice. A number has one row in a file.")
    return found


def _row(kind: type[Kind], row: Mapping[str, Any]) -> Kind:
    number = str(row.get("number") or "a row without a number")
    strangers = set(row) ^ set(kind.__dataclass_fields__)
    if strangers:
        raise ValueError(
            f"{number}: missing, or not a column: {', '.join(sorted(strangers))}."
        ) from None
    found = {}
    for name, value in row.items():
        try:
            found[name] = READERS[name](value)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{number}: {name}: {error}") from None
    made = kind(**found)
    if made.loosens and made.grade not in FOUNDED:
        raise ValueError(f"{number}: grade: asks less than others do, so it must be A or B.")
    return made


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is no text.")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{value!r} is no count.")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false.")
    return value


def _modes(values: Any) -> tuple[Mode, ...]:
    if not isinstance(values, list) or not values:
        raise TypeError(f"{values!r} is no list of modes.")
    return tuple(Mode(_text(value)) for value in values)


def _known(value: Any, words: frozenset[str]) -> str:
    if value not in words:
        raise ValueError(f"{value!r} is not known.")
    return str(value)


READERS: dict[str, Any] = {
    "number": _text,
    "version": _count,
    "jurisdiction": lambda value: _known(value, JURISDICTIONS),
    "valid_from": date.fromisoformat,
    "valid_until": lambda value: date.fromisoformat(value) if value is not None else None,
    "source": _text,
    "grade": Grade,
    "modes": _modes,
    "lasts_days": _count,
    "ends_with_it": _flag,
    "licence_kind": lambda value: _known(value, frozenset({"NP", "PA"})),
    "needed": _flag,
}
