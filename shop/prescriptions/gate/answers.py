"""What the gate says: an answer to each wish, why, and what it looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from uuid import UUID

from shop.prescriptions.gate.facts import Authority, Pack, Ruling, Wish


class Answer(StrEnum):
    OPEN = "open"
    NEEDS_REQUEST = "needs_request"
    NEEDS_CLIENT_ACTION = "needs_client_action"
    HOLD_UNTIL = "hold_until"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Reason:
    """Why, in words for the client; `remedy` is what she can do, `rule` the question that asked."""

    code: str
    text: str
    remedy: str | None = None
    rule: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """The gate's answer to one wish. `fills_left` counts before this wish takes one."""

    wish: Wish
    answer: Answer
    until: date | None = None  # hold_until: the first day on which it may go on
    reasons: tuple[Reason, ...] = ()
    prescription_id: UUID | None = None
    prescription_number: str | None = None
    valid_until: datetime | None = None
    fills_left: int | None = None
    sentence: str = ""  # the whole answer in one line, for pages and mails
    ruling: Ruling | None = None  # what the law of the state says of it, if anything
    notes: tuple[str, ...] = ()  # what her treatments ask of it, where the sentence says it not
    trace: tuple[Step, ...] = ()  # the questions in their order, up to the first no

    @property
    def open(self) -> bool:
        return self.answer is Answer.OPEN

    @property
    def rule_id(self) -> UUID | None:
        """The rule over it in its state, if one speaks of it."""
        return None if self.ruling is None else self.ruling.rule_id


@dataclass(frozen=True)
class Objection:
    """A question's no."""

    answer: Answer
    code: str
    text: str
    remedy: str | None = None
    facts: Mapping[str, object] = field(default_factory=dict)
    until: date | None = None


@dataclass(frozen=True)
class Step:
    """A question (or a test of a prescription) that was asked, and its no if it said one."""

    question: str
    objection: Objection | None = None


@dataclass(frozen=True)
class Weighed:
    """A prescription that was looked at: its tests in their order, up to the first no."""

    authority: Authority
    tests: tuple[Step, ...]

    @property
    def objection(self) -> Objection | None:
        return self.tests[-1].objection

    @property
    def covers(self) -> bool:
        return self.objection is None


@dataclass(frozen=True)
class Explained:
    """A decision with what it rests on: the pack (if it is known), the prescriptions weighed."""

    decision: Decision
    pack: Pack | None
    weighed: tuple[Weighed, ...]


def step(name: str, objection: Objection | None) -> Step:
    return _passed(name) if objection is None else Step(name.lstrip("_"), objection)


@cache
def _passed(name: str) -> Step:
    """The same one every time: lists ask hundreds of questions, and most pass."""
    return Step(name.lstrip("_"))


def day(day: date, today: date) -> str:
    """ "Sat 12 Dec", with the year where it is another."""
    year = "" if day.year == today.year else f" {day.year}"
    return f"{day:%a} {day.day} {day:%b}{year}"
