"""The trail over HTTP."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask

from shop.accounts import tokens
from shop.accounts.models import Person
from shop.core import events
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.core.events import Kind
from tests.people import mona, sam


@dataclass
class Thing:
    id: uuid.UUID


@pytest.fixture
def things(live_app: Flask) -> list[uuid.UUID]:
    with live_app.app_context():
        act_as("system:test")
        made = [Thing(uuid.uuid4()) for _ in range(3)]
        for thing in (*made, made[0]):
            events.record(Kind.PRICE_SET, thing, cents=1)
        db.session.commit()
        return [thing.id for thing in made]


def read(app: Flask, person: Any, path: str) -> Any:
    with app.app_context():
        act_as("system:test")
        reader: Person = person()
        _, secret = tokens.issue(reader, name="test", scopes=None, at=now())
        db.session.commit()
    headers = {"Authorization": f"Bearer {secret}"}
    return app.test_client().get(f"/api/v1{path}", headers=headers)


def test_one_subjects_trail_newest_first(live_app: Flask, things: list[uuid.UUID]) -> None:
    answer = read(live_app, mona, f"/events?subject={things[0]}").json
    assert [event["seq"] for event in answer["items"]] == [2, 1]
    assert {event["actor"] for event in answer["items"]} == {"system:test"}
    assert answer["next"] is None


def test_pages_follow_one_another_without_a_gap(live_app: Flask, things: list[uuid.UUID]) -> None:
    first = read(live_app, mona, "/events?limit=2").json
    second = read(live_app, mona, f"/events?limit=2&after={first['next']}").json
    moments = [event["at"] for event in (*first["items"], *second["items"])]
    assert len(moments) == 4
    assert moments == sorted(moments, reverse=True)
    keys = {(event["subject"], event["seq"]) for event in (*first["items"], *second["items"])}
    assert len(keys) == 4


def test_only_the_manager_reads_it(live_app: Flask, things: list[uuid.UUID]) -> None:
    assert read(live_app, sam, "/events").status_code == 403


@pytest.mark.parametrize("query", ["subject=x", "after=x", "limit=0", "limit=1e3", "odd=1"])
def test_a_wrong_question_is_named(live_app: Flask, query: str) -> None:
    answer = read(live_app, mona, f"/events?{query}")
    assert answer.status_code == 422
    assert list(answer.json["errors"]) == [query.split("=", maxsplit=1)[0]]
