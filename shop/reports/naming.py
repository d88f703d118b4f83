"""The reports there are, by the name they are asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import lazy_gettext as _

from shop.core.errors import NotFound
from shop.reports import (
    deciding,
    ledger,
    listening,
    punctuality,
    recalling,
    refilling,
    sales,
    stock,
    takings,
)
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

    title: Any  # lazy strings
    about: Any
    spans: bool
    make: Callable[[Asked], Figures]


REPORTS: Mapping[str, Report] = {
    "sales": Report(
        _("Sales"),
        _("Orders that were paid, and what they came to."),
        spans=True,
        make=lambda asked: sales.by_period(since=asked.since, until=asked.until, zone=asked.zone),
    ),
    "approval-times": Report(
        _("Approval times"),
        _("How long clients waited for a physician, by week."),
        spans=True,
        make=lambda asked: deciding.times(since=asked.since, until=asked.until, zone=asked.zone),
    ),
    "decline-reasons": Report(
        _("Decline reasons"),
        _("Why requests were declined."),
        spans=True,
        make=lambda asked: deciding.reasons(since=asked.since, until=asked.until),
    ),
    "refill-adherence": Report(
        _("Refill adherence"),
        _("Whether what ran out was ordered again in time, by month."),
        spans=True,
        make=lambda asked: refilling.adherence(
            since=asked.since, until=asked.until, at=asked.at, zone=asked.zone
        ),
    ),
    "recall-minutes": Report(
        _("Recall minutes"),
        _("From opening a recall to its last letter."),
        spans=True,
        make=lambda asked: recalling.minutes(since=asked.since, until=asked.until),
    ),
    "expiry-by-month": Report(
        _("Expiry by month"),
        _("What lies in the house now, by the month in which it expires."),
        spans=False,
        make=lambda asked: stock.by_month(at=asked.at, today=asked.today),
    ),
    "stock-value": Report(
        _("Stock value"),
        _("What lies in the house now, at cost and at price."),
        spans=False,
        make=lambda asked: stock.value(at=asked.at),
    ),
    "expiry-exposure": Report(
        _("Expiry exposure"),
        _("What lies in the house now, by how soon it expires."),
        spans=False,
        make=lambda asked: stock.exposure(at=asked.at, today=asked.today),
    ),
    "movements": Report(
        _("Movements"),
        _("What came, went and was carried about."),
        spans=True,
        make=lambda asked: ledger.movements(since=asked.since, until=asked.until),
    ),
    "shrinkage": Report(
        _("Shrinkage"),
        _("What was lost, by who booked it."),
        spans=True,
        make=lambda asked: ledger.shrinkage(since=asked.since, until=asked.until),
    ),
    "service-level": Report(
        _("Service level"),
        _("How fast what was paid for left."),
        spans=True,
        make=lambda asked: punctuality.level(since=asked.since, until=asked.until),
    ),
    "takings": Report(
        _("Takings"),
        _("What came, what it cost and what went on to the clinic's bank, by day."),
        spans=True,
        make=lambda asked: takings.by_day(since=asked.since, until=asked.until, zone=asked.zone),
    ),
    "provider-events": Report(
        _("What the provider told"),
        _("Its events by type, those that nobody follows too."),
        spans=True,
        make=lambda asked: listening.told(since=asked.since, until=asked.until),
    ),
}


def report(name: str) -> Report:
    """The report with this name. Raises NotFound."""
    if name not in REPORTS:
        raise NotFound(f"There is no such report. There are: {', '.join(REPORTS)}.")
    return REPORTS[name]
