"""What speaks against a session, and what it comes to. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import IntEnum, StrEnum

from shop.core.rules import Severity
from shop.treatments.readiness.facts import Waived
from shop.treatments.windows import Option


class Readiness(IntEnum):
    """Best first; on the wire by its name in lower case."""

    READY = 0
    AT_RISK = 1  # something happened, or is planned, that speaks against it
    NOT_READY = 2  # something is lacking that it cannot do without, or a hard stop holds

    @property
    def word(self) -> str:
        return self.name.lower()


class Code(StrEnum):
    """Kinds of findings; the first six are those of `windows.Code`."""

    TOLD_LATE = "told_late"
    USED = "used"  # or given to her
    STILL_USED = "still_used"
    TOO_NEAR = "too_near"
    CONFLICT = "conflict"
    NOT_KNOWN = "not_known"  # a fact of her chart
    PLANNED_USE = "planned_use"  # her home care says it in days that ask for none
    NOT_DISPENSED = "not_dispensed"
    NOT_PRESCRIBED = "not_prescribed"
    REPORT_WAITS = "report_waits"  # out of course, and no physician has answered
    REPORT_WATCHED = "report_watched"  # more than expected, and nobody has answered
    REPORT_BAD = "report_bad"  # her last word is out of course, though somebody answered
    PLAN_WAITS = "plan_waits"


C = Code
LACKING = frozenset({C.NOT_KNOWN, C.NOT_DISPENSED, C.NOT_PRESCRIBED, C.REPORT_WAITS, C.PLAN_WAITS})
# The other two are ended by an act of a physician that is not this one: she answers, or starts.
WAIVABLE = frozenset(Code) - {C.REPORT_WAITS, C.PLAN_WAITS}


@dataclass(frozen=True)
class Finding:
    """One thing that speaks against a session.

    `subject`: a class, a word of conduct, a fact, a SKU, or a key. `text` is for who treats,
    `todo` for the client, empty where she can do nothing about it. `by`: the day on which it is
    needed. `waivable`: a physician may go on in spite of it. `of`: which of several of one subject,
    the other session, the pack, or the days that are missing.
    """

    code: Code
    subject: str
    severity: Severity
    text: str
    todo: str = ""
    by: date | None = None
    waivable: bool = True
    waived: Waived | None = None
    of: str = ""

    @property
    def name(self) -> str:
        """By which a waiver names it: nothing that is found later has the same."""
        return ":".join(filter(None, (self.code, self.subject, self.of)))

    @property
    def bears(self) -> Readiness:
        """What it makes of the session, alone."""
        if self.waived or self.severity <= Severity.WARN:
            return Readiness.READY
        lacking = self.code in LACKING or self.severity is Severity.HARD_STOP
        return Readiness.NOT_READY if lacking else Readiness.AT_RISK


@dataclass(frozen=True)
class Judged:
    """A session with what was found, the gravest first. `options` are the ways out, in words."""

    readiness: Readiness
    findings: tuple[Finding, ...] = ()
    options: tuple[Option, ...] = ()

    @property
    def lacking(self) -> tuple[str, ...]:
        """The names of what speaks against doing it; empty where she is ready."""
        return tuple(one.name for one in self.findings if one.bears)

    @property
    def todos(self) -> tuple[str, ...]:
        """What the client is asked to do, in her words."""
        todos = (one.todo for one in self.findings if one.todo and not one.waived)
        return tuple(dict.fromkeys(todos))

    @property
    def waivers(self) -> tuple[Waived, ...]:
        """Those that waive something of it, each once."""
        return tuple(dict.fromkeys(one.waived for one in self.findings if one.waived))

    @property
    def waivable(self) -> tuple[Finding, ...]:
        """What a physician may waive and nobody has."""
        return tuple(one for one in self.findings if one.bears and one.waivable)


def ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The gravest first; of several of one name the gravest alone."""
    by_name: dict[str, Finding] = {}
    for one in sorted(findings, key=_grave):
        by_name.setdefault(one.name, one)
    return tuple(by_name.values())


def _grave(one: Finding) -> tuple[int, int, str, str, str, str]:
    return -one.bears, -one.severity, one.code, one.subject, one.of, one.text
