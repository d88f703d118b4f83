"""How often each rule of screening fired, and what physicians made of it: counts, of nobody."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from shop.accounts.models import Person
from shop.core.db import db
from shop.core.rules import Severity
from shop.prescriptions.models import Prescription, Refusal, Screening
from shop.prescriptions.screening import rules

BATCH = 500  # rows opened at a time


@dataclass(frozen=True)
class Ends:
    """How often rules fired in decided requests, and how those ended.

    `fired` = `overridden` + `signed` + `refused`: signed with a reason, signed without one (a hit
    that needs none), refused. Of a request a rule counts once, however often it fired.
    """

    fired: int = 0
    overridden: int = 0
    signed: int = 0
    refused: int = 0

    @property
    def override_rate(self) -> float | None:
        """The share that was signed with a reason; None where nothing fired."""
        return self.overridden / self.fired if self.fired else None


@dataclass(frozen=True, kw_only=True)
class RuleCount(Ends):
    """Of one rule."""

    rule: str
    severity: str  # the gravest with which it fired; the rule's own where it never did


@dataclass(frozen=True, kw_only=True)
class PhysicianCount(Ends):
    """Of the requests that one physician decided; no name: a rule declined them by itself."""

    physician: str
    decided: int


@dataclass(frozen=True, kw_only=True)
class MonthCount(Ends):
    """Of the requests that were decided in a month (UTC, "2026-11")."""

    month: str
    decided: int


@dataclass(frozen=True, kw_only=True)
class Cell(Ends):
    """The finest count: one rule, of one physician, in one month."""

    month: str
    physician: str
    rule: str


@dataclass(frozen=True)
class Report:
    """The counts of a time: rule by rule, the most overridden first; by physician; by month."""

    since: datetime
    until: datetime
    decided: int  # requests signed or refused in that time whose screening was kept
    rules: list[RuleCount]
    physicians: list[PhysicianCount]
    months: list[MonthCount]
    cells: list[Cell]


Who = tuple[str, str]  # name and id: two may have one name
Key = tuple[str, Who, str]  # month, physician, rule


def overrides(since: datetime, until: datetime) -> Report:
    """The report over requests decided from `since` until, not including, `until`.

    Rules that never fired are in it too. One statement, whatever the number of requests; raises
    NotOpened where a record cannot be opened, for a count that leaves some out would be wrong.
    """
    decided: Counter[tuple[str, Who]] = Counter()
    counts: Counter[tuple[Key, str]] = Counter()
    gravest = {rule.number: rule.severity for rule in rules.rules()}
    seen: dict[str, Severity] = {}
    with db.session.execute(_decided(since, until)) as rows:
        for screening, refused, name, who in rows:
            month, whose = f"{screening.screened_at.astimezone(UTC):%Y-%m}", (name, str(who or ""))
            decided[month, whose] += 1
            for rule, (severity, reason) in _fired(screening).items():
                seen[rule] = max(severity, seen.get(rule, severity))
                counts[(month, whose, rule), _outcome(reason=reason, refused=refused)] += 1

    by_rule, by_month, by_who = (_grouped(counts, place) for place in (2, 0, 1))
    rule_counts = [
        RuleCount(
            rule=rule,
            severity=seen.get(rule, gravest.get(rule, Severity.INFO)).word,
            **_ends(by_rule[rule]),
        )
        for rule in gravest.keys() | seen.keys()
    ]
    rule_counts.sort(key=lambda one: (-one.overridden, -one.fired, one.rule))
    of_month, of_who = Counter[str](), Counter[Who]()
    for (month, whose), count in decided.items():
        of_month[month] += count
        of_who[whose] += count
    return Report(
        since,
        until,
        decided.total(),
        rule_counts,
        [
            PhysicianCount(physician=who[0], decided=of_who[who], **_ends(by_who[who]))
            for who in sorted(of_who)
        ],
        [
            MonthCount(month=month, decided=of_month[month], **_ends(by_month[month]))
            for month in sorted(of_month)
        ],
        [
            Cell(month=month, physician=who[0], rule=rule, **_ends(found))
            for (month, who, rule), found in sorted(_grouped(counts, None).items())
        ],
    )


OUTCOMES = ("overridden", "signed", "refused")


def _grouped(counts: Counter[tuple[Key, str]], place: int | None) -> defaultdict[Any, Counter[str]]:
    """By one part of the key, or by the whole: how many ended which way."""
    found: defaultdict[Any, Counter[str]] = defaultdict(Counter)
    for (key, outcome), count in counts.items():
        found[key if place is None else key[place]][outcome] += count
    return found


def _ends(found: Counter[str]) -> dict[str, Any]:
    return {"fired": found.total()} | {name: found[name] for name in OUTCOMES}


def _decided(since: datetime, until: datetime) -> sa.Select[Screening, bool, str, UUID]:
    """What was kept of each decided request, whether it was refused, and by whom it was decided."""
    by = aliased(Person)
    return (
        sa.select(Screening, Refusal.id.is_not(None), sa.func.coalesce(by.name, ""), by.id)
        .outerjoin(Refusal, Refusal.request_id == Screening.request_id)
        .outerjoin(Prescription, Prescription.request_id == Screening.request_id)
        .outerjoin(by, by.id == sa.func.coalesce(Refusal.refused_by_id, Prescription.prescriber_id))
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
