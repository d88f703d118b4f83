"""Who may do which procedure in a state: allowed, under supervision, or not, with the reason. Pure.

A rule speaks of one procedure and one kind of licence. The state's own rule decides alone; where it
has none, that of the whole country ("US") does, which is the strictest careful reading; where
nobody has said anything, nobody may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from shop.accounts.models import LicenceKind
from shop.core.errors import NotFound
from shop.core.rules import EVERYWHERE, Grade
from shop.treatments import reading
from shop.treatments.procedures import LIBRARY, Procedure


class NoSuchProcedure(NotFound):
    code = "no_such_procedure"


class Verdict(StrEnum):
    ALLOWED = "allowed"
    NEEDS_SUPERVISION = "needs_supervision"
    FORBIDDEN = "forbidden"


@dataclass(frozen=True)
class ScopeRule:
    """What a licence of a kind lets its holder do. `supervision` says of which kind it must be.

    Days are UTC days, `valid_until` is the first day after.
    """

    number: str
    version: int
    jurisdiction: str
    procedure: str
    licence: LicenceKind
    verdict: Verdict
    supervision: str  # "" unless the verdict is `needs_supervision`
    valid_from: date
    valid_until: date | None
    source: str
    grade: Grade

    def __post_init__(self) -> None:
        if (self.verdict is Verdict.NEEDS_SUPERVISION) != bool(self.supervision):
            raise ValueError("supervision is described where it is needed, and nowhere else.")

    def in_force(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_until is None or day < self.valid_until)


@dataclass(frozen=True)
class ScopeAnswer:
    """The verdict, why in a sentence, and the rules that decided (none where nobody has ruled)."""

    verdict: Verdict
    why: str
    rules: tuple[ScopeRule, ...]


def may(
    procedure: Procedure,
    *,
    kind: str | None,
    state: str,
    supervised: bool,
    rules: Iterable[ScopeRule],
    on: date,
) -> ScopeAnswer:
    """Whether who holds a licence of this kind in a state may do the procedure on a day (UTC).

    `kind` is None for who holds none there. `rules` may be those of any state and day.
    """
    if kind is None:
        why = f"Nobody does {_named(procedure)} in {state} without a licence in force there."
        return ScopeAnswer(Verdict.FORBIDDEN, why, ())
    rule = _deciding(procedure, kind, state, rules, on)
    if rule is None:
        why = (
            f"No rule in force on {on} lets {_who(kind)} do {_named(procedure)} in {state}. What"
            " nobody has ruled on is not done."
        )
        return ScopeAnswer(Verdict.FORBIDDEN, why, ())
    verdict = rule.verdict
    if verdict is Verdict.NEEDS_SUPERVISION and supervised:
        verdict = Verdict.ALLOWED
    return ScopeAnswer(verdict, _why(rule, procedure, state, verdict), (rule,))


def read(rows: Any) -> tuple[ScopeRule, ...]:
    """Rows of a file as rules, by number. Raises BadRow, which names row and column."""
    return reading.rows(ScopeRule, rows, READERS, key="number")


def _deciding(
    procedure: Procedure, kind: str, state: str, rules: Iterable[ScopeRule], on: date
) -> ScopeRule | None:
    speaking = [
        rule
        for rule in rules
        if (rule.procedure, rule.licence) == (procedure.code, kind)
        and rule.jurisdiction in (state, EVERYWHERE)
        and rule.in_force(on)
    ]
    return min(speaking, key=lambda r: (r.jurisdiction == EVERYWHERE, r.number), default=None)


def _why(rule: ScopeRule, procedure: Procedure, state: str, verdict: Verdict) -> str:
    can = {
        Verdict.ALLOWED: "may do",
        Verdict.NEEDS_SUPERVISION: "may do, only under supervision,",
        Verdict.FORBIDDEN: "may not do",
    }
    said = f"In {state}, {_who(rule.licence)} {can[verdict]} {_named(procedure)}"
    if rule.supervision:
        said += f": {rule.supervision}"
    said += "."
    if rule.jurisdiction == EVERYWHERE:
        said += f" No rule of {state} itself is in force; this is the default, the strictest."
    return said


def _who(kind: str) -> str:
    return WORDS[LicenceKind(kind)] if kind in set(LicenceKind) else f"a licence {kind!r}"


def _named(procedure: Procedure) -> str:
    return procedure.name[0].lower() + procedure.name[1:]


WORDS = {
    LicenceKind.MD: "a physician (MD)",
    LicenceKind.DO: "a physician (DO)",
    LicenceKind.NP: "a nurse practitioner",
    LicenceKind.PA: "a physician assistant",
    LicenceKind.RN: "a registered nurse",
    LicenceKind.ADVANCED_ESTHETICIAN: "an advanced esthetician",
    LicenceKind.ESTHETICIAN: "an esthetician",
}


def _procedure(value: Any) -> str:
    if not isinstance(value, str) or value not in LIBRARY:
        raise ValueError(f"{value!r} is no procedure of the library.")
    return value


def _words(value: Any) -> str:
    return "" if value == "" else reading.text(value)


# The columns that only a rule of scope has; the others every rule has.
OWN: Mapping[str, reading.Reader] = {
    "procedure": _procedure,
    "licence": reading.word(LicenceKind),
    "verdict": reading.word(Verdict),
    "supervision": _words,
}
READERS: Mapping[str, reading.Reader] = {
    **OWN,
    "number": reading.text,
    "version": reading.number_of_version,
    "jurisdiction": reading.jurisdiction,
    "valid_from": reading.day,
    "valid_until": reading.last_day,
    "source": reading.text,
    "grade": reading.word(Grade),
}
