"""What became of letters: shown without an address, resent by somebody who answers for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from shop.core.clock import now
from shop.core.db import db
from shop.notifications import letters, pages, queries
from shop.notifications.models import Letter, Template
from shop.notifications.states import LetterStatus
from tests.notifications.builders import a_letter, gave_up
from tests.people import a_browser, alice, dr_chen, mona, sam


def csrf(browser: Any, path: str) -> dict[str, str]:
    page = browser.get(path).text
    return {"csrf_token": page.partition('name="csrf_token" value="')[2].partition('"')[0]}


STANDING = {
    LetterStatus.WAITING: {},
    LetterStatus.DELAYED: {"tries": 2, "error": "smtp_451"},
    LetterStatus.SENT: {"tries": 1, "sent_at": "now"},
    LetterStatus.GAVE_UP: {"tries": 1, "failed_at": "now", "error": "smtp_550"},
    LetterStatus.ENDED: {"tries": 1, "failed_at": "now", "error": "ended"},
}


def test_each_letter_stands_in_one_way(app: Flask) -> None:
    reader, at = alice(), now()
    made = {
        status: a_letter(reader, **{k: at if v == "now" else v for k, v in given.items()})
        for status, given in STANDING.items()
    }
    manager = mona()
    for status, letter in made.items():
        assert queries.status_of(letter) is status
        found = db.session.scalars(queries.letters(manager, status=status)).all()
        assert [one.id for one in found] == [letter.id]
    assert queries.counts(manager) == dict.fromkeys(LetterStatus, 1)


def test_the_board_says_why_and_when_next_and_shows_no_address(app: Flask) -> None:
    reader = alice()
    gave_up(reader)
    a_letter(reader, tries=3, error="no_connection", next_try_at=now() + timedelta(minutes=5))
    for viewer in (sam(), mona()):
        page = a_browser(app, viewer).get("/manage/letters/outbox")
        assert page.status_code == 200
        assert "refused it for this address (550)" in page.text
        assert "could not be reached" in page.text
        assert "Next try" in page.text
        assert "Alice Moreno" in page.text
        assert reader.email not in page.text


def test_staff_see_nothing_of_care_and_nobody_sees_whose_it_is(app: Flask) -> None:
    reader, chen = alice(name="Alice Secret"), dr_chen()
    for template in (Template.PRESCRIPTION_NEWS, Template.REQUEST_NEWS, Template.PLAN_NEWS):
        gave_up(reader, template=template)
    gave_up(chen, template=Template.CASE_NEWS)
    gave_up(mona(), template=Template.SIGNING_KEY_EXPIRING)

    staff, manager = a_browser(app, sam()), a_browser(app, mona())
    board = staff.get("/manage/letters/outbox").text
    assert "No letters here" in board
    assert staff.get("/api/v1/letters").json["items"] == []
    shown = manager.get("/manage/letters/outbox").text
    assert "Alice Secret" not in shown
    assert chen.name in shown
    told = manager.get("/api/v1/letters").json["items"]
    assert len(told) == 5
    assert {
        one["to"]
        for one in told
        if one["template"].endswith("_news") and "case" not in one["template"]
    } == {""}
    letter = db.session.query(Letter).filter_by(template="plan_news").one()
    form = csrf(staff, "/account")
    assert staff.post(f"/manage/letters/{letter.id}/resend", data=form).status_code == 404


def test_what_gave_up_is_resent_once_with_all_its_patience(app: Flask) -> None:
    letter = gave_up(alice())
    before = letter.due_since
    staff = sam()
    browser = a_browser(app, staff)
    form = csrf(browser, "/manage/letters/outbox")
    path = f"/manage/letters/{letter.id}/resend"

    assert browser.post(path, data=form).status_code == 303
    letter = db.session.get_one(Letter, letter.id)
    assert queries.status_of(letter) is LetterStatus.WAITING
    assert (letter.resends, letter.error) == (1, "")
    assert letter.due_since > before
    (kept,) = queries.resends([letter])[letter.id]
    assert (kept.by_id, kept.error, kept.number) == (staff.id, "smtp_550", 1)

    again = browser.post(path, data=form)
    assert again.status_code == 409
    assert "Only a letter that was given up" in again.text
    letter = db.session.get_one(Letter, letter.id)
    assert letter.resends == 1


def test_what_its_reader_ended_is_not_resent(app: Flask) -> None:
    letter = gave_up(alice(), "ended")
    browser = a_browser(app, mona())
    token = browser.get("/api/v1/me").json["csrf_token"]
    answer = browser.post(f"/api/v1/letters/{letter.id}/resend", headers={"X-CSRFToken": token})
    assert (answer.status_code, answer.json["code"]) == (409, "letter_ended")
    letter = db.session.get_one(Letter, letter.id)
    assert (letter.resends, queries.status_of(letter)) == (0, LetterStatus.ENDED)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("smtp_552", "refused it for this address (552)"),
        ("smtp_421", "put it off (421)"),
        ("not_an_address", "given as an address is none"),
        ("too_late", "three days"),
        ("a_new_one", "could not be sent (a_new_one)"),
    ],
)
def test_every_code_is_said_in_words(app: Flask, code: str, words: str) -> None:
    with app.test_request_context():
        assert words in pages.why_not(code)


def test_pauses_grow_to_an_hour_and_end_with_patience() -> None:
    pauses = [letters.pause_after(tries) for tries in range(12)]
    assert pauses == sorted(pauses)
    assert (pauses[1], pauses[-1]) == (timedelta(minutes=1), timedelta(hours=1))


def test_every_letter_is_looked_at_before_its_readers_do(app: Flask) -> None:
    manager = a_browser(app, mona())
    gallery = manager.get("/manage/letters").text
    for template in Template:
        assert f"/manage/letters/{template}" in gallery
        for query in ("", "?language=es", "?width=narrow"):
            page = manager.get(f"/manage/letters/{template}{query}")
            assert page.status_code == 200
            assert "<iframe" in page.text
            assert "frame-src 'self'" in page.headers["Content-Security-Policy"]
    sheet = manager.get("/manage/letters/order_paid/sheet?language=es")
    policy = sheet.headers["Content-Security-Policy"]
    assert "sandbox" in policy
    assert "script-src" not in policy
    assert "default-src 'none'" in policy
    assert sheet.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert 'lang="es"' in sheet.text
    assert manager.get("/manage/letters/advertisement").status_code == 404
    assert manager.get("/manage/letters/advertisement/sheet").status_code == 404
    outside = manager.get("/manage/clinic").headers
    assert "frame-src" not in outside["Content-Security-Policy"]
    assert outside["X-Frame-Options"] == "DENY"
