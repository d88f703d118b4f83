"""The cast: Alice and Bob (clients), Dr Chen (physician), Eva (esthetician), Sam (staff), Mona."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from datetime import date, timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient

from shop.accounts.models import AuthEvent, Factor, Licence, Person, Role, SignIn
from shop.core.clock import now
from shop.core.db import db

PASSWORD = "demo-password"
NO_HASH = "not-a-hash"  # nobody signs in with it


def a_person(role: Role = Role.CLIENT, **given: Any) -> Person:
    """Somebody, valid by default, saved (not committed)."""
    word = uuid.uuid4().hex[:8]
    fields: dict[str, Any] = {
        "id": uuid.uuid4(),
        "email": f"{role}-{word}@example.test",
        "name": f"{role.title()} {word}",
        "role": role,
        "password_hash": NO_HASH,
    }
    if role is Role.CLIENT:
        fields |= {"birth_date": date(1990, 5, 4), "state": "CA"}
    if role is Role.PHYSICIAN:
        fields |= {"npi": an_npi()}
    person = Person(**(fields | given))
    db.session.add(person)
    db.session.flush()  # others point at it
    return person


def alice(**given: Any) -> Person:
    return a_person(Role.CLIENT, **({"name": "Alice Moreno"} | given))


def bob(**given: Any) -> Person:
    return a_person(Role.CLIENT, **({"name": "Bob Ito", "state": "TX"} | given))


def dr_chen(*, states: tuple[str, ...] = ("CA", "NV"), **given: Any) -> Person:
    """A physician licensed in `states` for a year around today."""
    physician = a_person(Role.PHYSICIAN, **({"name": "Dr Wei Chen"} | given))
    for state in states:
        a_licence(physician, state=state)
    return physician


def eva(**given: Any) -> Person:
    return a_person(Role.ESTHETICIAN, **({"name": "Eva Lind"} | given))


def sam(**given: Any) -> Person:
    return a_person(Role.STAFF, **({"name": "Sam Okafor"} | given))


def mona(**given: Any) -> Person:
    return a_person(Role.MANAGER, **({"name": "Mona Reyes"} | given))


def a_licence(person: Person, **given: Any) -> Licence:
    today = now().date()
    fields: dict[str, Any] = {
        "id": uuid.uuid4(),
        "person_id": person.id,
        "kind": "MD",
        "state": "CA",
        "number": f"A{uuid.uuid4().int % 1_000_000:06d}",
        "valid_from": today - timedelta(days=180),
        "valid_until": today + timedelta(days=180),
        "verified_on": today,
    }
    licence = Licence(**(fields | given))
    db.session.add(licence)
    db.session.flush()  # a signature points at it
    db.session.refresh(person, ["licences"])
    return licence


def a_fresh_sign_in(person: Person, **given: Any) -> AuthEvent:
    """Proof that the person signed in afresh just now."""
    proof = AuthEvent(
        id=uuid.uuid4(), person_id=person.id, kind="fresh", factors=[Factor.PASSWORD], **given
    )
    db.session.add(proof)
    db.session.flush()  # the database stamps its time
    db.session.refresh(proof)
    return proof


def a_browser(app: Flask, person: Person) -> FlaskClient:
    """This person's browser, signed in. Commits."""
    secret = secrets.token_urlsafe(32)
    db.session.add(
        SignIn(
            id=uuid.uuid4(),
            secret_hash=hashlib.sha256(secret.encode()).digest(),
            person_id=person.id,
            epoch=person.session_epoch,
            ends_at=now() + timedelta(hours=1),
        )
    )
    db.session.commit()
    client = app.test_client()
    with client.session_transaction() as cookie:
        cookie["_user_id"] = secret
    return client


def an_npi() -> str:
    """A well-formed NPI that no provider holds (numbers beginning with 2 are not issued)."""
    nine = "2" + f"{uuid.uuid4().int % 10**8:08d}"
    digits = [int(digit) for digit in "80840" + nine]
    doubled = [
        digit if place % 2 else (digit * 2 - 9 if digit > 4 else digit * 2)
        for place, digit in enumerate(reversed(digits))
    ]
    return nine + str(-sum(doubled) % 10)
