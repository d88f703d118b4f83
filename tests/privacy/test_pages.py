"""The pages of privacy, as a browser without JavaScript uses them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from shop.accounts import passwords
from shop.accounts.models import Person
from shop.charts import reading
from shop.core.db import db
from tests import people
from tests.accounts.test_api import WORD, somebody

CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')


def at_home(app: Flask, person: Person, *, proven: bool = True) -> FlaskClient:
    client = people.a_browser(app, person)
    if proven:
        assert post(client, "/sign-in/fresh", "/sign-in/fresh", password=WORD).status_code == 303
    return client


def post(client: FlaskClient, page: str, to: str, **form: str) -> Any:
    """Fill in the form of a page."""
    token = CSRF.search(client.get(page).get_data(as_text=True))
    assert token is not None
    return client.post(to, data={"csrf_token": token[1], **form})


@pytest.fixture
def alice(app: Flask) -> Person:
    return somebody()


def test_who_opened_it_is_told_in_sentences_and_by_purpose(app: Flask, alice: Person) -> None:
    chen, sam = people.dr_chen(), people.sam()
    reading.open_record(chen, alice, record="approval_request Q-1", purpose="treatment")
    reading.open_record(sam, alice, record="recall RC-1", purpose="operations")
    db.session.commit()
    client = at_home(app, alice, proven=False)

    page = client.get("/account/opened").get_data(as_text=True)
    treated = client.get("/account/opened?purpose=treatment").get_data(as_text=True)

    assert "Dr Wei Chen (physician) opened your request Q-1, to treat you." in page
    assert "Sam Okafor (staff) opened that recall RC-1 concerns you" in page
    assert "approval_request" not in page
    assert "RC-1" not in treated
    assert client.get("/account/opened?purpose=curiosity").status_code == 422


def test_openings_come_fifty_a_page(app: Flask, alice: Person) -> None:
    chen = people.dr_chen()
    for number in range(55):
        reading.open_record(chen, alice, record=f"plan P-{number}", purpose="treatment")
    db.session.commit()
    client = at_home(app, alice, proven=False)

    first = client.get("/account/opened").get_data(as_text=True)
    (link,) = re.findall(r'rel="next" href="([^"]+)"', first)
    second = client.get(link.replace("&amp;", "&")).get_data(as_text=True)

    assert first.count("your treatment plan") == 50
    assert second.count("your treatment plan") == 5
    assert 'rel="prev"' in second


def test_a_copy_is_asked_for_and_the_page_tells_how_far_it_is(app: Flask, alice: Person) -> None:
    client = at_home(app, alice)

    asked = post(client, "/account/privacy", "/account/privacy/copies")
    again = post(client, "/account/privacy", "/account/privacy/copies")

    assert (asked.status_code, again.status_code) == (303, 409)
    page = client.get("/account/privacy").get_data(as_text=True)
    assert "Being made" in page
    assert "<progress" in page
    assert "Ask for a copy" not in page


def test_closing_asks_who_she_is_and_whether_she_has_read_it(app: Flask, alice: Person) -> None:
    where = "/account/privacy/closure"
    stale = at_home(app, alice, proven=False)
    sent = post(stale, where, where, read="yes")
    assert sent.headers["Location"] == f"/sign-in/fresh?next={where}"

    client = at_home(app, alice)
    unread = post(client, where, where)
    assert unread.status_code == 422
    assert 'id="e-read"' in unread.get_data(as_text=True)

    assert post(client, where, where, read="yes").headers["Location"] == "/account/privacy"
    page = client.get("/account/privacy").get_data(as_text=True)
    assert "Your account ends on" in page
    kept = post(client, "/account/privacy", f"{where}/withdrawal")
    assert kept.status_code == 303
    assert "Your account ends on" not in client.get("/account/privacy").get_data(as_text=True)


def test_the_manager_sees_what_is_asked_and_by_when_it_is_due(app: Flask, alice: Person) -> None:
    client = at_home(app, alice)
    post(client, "/account/privacy", "/account/privacy/copies")
    closing = "/account/privacy/closure"
    post(client, closing, closing, read="yes")
    mona = at_home(app, people.mona(), proven=False)

    page = mona.get("/manage/privacy-requests").get_data(as_text=True)

    assert page.count("Alice Moreno") == 2
    assert page.count("29 days left") == 2
    sam = at_home(app, people.sam(), proven=False)
    assert sam.get("/manage/privacy-requests").status_code == 404


def test_who_works_here_reads_what_becomes_of_hers(app: Flask) -> None:
    page = at_home(app, people.mona(), proven=False).get("/account/privacy").get_data(as_text=True)

    assert "/manage/privacy-requests" in page
    assert "Close your account" not in page


def test_another_password_ends_everything_else(app: Flask, alice: Person) -> None:
    here, elsewhere = at_home(app, alice, proven=False), at_home(app, alice, proven=False)
    where = "/account/security"

    wrong = post(here, where, "/account/password", old_password="no", new_password="olive tin 34 x")
    short = post(here, where, "/account/password", old_password=WORD, new_password="short")
    same = post(here, where, "/account/password", old_password=WORD, new_password=WORD)
    assert [one.status_code for one in (wrong, short, same)] == [401, 422, 422]
    assert elsewhere.get("/account").status_code == 200

    done = post(here, where, "/account/password", old_password=WORD, new_password="olive tin 34 x")

    assert done.headers["Location"] == where
    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 401
    row = db.session.get_one(Person, alice.id, populate_existing=True)
    assert passwords.matches(row.password_hash, "olive tin 34 x")


def test_a_name_is_changed_and_an_empty_one_is_not(app: Flask, alice: Person) -> None:
    client = at_home(app, alice, proven=False)

    assert post(client, "/account", "/account/name", name="  ").status_code == 422
    assert post(client, "/account", "/account/name", name="Alicia  Moreno").status_code == 303

    assert db.session.get_one(Person, alice.id, populate_existing=True).name == "Alicia Moreno"


def test_signing_out_everywhere_else_leaves_this_one(app: Flask, alice: Person) -> None:
    here, elsewhere = at_home(app, alice, proven=False), at_home(app, alice, proven=False)

    post(here, "/account/security", "/account/sessions/end-others")

    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 401
