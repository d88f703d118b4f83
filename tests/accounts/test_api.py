"""Accounts over HTTP."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from flask.testing import FlaskClient

from shop.accounts import confirming, passwords
from shop.accounts.models import AuthEvent, Person, SignIn, SignInAttempt, Token
from shop.charts import reading
from shop.core.clock import now
from shop.core.db import db
from tests import people

API = "/api/v1"
WORD = "gray plum 12"


def somebody(make: Any = people.alice, **given: Any) -> Person:
    """One of the cast, with a password, committed."""
    person: Person = make(password_hash=passwords.hash_of(WORD), **given)
    db.session.commit()
    return person


def afresh(person: Person) -> Person:
    """The row as it is now: a request leaves the test's own copy behind."""
    return db.session.get_one(Person, person.id, populate_existing=True)


class Browser:
    """A browser that sends the CSRF token as our pages do."""

    def __init__(self, app: Flask, person: Person | None = None) -> None:
        self.client: FlaskClient = app.test_client()
        self.csrf = ""
        if person is not None:
            answer = self.post("/session", {"email": person.email, "password": WORD})
            assert answer.status_code == 200, answer.json
            self.csrf = answer.json["csrf_token"]

    def get(self, path: str) -> Any:
        return self.client.get(API + path)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.client.post(API + path, json=body, headers=self._headers(headers))

    def delete(self, path: str) -> Any:
        return self.client.delete(API + path, headers=self._headers({}))

    def secret(self) -> str:
        with self.client.session_transaction() as cookie:
            return str(cookie.get("_user_id", ""))

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        return ({"X-CSRFToken": self.csrf} if self.csrf else {}) | more


def a_program(app: Flask, person: Person, **terms: Any) -> dict[str, str]:
    """The header of a program with a token of `person`."""
    body = {"email": person.email, "password": WORD, "name": "till"} | terms
    answer = Browser(app).post("/tokens", body)
    assert answer.status_code == 201, answer.json
    return {"Authorization": f"Bearer {answer.json['token']}"}


NEW = {
    "email": "carla@example.test",
    "password": WORD,
    "name": "Carla Ruiz",
    "birth_date": "1990-05-04",
    "state": "CA",
}


def test_the_answer_does_not_tell_who_has_an_account(app: Flask) -> None:
    somebody(email="known@example.test")
    visitor = Browser(app)

    new = visitor.post("/accounts", NEW | {"email": "fresh@example.test"})
    known = visitor.post("/accounts", NEW | {"email": "known@example.test"})

    assert (new.status_code, known.status_code) == (202, 202)
    assert new.data.replace(b"fresh", b"known") == known.data
    assert not set(new.headers.keys()) ^ set(known.headers.keys())


def test_signing_in_does_not_tell_either(app: Flask) -> None:
    person = somebody()
    visitor = Browser(app)

    def refused(email: str, password: str) -> dict[str, Any]:
        answer = visitor.post("/session", {"email": email, "password": password})
        assert answer.status_code == 401
        return {name: value for name, value in answer.json.items() if name != "request_id"}

    assert refused(person.email, "wrong plum 12") == refused("nobody@example.test", WORD)


def test_the_hash_is_computed_for_nobody_too(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []
    really = passwords.matches
    monkeypatch.setattr(
        passwords, "matches", lambda kept, word: asked.append(kept) or really(kept, word)
    )

    Browser(app).post("/session", {"email": "nobody@example.test", "password": WORD})

    assert asked == [None]


def test_a_new_client_signs_in(app: Flask) -> None:
    Browser(app).post("/accounts", NEW)

    answer = Browser(app).post("/session", {"email": "Carla@example.test", "password": WORD})

    assert answer.status_code == 200
    assert (answer.json["user"]["name"], answer.json["user"]["role"]) == ("Carla Ruiz", "client")
    assert "password" not in answer.get_data(as_text=True)


BAD = {
    "a field too many": ({"role": "manager"}, "role"),
    "a number for a name": ({"name": 7}, "name"),
    "no such day": ({"birth_date": "1990-02-30"}, "birth_date"),
    "a NUL": ({"name": "Carla\x00"}, "name"),
    "a short password": ({"password": "short"}, "password"),
    "no mail address": ({"email": "carla"}, "email"),
    "a territory": ({"state": "PR"}, "state"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_details_are_named(app: Flask, case: str) -> None:
    given, field = BAD[case]

    answer = Browser(app).post("/accounts", NEW | given)

    assert (answer.status_code, list(answer.json["errors"])) == (422, [field])
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Person)) == 0


@pytest.mark.parametrize("path", ["/accounts", "/session", "/tokens", "/accounts/confirmation"])
@pytest.mark.parametrize("body", ["", "{", "[]", "null", '"x"', '{"email": 1e999}', "\ud800"])
def test_nonsense_is_refused(app: Flask, path: str, body: str) -> None:
    answer = app.test_client().post(
        API + path,
        data=body.encode("utf-8", "surrogatepass"),
        content_type="application/json",
    )

    assert answer.status_code in (400, 422)
    assert answer.content_type == "application/problem+json"


def test_the_mailed_link_confirms(app: Flask) -> None:
    person = somebody()
    secret = confirming.issue_link(person, now())
    db.session.commit()

    first = Browser(app).post("/accounts/confirmation", {"secret": secret})
    second = Browser(app).post("/accounts/confirmation", {"secret": secret})

    assert (first.status_code, second.status_code) == (204, 422)
    assert second.json["code"] == "link_not_usable"
    assert afresh(person).email_confirmed_at is not None


def test_signing_in_changes_the_cookie_and_ends_the_session_before(app: Flask) -> None:
    person = somebody()
    browser = Browser(app, person)
    before = browser.secret()

    browser.csrf = browser.post("/session", {"email": person.email, "password": WORD}).json[
        "csrf_token"
    ]

    assert browser.secret() != before
    assert browser.get("/me").status_code == 200
    with browser.client.session_transaction() as cookie:
        cookie["_user_id"] = before
    assert browser.get("/me").status_code == 401


def test_a_cookie_from_before_signing_in_is_worth_nothing(app: Flask) -> None:
    """Fixation: what an attacker planted does not become the session."""
    person = somebody()
    browser = Browser(app)
    with browser.client.session_transaction() as cookie:
        cookie["planted"] = "x"
    fixed = browser.client.get_cookie("aftercare")
    assert fixed is not None
    attacker = Browser(app)
    attacker.client.set_cookie("aftercare", fixed.value)
    csrf = _form_token(browser.client)
    browser.post("/session", {"email": person.email, "password": WORD}, **{"X-CSRFToken": csrf})

    with browser.client.session_transaction() as cookie:
        assert "planted" not in cookie
        assert "_user_id" in cookie
    assert attacker.get("/me").status_code == 401


def _form_token(client: FlaskClient) -> str:
    page = client.get("/sign-in").get_data(as_text=True)
    return page.split('name="csrf_token" value="')[1].split('"')[0]


def test_signing_out_ends_the_session_for_every_copy_of_the_cookie(app: Flask) -> None:
    browser = Browser(app, somebody())
    copied = browser.secret()

    assert browser.delete("/session").status_code == 204

    assert browser.get("/me").status_code == 401
    with browser.client.session_transaction() as cookie:
        cookie["_user_id"] = copied
    assert browser.get("/me").status_code == 401


def test_a_write_by_cookie_needs_the_forms_token(app: Flask) -> None:
    browser = Browser(app, somebody())
    browser.csrf = ""

    assert browser.delete("/session").status_code == 403
    assert browser.get("/me").status_code == 200


def test_me(app: Flask) -> None:
    person = somebody()
    browser = Browser(app, person)

    answer = browser.get("/me").json

    assert answer["user"]["id"] == str(person.id)
    assert (answer["scopes"], answer["fresh_until"]) == (None, None)
    assert answer["csrf_token"]
    assert answer["may"]


def test_ten_failures_and_then_a_pause(app: Flask) -> None:
    person = somebody()
    live = Browser(app, person)
    thief = Browser(app)

    tries = [
        thief.post("/session", {"email": person.email, "password": f"wrong plum {n}"})
        for n in range(12)
    ]

    assert [answer.status_code for answer in tries] == [401] * 10 + [429] * 2
    assert 0 < int(tries[-1].headers["Retry-After"]) <= 600
    right = Browser(app).post("/session", {"email": person.email, "password": WORD})
    assert right.status_code == 429
    assert live.get("/me").status_code == 200
    assert db.session.scalar(sa.select(sa.func.count()).select_from(SignInAttempt)) == 20


def test_one_address_spraying_many_accounts_pauses_too(app: Flask) -> None:
    visitor = Browser(app)

    tries = [
        visitor.post("/session", {"email": f"a{n}@example.test", "password": WORD})
        for n in range(11)
    ]

    assert [answer.status_code for answer in tries] == [401] * 10 + [429]


def test_failures_count_for_ten_minutes(app: Flask) -> None:
    """The pause ends by itself; nothing has to be unlocked."""
    from shop.accounts.throttling import account_key, count_failure, refuse_too_many
    from shop.core.errors import TooMany

    key = account_key("alice@example.test")
    for _ in range(10):
        count_failure(key)
    db.session.flush()  # the database stamps the tries

    with pytest.raises(TooMany) as refused:
        refuse_too_many(key, at=now() + timedelta(minutes=9, seconds=50))
    assert refused.value.facts["retry_after"] in (9, 10, 11)
    refuse_too_many(key, at=now() + timedelta(minutes=10, seconds=1))


def test_a_hash_with_old_parameters_is_made_anew(app: Flask) -> None:
    old = "$argon2id$v=19$m=16,t=2,p=1$"
    passwords.set_cost({"time_cost": 2, "memory_cost": 16, "parallelism": 1})
    person = somebody()
    passwords.set_cost(app.config["SHOP"].argon2)
    assert person.password_hash.startswith(old)

    Browser(app, person)

    assert not afresh(person).password_hash.startswith(old)
    Browser(app, person)


def test_a_fresh_sign_in_is_for_this_session_only(app: Flask) -> None:
    person = somebody(people.dr_chen)
    one, other = Browser(app, person), Browser(app, person)

    wrong = one.post("/session/fresh", {"password": "wrong plum 12"})
    right = one.post("/session/fresh", {"password": WORD})

    assert (wrong.status_code, right.status_code) == (401, 200)
    assert one.get("/me").json["fresh_until"] == right.json["fresh_until"]
    assert other.get("/me").json["fresh_until"] is None
    proofs = db.session.scalars(sa.select(AuthEvent).where(AuthEvent.kind == "fresh")).all()
    assert [(proof.person_id, proof.factors) for proof in proofs] == [(person.id, ["password"])]


def test_a_program_signs_in_afresh(app: Flask) -> None:
    chen = a_program(app, somebody(people.dr_chen))
    client = app.test_client()

    answer = client.post(f"{API}/session/fresh", json={"password": WORD}, headers=chen)

    assert answer.status_code == 200
    assert client.get(f"{API}/me", headers=chen).json["fresh_until"] is not None


def test_a_token_works_until_it_is_revoked(app: Flask) -> None:
    headers = a_program(app, somebody())
    client = app.test_client()
    (listed,) = client.get(f"{API}/tokens", headers=headers).json["items"]

    assert client.get(f"{API}/me", headers=headers).json["scopes"] == listed["scopes"]
    assert "token" not in listed
    gone = client.delete(f"{API}/tokens/{listed['id']}", headers=headers)
    assert gone.status_code == 204
    assert client.get(f"{API}/me", headers=headers).status_code == 401


def test_a_token_is_kept_as_a_hash_only(app: Flask) -> None:
    """Also where the caller asks for an idempotent answer."""
    person = somebody()
    body = {"email": person.email, "password": WORD, "name": "till"}
    answer = Browser(app).post("/tokens", body, **{"Idempotency-Key": "one"})

    secret = answer.json["token"]
    assert answer.headers["Cache-Control"] == "no-store"
    for table in ("tokens", "events", "kept_answers"):
        rows = db.session.execute(sa.text(f"SELECT t::text FROM {table} t")).scalars().all()
        assert not any(secret in row or secret.encode().hex() in row for row in rows), table


@pytest.mark.parametrize("scopes", [["everything"], ["read", "READ"], [""], []])
def test_unknown_scopes_are_refused(app: Flask, scopes: list[str]) -> None:
    person = somebody()
    body = {"email": person.email, "password": WORD, "name": "till", "scopes": scopes}

    answer = Browser(app).post("/tokens", body)

    assert (answer.status_code, list(answer.json["errors"])) == (422, ["scopes"])
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Token)) == 0


def test_a_token_for_reading_ends_no_session(app: Flask) -> None:
    person = somebody()
    Browser(app, person)
    headers = a_program(app, person, scopes=["read", "shop"])
    client = app.test_client()
    (session,) = client.get(f"{API}/me/sessions", headers=headers).json["items"]

    answer = client.delete(f"{API}/me/sessions/{session['id']}", headers=headers)

    assert (answer.status_code, answer.json["facts"]["scope"]) == (403, "account")
    assert db.session.scalars(sa.select(SignIn.revoked_at)).all() == [None]


def test_sessions_are_listed_and_ended(app: Flask) -> None:
    person = somebody()
    here, there, third = Browser(app, person), Browser(app, person), Browser(app, person)

    items = here.get("/me/sessions").json["items"]
    assert [item["current"] for item in items].count(True) == 1
    assert len(items) == 3
    other = next(item for item in there.get("/me/sessions").json["items"] if item["current"])
    assert here.delete(f"/me/sessions/{other['id']}").status_code == 204
    assert there.get("/me").status_code == 401
    assert third.get("/me").status_code == 200
    assert here.delete("/me/sessions").status_code == 204
    assert (here.get("/me").status_code, third.get("/me").status_code) == (200, 401)


@pytest.mark.parametrize("what", ["me/sessions", "tokens"])
def test_what_is_another_persons_is_not_there(app: Flask, what: str) -> None:
    bob = somebody(people.bob)
    Browser(app, bob)
    a_program(app, bob)
    row = db.session.scalars(sa.select(SignIn if what == "me/sessions" else Token)).one()
    alice = Browser(app, somebody())

    assert alice.delete(f"/{what}/{row.id}").status_code == 404
    assert alice.delete(f"/{what}/{uuid.uuid4()}").status_code == 404
    assert db.session.get_one(type(row), row.id).revoked_at is None


def test_who_opened_my_record(app: Flask) -> None:
    alice, chen = somebody(), somebody(people.dr_chen)
    for number in range(3):
        reading.open_record(chen, alice, record=f"request Q-{number}", purpose="treatment")
    db.session.commit()
    browser = Browser(app, alice)

    first = browser.get("/me/accesses?limit=2").json
    second = browser.get(f"/me/accesses?limit=2&after={first['next']}").json

    shown = first["items"] + second["items"]
    assert sorted(item["record"] for item in shown) == [f"request Q-{n}" for n in range(3)]
    assert {(item["reader"], item["role"], item["purpose"]) for item in shown} == {
        ("Dr Wei Chen", "physician", "treatment")
    }
    assert second["next"] is None
    assert Browser(app, somebody(people.bob)).get("/me/accesses").json["items"] == []


def test_a_manager_takes_somebody_on(app: Flask) -> None:
    mona = Browser(app, somebody(people.mona))
    npi = people.an_npi()

    body = {"email": "new@example.test", "name": "Dr New", "role": "physician", "npi": npi}
    made = mona.post("/people", body)
    terms = {
        "kind": "MD",
        "state": "CA",
        "number": "A1",
        "valid_from": "2026-01-01",
        "valid_until": "2028-01-01",
    }
    licence = mona.post(f"/people/{made.json['id']}/licences", terms)
    again = mona.post(f"/people/{made.json['id']}/licences", terms)
    ended = mona.post(
        f"/people/{made.json['id']}/licences/{licence.json['id']}/end", {"ended_on": "2027-01-01"}
    )

    assert (made.status_code, licence.status_code, ended.status_code) == (201, 201, 200)
    assert (again.status_code, again.json["code"]) == (409, "licences_overlap")
    shown = next(p for p in mona.get("/people").json["items"] if p["id"] == made.json["id"])
    assert shown["licences"][0]["ended_on"] == "2027-01-01"
    assert mona.post("/people", body).status_code == 409


def test_somebody_disabled_is_refused_in_the_same_second(app: Flask) -> None:
    sam = somebody(people.sam)
    browser, program = Browser(app, sam), a_program(app, sam)
    mona_person = somebody(people.mona)
    mona = Browser(app, mona_person)
    assert browser.get("/me").status_code == 200

    assert mona.post(f"/people/{sam.id}/disablement").status_code == 204

    assert browser.get("/me").status_code == 401
    assert app.test_client().get(f"{API}/me", headers=program).status_code == 401
    again = Browser(app).post("/session", {"email": sam.email, "password": WORD})
    assert again.status_code == 401
    assert mona.post(f"/people/{mona_person.id}/disablement").status_code == 422


PEOPLE = {
    "client": (people.alice, 403, 403),
    "esthetician": (people.eva, 403, 403),
    "staff": (people.sam, 403, 403),
    "physician": (people.dr_chen, 200, 403),
    "manager": (people.mona, 200, 422),
}


@pytest.mark.parametrize("role", PEOPLE)
def test_who_may_see_and_change_people(app: Flask, role: str) -> None:
    make, sees, writes = PEOPLE[role]
    browser = Browser(app, somebody(make))

    assert browser.get("/people").status_code == sees
    assert browser.post("/people", {}).status_code == writes


def test_strangers_see_nothing(app: Flask) -> None:
    visitor = Browser(app)

    for path in ("/me", "/me/sessions", "/me/accesses", "/tokens", "/people"):
        assert visitor.get(path).status_code == 401, path
