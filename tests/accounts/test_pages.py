"""The pages of accounts, without JavaScript."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from shop.accounts import confirming, passwords
from shop.accounts.models import Person, Role
from shop.core.clock import now
from shop.core.db import db
from tests import people

WORD = "gray plum 12"


def somebody(make: Any = people.alice, **given: Any) -> Person:
    person: Person = make(password_hash=passwords.hash_of(WORD), **given)
    db.session.commit()
    return person


def sent(client: FlaskClient, page: str, *, to: str | None = None, **typed: str) -> Any:
    """Fill in the form of `page` and send it."""
    shown = client.get(page).get_data(as_text=True)
    token = re.findall(r'name="csrf_token" value="([^"]+)"', shown)[-1]
    return client.post(to or page, data=typed | {"csrf_token": token})


def signed_in(app: Flask, person: Person, **typed: str) -> FlaskClient:
    client = app.test_client()
    answer = sent(client, "/sign-in", email=person.email, password=WORD, **typed)
    assert answer.status_code == 303, answer.get_data(as_text=True)
    return client


def test_signing_in_and_out(app: Flask) -> None:
    client = signed_in(app, somebody())

    assert "Alice Moreno" in client.get("/account").get_data(as_text=True)
    assert sent(client, "/account", to="/sign-out").headers["Location"] == "/sign-in"
    assert client.get("/account").status_code == 401


def test_a_page_that_needs_an_account_leads_back_to_itself(app: Flask) -> None:
    refused = app.test_client().get("/orders?after=x")

    assert refused.status_code == 401
    assert "/sign-in?next=/orders%3Fafter%3Dx" in refused.get_data(as_text=True)


def test_a_wrong_password_shows_the_form_again(app: Flask) -> None:
    person = somebody()
    client = app.test_client()

    answer = sent(client, "/sign-in", email=person.email, password="wrong plum 12")

    page = answer.get_data(as_text=True)
    assert answer.status_code == 401
    assert f'value="{person.email}"' in page
    assert "do not belong together" in page
    assert "wrong plum" not in page


def test_the_demo_says_that_no_second_factor_is_asked(app: Flask) -> None:
    assert "second factor" in app.test_client().get("/sign-in").get_data(as_text=True)


@pytest.mark.parametrize(
    ("wanted", "led"),
    [
        ("/cart", "/cart"),
        ("/orders?after=x", "/orders?after=x"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("", "/"),
    ],
)
def test_after_signing_in_nobody_leaves_the_shop(app: Flask, wanted: str, led: str) -> None:
    person = somebody()

    client = app.test_client()
    answer = sent(client, "/sign-in", email=person.email, password=WORD, next=wanted)

    assert (answer.status_code, answer.headers["Location"]) == (303, led)


def test_where_to_go_next_survives_a_wrong_password(app: Flask) -> None:
    page = app.test_client().get("/sign-in?next=/cart").get_data(as_text=True)

    assert 'name="next" value="/cart"' in page


def test_registering(app: Flask) -> None:
    client = app.test_client()
    typed = {
        "name": "Carla <b>Ruiz",
        "email": "carla@example.test",
        "password": "short",
        "birth_date": "1990-05-04",
        "state": "CA",
    }

    refused = sent(client, "/register", **typed)
    assert refused.status_code == 422
    assert "at least 12 characters" in refused.get_data(as_text=True)
    assert "Carla &lt;b&gt;Ruiz" in refused.get_data(as_text=True)
    good = sent(client, "/register", **(typed | {"password": WORD}))
    again = sent(client, "/register", **(typed | {"password": WORD}))

    assert (good.status_code, again.status_code) == (200, 200)
    assert _said(good) == _said(again)
    person = db.session.scalars(sa.select(Person)).one()
    assert person.role is Role.CLIENT


def _said(page: TestResponse) -> str:
    """A page without the words against forgery, which differ from one answer to the next."""
    return re.sub(r'name="csrf_token" value="[^"]*"', "", page.get_data(as_text=True))


def test_an_empty_form_names_what_is_missing(app: Flask) -> None:
    answer = sent(app.test_client(), "/register")

    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    for name in ("name", "email", "password", "birth_date", "state"):
        assert f'id="e-{name}"' in page


def test_opening_a_mailed_link_does_not_use_it_up(app: Flask) -> None:
    """Mail scanners open every link; only the button redeems it."""
    person = somebody()
    secret = confirming.issue_link(person, now())
    db.session.commit()
    client = app.test_client()

    shown = client.get(f"/confirm/{secret}")
    assert shown.headers["Referrer-Policy"] == "no-referrer"
    assert sent(client, f"/confirm/{secret}").headers["Location"] == "/sign-in"
    used = client.get(f"/confirm/{secret}")

    assert (shown.status_code, used.status_code) == (200, 422)
    assert db.session.get_one(Person, person.id).email_confirmed_at is not None


def test_an_invitation_asks_for_a_password(app: Flask) -> None:
    person = somebody(people.sam)
    secret = confirming.issue_link(person, now())
    db.session.commit()
    client = app.test_client()

    short = sent(client, f"/confirm/{secret}", password="short")
    good = sent(client, f"/confirm/{secret}", password="another plum 34")

    assert (short.status_code, good.status_code) == (422, 303)
    kept = db.session.get_one(Person, person.id).password_hash
    assert passwords.matches(kept, "another plum 34")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80"])
def test_no_page_takes_its_address_from_the_caller(app: Flask, host: str) -> None:
    person = somebody()
    secret = confirming.issue_link(person, now())
    db.session.commit()

    for path in ("/sign-in", "/register", f"/confirm/{secret}"):
        answer = app.test_client().get(
            path, headers={"Host": host, "X-Forwarded-Host": host, "X-Forwarded-Proto": "gopher"}
        )
        assert host not in answer.get_data(as_text=True)


def test_the_security_page_shows_where_one_is_signed_in(app: Flask) -> None:
    alice = somebody()
    client, other = signed_in(app, alice), signed_in(app, alice)

    page = client.get("/account/security").get_data(as_text=True)

    rows = page.split("<li>")
    (elsewhere,) = [row for row in rows if "/end" in row and "This one" not in row]
    (session_id,) = re.findall(r"/account/sessions/([0-9a-f-]+)/end", elsewhere)
    sent(client, "/account/security", to=f"/account/sessions/{session_id}/end")
    assert [one.get("/account").status_code for one in (client, other)] == [200, 401]


def test_signing_in_afresh(app: Flask) -> None:
    client = signed_in(app, somebody(people.dr_chen))

    wrong = sent(client, "/sign-in/fresh", password="wrong plum 12", next="/review")
    right = sent(client, "/sign-in/fresh", password=WORD, next="/review")

    assert wrong.status_code == 401
    assert (right.status_code, right.headers["Location"]) == (303, "/review")
    assert client.get("/api/v1/me").json["fresh_until"] is not None


def test_a_manager_keeps_the_people(app: Flask) -> None:
    client = signed_in(app, somebody(people.mona))
    npi = people.an_npi()

    bad = sent(client, "/people", name="Dr New", email="n@example.test", role="physician", npi="1")
    assert bad.status_code == 422
    assert "check digit" in bad.get_data(as_text=True)
    sent(client, "/people", name="Dr New", email="n@example.test", role="physician", npi=npi)
    person = db.session.scalars(sa.select(Person).where(Person.email == "n@example.test")).one()
    home = f"/people/{person.id}"
    terms = {"kind": "MD", "state": "CA", "number": "A1", "valid_from": "2026-01-01"}
    wrong = sent(client, home, to=f"{home}/licences", **terms, valid_until="2026-01-01")
    good = sent(client, home, to=f"{home}/licences", **terms, valid_until="2090-01-01")
    (licence_id,) = re.findall(
        r"licences/([0-9a-f-]+)/end", client.get(home).get_data(as_text=True)
    )
    ended = sent(client, home, to=f"{home}/licences/{licence_id}/end")
    gone = sent(client, home, to=f"{home}/disablement")

    assert [one.status_code for one in (wrong, good, ended, gone)] == [422, 303, 303, 303]
    page = client.get(home).get_data(as_text=True)
    assert "ended" in page
    assert "disabled" in page
    assert "Dr New" in client.get("/people").get_data(as_text=True)


@pytest.mark.parametrize("make", [people.alice, people.sam, people.dr_chen])
def test_others_do_not(app: Flask, make: Any) -> None:
    client = signed_in(app, somebody(make))

    assert client.get("/people").status_code == 403


def test_a_client_says_that_she_has_moved(app: Flask) -> None:
    person = somebody()
    client = signed_in(app, person)

    assert sent(client, "/account", to="/account/state", state="TX").status_code == 303
    page = client.get("/account").get_data(as_text=True)
    assert "You live in TX." in page
    assert '<option value="TX" selected' in page

    refused = sent(client, "/account", to="/account/state", state="XX")
    assert refused.status_code == 422
    assert "Must be a two-letter US state, such as CA." in refused.get_data(as_text=True)
    assert db.session.scalars(sa.select(Person.state).where(Person.id == person.id)).one() == "TX"
    assert "Where you live" not in signed_in(app, somebody(people.eva)).get("/account").text


def test_who_has_just_confirmed_her_address_finds_it_where_she_signs_in(app: Flask) -> None:
    client, person = app.test_client(), somebody(people.alice, email_confirmed_at=None)
    secret = confirming.issue_link(person, now())
    db.session.commit()
    sent(client, f"/confirm/{secret}")
    assert f'value="{person.email}"' in client.get("/sign-in").get_data(as_text=True)
    assert person.email not in client.get("/sign-in").get_data(as_text=True)
