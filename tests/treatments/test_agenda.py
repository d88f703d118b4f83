"""What a calendar shows, and that RFC 5545 is kept: written, then read back by strict rules."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shop.treatments import agenda, ical, windows
from shop.treatments.agenda import Certainty, Entry, Planned, Words
from shop.treatments.states import SessionStatus
from shop.treatments.windows import Action, WindowRule
from tests.regime import WINDOW_EXAMPLES
from tests.treatments.naive import World, worlds
from tests.treatments.sessions import KNOWN, PACIFIC, a_moment, a_rule

REVISED = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
EARLIER = datetime(2026, 1, 1, tzinfo=UTC)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ONCE = ("UID", "DTSTAMP", "LAST-MODIFIED", "SEQUENCE", "DTSTART", "DTEND", "SUMMARY", "STATUS")
RETINOID = a_rule("retinoid", Action.STOP, -5, 7)
SUN = a_rule("sun", Action.AVOID, -7, 14)


def planned(day: str, key: str = "a", **fields: object) -> Planned:
    starts = a_moment(day)
    whole = Planned(
        key=key,
        procedure="superficial_peel",
        area="face",
        status=SessionStatus.BOOKED,
        starts=starts,
        ends=starts + timedelta(minutes=45),
        sequence=1,
        revised=REVISED,
    )
    return replace(whole, **fields)  # type: ignore[arg-type]


def shown(
    sessions: list[Planned], *rules: WindowRule, words: Words = Words.FULL
) -> tuple[Entry, ...]:
    """As `schedule` puts it together."""
    treated = [one for one in sessions if one.status is not SessionStatus.CANCELLED]
    calendar = windows.calendar(
        [windows.Session(one.key, one.procedure, one.starts, one.ends) for one in treated],
        rules,
        facts=KNOWN,
        zone=PACIFIC,
    )
    return (
        *agenda.appointments(sessions, words=words),
        *agenda.home_care(calendar, treated, revised=EARLIER, words=words),
    )


def read(stream: bytes) -> icalendar.Calendar:
    """The calendar, once the text is found to be what RFC 5545 asks for."""
    assert stream.endswith(b"\r\n")
    lines = stream.split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line for line in lines)  # 3.1: CRLF, nothing else
    assert max(map(len, lines)) <= 75
    assert all(line.decode() is not None for line in lines)  # no character is cut in two
    (calendar,) = icalendar.Calendar.from_ical(stream, multiple=True)
    assert isinstance(calendar, icalendar.Calendar)
    assert [one.errors for one in calendar.walk() if one.errors] == []
    for name in ("VERSION", "PRODID"):
        assert isinstance(calendar[name], str)  # 3.6: each once
    assert calendar["VERSION"] == "2.0"
    uids = [str(event["UID"]) for event in calendar.events]
    assert len(set(uids)) == len(uids)
    assert all(UUID.fullmatch(uid) for uid in uids)
    for event in calendar.events:
        assert all(name in event and not isinstance(event[name], list) for name in ONCE)
        assert event["DTSTAMP"].to_ical().endswith(b"Z")  # 3.8.7.2: in UTC
        assert event.decoded("DTSTART") < event.decoded("DTEND")  # 3.8.2.2
    _zones_are_defined(calendar)
    return calendar


def _zones_are_defined(calendar: icalendar.Calendar) -> None:
    """3.6.5: for every TZID there is a VTIMEZONE, which means by each time what the zone means."""
    defined = {str(one["TZID"]): one.to_tz(lookup_tzid=False) for one in calendar.timezones}
    for event in calendar.events:
        for name in ("DTSTART", "DTEND"):
            zone = event[name].params.get("TZID")
            if zone is not None:
                local = event.decoded(name).replace(tzinfo=None)
                meant = local.replace(tzinfo=ZoneInfo(zone)).utcoffset()
                assert local.replace(tzinfo=defined[zone]).utcoffset() == meant, (zone, local)


def events(entries: Iterable[Entry]) -> list[icalendar.Event]:
    return list(read(ical.written(tuple(entries), name="Appointments")).events)


def test_a_session_stands_at_its_time_in_the_clinics_zone() -> None:
    (event,) = events(shown([planned("2026-12-12")]))
    assert event["DTSTART"].params["TZID"] == "America/Los_Angeles"
    assert event["DTSTART"].to_ical() == b"20261212T100000"
    assert event["DTEND"].to_ical() == b"20261212T104500"
    assert event["SUMMARY"] == "Superficial peel, face"
    assert (event["STATUS"], event["TRANSP"], event["SEQUENCE"]) == ("CONFIRMED", "OPAQUE", 1)
    assert event.decoded("DTSTAMP") == event.decoded("LAST-MODIFIED") == REVISED


def test_a_window_is_whole_days_and_says_when_to_stop() -> None:
    event = events(shown([planned("2026-12-12")], RETINOID))[1]
    assert event["DTSTART"].params["VALUE"] == event["DTEND"].params["VALUE"] == "DATE"
    assert event.decoded("DTSTART") == date(2026, 12, 7)
    assert event.decoded("DTEND") == date(2026, 12, 19)  # the first day after
    assert event["SUMMARY"] == "Stop retinoids by 7 Dec"
    said = "Retinoids. Superficial peel on 12 Dec: stop by 7 Dec, from 19 Dec again."
    assert event["DESCRIPTION"] == said
    assert event["TRANSP"] == "TRANSPARENT"  # she is free meanwhile


@pytest.mark.parametrize(
    ("status", "certainty"),
    [
        (SessionStatus.PROPOSED, "TENTATIVE"),
        (SessionStatus.BOOKED, "CONFIRMED"),
        (SessionStatus.PERFORMED, "CONFIRMED"),
        (SessionStatus.CANCELLED, "CANCELLED"),
        (SessionStatus.NO_SHOW, "CANCELLED"),
    ],
)
def test_how_sure_a_session_is(status: SessionStatus, certainty: str) -> None:
    assert {one.value for one in agenda.CERTAINTY.values()} == set(Certainty)
    (event,) = events(shown([planned("2026-12-12", status=status)]))
    assert event["STATUS"] == certainty


def test_discreet_words_tell_nothing() -> None:
    entries = shown([planned("2026-12-12")], RETINOID, SUN, words=Words.DISCREET)
    assert {one.title for one in entries} == {"Appointment", "Home care changes"}
    stream = ical.written(entries, name="Appointments").decode().lower()
    assert not [word for word in ("peel", "face", "retin", "sun", "stop", "skin") if word in stream]


def test_discreet_words_name_each_day_on_which_something_changes_once() -> None:
    entries = shown([planned("2026-12-12")], RETINOID, SUN, words=Words.DISCREET)
    days = [one.begins for one in entries if one.all_day]
    assert days == [date(2026, 12, day) for day in (5, 7, 19, 26)]


@pytest.mark.parametrize("words", Words)
def test_a_moved_session_keeps_its_uids_and_its_sequence_rises(words: Words) -> None:
    before = shown([planned("2026-12-12")], RETINOID, SUN, words=words)
    moved = planned("2027-01-20", sequence=2, revised=REVISED + timedelta(days=1))
    after = shown([moved], RETINOID, SUN, words=words)
    assert [one.uid for one in after] == [one.uid for one in before]
    for was, now in zip(before, after, strict=True):
        assert now.begins != was.begins
        assert now.sequence > was.sequence
        assert now.revised > was.revised


def test_what_two_sessions_ask_together_is_one_entry_of_both() -> None:
    both = [planned("2026-12-12"), planned("2026-12-16", "b", status=SessionStatus.PROPOSED)]
    window = shown(both, RETINOID)[2]
    assert (window.begins, window.until) == (date(2026, 12, 7), date(2026, 12, 23))
    assert (window.sequence, window.certainty) == (2, Certainty.TENTATIVE)


def test_what_may_be_used_is_no_entry() -> None:
    assert len(shown([planned("2026-12-12")], a_rule("retinoid", Action.ALLOW, 7, 30))) == 1


def test_the_clocks_change_between_two_sessions() -> None:
    before, after = events(shown([planned("2026-10-31"), planned("2026-11-01", "b")]))
    gap = after.decoded("DTSTART").astimezone(UTC) - before.decoded("DTSTART").astimezone(UTC)
    assert gap == timedelta(hours=25)


def test_a_zone_without_summer_time_and_utc() -> None:
    for name in ("America/Phoenix", "UTC"):
        starts = datetime(2026, 12, 12, 10, tzinfo=ZoneInfo(name))
        one = planned("2026-12-12", starts=starts, ends=starts + timedelta(hours=1))
        (event,) = events(agenda.appointments([one], words=Words.FULL))
        assert event.decoded("DTSTART") == starts


def test_an_empty_calendar_can_be_read() -> None:
    assert events(()) == []


def test_the_same_entries_are_the_same_bytes() -> None:
    entries = shown([planned("2026-12-12")], RETINOID)
    assert ical.written(entries, name="x") == ical.written(entries, name="x")


@given(title=st.text(max_size=200), text=st.text(max_size=400))
@settings(max_examples=WINDOW_EXAMPLES, deadline=None)
def test_whatever_is_said_comes_back(title: str, text: str) -> None:
    """Commas, semicolons, backslashes and lines are escaped, long lines folded between characters."""
    title, text = (re.sub(r"[\x00-\x08\x0b-\x1f\x7f\r]", "", one) for one in (title, text))
    (entry,) = shown([planned("2026-12-12")])
    (event,) = events([replace(entry, title=title or "x", text=text)])
    assert str(event["SUMMARY"]) == (title or "x")
    assert str(event.get("DESCRIPTION", "")) == text


@given(world=worlds(), words=st.sampled_from(Words))
@settings(max_examples=WINDOW_EXAMPLES, deadline=None)
def test_any_plan_is_a_calendar_that_can_be_read(world: World, words: Words) -> None:
    sessions = [
        planned(
            "2026-12-12",
            one.key,
            procedure=one.procedure,
            starts=one.starts.astimezone(world.zone),
            ends=(one.ends if one.ends > one.starts else one.starts + timedelta(minutes=5))
            .astimezone(UTC)
            .astimezone(world.zone),
        )
        for one in world.sessions
    ]
    calendar = windows.calendar(world.sessions, world.rules, facts=world.facts, zone=world.zone)
    entries = [
        *agenda.appointments(sessions, words=words),
        *agenda.home_care(calendar, sessions, revised=EARLIER, words=words),
    ]
    found = events(entries)
    assert len(found) == len(entries)
    assert len(sessions) == sum("TZID" in one["DTSTART"].params for one in found)
