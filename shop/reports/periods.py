"""Days, weeks or months of the clinic's calendar, whichever reads best for a time. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo


class Period(StrEnum):
    DAY = "day"
    WEEK = "week"  # from Monday
    MONTH = "month"

    def begins(self, day: date) -> date:
        """The first day of the period that `day` is in."""
        if self is Period.WEEK:
            return day - timedelta(days=day.weekday())
        return day.replace(day=1) if self is Period.MONTH else day

    def following(self, first: date) -> date:
        """The first day of the next period."""
        if self is Period.WEEK:
            return first + timedelta(days=7)
        if self is Period.MONTH:
            return (first.replace(day=28) + timedelta(days=4)).replace(day=1)
        return first + timedelta(days=1)


@dataclass(frozen=True)
class Calendar:
    """The periods between two moments, in the clinic's zone; the ends may be parts of one."""

    period: Period
    first: date
    last: date  # a day, included
    zone: str

    def __iter__(self) -> Iterator[date]:
        begins = self.period.begins(self.first)
        while begins <= self.last:
            yield begins
            begins = self.period.following(begins)

    def of(self, at: datetime) -> date:
        """The period of a moment, by its first day."""
        return self.period.begins(at.astimezone(ZoneInfo(self.zone)).date())


def calendar(since: datetime, until: datetime, zone: str, period: Period | None = None) -> Calendar:
    """`until` is not included. Days for six weeks, weeks for half a year, months for more."""
    clinic = ZoneInfo(zone)
    first = since.astimezone(clinic).date()
    last = (until - timedelta(microseconds=1)).astimezone(clinic).date()
    if period is None:
        length = (last - first).days + 1
        period = Period.DAY if length <= 45 else Period.WEEK if length <= 200 else Period.MONTH
    return Calendar(period, first, last, zone)
