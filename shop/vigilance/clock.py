"""By when a serious reaction is reported: 15 business days after it was received. Pure.

21 U.S.C. 364a(b)(1), as added by section 605 of the Modernization of Cosmetics Regulation Act of
2022: no later than 15 business days after the report is received; so is new medical information
received within a year. A business day is none of Saturday, Sunday and the federal holidays.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

BUSINESS_DAYS = 15
SATURDAY, SUNDAY = 5, 6  # as date.weekday counts, Monday being 0
MONDAY, THURSDAY = 0, 3
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Holiday:
    """A date of each year, or the `nth` `weekday` of a month (-1: the last)."""

    name: str
    month: int
    day: int = 0
    weekday: int = -1
    nth: int = 0

    def on(self, year: int) -> date:
        if self.day:
            return date(year, self.month, self.day)
        if self.nth > 0:
            first = date(year, self.month, 1)
            ahead = (self.weekday - first.weekday()) % 7
            return first + timedelta(days=ahead + 7 * (self.nth - 1))
        after = date(year + self.month // 12, self.month % 12 + 1, 1)
        return after - timedelta(days=(after.weekday() - self.weekday - 1) % 7 + 1)


# 5 U.S.C. 6103(a). Inauguration Day, a holiday of one city, is none here.
HOLIDAYS = (
    Holiday("New Year's Day", 1, day=1),
    Holiday("Birthday of Martin Luther King, Jr.", 1, weekday=MONDAY, nth=3),
    Holiday("Washington's Birthday", 2, weekday=MONDAY, nth=3),
    Holiday("Memorial Day", 5, weekday=MONDAY, nth=-1),
    Holiday("Juneteenth National Independence Day", 6, day=19),
    Holiday("Independence Day", 7, day=4),
    Holiday("Labor Day", 9, weekday=MONDAY, nth=1),
    Holiday("Columbus Day", 10, weekday=MONDAY, nth=2),
    Holiday("Veterans Day", 11, day=11),
    Holiday("Thanksgiving Day", 11, weekday=THURSDAY, nth=4),
    Holiday("Christmas Day", 12, day=25),
)


def observed(year: int) -> Iterator[date]:
    """When the holidays of a year are kept: Friday for a Saturday, Monday for a Sunday.

    5 U.S.C. 6103(b)(1) and Executive Order 11582, for who works Monday to Friday.
    """
    for holiday in HOLIDAYS:
        day = holiday.on(year)
        yield day + {SATURDAY: -DAY, SUNDAY: DAY}.get(day.weekday(), timedelta())


def is_business(day: date) -> bool:
    near = {day.year, (day + DAY).year}  # New Year on a Saturday is kept the year before
    return day.weekday() < SATURDAY and not any(day in observed(year) for year in near)


def due(received_on: date) -> date:
    """The 15th business day after the day it was received, which does not count itself."""
    day, left = received_on, BUSINESS_DAYS
    while left:
        day += DAY
        left -= is_business(day)
    return day
