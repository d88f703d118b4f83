"""How treated skin is expected to do, and what of a client's report is out of course. Pure.

What is expected follows from the procedure: its signs, until its longest downtime is over. Whatever
speaks against it is a named rule with version, source and grade. No publication grades them: they
are cautious proposals until the medical director has confirmed them. Not medical advice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum, StrEnum

from shop.catalog.models import ActiveClass
from shop.core.rules import Grade
from shop.treatments.procedures import Procedure, Sign

VERSION = "2026-1"  # a rule that changes changes it: what was judged before keeps its own
# What is used on when skin does not do as expected: it shields.
SHIELDING = frozenset({ActiveClass.UV_FILTER, ActiveClass.SKIN_PROTECTANT})
LOOKED_AT = "Your clinic looks at your skin first: active products wait."
COMFORTABLE, UNCOMFORTABLE = 10, 3  # the best there is; from here down somebody looks


class Level(IntEnum):
    """How much of a sign; on the wire by number or by name in lower case."""

    NONE = 0
    MILD = 1
    MODERATE = 2
    SEVERE = 3

    @property
    def word(self) -> str:
        return self.name.lower()


class Alarm(StrEnum):
    """What a client is asked by name, because it may mean harm."""

    BLISTERING = "blistering"
    CRUSTING = "crusting"
    SPREADING = "spreading"  # beyond where she was treated
    FEVER = "fever"


class Course(StrEnum):
    """What a report comes to."""

    EXPECTED = "expected"
    WATCHED = "watched"  # somebody who treats answers; nothing is stopped
    OUT_OF_COURSE = "out_of_course"  # a physician answers; actives stop until then


@dataclass(frozen=True)
class Said:
    """What the client said of one day: two signs, comfort from 0 (worst) to 10, alarms."""

    redness: Level
    peeling: Level
    comfort: int
    alarms: frozenset[Alarm] = frozenset()


@dataclass(frozen=True)
class Day:
    """A report beside what its procedure lets expect. `number`: days since it was performed."""

    said: Said
    number: int
    procedure: Procedure

    def past(self, sign: Sign) -> bool:
        """The procedure does not show this sign, or no longer; on the day itself it always may."""
        over = self.number >= max(1, self.procedure.downtime[1])
        return over or (sign not in self.procedure.signs and self.number > 0)

    def worst_past(self) -> Level:
        """The stronger of the two signs, of those that should be over."""
        left = [self.said.redness] if self.past(Sign.REDNESS) else []
        left += [self.said.peeling] if self.past(Sign.PEELING) else []
        return max(left, default=Level.NONE)


@dataclass(frozen=True)
class Rule:
    """What makes a report more than expected, in words for who treats."""

    code: str
    course: Course
    text: str
    source: str
    grade: Grade
    fires: Callable[[Day], bool] = field(repr=False, compare=False)


DOWNTIME = "The procedure's published downtime and signs (procedures_2026-1); the threshold is ours"
CAUTION = "General knowledge, not verified; the clinical reference gives no publication"


def _alarm(alarm: Alarm, text: str, but: Callable[[Day], bool] | None = None) -> Rule:
    def fires(day: Day) -> bool:
        return alarm in day.said.alarms and (but is None or but(day))

    return Rule(alarm.value, Course.OUT_OF_COURSE, text, CAUTION, Grade.U, fires)


RULES: tuple[Rule, ...] = (
    Rule(
        "severe_after_downtime",
        Course.OUT_OF_COURSE,
        "Severe redness or peeling where it shows none, or after its longest downtime.",
        DOWNTIME,
        Grade.D,
        lambda day: day.worst_past() is Level.SEVERE,
    ),
    Rule(
        "moderate_after_downtime",
        Course.WATCHED,
        "Moderate redness or peeling where it shows none, or after its longest downtime.",
        DOWNTIME,
        Grade.D,
        lambda day: day.worst_past() is Level.MODERATE,
    ),
    Rule(
        "uncomfortable",
        Course.OUT_OF_COURSE,
        f"Comfort of {UNCOMFORTABLE} or less of {COMFORTABLE}.",
        CAUTION,
        Grade.U,
        lambda day: day.said.comfort <= UNCOMFORTABLE,
    ),
    _alarm(Alarm.BLISTERING, "Blisters, whatever was done."),
    _alarm(
        Alarm.CRUSTING,
        "Crusts where this procedure leaves none, or after its longest downtime.",
        lambda day: day.past(Sign.CRUSTING),
    ),
    _alarm(Alarm.SPREADING, "It spreads beyond where she was treated."),
    _alarm(Alarm.FEVER, "Fever after a procedure."),
)
BY_CODE = {rule.code: rule for rule in RULES}


def judge(said: Said, *, on: date, performed_on: date, procedure: Procedure) -> tuple[Rule, ...]:
    """The rules that fire, in their order; none where it is as expected."""
    day = Day(said, (on - performed_on).days, procedure)
    return tuple(rule for rule in RULES if rule.fires(day))


def outcome(fired: tuple[Rule, ...]) -> Course:
    """What they come to: the gravest."""
    courses = {rule.course for rule in fired}
    if Course.OUT_OF_COURSE in courses:
        return Course.OUT_OF_COURSE
    return Course.WATCHED if courses else Course.EXPECTED


def expected(procedure: Procedure) -> str:
    """The expected course in one sentence for the client."""
    fewest, most = procedure.downtime
    signs = [sign.value for sign in procedure.signs]
    if not signs or most == 0:
        return f"{procedure.name}: no downtime is expected."
    told = signs[0] if len(signs) == 1 else f"{', '.join(signs[:-1])} and {signs[-1]}"
    days = f"{fewest} to {most} days" if fewest < most else f"{most} days"
    return f"{procedure.name}: {told} may show for {days}, then fade."
