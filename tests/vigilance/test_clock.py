"""The 15 business days, worked by hand beside the calendar of federal holidays."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shop.vigilance import clock

# As the Office of Personnel Management publishes them; 2027 with the eve of New Year 2028.
KEPT = {
    2026: "01-01 01-19 02-16 05-25 06-19 07-03 09-07 10-12 11-11 11-26 12-25",
    2027: "01-01 01-18 02-15 05-31 06-18 07-05 09-06 10-11 11-11 11-25 12-24 12-31",
}


@pytest.mark.parametrize("year", KEPT)
def test_the_holidays_are_those_that_are_kept(year: int) -> None:
    days = (date(year, 1, 1) + timedelta(days=n) for n in range(365))
    free = [day for day in days if day.weekday() < 5 and not clock.is_business(day)]
    assert " ".join(f"{day:%m-%d}" for day in free) == KEPT[year]


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-11-27", "2026-12-18"),  # three plain weeks
        ("2026-11-28", "2026-12-18"),  # a Saturday: counts from Monday
        ("2026-11-29", "2026-12-18"),
        ("2026-12-15", "2027-01-07"),  # Christmas and New Year, both Fridays
        ("2026-07-01", "2026-07-23"),  # Independence Day on a Saturday, kept on Friday
        ("2027-12-10", "2028-01-04"),  # Christmas and New Year 2028 kept on Fridays before
        ("2026-11-10", "2026-12-03"),  # Veterans Day and Thanksgiving
    ],
)
def test_by_when_it_is_reported(received: str, due: str) -> None:
    assert clock.due(date.fromisoformat(received)) == date.fromisoformat(due)


@given(st.dates(date(2020, 1, 1), date(2060, 1, 1)))
def test_it_is_a_business_day_in_three_to_five_weeks_and_later_never_earlier(day: date) -> None:
    due = clock.due(day)
    assert clock.is_business(due)
    assert timedelta(days=19) <= due - day <= timedelta(days=30)  # the database: 15 to 40
    between = [day + timedelta(days=n) for n in range(1, (due - day).days + 1)]
    assert sum(map(clock.is_business, between)) == clock.BUSINESS_DAYS
    assert due <= clock.due(day + timedelta(days=1))
