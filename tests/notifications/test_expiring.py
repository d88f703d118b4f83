"""A licence or key that ends soon: who is told, once, and nothing that others may not read."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from flask import Flask

from shop import reactions
from shop.accounts import expiring
from shop.accounts import jobs as accounts
from shop.core import events
from shop.core.clock import now
from shop.core.db import db
from shop.core.events import Event, Kind
from shop.notifications import letters
from shop.notifications.models import Letter, Template
from shop.prescriptions import jobs as prescriptions
from shop.prescriptions import signing_keys
from shop.prescriptions.models import SigningKey
from tests import keys
from tests.people import a_licence, alice, dr_chen, mona, sam


@pytest.fixture(autouse=True)
def _app(app: Flask) -> None:
    """Every test here speaks with the database."""


def react_to(kind: Kind, times: int = 1) -> None:
    for event in db.session.scalars(sa.select(Event).where(Event.kind == kind)).all():
        for _ in range(times):
            reactions.react(subject_id=str(event.subject_id), seq=event.seq)


def recipients(template: Template) -> list[str]:
    query = sa.select(Letter).where(Letter.template == template)
    return sorted(letter.recipient.email for letter in db.session.scalars(query))


def said(template: Template) -> list[str]:
    query = sa.select(Letter).where(Letter.template == template)
    found = []
    for letter in db.session.scalars(query):
        message = letters.compose(letter, at=now())
        texts = [part.get_content() for part in message.iter_parts()]
        found.append("\n".join([str(message["Subject"]), *texts]))
    return found


def test_holder_and_managers_are_told_once_at_each_step() -> None:
    chen = dr_chen(states=(), name="Dr Wei Canary")
    licence = a_licence(chen, number="CANARY-1", valid_until=now().date() + timedelta(days=20))
    managers = [mona(), mona()]
    mona(disabled_at=now())
    alice(), sam()
    db.session.commit()

    for _ in range(2):
        accounts.tell_of_expiring_licences()
    react_to(Kind.LICENCE_EXPIRING, times=2)

    everybody = sorted(one.email for one in (chen, *managers))
    assert recipients(Template.LICENCE_EXPIRING) == everybody
    expiring.tell(at=now() + timedelta(days=8))
    react_to(Kind.LICENCE_EXPIRING)
    assert recipients(Template.LICENCE_EXPIRING) == sorted(everybody * 2)
    for letter in said(Template.LICENCE_EXPIRING):
        assert letter.startswith("A licence ends soon")
        assert licence.valid_until.strftime("%Y") in letter
        assert "CANARY-1" not in letter


def test_managers_are_told_of_the_key() -> None:
    manager = mona()
    dr_chen()
    signing_keys.retire(keys.KEY_ID, at=now())
    at = now()
    key = signing_keys.record(
        bytes(range(32)), valid_from=at, valid_until=at + timedelta(days=6, hours=1), at=at
    )
    db.session.commit()

    for _ in range(2):
        prescriptions.tell_of_expiring_keys()
    react_to(Kind.SIGNING_KEY_EXPIRING, times=2)

    assert [event.facts["step"] for event in events.of(key.id) if "step" in event.facts] == [7]
    assert recipients(Template.SIGNING_KEY_EXPIRING) == [manager.email]
    (letter,) = said(Template.SIGNING_KEY_EXPIRING)
    assert "flask signing-keys new" in letter
    assert key.valid_until.strftime("%Y") in letter


def test_a_key_is_nobodys_and_a_letter_says_to_whom() -> None:
    key = db.session.get_one(SigningKey, keys.KEY_ID)
    (event,) = events.of(key.id)
    with pytest.raises(LookupError):
        letters.send(Template.SIGNING_KEY_EXPIRING, key, event)
    assert recipients(Template.SIGNING_KEY_EXPIRING) == []
