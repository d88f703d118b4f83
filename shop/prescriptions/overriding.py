"""How often each rule of screening fired, and what physicians made of it: counts, of nobody."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from shop.core.db import db
from shop.core.rules import Severity
from shop.prescriptions.models import Refusal, Screening
from shop.prescriptions.screening import rules

BATCH = 500  # rows opened at a time


@dataclass(frozen=True)
class RuleCount:
    """Of a rule, in how many decided requests it fired, and how those ended.

    `fired` = `overridden` + `signed` + `refused`: signed with a reason, signed without one (a hit
    that needs none), refused. Of a request a rule counts once, however often it fired.
    """

    rule: str
    severity: str  # the gravest with which it fired; the rule's own where it never did
    fired: int = 0
    overridden: int = 0
    signed: int = 0
    refused: int = 0

    @property
    def override_rate(self) -> float | None:
        """The share of its requests that were signed with a reason; None where it never fired."""
        return self.overridden / self.fired if self.fired else None


@dataclass(frozen=True)
class Report:
    """The counts of a time, rule by rule, the most overridden first."""

    since: datetime
    until: datetime
    decided: int  # requests signed or refused in that time whose screening was kept
    rules: list[RuleCount]


def overrides(since: datetime, until: datetime) -> Report:
    """The report over requests decided from `since` until, not including, `until`.

    Rules that never fired are in it too. One statement, whatever the number of requests; raises
    NotOpened where a record cannot be opened, for a count that leaves some out would be wrong.
    """
    decided = 0
    counts: Counter[tuple[str, str]] = Counter()
    gravest = {rule.number: rule.severity for rule in rules.rules()}
    seen: dict[str, Severity] = {}
    with db.session.execute(_decided(since, until)) as rows:
        for screening, refused in rows:
            decided += 1
            for rule, (severity, reason) in _fired(screening).items():
                seen[rule] = max(severity, seen.get(rule, severity))
                counts[rule, _outcome(reason=reason, refused=refused)] += 1
    found = [
        _count(rule, seen.get(rule, gravest.get(rule, Severity.INFO)), counts)
        for rule in gravest.keys() | seen.keys()
    ]
    found.sort(key=lambda one: (-one.overridden, -one.fired, one.rule))
    return Report(since, until, decided, found)


def _decided(since: datetime, until: datetime) -> sa.Select[Screening, bool]:
    """What was kept of each decided request, and whether it was refused."""
    return (
        sa.select(Screening, Refusal.id.is_not(None))
        .outerjoin(Refusal, Refusal.request_id == Screening.request_id)
        .where(since <= Screening.screened_at, Screening.screened_at < until)
        .execution_options(yield_per=BATCH)
    )


def _fired(screening: Screening) -> dict[str, tuple[Severity, bool]]:
    """The rules with a hit: how grave, and whether a reason was given."""
    found: dict[str, tuple[Severity, bool]] = {}
    for hit in screening.checks["hits"]:
        severity = Severity[hit["severity"].upper()]
        before = found.get(hit["rule"], (severity, False))
        found[hit["rule"]] = (max(severity, before[0]), before[1] or hit["reason"] is not None)
    return found


def _outcome(*, reason: bool, refused: bool) -> str:
    if refused:
        return "refused"
    return "overridden" if reason else "signed"


def _count(rule: str, severity: Severity, counts: Counter[tuple[str, str]]) -> RuleCount:
    ends = {name: counts[rule, name] for name in ("overridden", "signed", "refused")}
    return RuleCount(rule, severity.word, fired=sum(ends.values()), **ends)
