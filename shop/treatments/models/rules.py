"""Who may do which procedure, and what it asks of home care: rules of law and of medicine as rows.

What they say is read and judged by the pure rooms (`scope`, `windows`); a row knows its days, its
versions and who stands behind it, as every kind of rule does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from shop.accounts.models import LicenceKind
from shop.core import rules
from shop.core.db import Base, Word, one_of
from shop.core.events import Stateful
from shop.core.rules import EVERYWHERE, BadRule, Grade, Rule, Severity
from shop.treatments import reading, scope
from shop.treatments.scope import ScopeRule, Verdict
from shop.treatments.windows import Action, Anchor, WindowRule
from shop.treatments.windows import rules as windows

CODE = "~ '^[a-z][a-z0-9_]*$'"
SEVERITIES = ", ".join(repr(one.word) for one in Severity)


class ScopeRuleRow(Rule, Stateful, Base):
    """What a kind of licence lets its holder do of one procedure, in one jurisdiction."""

    machine = "scope_rule"
    KEY = (("procedure", "="), ("licence", "="))
    __tablename__ = "scope_rules"
    __table_args__ = (
        *rules.table_args("scope_rules", machine, *KEY),
        sa.CheckConstraint(f"procedure {CODE}", name="ruled_procedure_is_a_code"),
        sa.CheckConstraint(one_of("licence", LicenceKind), name="ruled_licence_is_known"),
        sa.CheckConstraint(one_of("verdict", Verdict), name="verdict_is_known"),
        sa.CheckConstraint(
            "(verdict = 'needs_supervision') = (supervision <> '')",
            name="needed_supervision_is_described",
        ),
    )

    procedure: Mapped[str]  # a code of the library
    licence: Mapped[LicenceKind] = mapped_column(Word(LicenceKind))
    verdict: Mapped[Verdict] = mapped_column(Word(Verdict))
    supervision: Mapped[str] = mapped_column(server_default="", default="")

    @classmethod
    def said(cls, says: Mapping[str, Any]) -> dict[str, Any]:
        """As a file says it, read column by column. Raises BadRule."""
        read = _read(scope.OWN, {"supervision": ""} | dict(says))
        _meant_together(ScopeRule, read)
        return read

    @property
    def sentence(self) -> str:
        what = f"{self.procedure} by {self.licence}: {self.verdict}"
        return f"{what} ({self.supervision})" if self.supervision else what

    def as_rule(self) -> ScopeRule:
        """The same for those who judge, who know no rows."""
        return ScopeRule(
            number=self.number,
            version=self.version,
            jurisdiction=self.jurisdiction,
            procedure=self.procedure,
            licence=self.licence,
            verdict=self.verdict,
            supervision=self.supervision,
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            source=self.source,
            grade=self.grade,
        )


class WindowRuleRow(Rule, Stateful, Base):
    """What a procedure asks of one subject, from which day to which around it.

    Of one subject, action and condition of a procedure, counted from one end of a session, ranges
    may follow each other and do not overlap.
    """

    machine = "window_rule"
    KEY = (
        ("procedure", "="),
        ("subject", "="),
        ("anchor", "="),
        ("action", "="),
        ("condition", "="),
    )
    __tablename__ = "window_rules"
    __table_args__ = (
        *rules.table_args(
            "window_rules",
            machine,
            *KEY[:-1],
            (sa.text("(condition::text)"), "="),  # no index of ranges knows jsonb
            (sa.text("int4range(from_day, to_day)"), "&&"),
        ),
        sa.CheckConstraint(f"procedure {CODE}", name="windowed_procedure_is_a_code"),
        sa.CheckConstraint(f"subject {CODE}", name="windowed_subject_is_a_code"),
        sa.CheckConstraint(one_of("anchor", Anchor), name="anchor_is_known"),
        sa.CheckConstraint(one_of("action", Action), name="window_action_is_known"),
        sa.CheckConstraint(f"severity IN ({SEVERITIES})", name="window_severity_is_known"),
        sa.CheckConstraint("from_day < to_day", name="window_is_forward"),
        sa.CheckConstraint("from_day >= -400 AND to_day <= 400", name="window_is_within_400_days"),
        sa.CheckConstraint(
            "action NOT IN ('prime', 'allow') OR severity IN ('info', 'warn')",
            name="what_stops_nothing_is_told",
        ),
        sa.CheckConstraint("published <> ''", name="window_says_what_was_published"),
        sa.CheckConstraint("jsonb_typeof(condition) = 'object'", name="condition_is_an_object"),
    )

    procedure: Mapped[str]  # a code of the library
    subject: Mapped[str]  # a class of active, or a word of conduct
    anchor: Mapped[Anchor] = mapped_column(Word(Anchor))
    from_day: Mapped[int]  # whole days of the clinic's zone, - before the anchor
    to_day: Mapped[int]  # the first day after
    action: Mapped[Action] = mapped_column(Word(Action))
    severity: Mapped[str]  # a Severity's word
    published: Mapped[str]  # the range as published
    condition: Mapped[dict[str, Any]]  # `when` of a file: {} asks nothing of the client

    @classmethod
    def said(cls, says: Mapping[str, Any]) -> dict[str, Any]:
        """As a file says it, read column by column. Raises BadRule."""
        given = {"when": {}} | dict(says)
        read = _read({name: windows.READERS[name] for name in OWN}, given)
        _meant_together(WindowRule, read)
        del read["when"]
        return read | {"severity": read["severity"].word, "condition": dict(given["when"])}

    def same(self) -> list[sa.ColumnElement[bool]]:
        kind = type(self)
        return [*super().same(), kind.from_day < self.to_day, kind.to_day > self.from_day]

    @property
    def sentence(self) -> str:
        days = f"{self.from_day:+d} to {self.to_day:+d} days of its {self.anchor}"
        told = ", ".join(f"{name} {value}" for name, value in self.condition.items())
        asked = f" where {told}" if told else ""
        return f"{self.procedure}: {self.action} {self.subject}, {days}{asked} ({self.severity})"

    def as_rule(self) -> WindowRule:
        """The same for those who judge, who know no rows."""
        return WindowRule(
            number=self.number,
            version=self.version,
            jurisdiction=self.jurisdiction,
            procedure=self.procedure,
            subject=self.subject,
            anchor=self.anchor,
            from_day=self.from_day,
            to_day=self.to_day,
            action=self.action,
            severity=Severity[self.severity.upper()],
            published=self.published,
            when=windows.when(self.condition),
            valid_from=self.valid_from,
            valid_until=self.valid_until,
            source=self.source,
            grade=self.grade,
        )


# The columns that only a rule of windows has.
OWN = (
    *("procedure", "subject", "anchor", "from_day", "to_day", "action", "severity"),
    *("published", "when"),
)


# What `ruling.draft` sees to, while what a rule says of its own is read.
UNSAID = {
    "number": "",
    "version": 1,
    "jurisdiction": EVERYWHERE,
    "valid_from": date.min,
    "valid_until": None,
    "source": "",
    "grade": Grade.U,
}


def _meant_together(kind: Callable[..., object], read: Mapping[str, Any]) -> None:
    """Refuse columns that contradict each other, as the pure rule does. Raises BadRule."""
    try:
        kind(**UNSAID, **read)
    except ValueError as error:
        raise BadRule(f"This rule cannot be drafted: {error}") from None


def _read(readers: Mapping[str, reading.Reader], says: Mapping[str, Any]) -> dict[str, Any]:
    """Every column by its reader. Raises BadRule that names each that cannot be used."""
    read: dict[str, Any] = {}
    wrong: dict[str, list[str]] = {}
    for name, reader in readers.items():
        try:
            read[name] = reader(says[name])
        except KeyError:
            wrong[name] = ["This is missing."]
        except (TypeError, ValueError) as error:
            wrong[name] = [str(error)]
    wrong |= {name: ["Unknown field."] for name in says if name not in readers}
    if wrong:
        raise BadRule("This rule cannot be drafted.", fields=wrong)
    return read
