"""Which letters a reader ends: by a link that signs nobody in, or in her account; kept with history."""

from __future__ import annotations

import uuid

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts.models import Person
from shop.core.clock import now
from shop.core.db import db
from shop.notifications import choosing, delivering, ending, letters
from shop.notifications.models import Letter, MailChoice, Template, Topic, Way
from shop.replenishment import queries as replenishment
from tests.notifications.builders import a_letter
from tests.people import a_browser, alice, sam
from tests.prescriptions.builders import a_prescription
from tests.replenishment.builders import a_noticed_refill, a_reminder, handed_out


def the_reminder() -> tuple[Person, Letter]:
    """Alice is due a reminder that something runs out."""
    from shop.replenishment.models import RefillReminder

    refill = a_noticed_refill()
    line = handed_out(alice(), refill.variant)
    a_reminder(line)
    reminder = db.session.query(RefillReminder).filter_by(line_id=line.id).one()
    reader = db.session.get_one(Person, reminder.client_id)
    return reader, a_letter(reader, Template.REFILL_DUE, reminder.id)


def test_a_reminder_can_be_ended_in_one_click_and_a_letter_about_an_order_cannot(
    app: Flask,
) -> None:
    reader, letter = the_reminder()
    message = letters.compose(letter, at=now())
    url = message["List-Unsubscribe"].strip("<>")
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert url == ending.url(letter)
    assert ending.read(url.rpartition("/")[2]) == (reader.id, Topic.RUNS_OUT)

    refill = a_noticed_refill()
    charge = letters.compose(
        a_letter(refill.client, Template.REFILL_NOTICE, refill.cycles[0].id), at=now()
    )
    assert charge["List-Unsubscribe"] is None
    assert charge["List-Unsubscribe-Post"] is None


@pytest.mark.parametrize("topic", Topic)
def test_looking_at_the_link_ends_nothing_and_one_click_does(app: Flask, topic: Topic) -> None:
    reader = alice()
    db.session.commit()
    path = f"/letters/end/{ending.token(reader.id, topic)}"
    visitor = app.test_client()

    page = visitor.get(path)
    assert page.status_code == 200
    assert choosing.wanted(reader) == dict.fromkeys(Topic, True)

    for _ in "ab":  # a mail program may repeat itself; it has no cookie, and another site's Origin
        answer = visitor.post(
            path,
            data={"List-Unsubscribe": "One-Click"},
            headers={"Origin": "https://mail.example", "Sec-Fetch-Site": "cross-site"},
        )
        assert answer.status_code == 200
    assert choosing.wanted(reader) == {each: each is not topic for each in Topic}
    assert len(choosing.history(reader)) == 1
    assert b"signed in" not in page.data
    assert visitor.get("/account/letters").status_code in (302, 303, 401)


def test_a_link_that_was_tampered_with_ends_nothing(app: Flask) -> None:
    reader, other = alice(), alice()
    db.session.commit()
    word = ending.token(reader.id, Topic.RENEWALS)
    theirs = ending.token(other.id, Topic.RENEWALS)
    for bent in (word[:-2], theirs.split(".")[0] + "." + word.split(".")[1], "sample", "x" * 3000):
        assert app.test_client().get(f"/letters/end/{bent}").status_code == 404
        assert app.test_client().post(f"/letters/end/{bent}").status_code == 404
    assert choosing.wanted(reader)[Topic.RENEWALS]
    assert choosing.wanted(other)[Topic.RENEWALS]


def test_the_account_shows_and_changes_them_and_keeps_every_word(app: Flask) -> None:
    reader = alice()
    browser = a_browser(app, reader)
    token = browser.get("/account/letters").text.partition('name="csrf_token" value="')[2]
    form = {"csrf_token": token.partition('"')[0], "topic": "renewals"}
    for wanted in ("no", "no", "yes"):
        assert browser.post("/account/letters", data=form | {"wanted": wanted}).status_code == 303
    db.session.add(
        MailChoice(
            id=uuid.uuid4(), person_id=reader.id, topic=Topic.RENEWALS, wanted=False, via=Way.LINK
        )
    )
    db.session.commit()

    told = [(one.wanted, one.way) for one in choosing.history(reader)]
    assert told == [(False, Way.LINK), (True, Way.PAGE), (False, Way.PAGE)]
    page = browser.get("/account/letters").text
    assert "switched off by the link in a letter" in page
    wrong = browser.post("/account/letters", data=form | {"topic": "orders", "wanted": "no"})
    assert wrong.status_code == 404


def test_a_program_reads_and_changes_them(app: Flask) -> None:
    browser = a_browser(app, alice())
    token = browser.get("/api/v1/me").json["csrf_token"]
    answer = browser.put(
        "/api/v1/me/letters",
        json={"topic": "runs_out", "wanted": False},
        headers={"X-CSRFToken": token},
    )
    assert answer.status_code == 200, answer.json
    assert answer.json["wanted"] == {"runs_out": False, "renewals": True}
    assert browser.get("/api/v1/me/letters").json == answer.json
    for bad in ({}, {"topic": "orders", "wanted": True}, {"topic": "renewals", "wanted": "maybe"}):
        refused = browser.put("/api/v1/me/letters", json=bad, headers={"X-CSRFToken": token})
        assert refused.status_code == 422


def test_who_works_here_is_told_why_there_is_nothing_to_choose(app: Flask) -> None:
    page = a_browser(app, sam()).get("/account/letters")
    assert page.status_code == 200
    assert "cannot be switched off" in page.text
    assert 'name="topic"' not in page.text


def test_what_was_ended_is_not_written_and_what_waits_is_held_back(app: Flask) -> None:
    from shop.core import events

    one = a_prescription()
    reader = db.session.get_one(Person, one.client_id)
    waits = a_letter(reader, Template.PRESCRIPTION_RENEWABLE, one.id)
    choosing.choose(reader, Topic.RENEWALS, wanted=False, way=Way.PAGE, at=now())
    db.session.commit()

    event = events.of(one.id)[-1]
    letters.send(Template.PRESCRIPTION_RENEWABLE, one, event)
    assert db.session.scalar(sa.select(sa.func.count(Letter.id))) == 1

    delivering.deliver_letter(letter_id=str(waits.id))
    db.session.refresh(waits)
    assert (waits.error, waits.sent_at) == ("ended", None)
    assert waits.failed_at is not None


def test_the_reminders_of_the_repeats_page_are_the_same_choice(app: Flask) -> None:
    reader = alice()
    choosing.choose(reader, Topic.RUNS_OUT, wanted=False, way=Way.LINK, at=now())
    assert replenishment.reminded([reader.id]) == {reader.id: False}
