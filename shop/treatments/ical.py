"""Entries of an agenda as an iCalendar stream (RFC 5545). Pure: the same entries, the same bytes.

Without METHOD, DTSTAMP is when an entry was last revised (3.8.7.2), so what did not change need not
be read again.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event, Timezone

from shop.treatments.agenda import Entry

MADE_BY = "-//Aftercare//Treatment plan//EN"
READ_AGAIN = timedelta(hours=6)


def written(entries: Collection[Entry], *, name: str) -> bytes:
    """The whole calendar, called `name`, with every zone that its times are in."""
    calendar = Calendar()
    calendar.add("VERSION", "2.0")
    calendar.add("PRODID", MADE_BY)
    calendar.add("CALSCALE", "GREGORIAN")
    calendar.add("NAME", name)  # RFC 7986
    calendar.add("X-WR-CALNAME", name)  # the same for programs that are older
    calendar.add("REFRESH-INTERVAL", READ_AGAIN, parameters={"VALUE": "DURATION"})
    for zone in _zones(entries):
        calendar.add_component(zone)
    for entry in entries:
        calendar.add_component(_event(entry))
    text: bytes = calendar.to_ical(sorted=False)
    return text


def _event(entry: Entry) -> Event:
    event = Event()
    event.add("UID", entry.uid)
    event.add("DTSTAMP", entry.revised.astimezone(UTC))
    event.add("LAST-MODIFIED", entry.revised.astimezone(UTC))
    event.add("SEQUENCE", entry.sequence)
    event.add("DTSTART", entry.begins)
    event.add("DTEND", entry.until)
    event.add("SUMMARY", entry.title)
    if entry.text:
        event.add("DESCRIPTION", entry.text)
    event.add("STATUS", entry.certainty.value)
    event.add("TRANSP", "TRANSPARENT" if entry.all_day else "OPAQUE")  # home care blocks no time
    event.add("CLASS", "PRIVATE")
    return event


def _zones(entries: Collection[Entry]) -> Iterator[Timezone]:
    """A VTIMEZONE for each zone that times are in, from a year before the first to one after."""
    times = [entry.begins for entry in entries if isinstance(entry.begins, datetime)]
    zones = {one.tzinfo.key: one.tzinfo for one in times if isinstance(one.tzinfo, ZoneInfo)}
    for key in sorted(zones.keys() - {"UTC"}):  # UTC is written as such
        years = [one.year for one in times if one.tzinfo is zones[key]]
        yield _zone(key, min(years) - 1, max(years) + 2)


@functools.cache
def _zone(key: str, first: int, last: int) -> Timezone:
    """What a zone's clocks do from one year's beginning to another's. Found once: it takes long."""
    return Timezone.from_tzinfo(
        ZoneInfo(key), key, first_date=date(first, 1, 1), last_date=date(last, 1, 1)
    )
