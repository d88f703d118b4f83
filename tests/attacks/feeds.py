"""Attacks on the private addresses of calendars: whose, how many, what is changed, when."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shop.core.clock import now
from shop.core.db import db
from shop.treatments import subscribing
from shop.treatments.agenda import Words
from tests.attacks.acts import insert, row, update
from tests.attacks.attack import APP, OWNER, WORKER, Attacks, Sql
from tests.people import alice, eva

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


def scene() -> Mapping[str, Any]:
    """Alice has an address, and had one; another client has none, and one has left."""
    client = alice()
    ended, _ = subscribing.make(client, words=Words.DISCREET, at=now())
    live, _ = subscribing.make(client, words=Words.FULL, at=now())
    facts = {
        "alice": client.id,
        "other": alice().id,
        "gone": alice(disabled_at=now()).id,
        "eva": eva().id,
        "live": live.id,
        "ended": ended.id,
    }
    db.session.commit()
    return facts


ATTACKS = Attacks(scene)


def _make(attacker: Sql, **given: Any) -> Any:
    key = uuid.uuid4()
    values = {
        "id": key,
        "client_id": attacker.facts["other"],
        "secret_hash": key.bytes * 2,
        "words": "discreet",
    }
    insert(attacker, "calendar_feeds", values | given)
    return key


@ATTACKS.passes(APP, OWNER)
def _an_address_made_and_ended(attacker: Sql) -> None:
    update(attacker, "calendar_feeds", _make(attacker), ended_at=LONG_AGO)
    _make(attacker)


ATTACKS.each(
    {
        "an address for an esthetician": (
            lambda a: _make(a, client_id=a.facts["eva"]),
            "calendar_feed_is_of_a_client",
        ),
        "an address for a client who left": (
            lambda a: _make(a, client_id=a.facts["gone"]),
            "calendar_feed_is_of_a_client",
        ),
        "a second address at a time": (
            lambda a: _make(a, client_id=a.facts["alice"]),
            "calendar_feeds_one_at_a_time",
        ),
        "an address kept in clear": (
            lambda a: _make(a, secret_hash=b"plain"),
            "calendar_secret_is_hashed",
        ),
        "words nobody knows": (lambda a: _make(a, words="loud"), "calendar_words_are_known"),
        "an address ended again": (
            "UPDATE calendar_feeds SET ended_at = now() WHERE id = %(ended)s",
            "calendar_feed_ends_once",
        ),
        "an address brought back": (
            "UPDATE calendar_feeds SET ended_at = NULL WHERE id = %(ended)s",
            "calendar_feed_ends_once",
        ),
    },
    APP,
    OWNER,
)

ATTACKS.each(
    {
        "an address given to another client": (
            "UPDATE calendar_feeds SET client_id = %(other)s WHERE id = %(live)s",
            "calendar_feed_keeps_its_address",
        ),
        "another secret in its place": (
            "UPDATE calendar_feeds SET secret_hash = sha256('x') WHERE id = %(live)s",
            "calendar_feed_keeps_its_address",
        ),
        "other words than she chose": (
            "UPDATE calendar_feeds SET words = 'discreet' WHERE id = %(live)s",
            "calendar_feed_keeps_its_address",
        ),
    },
    OWNER,
)

ATTACKS.each(
    {
        "worded anew by the worker": (
            "UPDATE calendar_feeds SET words = words",
            "permission denied for table calendar_feeds",
        )
    },
    WORKER,
)

# Times that the database stamps, whatever is said.


@ATTACKS.undone("calendar_feed_guard", OWNER)
def _made_long_ago_and_ended(attacker: Sql) -> bool:
    found = row(attacker, "calendar_feeds", _make(attacker, made_at=LONG_AGO, ended_at=LONG_AGO))
    return bool(found["made_at"] > LONG_AGO and found["ended_at"] is None)


@ATTACKS.undone("calendar_feed_guard", OWNER)
def _ended_long_ago(attacker: Sql) -> bool:
    update(attacker, "calendar_feeds", attacker.facts["live"], ended_at=LONG_AGO)
    return bool(row(attacker, "calendar_feeds", attacker.facts["live"])["ended_at"] > LONG_AGO)
