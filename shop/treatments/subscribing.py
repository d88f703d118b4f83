"""A client's private calendar address: made, renewed, ended, and read by whoever holds it."""

from __future__ import annotations

import hashlib
import uuid
from datetime import datetime

import sqlalchemy as sa

from shop.accounts import throttling
from shop.accounts.models import Person
from shop.accounts.once import hashed, new_secret
from shop.charts.queries import lock_chart
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotFound
from shop.core.events import Kind
from shop.treatments import ical, schedule
from shop.treatments.agenda import Words
from shop.treatments.models import CalendarFeed

NAMES = {Words.DISCREET: "Appointments", Words.FULL: "My treatment plan"}


def make(client: Person, *, words: Words, at: datetime) -> tuple[CalendarFeed, str]:
    """A new address for a client, and its secret, which is shown once. The one before ends."""
    lock_chart(client)  # her row: one address at a time
    _end(client, at)
    secret = new_secret()
    feed = CalendarFeed(
        id=uuid.uuid4(), client_id=client.id, secret_hash=hashed(secret), words=words
    )
    db.session.add(feed)
    db.session.flush()
    events.record(Kind.CALENDAR_FEED_MADE, feed, client=str(client.id), words=words.value)
    return feed, secret


def end(client: Person, *, at: datetime) -> None:
    """Nothing is at her address any more. Safe to repeat."""
    lock_chart(client)  # her row: one address at a time
    _end(client, at)


def feed_of(client: Person) -> CalendarFeed | None:
    """The address that lives; None where she has none."""
    query = sa.select(CalendarFeed).where(
        CalendarFeed.client_id == client.id, CalendarFeed.ended_at.is_(None)
    )
    return db.session.scalars(query).one_or_none()


def opened(secret: str, *, address: str, at: datetime) -> CalendarFeed:
    """The address with this secret, if it lives.

    Raises NotFound, whose try the caller commits, and TooMany after ten such tries from one network
    address. A right secret is never slowed down: many clients' calendars are read from few places.
    """
    query = (
        sa.select(CalendarFeed)
        .join(CalendarFeed.client)
        .where(
            CalendarFeed.secret_hash == hashed(secret),
            CalendarFeed.ended_at.is_(None),
            Person.disabled_at.is_(None),
        )
    )
    found = db.session.scalars(query).one_or_none()
    if found is None:
        who = _who(address)
        throttling.refuse_too_many(who, at=at)
        throttling.count_failure(who)
        raise NotFound("There is no such calendar.")
    return found


def stream(feed: CalendarFeed, *, at: datetime) -> bytes:
    """What stands at the address now, as iCalendar: see `agenda`."""
    entries = schedule.entries(feed.client, words=feed.words, at=at)
    return ical.written(entries, name=NAMES[feed.words])


def _end(client: Person, at: datetime) -> None:
    feed = feed_of(client)
    if feed is not None:
        feed.ended_at = at
        db.session.flush()
        events.record(Kind.CALENDAR_FEED_ENDED, feed, client=str(client.id))


def _who(address: str) -> bytes:
    """How wrong secrets from one place are counted: apart from wrong passwords."""
    return hashlib.sha256(b"calendar:" + throttling.address_key(address)).digest()
