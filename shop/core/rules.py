"""Rules that are data: a row each, with dates, a jurisdiction, a source and two people behind it.

What every kind of rule has in common (the class of an active in law, who sees what, later windows,
scope, dispensing): a kind is a table of its own that mixes `Rule` in and says what its key is. A
rule is drafted, reviewed and activated by different people, and never rewritten: its next version
supersedes it, or two people end it. Days are UTC days, `valid_until` is the first day after.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import date
from enum import IntEnum, StrEnum
from typing import Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column, validates

from shop.core.db import Word, one_of
from shop.core.errors import Conflict, NotAllowed, NotFound, Refused, WrongState
from shop.core.events import state_key
from shop.core.usps import STATES

EVERYWHERE = "US"
LAW = 5_150_001  # the advisory lock of who changes rules, and, shared, of who acts on an answer
JURISDICTIONS = frozenset({EVERYWHERE, *STATES})


class NoSuchRule(NotFound):
    code = "no_such_rule"


class BadRule(Refused):
    code = "bad_rule"


class RuleOverlaps(Conflict):
    """Two rules would speak of the same on the same day."""

    code = "rule_overlaps"


class SamePerson(NotAllowed):
    """What two people decide, one has decided alone."""

    code = "same_person"


class RuleStatus(StrEnum):
    DRAFT = "draft"
    REVIEWED = "reviewed"
    ACTIVE = "active"
    SUPERSEDED = "superseded"


R = RuleStatus
RULE_ARROWS: dict[RuleStatus | None, set[RuleStatus]] = {
    None: {R.DRAFT},
    R.DRAFT: {R.REVIEWED},
    R.REVIEWED: {R.ACTIVE},
    R.ACTIVE: {R.SUPERSEDED},
    R.SUPERSEDED: set(),
}
ACTIVATED = (R.ACTIVE, R.SUPERSEDED)  # what holds, or held, between its days


class Severity(IntEnum):
    """One scale for every rule, mildest first; on the wire by its name in lower case."""

    INFO = 1
    WARN = 2  # told and recorded
    SOFT_STOP = 3  # a physician may override it with a reason
    HARD_STOP = 4  # nobody may

    @property
    def word(self) -> str:
        return self.name.lower()


class Grade(StrEnum):
    """How well a rule is founded: guideline or statute (A) to unconfirmed (U)."""

    A = "A"
    B = "B"
    C = "C"
    D = "D"
    U = "U"


def _later() -> Any:
    """Who does something with a rule that exists: not written when it is drafted."""
    return mapped_column(sa.ForeignKey("people.id"), server_default=sa.FetchedValue())


class Rule:
    """What every rule says, and who stands behind it. Mixed in before Stateful and Base.

    `KEY` are the columns, with their operators, of which one rule holds on a day; `sentence` is
    what it says in words.
    """

    machine: str
    KEY: ClassVar[tuple[tuple[str, str], ...]]
    status: Mapped[RuleStatus] = mapped_column(Word(RuleStatus))
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True, default=uuid.uuid4)
    number: Mapped[str]  # of the rule through all its versions
    version: Mapped[int]
    jurisdiction: Mapped[str]  # a USPS code, or "US"
    valid_from: Mapped[date]
    valid_until: Mapped[date | None]
    source: Mapped[str]
    grade: Mapped[Grade] = mapped_column(Word(Grade))
    review_by: Mapped[date]  # looked at again by then
    owner_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    authored_by_id: Mapped[uuid.UUID] = mapped_column(sa.ForeignKey("people.id"))
    reviewed_by_id: Mapped[uuid.UUID | None] = _later()
    activated_by_id: Mapped[uuid.UUID | None] = _later()
    # Somebody proposes a last day, another agrees: then `valid_until` is set.
    end_on: Mapped[date | None] = mapped_column(server_default=sa.FetchedValue())
    end_proposed_by_id: Mapped[uuid.UUID | None] = _later()
    ended_by_id: Mapped[uuid.UUID | None] = _later()

    @classmethod
    def said(cls, says: Mapping[str, Any]) -> dict[str, Any]:
        """The columns of its own, as a draft says them. Raises BadRule that names the field."""
        return dict(says)

    @property
    def sentence(self) -> str:
        raise NotImplementedError

    def same(self) -> list[sa.ColumnElement[bool]]:
        """Which rules of its kind speak of the same: the conditions of its exclusion constraint."""
        kind = type(self)
        return [getattr(kind, name).op(word)(getattr(self, name)) for name, word in kind.KEY]

    def in_force(self, day: date) -> bool:
        """Whether it holds on a day: activated, and the day is one of its days."""
        begun = self.status in ACTIVATED and self.valid_from <= day
        return begun and (self.valid_until is None or day < self.valid_until)

    @validates("status")
    def _along_an_arrow(self, _key: str, new: RuleStatus) -> RuleStatus:
        if new not in RULE_ARROWS[self.status]:
            raise WrongState(
                f"A rule that is {self.status} cannot become {new}.", status=self.status, wanted=new
            )
        return new


def kinds() -> dict[str, type[Rule]]:
    """Every kind of rule there is, by its name on the wire ("legal_class")."""
    return {kind_of(kind): kind for kind in Rule.__subclasses__()}


def kind_of(rule: Rule | type[Rule]) -> str:
    """The name on the wire of a rule's kind."""
    return rule.machine.removesuffix("_rule")


def in_force_on(kind: Any, day: date) -> sa.ColumnElement[bool]:
    """The same as a condition on rows of this kind (or on a view with the same columns)."""
    return sa.and_(
        kind.status.in_(ACTIVATED),
        kind.valid_from <= day,
        sa.or_(kind.valid_until.is_(None), kind.valid_until > day),
    )


def table_args(table: str, machine: str, *key: tuple[Any, str]) -> tuple[Any, ...]:
    """The constraints of a kind of rule. Of one `key` (columns and operators) only one holds a day.

    The half-open ranges of superseded rules count too, so that the past has one answer.
    """
    checks: Sequence[tuple[str, str]] = (
        ("jurisdiction ~ '^[A-Z]{2}$'", "rule_is_of_a_jurisdiction"),
        ("valid_until >= valid_from", "rule_range_is_forward"),
        ("version > 0 AND number <> ''", "rule_has_a_number"),
        ("source <> ''", "rule_has_a_source"),
        (one_of("grade", Grade), "rule_grade_is_known"),
        (
            "(reviewed_by_id IS NOT NULL) = (status <> 'draft')",
            "rule_is_reviewed_by_someone",
        ),
        ("reviewed_by_id <> authored_by_id", "rule_is_reviewed_by_another"),
        (
            "(activated_by_id IS NOT NULL) = (status IN ('active', 'superseded'))",
            "rule_is_activated_by_someone",
        ),
        ("activated_by_id <> authored_by_id", "rule_is_activated_by_another"),
        (
            "status <> 'superseded' OR valid_until IS NOT NULL",
            "superseded_rule_has_a_last_day",
        ),
        (
            "(end_on IS NULL) = (end_proposed_by_id IS NULL)",
            "rule_end_is_proposed_by_someone",
        ),
        (
            (
                "ended_by_id IS NULL OR (end_on IS NOT NULL AND valid_until IS NOT NULL"
                " AND valid_until <= end_on)"
            ),
            "ended_rule_ends_as_proposed",
        ),
        ("ended_by_id <> end_proposed_by_id", "rule_is_ended_by_another"),
    )
    return (
        state_key(machine),
        sa.UniqueConstraint("number", "version", name=f"{table}_version_key"),
        *(sa.CheckConstraint(text, name=name) for text, name in checks),
        ExcludeConstraint(
            ("jurisdiction", "="),
            *key,
            (sa.text("daterange(valid_from, valid_until)"), "&&"),
            using="gist",
            where=sa.text("status IN ('active', 'superseded')"),
            name=f"{table}_do_not_overlap",
        ),
    )
