"""Screening rules: versioned data that the shop ships, a row each with its source and grade.

Each version is a file in `data/`; a file that was used once is never edited, a change is a new
file, in which a changed row has the next version under its number.
"""

from __future__ import annotations

import functools
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from shop.catalog.models import ActiveClass, Pregnancy
from shop.charts.facts import ConditionCode, PregnancyStatus
from shop.core.rules import EVERYWHERE, JURISDICTIONS, Grade, Severity
from shop.prescriptions.screening import kinds
from shop.treatments.windows import Action

CURRENT = "2026-2"
FOLDER = Path(__file__).parent / "data"
PREFIX = "screening_rules_"


@dataclass(frozen=True)
class Rule:
    """A row. `asks`: a fact that it needs and nobody knows is a hit as well, never a "no".

    `auto_decline`: a request that it stops is declined when it is handed in, by the rule itself;
    only where the client has said what fires it, and no physician could decide otherwise.
    Days are UTC days, `valid_until` is the first day after. `client_text` names no one's health
    but her own and no other person.
    """

    number: str
    version: int
    kind: str
    question: kinds.Kind
    severity: Severity
    asks: bool
    client_text: str
    physician_text: str
    source: str
    grade: Grade
    jurisdiction: str
    valid_from: date
    valid_until: date | None
    auto_decline: bool = False

    def in_force(self, day: date, states: frozenset[str]) -> bool:
        """Whether it holds on a day for somebody who lives in, or is sent to, `states`."""
        here = self.jurisdiction == EVERYWHERE or self.jurisdiction in states
        begun = self.valid_from <= day
        return here and begun and (self.valid_until is None or day < self.valid_until)


KINDS: Mapping[str, type] = {
    "pregnancy": kinds.WhilePregnant,
    "age": kinds.YoungerThan,
    "condition": kinds.WithCondition,
    "isotretinoin": kinds.OnIsotretinoin,
    "medicine": kinds.WithMedicine,
    "skin_type": kinds.OnSkinType,
    "allergy": kinds.AllergyToIngredient,
    "allergy_text": kinds.AllergyNotRead,
    "allergy_family": kinds.AllergyToFamily,
    "condition_family": kinds.ConditionWithFamily,
    "active_unknown": kinds.ActiveNotKnown,
    "strength": kinds.StrongerThan,
    "duplicate": kinds.TwoOf,
    "interaction": kinds.Together,
    "companion": kinds.Without,
    "course": kinds.CourseOver,
    "window": kinds.InWindow,
}


@functools.cache
def rules(version: str = CURRENT) -> tuple[Rule, ...]:
    """A version of the rules, by number. Raises KeyError for one that was never shipped."""
    if version not in versions():
        raise KeyError(version)
    raw = json.loads((FOLDER / f"{PREFIX}{version}.json").read_text(encoding="utf-8"))
    return read(raw["rules"])


@functools.cache
def versions() -> tuple[str, ...]:
    """All that were shipped."""
    found = (path.stem.removeprefix(PREFIX) for path in FOLDER.glob(f"{PREFIX}*.json"))
    return tuple(sorted(found))


def read(rows: Sequence[Mapping[str, Any]]) -> tuple[Rule, ...]:
    """Rows as rules, by number. Raises ValueError (BadRow where a cell is wrong)."""
    found = sorted((_rule(row) for row in rows), key=lambda rule: rule.number)
    for one, after in itertools.pairwise(found):
        if one.number == after.number:
            raise ValueError(f"{one.number}: stands twice. A number has one row in a file.")
    return tuple(found)


COLUMNS = frozenset(
    {"number", "version", "kind", "where", "severity", "unknown", "client", "physician"}
    | {"source", "grade", "jurisdiction", "valid_from", "valid_until"}
)
MAY_BE_LEFT_OUT = frozenset({"auto_decline"})


class BadRow(ValueError):
    """A row that is no rule: `column` says where (empty for the row as a whole), `fault` why."""

    def __init__(self, row: Mapping[str, Any], column: str, fault: str) -> None:
        number = str(row.get("number") or "a row without a number")
        super().__init__(f"{number}: {column}: {fault}" if column else f"{number}: {fault}")
        self.column = column
        self.fault = fault


def _rule(row: Mapping[str, Any]) -> Rule:
    for name in sorted((set(row) - MAY_BE_LEFT_OUT) ^ COLUMNS):
        raise BadRow(row, name, "is missing." if name in COLUMNS else "is not a column.")
    kind = _column(row, "kind", lambda word: KINDS[word])
    severity = _column(row, "severity", lambda word: Severity[word.upper()])
    declines = "auto_decline" in row and _column(row, "auto_decline", _flag)
    if declines and severity is not Severity.HARD_STOP:
        raise BadRow(row, "auto_decline", "only a hard stop declines by itself.")
    return Rule(
        number=_column(row, "number", _text),
        version=_column(row, "version", _count),
        kind=row["kind"],
        question=_column(row, "where", lambda given: _built(kind, given)),
        severity=severity,
        asks=_column(row, "unknown", lambda word: {"ask": True, "pass": False}[word]),
        client_text=_column(row, "client", _text),
        physician_text=_column(row, "physician", _text),
        source=_column(row, "source", _text),
        grade=_column(row, "grade", Grade),
        jurisdiction=_column(row, "jurisdiction", _one_of(JURISDICTIONS)),
        valid_from=_column(row, "valid_from", date.fromisoformat),
        valid_until=_column(row, "valid_until", _last_day),
        auto_decline=declines,
    )


def _column(row: Mapping[str, Any], name: str, read_value: Callable[[Any], Any]) -> Any:
    """A cell as its reader takes it. Raises BadRow."""
    try:
        return read_value(row[name])
    except KeyError as unknown:
        raise BadRow(row, name, f"{unknown} is missing or not known.") from None
    except (AttributeError, TypeError, ValueError, ArithmeticError) as error:
        raise BadRow(row, name, f"{error}") from None


def _last_day(text: Any) -> date | None:
    return None if text is None else date.fromisoformat(text)


def _built(cls: type, given: Mapping[str, Any]) -> Any:
    """A dataclass of `screening_kinds` from the parameters of a row, each read by its name."""
    known = {one.name: one.default is MISSING for one in fields(cls)}
    wrong = (set(given) - set(known)) | {name for name, must in known.items() if must} - set(given)
    if wrong:
        raise ValueError(f"missing, or not a parameter: {', '.join(sorted(wrong))}.")
    return cls(**{name: READERS[name](value) for name, value in given.items()})


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"{value!r} is no text.")
    return value


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no count.")
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise TypeError(f"{value!r} is neither true nor false.")
    return value


def _percent(value: Any) -> Decimal:
    strength = Decimal(value)
    if not strength.is_finite():
        raise ValueError(f"{value!r} is no strength.")
    return strength


def _texts(values: Any) -> tuple[str, ...]:
    if not isinstance(values, list):
        raise TypeError(f"{values!r} is no list.")
    return tuple(_text(value) for value in values)


def _names(values: Any) -> frozenset[str]:
    """Names as the dictionary writes them."""
    for name in _texts(values):
        if name != " ".join(name.upper().split()):
            raise ValueError(f"{name!r} is not in upper case with single spaces.")
    return frozenset(values)


def _each(kind: Callable[[Any], Any]) -> Callable[[Any], frozenset[Any]]:
    return lambda values: frozenset(kind(value) for value in _texts(values))


def _one_of(known: frozenset[str]) -> Callable[[Any], str]:
    def one(value: Any) -> str:
        if value not in known:
            raise ValueError(f"{value!r} is not known.")
        return str(value)

    return one


def _actives(given: Any) -> kinds.Actives:
    chosen: kinds.Actives = _built(kinds.Actives, given)
    if not (chosen.classes or chosen.substances or chosen.pregnancy):
        raise ValueError("actives name no class, substance or word of the dictionary.")
    return chosen


READERS: Mapping[str, Callable[[Any], Any]] = {
    "actions": _each(Action),
    "active_class": ActiveClass,
    "actives": _actives,
    "ahead_days": _count,
    "apart": _flag,
    "but_not": _names,
    "but_not_classes": _each(ActiveClass),
    "classes": _each(ActiveClass),
    "condition": ConditionCode,
    "family": lambda given: _built(kinds.Family, given),
    "good_for_days": _count,
    "leave_on": _flag,
    "likely_forms": _names,
    "likely_in": _actives,
    "most_days": _count,
    "needs": _actives,
    "others": _actives,
    "pause_days": _count,
    "percent": _percent,
    "pregnancy": Pregnancy,
    "products": _texts,
    "statuses": _each(PregnancyStatus),
    "substances": _names,
    "types": lambda values: frozenset(_count(value) for value in values),
    "within_days": _count,
    "words": _texts,
    "years": _count,
}
