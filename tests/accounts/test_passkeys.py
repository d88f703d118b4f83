"""Passkeys through the doors: a software device, and what somebody might try with one."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shop.accounts import passkeys
from shop.accounts.errors import WrongPasskey
from shop.accounts.models import AuthEvent, Passkey, SignInAttempt
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from tests import people
from tests.accounts.authenticator import Device, b64
from tests.accounts.test_api import WORD, Browser, somebody

PARTY = passkeys.party("http://localhost", "Clinic")


def _ready(app: Flask, who: Any = None) -> tuple[Any, Browser]:
    """Somebody at her browser, who showed her password just now."""
    person = who or somebody()
    browser = Browser(app, person)
    assert browser.post("/session/fresh", {"password": WORD}).status_code == 200
    return person, browser


def _asked(browser: Browser, path: str) -> dict[str, Any]:
    answer = browser.post(path)
    assert answer.status_code == 200, answer.json
    browser.csrf = answer.json["csrf_token"]
    options: dict[str, Any] = answer.json["options"]
    return options


def _add(browser: Browser, device: Device, name: str = "My phone") -> Any:
    options = _asked(browser, "/me/passkeys/options")
    return browser.post("/me/passkeys", {"name": name, "credential": device.make(options)})


def _sign_in(browser: Browser, device: Device) -> Any:
    options = _asked(browser, "/session/passkey/options")
    return browser.post("/session/passkey", {"credential": device.show(options)})


@pytest.fixture
def held(app: Flask) -> tuple[Any, Browser, Device]:
    """Alice's browser, and the device that holds her passkey."""
    person, browser = _ready(app)
    device = Device()
    assert _add(browser, device).status_code == 201
    return person, browser, device


def test_a_passkey_is_made_for_our_host_with_her_finger_and_no_attestation(app: Flask) -> None:
    person, browser = _ready(app)

    options = _asked(browser, "/me/passkeys/options")

    assert options["rp"]["id"] == "localhost"
    assert options["attestation"] == "none"
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert options["user"]["name"] == person.email


def test_a_passkey_signs_in_without_a_name(app: Flask, held: Any) -> None:
    person, _, device = held
    elsewhere = Browser(app)

    options = _asked(elsewhere, "/session/passkey/options")
    assert options.get("allowCredentials", []) == []
    answer = elsewhere.post("/session/passkey", {"credential": device.show(options)})

    assert answer.status_code == 200
    assert answer.json["user"]["email"] == person.email
    assert elsewhere.get("/me").json["user"]["id"] == str(person.id)
    proof = db.session.scalars(sa.select(AuthEvent).order_by(AuthEvent.at.desc()).limit(1)).one()
    assert (proof.kind, proof.factors, proof.person_id) == ("sign_in", ["passkey"], person.id)
    passkey = db.session.scalars(sa.select(Passkey)).one()
    assert (passkey.sign_count, proof.passkey_id) == (1, passkey.id)


def test_a_passkey_is_a_fresh_proof(app: Flask, held: Any) -> None:
    person, _, device = held
    browser = Browser(app, person)
    assert browser.get("/me").json["fresh_until"] is None

    options = _asked(browser, "/session/fresh/passkey/options")
    assert [one["id"] for one in options["allowCredentials"]] == [b64(device.credential_id)]
    answer = browser.post("/session/fresh/passkey", {"credential": device.show(options)})

    assert answer.status_code == 200
    assert browser.get("/me").json["fresh_until"] == answer.json["fresh_until"]
    fresh = db.session.scalars(
        sa.select(AuthEvent).where(AuthEvent.kind == "fresh").order_by(AuthEvent.at.desc())
    ).first()
    assert fresh is not None
    assert fresh.factors == ["passkey"]


def test_named_listed_renamed_and_removed(app: Flask, held: Any) -> None:
    person, browser, device = held
    (one,) = browser.get("/me/passkeys").json["items"]
    assert (one["name"], one["used_at"]) == ("My phone", None)

    renamed = browser.client.patch(
        f"/api/v1/me/passkeys/{one['id']}",
        json={"name": "  Old   phone "},
        headers={"X-CSRFToken": browser.csrf},
    )
    assert renamed.json["name"] == "Old phone"
    assert browser.delete(f"/me/passkeys/{one['id']}").status_code == 204

    assert browser.get("/me/passkeys").json["items"] == []
    assert browser.delete(f"/me/passkeys/{one['id']}").status_code == 404
    row = db.session.scalars(sa.select(Passkey)).one()
    assert (row.credential_id, row.public_key) == (None, None)
    kinds = [event.kind for event in events.of(person.id)]
    assert kinds[-3:] == ["passkey_added", "passkey_renamed", "passkey_removed"]
    assert _sign_in(Browser(app), device).status_code == 401


def test_another_persons_passkey_is_not_there(app: Flask, held: Any) -> None:
    _, mine, _ = held
    (one,) = mine.get("/me/passkeys").json["items"]
    _, other = _ready(app, somebody(people.bob))

    assert other.delete(f"/me/passkeys/{one['id']}").status_code == 404
    assert other.get("/me/passkeys").json["items"] == []


def test_without_a_fresh_sign_in_nothing_is_added_or_removed(app: Flask, held: Any) -> None:
    person, browser, _ = held
    (one,) = browser.get("/me/passkeys").json["items"]
    stale = Browser(app, person)

    assert stale.post("/me/passkeys/options").json["code"] == "fresh_sign_in_missing"
    assert stale.delete(f"/me/passkeys/{one['id']}").json["code"] == "fresh_sign_in_missing"
    assert len(browser.get("/me/passkeys").json["items"]) == 1


def test_one_device_has_one_passkey_here(app: Flask, held: Any) -> None:
    _, browser, device = held
    options = _asked(browser, "/me/passkeys/options")
    assert [one["id"] for one in options["excludeCredentials"]] == [b64(device.credential_id)]

    again = browser.post("/me/passkeys", {"name": "Twin", "credential": device.make(options)})

    assert (again.status_code, again.json["code"]) == (409, "passkey_known")


def test_a_challenge_is_answered_once(app: Flask, held: Any) -> None:
    _, _, device = held
    browser = Browser(app)
    options = _asked(browser, "/session/passkey/options")
    secret = _secret(browser)
    answer = {"credential": device.show(options)}
    assert browser.post("/session/passkey", answer).status_code == 200

    replayed = Browser(app)
    _asked(replayed, "/session/passkey/options")
    _put_secret(replayed, secret)

    assert replayed.post("/session/passkey", answer).json["code"] == "wrong_passkey"
    assert replayed.get("/me").status_code == 401


def test_a_failed_answer_uses_up_the_challenge(app: Flask, held: Any) -> None:
    _, _, device = held
    browser = Browser(app)
    options = _asked(browser, "/session/passkey/options")
    secret = _secret(browser)
    wrong = Device(handle=device.handle, credential_id=device.credential_id)
    assert browser.post("/session/passkey", {"credential": wrong.show(options)}).status_code == 401

    _put_secret(browser, secret)
    right = browser.post("/session/passkey", {"credential": device.show(options)})

    assert right.json["code"] == "wrong_passkey"


def test_an_answer_that_another_browser_asked_for_is_worth_nothing(app: Flask, held: Any) -> None:
    _, _, device = held
    victim, thief = Browser(app), Browser(app)
    options = _asked(victim, "/session/passkey/options")
    _asked(thief, "/session/passkey/options")

    stolen = thief.post("/session/passkey", {"credential": device.show(options)})

    assert stolen.json["code"] == "wrong_passkey"


def test_after_five_minutes_it_is_too_late(app: Flask, held: Any) -> None:
    _, _, device = held
    options, secret = passkeys.ask_to_sign_in(PARTY)

    with pytest.raises(WrongPasskey):
        passkeys.prove(
            device.show(options),
            secret=secret,
            party=PARTY,
            address="192.0.2.7",
            at=now() + timedelta(minutes=5),
        )


WRONG: dict[str, dict[str, Any]] = {
    "from another origin": {"origin": "https://localhost.evil.example"},
    "from a port beside ours": {"origin": "http://localhost:8001"},
    "without her finger": {"verified": False},
    "with a count that stands still": {"step": 0, "count": 5},
    "with a count that goes back": {"step": -1, "count": 5},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_refuses_to_sign_in(app: Flask, held: Any, wrong: dict[str, Any]) -> None:
    _, _, device = held
    device.count = 4
    assert _sign_in(Browser(app), device).status_code == 200
    for name, value in wrong.items():
        setattr(device, name, value)

    answer = _sign_in(Browser(app), device)

    assert (answer.status_code, answer.json["code"]) == (401, "wrong_passkey")
    assert db.session.scalars(sa.select(Passkey.sign_count)).one() == 5
    assert db.session.scalar(sa.select(sa.func.count()).select_from(SignInAttempt)) == 1


def test_a_device_that_counts_nothing_signs_in_again_and_again(app: Flask) -> None:
    _, browser = _ready(app)
    device = Device(step=0)
    assert _add(browser, device).status_code == 201

    for _ in range(2):
        assert _sign_in(Browser(app), device).status_code == 200


REFUSED: dict[str, dict[str, Any]] = {
    "from another origin": {"origin": "https://evil.example"},
    "without her finger": {"verified": False},
}


@pytest.mark.parametrize("wrong", REFUSED.values(), ids=REFUSED.keys())
def test_refuses_to_register(app: Flask, wrong: dict[str, Any]) -> None:
    _, browser = _ready(app)

    answer = _add(browser, Device(**wrong))

    assert (answer.status_code, answer.json["code"]) == (422, "passkey_refused")
    assert db.session.scalar(sa.select(sa.func.count()).select_from(Passkey)) == 0


def test_anothers_passkey_is_no_fresh_proof_of_mine(app: Flask, held: Any) -> None:
    _, _, hers = held
    other, browser = _ready(app, somebody(people.bob))
    mine = Device()
    assert _add(browser, mine).status_code == 201
    bobs = Browser(app, other)
    options = _asked(bobs, "/session/fresh/passkey/options")

    answer = bobs.post("/session/fresh/passkey", {"credential": hers.show(options)})

    assert answer.json["code"] == "wrong_passkey"
    assert bobs.get("/me").json["fresh_until"] is None


def test_an_answer_to_signing_in_is_no_fresh_proof(app: Flask, held: Any) -> None:
    person, _, device = held
    browser = Browser(app, person)
    options = _asked(browser, "/session/passkey/options")

    answer = browser.post("/session/fresh/passkey", {"credential": device.show(options)})

    assert answer.json["code"] == "wrong_passkey"


def test_a_handle_of_somebody_else_is_refused(app: Flask, held: Any) -> None:
    _, _, device = held
    device.handle = somebody(people.bob).id.bytes

    assert _sign_in(Browser(app), device).json["code"] == "wrong_passkey"


def test_who_is_disabled_signs_in_with_nothing(app: Flask, held: Any) -> None:
    person, _, device = held
    row = db.session.get_one(type(person), person.id)
    row.disabled_at, row.session_epoch = now(), row.session_epoch + 1
    db.session.commit()

    assert _sign_in(Browser(app), device).json["code"] == "wrong_passkey"


def test_a_program_has_no_passkey(app: Flask) -> None:
    person = somebody()
    token = (
        Browser(app)
        .post("/tokens", {"email": person.email, "password": WORD, "name": "till"})
        .json["token"]
    )
    program = Browser(app)

    answer = program.post("/me/passkeys/options", Authorization=f"Bearer {token}")

    assert answer.json["code"] == "browser_only"


def test_ten_wrong_answers_slow_the_next_down(app: Flask, held: Any) -> None:
    _, _, device = held
    browser = Browser(app)
    wrong = Device(handle=device.handle)
    for _ in range(10):
        assert _sign_in(browser, wrong).status_code == 401

    assert _sign_in(browser, device).status_code == 429


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
PARTS = ("id", "rawId", "type", "response", "clientDataJSON", "authenticatorData", "signature")


@given(part=st.sampled_from(PARTS), junk=JSON)
@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_junk_is_refused_and_never_an_error(app: Flask, held: Any, part: str, junk: Any) -> None:
    _, _, device = held
    browser = Browser(app)
    options = _asked(browser, "/session/passkey/options")
    answer = copy.deepcopy(device.show(options))
    (answer if part in answer else answer["response"])[part] = junk

    refused = browser.post("/session/passkey", {"credential": answer})

    assert refused.status_code in (401, 422, 429)


def test_an_address_is_no_host_for_a_passkey() -> None:
    for address, host, origin in (
        ("http://127.0.0.1:8000", "localhost", "http://localhost:8000"),
        ("https://shop.example", "shop.example", "https://shop.example"),
        ("https://shop.example:444", "shop.example", "https://shop.example:444"),
    ):
        party = passkeys.party(address, "Clinic")
        assert (party.id, party.origin) == (host, origin)


def _secret(browser: Browser) -> str:
    with browser.client.session_transaction() as cookie:
        return str(cookie["passkey"])


def _put_secret(browser: Browser, secret: str) -> None:
    with browser.client.session_transaction() as cookie:
        cookie["passkey"] = secret
