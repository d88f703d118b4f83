"""A client's private calendar address: who makes it, what stands there, and when nothing does."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import icalendar
import pytest
import sqlalchemy as sa
from flask import Flask
from structlog.testing import capture_logs
from werkzeug.test import TestResponse

from shop.accounts.models import Person
from shop.accounts.once import hashed
from shop.charts import charting
from shop.charts.facts import Fitzpatrick, Phototype
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.treatments import booking, cancelling, moving
from shop.treatments.models import CalendarFeed, Plan
from shop.web import problems
from shop.web.models import KeptAnswer
from tests.accounts.test_api import somebody
from tests.people import alice, bob
from tests.prescriptions.test_pages import Reader
from tests.treatments.builders import (
    a_booked_session,
    a_draft,
    a_performed_session,
    a_proposal,
    a_step,
    an_active_plan,
    in_days,
)
from tests.treatments.rules import a_window
from tests.treatments.test_agenda import read
from tests.treatments.test_api import Caller

LA = ZoneInfo("America/Los_Angeles")


@pytest.fixture
def client(app: Flask) -> Person:
    return somebody(alice)


@pytest.fixture
def caller(app: Flask, client: Person) -> Caller:
    return Caller(app, client)


def an_address(caller: Caller, words: str | None = None) -> str:
    answer = caller.post("/me/calendar-feed", {"words": words} if words else {})
    assert answer.status_code == 201, answer.json
    assert answer.headers["Cache-Control"] == "no-store"
    return urlsplit(answer.json["address"]).path


def fetch(app: Flask, path: str, **headers: str) -> TestResponse:
    """As a calendar program does: no cookie, no token."""
    return app.test_client().get(path, headers=headers)


def shown(app: Flask, path: str) -> list[icalendar.Event]:
    answer = fetch(app, path)
    assert answer.status_code == 200, answer.text
    return list(read(answer.get_data()).events)


def a_plan(client: Person, **given: Any) -> Plan:
    plan = an_active_plan(client, a_step(starts=in_days(20)), **given)
    db.session.commit()
    return plan


def afresh(plan: Plan) -> Plan:
    """The plan as it is now: a request leaves the test's own copy behind."""
    return db.session.get_one(Plan, plan.id, populate_existing=True)


def put_off(plan: Plan, days: int) -> None:
    again = afresh(plan)
    moving.move(again.sessions[0], starts=in_days(days), by=again.drafted_by, at=now())
    db.session.commit()


def test_the_plan_stands_at_the_address_without_a_sign_in(
    app: Flask, client: Person, caller: Caller
) -> None:
    plan = a_plan(client)
    a_booked_session(plan)
    a_window(when={})
    db.session.commit()
    path = an_address(caller, "full")

    session, window = shown(app, path)

    plan = afresh(plan)
    assert session["SUMMARY"] == "Superficial peel, face"
    assert session.decoded("DTSTART") == plan.sessions[0].starts_at.replace(microsecond=0)
    assert session["STATUS"] == "CONFIRMED"
    day = plan.sessions[0].starts_at.astimezone(LA).date()
    assert window.decoded("DTSTART") == day - timedelta(days=5)
    assert window.decoded("DTEND") == day + timedelta(days=7)
    assert str(window["SUMMARY"]).startswith("Stop retinoids by ")


def test_unless_she_asks_it_says_nothing(app: Flask, client: Person, caller: Caller) -> None:
    a_plan(client)
    a_window(when={})
    db.session.commit()
    found = shown(app, an_address(caller))
    assert {str(one["SUMMARY"]) for one in found} == {"Appointment", "Home care changes"}


def test_a_program_may_keep_it_and_asks_whether_it_changed(
    app: Flask, client: Person, caller: Caller
) -> None:
    plan = a_plan(client)
    path = an_address(caller)
    first = fetch(app, path)
    assert first.content_type == "text/calendar; charset=utf-8"
    assert first.headers["Cache-Control"] == "private, no-cache"
    assert first.headers["X-Robots-Tag"] == "noindex"
    assert "Set-Cookie" not in first.headers

    again = fetch(app, path, **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.get_data()) == (304, b"")

    put_off(plan, 30)
    changed = fetch(app, path, **{"If-None-Match": first.headers["ETag"]})
    assert changed.status_code == 200


def test_a_move_is_the_same_event_with_a_higher_sequence(
    app: Flask, client: Person, caller: Caller
) -> None:
    plan = a_plan(client)
    a_window(when={})
    db.session.commit()
    path = an_address(caller, "full")
    before = {str(one["UID"]): one for one in shown(app, path)}
    for days in (30, 40):
        put_off(plan, days)
        after = {str(one["UID"]): one for one in shown(app, path)}
        assert after.keys() == before.keys()
        for uid, one in after.items():
            assert one["SEQUENCE"] > before[uid]["SEQUENCE"]
            assert one.decoded("DTSTART") > before[uid].decoded("DTSTART")
            assert one.decoded("LAST-MODIFIED") >= before[uid].decoded("LAST-MODIFIED")
        before = after


def test_a_cancelled_session_is_told_and_asks_nothing(
    app: Flask, client: Person, caller: Caller
) -> None:
    plan = a_plan(client)
    a_window(when={})
    db.session.commit()
    path = an_address(caller)
    before = shown(app, path)[0]
    plan = afresh(plan)
    cancelling.cancel(plan.sessions[0], reason="Ill.", by=plan.drafted_by, at=now())
    db.session.commit()
    (event,) = shown(app, path)
    assert event["UID"] == before["UID"]
    assert event["STATUS"] == "CANCELLED"
    assert event["SEQUENCE"] > before["SEQUENCE"]


def test_what_was_done_counts_from_when_it_was(app: Flask, client: Person, caller: Caller) -> None:
    plan = an_active_plan(client, a_step(starts=in_days(0.5)))
    session = a_performed_session(plan)
    a_window(when={}, from_day=0, to_day=7)
    db.session.commit()
    _, window = shown(app, an_address(caller, "full"))
    done = session.performed_at
    assert done is not None
    assert window.decoded("DTSTART") == done.astimezone(LA).date()


def test_nothing_is_asked_of_home_care_before_a_time_is_agreed(
    app: Flask, client: Person, caller: Caller
) -> None:
    plan = a_proposal(client, a_step(starts=in_days(20)))
    a_window(when={})
    db.session.commit()
    path = an_address(caller, "full")
    (event,) = shown(app, path)
    assert event["STATUS"] == "TENTATIVE"

    plan = afresh(plan)
    booking.book(plan.sessions[0], performer=plan.drafted_by, by=plan.drafted_by, at=now())
    db.session.commit()
    assert len(shown(app, path)) == 2


def test_what_is_known_of_her_counts(app: Flask, client: Person, caller: Caller) -> None:
    a_plan(client)
    a_window(when={"fitzpatrick_from": 4}, severity="warn")
    charting.state(client, Fitzpatrick(Phototype.II), by=client, at=now())
    db.session.commit()
    path = an_address(caller, "full")
    assert len(shown(app, path)) == 1
    client, said = db.session.get_one(Person, client.id), now()
    charting.state(client, Fitzpatrick(Phototype.V), by=client, at=said)
    db.session.commit()
    window = shown(app, path)[1]
    assert window.decoded("LAST-MODIFIED") >= said.replace(microsecond=0)


def test_a_draft_and_another_clients_plan_are_not_in_it(
    app: Flask, client: Person, caller: Caller
) -> None:
    a_draft(client)
    a_plan(bob())
    assert shown(app, an_address(caller, "full")) == []


def test_the_secret_is_kept_as_its_hash_only(app: Flask, client: Person, caller: Caller) -> None:
    answer = caller.post("/me/calendar-feed", {}, **{"Idempotency-Key": "one-two-three"})
    path = urlsplit(answer.json["address"]).path
    secret = path.removeprefix("/calendar/").removesuffix(".ics")
    assert len(secret) == 43  # 256 bits

    (feed,) = db.session.scalars(sa.select(CalendarFeed)).all()
    assert bytes(feed.secret_hash) == hashed(secret)
    assert db.session.scalars(sa.select(KeptAnswer)).all() == []
    for event in events.of(feed.id):
        assert secret not in str(event.facts)
    assert secret not in str(caller.get("/me/calendar-feed").json)


def test_a_new_address_ends_the_one_before(app: Flask, client: Person, caller: Caller) -> None:
    old = an_address(caller)
    new = an_address(caller, "full")
    assert fetch(app, old).status_code == 404
    assert fetch(app, new).status_code == 200
    assert caller.get("/me/calendar-feed").json["words"] == "full"


def test_nothing_is_at_an_ended_address(app: Flask, client: Person, caller: Caller) -> None:
    assert caller.get("/me/calendar-feed").status_code == 404
    path = an_address(caller)
    for _ in range(2):  # safe to repeat
        assert caller.delete("/me/calendar-feed").status_code == 204
    assert fetch(app, path).status_code == 404
    assert caller.get("/me/calendar-feed").status_code == 404
    (feed,) = db.session.scalars(sa.select(CalendarFeed)).all()
    told = [event.kind for event in events.of(feed.id)]
    assert told == ["calendar_feed_made", "calendar_feed_ended"]


def test_nothing_is_there_once_she_has_left(app: Flask, client: Person, caller: Caller) -> None:
    path = an_address(caller)
    person = db.session.get_one(Person, client.id, populate_existing=True)
    person.disabled_at = now()
    person.session_epoch += 1
    db.session.commit()
    assert fetch(app, path).status_code == 404


def test_who_guesses_is_slowed_and_nobody_else(app: Flask, client: Person, caller: Caller) -> None:
    path = an_address(caller)
    wrong = [fetch(app, f"/calendar/{n}.ics").status_code for n in range(12)]
    assert wrong == [404] * 10 + [429] * 2
    assert fetch(app, path).status_code == 200  # from the same place
    Caller(app, client)  # and she can sign in from there


def test_other_words_are_refused(caller: Caller) -> None:
    for body in ({"words": "loud"}, {"words": None}, {"words": 1}, {"more": 1}, []):
        assert caller.post("/me/calendar-feed", body).status_code == 422
    assert db.session.scalars(sa.select(CalendarFeed)).all() == []


def test_no_log_has_the_address(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    with app.test_request_context("/calendar/very-secret.ics"), capture_logs() as logs:
        monkeypatch.setattr(app, "testing", False)
        problems._from_bug(ValueError("a bug"))
    (line,) = logs
    assert line["path"] == "/calendar/<secret>.ics"
    assert "very-secret" not in str(line["path"])
    with app.test_request_context("/plan"), capture_logs() as logs:
        problems._from_bug(ValueError("a bug"))
    assert logs[0]["path"] == "/plan"


def test_she_makes_renews_and_ends_it_on_her_page(app: Flask, client: Person) -> None:
    reader = Reader(app, client)
    assert "Make an address" in reader.get("/plan")
    reader.send("/plan/calendar", words="full")
    found = re.search(r"<code>([^<]+\.ics)</code>", reader.text)
    assert found
    path = urlsplit(found[1]).path
    assert fetch(app, path).status_code == 200
    assert path not in reader.get("/plan")  # shown once
    assert "Make a new address" in reader.text

    reader.send("/plan/calendar", words="loud")
    assert reader.status == 422
    assert fetch(app, path).status_code == 200

    reader.get("/plan")
    reader.send("/plan/calendar/end")
    assert "Nothing is at that address any more." in reader.text
    assert fetch(app, path).status_code == 404
    assert "Make an address" in reader.text
