"""What two do at once with a link, an account, a guess: one of them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from shop.accounts import confirming, opening, passwords, throttling
from shop.accounts.errors import LinkNotUsable, WrongPassword
from shop.accounts.models import Person, SignInAttempt
from shop.accounts.signing_in import prove
from shop.core.clock import now
from shop.core.db import db
from shop.core.errors import TooMany
from tests import people

TODAY = date(2026, 6, 15)


def at_once(app: Flask, times: int, work: Any) -> list[Any]:
    """What each of `times` threads gets from `work`, all starting together."""
    gate = threading.Barrier(times)

    def one(number: int) -> Any:
        with app.app_context():
            db.session.info["actor"] = "system:test"
            gate.wait(timeout=20)
            try:
                return work(number)
            except (LinkNotUsable, TooMany, WrongPassword) as refusal:
                db.session.commit()
                return type(refusal)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


@pytest.fixture
def context(live_app: Flask) -> Iterator[None]:
    with live_app.app_context():
        db.session.info["actor"] = "system:test"
        yield


def test_a_link_redeemed_by_two_at_once_works_once(live_app: Flask, context: None) -> None:
    """I29."""
    bob = people.bob()
    secret = confirming.issue_link(bob, now())
    db.session.commit()
    bob_id = bob.id

    def redeem(_number: int) -> uuid.UUID:
        person = confirming.redeem(secret, at=now())
        db.session.commit()
        return person.id

    assert sorted(at_once(live_app, 4, redeem), key=str) == sorted(
        [bob_id, LinkNotUsable, LinkNotUsable, LinkNotUsable], key=str
    )


def test_an_account_opened_by_two_at_once_is_one(live_app: Flask, context: None) -> None:
    def open_one(_number: int) -> bool:
        made = opening.open_account(
            email="twice@example.test",
            password="gray plum 12",
            name="Twice",
            birth_date=TODAY.replace(year=1990),
            state="CA",
            at=now(),
            today=TODAY,
        )
        db.session.commit()
        return made is not None

    assert sorted(at_once(live_app, 4, open_one)) == [False, False, False, True]
    query = sa.select(sa.func.count()).where(Person.email == "twice@example.test")
    assert db.session.scalar(query) == 1


def test_twelve_guesses_four_at_a_time_are_ten(live_app: Flask, context: None) -> None:
    """Else a thousand guesses sent together would all count as the first."""
    carla = people.alice(password_hash=passwords.hash_of("gray plum 12"))
    db.session.commit()
    email = carla.email

    def guess(number: int) -> Any:
        return prove(email, f"wrong plum {number}", address=f"192.0.2.{number}", at=now())

    answers = (
        at_once(live_app, 4, guess) + at_once(live_app, 4, guess) + at_once(live_app, 4, guess)
    )

    assert (answers.count(WrongPassword), answers.count(TooMany)) == (10, 2)
    counted = sa.select(sa.func.count()).where(
        SignInAttempt.who_hash == throttling.account_key(email)
    )
    assert db.session.scalar(counted) == 10
