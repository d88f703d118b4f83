"""Days of the clinic's zone: when one begins, and on which a moment lies.

Windows are counted in whole days on the calendar, never in hours, so that "5 days before" is right
across a change of the clocks. Moments are made of days here, and nowhere else.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo


def begin_of(day: date, zone: ZoneInfo) -> datetime:
    """The first moment of a day there: midnight, or what follows where the clocks skip it."""
    return datetime.combine(day, time(), zone).astimezone(UTC).astimezone(zone)


def day_of(moment: datetime, zone: ZoneInfo) -> date:
    """The day there on which an aware moment lies."""
    return moment.astimezone(zone).date()


def first_whole_day(moment: datetime, zone: ZoneInfo) -> date:
    """The first day there none of which is past at a moment."""
    day = day_of(moment, zone)
    return day if begin_of(day, zone) >= moment else date.fromordinal(day.toordinal() + 1)
