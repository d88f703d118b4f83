"""The chain of events, and what breaks it."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.core import events
from shop.core.db import act_as, db
from tests.conftest import Database


@pytest.fixture
def told(live_app: Flask) -> uuid.UUID:
    """A subject with three events, committed."""
    with live_app.app_context():
        act_as("system:test")
        somebody = _Thing(uuid.uuid4())
        for name in ("José", 'a "quoted" name', "tab\tand newline\n"):
            events.record(events.Kind.ACCOUNT_OPENED, somebody, name=name)
        db.session.commit()
        return somebody.id


class _Thing:
    def __init__(self, id: uuid.UUID) -> None:
        self.id = id


def test_a_chain_that_was_left_alone_verifies(live_app: Flask, told: uuid.UUID) -> None:
    with live_app.app_context():
        assert list(events.verify()) == []
        assert [event.seq for event in events.of(told)] == [1, 2, 3]


TAMPERING = {
    "facts changed": 'UPDATE events SET facts = \'{"name": "X"}\' WHERE subject_id = %s AND seq = 2',
    "actor changed": "UPDATE events SET actor = 'person:x' WHERE subject_id = %s AND seq = 3",
    "time changed": "UPDATE events SET at = at - interval '1 s' WHERE subject_id = %s AND seq = 1",
    "event removed": "DELETE FROM events WHERE subject_id = %s AND seq = 2",
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_by_a_superuser_is_seen(
    live_app: Flask, live: Database, told: uuid.UUID, how: str
) -> None:
    with live.as_role() as connection:
        connection.execute("SET session_replication_role = replica")  # past every trigger and key
        connection.execute(TAMPERING[how], [told])
        connection.commit()
        with live_app.app_context():
            assert [broken.subject_id for broken in events.verify()][:1] == [told]
        connection.execute("DELETE FROM events WHERE subject_id = %s", [told])


def test_the_session_names_its_actor_in_every_transaction(app: Flask) -> None:
    for _ in range(2):
        assert db.session.scalar(sa.text("SELECT current_setting('app.actor')")) == "system:test"
        db.session.commit()
