"""The reports there are, by the name they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from shop.core.errors import NotFound
from shop.reports import ledger, listening, punctuality, stock, takings
from shop.reports.figures import Figures


@dataclass(frozen=True)
class Asked:
    """The moment, the clinic's day, and the time a report is about, its end not included."""

    at: datetime
    today: date
    since: datetime
    until: datetime
    zone: str  # the clinic's


@dataclass(frozen=True)
class Report:
    """`spans`: it is about a time, not about this moment."""

    title: str
    about: str
    spans: bool
    make: Callable[[Asked], Figures]


REPORTS: Mapping[str, Report] = {
    "stock-value": Report(
        "Stock value",
        "What lies in the house now, at cost and at price.",
        spans=False,
        make=lambda asked: stock.value(at=asked.at),
    ),
    "expiry-exposure": Report(
        "Expiry exposure",
        "What lies in the house now, by how soon it expires.",
        spans=False,
        make=lambda asked: stock.exposure(at=asked.at, today=asked.today),
    ),
    "movements": Report(
        "Movements",
        "What came, went and was carried about.",
        spans=True,
        make=lambda asked: ledger.movements(since=asked.since, until=asked.until),
    ),
    "shrinkage": Report(
        "Shrinkage",
        "What was lost, by who booked it.",
        spans=True,
        make=lambda asked: ledger.shrinkage(since=asked.since, until=asked.until),
    ),
    "service-level": Report(
        "Service level",
        "How fast what was paid for left.",
        spans=True,
        make=lambda asked: punctuality.level(since=asked.since, until=asked.until),
    ),
    "takings": Report(
        "Takings",
        "What came, what it cost and what went on to the clinic's bank, by day.",
        spans=True,
        make=lambda asked: takings.by_day(since=asked.since, until=asked.until, zone=asked.zone),
    ),
    "provider-events": Report(
        "What the provider told",
        "Its events by type, those that nobody follows too.",
        spans=True,
        make=lambda asked: listening.told(since=asked.since, until=asked.until),
    ),
}


def report(name: str) -> Report:
    """The report with this name. Raises NotFound."""
    if name not in REPORTS:
        raise NotFound(f"There is no such report. There are: {', '.join(REPORTS)}.")
    return REPORTS[name]
