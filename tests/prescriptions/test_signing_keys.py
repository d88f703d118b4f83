"""Signing keys: recorded before they sign, one at a time, retired for good; and their commands."""

from __future__ import annotations

import base64
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask

from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import NotFound
from shop.core.signatures import Ring, new_private_key, public_key_of, ring, written
from shop.prescriptions import signing_keys
from shop.prescriptions.cli import signing_keys_group
from shop.prescriptions.errors import KeyRefused, NoSigningKey
from shop.prescriptions.models import SigningKey
from tests import keys

YEAR = timedelta(days=365)


@pytest.fixture(autouse=True)
def _app(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clinic whose key of all of time is retired."""
    monkeypatch.setattr(ring, "keys", dict(ring.keys))
    signing_keys.retire(keys.KEY_ID, at=now())
    db.session.commit()


def a_key(**given: Any) -> SigningKey:
    at = now()
    terms = {"valid_from": at, "valid_until": at + YEAR, "at": at} | given
    private = new_private_key()
    ring.keys |= _ring(private).keys
    made = signing_keys.record(public_key_of(private), **terms)
    db.session.commit()
    return made


def _ring(*private: bytes) -> Ring:
    made = Ring()
    made.load(written(private))
    return made


def test_the_key_of_a_moment_is_the_one_whose_range_it_is_in() -> None:
    first = a_key()
    second = a_key(valid_from=first.valid_until, valid_until=first.valid_until + YEAR)

    for key in (first, second):
        assert signing_keys.current(key.valid_from) is key
        assert signing_keys.current(key.valid_until - timedelta(microseconds=1)) is key
    with pytest.raises(NoSigningKey):
        signing_keys.current(second.valid_until)
    with pytest.raises(NoSigningKey):
        signing_keys.current(first.valid_from - timedelta(microseconds=1))


def test_a_retired_key_makes_room_for_the_next() -> None:
    first = a_key()
    signing_keys.retire(first.id, at=now())
    db.session.commit()
    with pytest.raises(NoSigningKey):
        signing_keys.current(now())

    second = a_key()

    assert signing_keys.current(now()) is second
    assert [event.kind for event in events.of(first.id)] == [
        "signing_key_recorded",
        "signing_key_retired",
    ]


WRONG: dict[str, tuple[dict[str, timedelta], str]] = {
    "of yesterday": ({"valid_from": -timedelta(days=1)}, "valid_from"),
    "over before it begins": ({"valid_until": -timedelta(seconds=1)}, "valid_until"),
    "for four years": ({"valid_until": 4 * YEAR}, "valid_until"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_key_that_cannot_be_is_refused(case: str) -> None:
    given, field = WRONG[case]
    at = now()
    with pytest.raises(KeyRefused) as refused:
        a_key(**{name: at + by for name, by in given.items()})

    assert list(refused.value.fields) == [field]
    assert [key.id for key in signing_keys.all_keys()] == [keys.KEY_ID]


def test_two_keys_never_sign_at_one_time_and_none_is_used_twice() -> None:
    first = a_key()
    with pytest.raises(KeyRefused) as beside:
        a_key(valid_from=first.valid_until - timedelta(seconds=1), valid_until=now() + 2 * YEAR)
    with pytest.raises(KeyRefused) as again:
        signing_keys.record(
            keys.PUBLIC, valid_from=first.valid_until, valid_until=now() + 2 * YEAR, at=now()
        )

    assert (list(beside.value.fields), list(again.value.fields)) == (["valid_from"], ["public_key"])
    assert len(signing_keys.all_keys()) == 2


def test_a_key_retires_once() -> None:
    with pytest.raises(KeyRefused):
        signing_keys.retire(keys.KEY_ID, at=now())
    with pytest.raises(NotFound):
        signing_keys.retire(uuid.uuid4(), at=now())


def test_an_ending_key_is_told_of_once_at_each_step() -> None:
    at = now()
    key = a_key(valid_until=at + timedelta(days=61, hours=1))

    told = [
        signing_keys.tell_of_expiry(at=at + timedelta(days=61 - left)) is not None
        for left in (61, 60, 60, 45, 30, 14, 8, 7, 3, 1, 0)
    ]

    assert told == [False, True, False, False, True, True, False, True, False, True, False]
    steps = [event.facts["step"] for event in events.of(key.id) if "step" in event.facts]
    assert steps == [60, 30, 14, 7, 1]


def test_a_key_that_another_follows_is_not_told_of() -> None:
    key = a_key(valid_until=now() + timedelta(days=5))
    a_key(valid_from=key.valid_until, valid_until=key.valid_until + YEAR)

    assert signing_keys.tell_of_expiry(at=now()) is None


# The commands.


def run(app: Flask, *arguments: str) -> tuple[int, str]:
    done = app.test_cli_runner().invoke(signing_keys_group, list(arguments))
    return done.exit_code, done.output


def test_a_new_key_is_shown_once_with_what_to_do(app: Flask) -> None:
    code, said = run(app, "new")

    assert code == 0, said
    private = base64.b64decode(said.strip().splitlines()[-1])
    made = signing_keys.all_keys()[-1]
    assert public_key_of(private) == bytes(made.public_key)
    assert "SIGNING_KEYS" in said
    _code, listed = run(app, "list")
    assert base64.b64encode(private).decode() not in listed
    assert re.search(rf"{made.id}  signs .* private half not here", listed)
    assert re.search(rf"{keys.KEY_ID}  retired .* private half here", listed)


def test_the_next_key_begins_when_the_last_one_ends(app: Flask) -> None:
    first = a_key()

    code, said = run(app, "new", "--days", "30")

    assert code == 0, said
    second = signing_keys.all_keys()[-1]
    assert second.valid_from == first.valid_until
    assert second.valid_until == first.valid_until + timedelta(days=30)
    assert "waits" in said


def test_a_key_of_the_environment_is_recorded_and_not_shown(app: Flask) -> None:
    private = new_private_key()
    ring.keys |= _ring(private).keys

    code, said = run(app, "new", "--from-environment")

    assert code == 0, said
    assert base64.b64encode(private).decode() not in said
    assert signing_keys.current(now()).public_key == public_key_of(private)
    code, said = run(app, "new", "--from-environment")
    assert code == 1
    assert "holds 0 keys that are not recorded" in said


BAD = {
    "a key that begins in the past": ("new", "--from", "2020-01-01"),
    "too long": ("new", "--days", "4000"),
    "no such key": ("retire", str(uuid.UUID(int=1))),
    "no id": ("retire", "nonsense"),
    "a day that is none": ("new", "--from", "tomorrow"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_command_that_cannot_be_done_says_why(app: Flask, case: str) -> None:
    code, said = run(app, *BAD[case])

    assert code != 0
    assert "Error" in said
    assert "Traceback" not in said
    assert len(signing_keys.all_keys()) == 1


def test_a_key_is_retired(app: Flask) -> None:
    key = a_key()

    code, said = run(app, "retire", str(key.id))

    assert code == 0
    assert "Take its private half out of SIGNING_KEYS" in said
    with pytest.raises(NoSigningKey):
        signing_keys.current(now())
