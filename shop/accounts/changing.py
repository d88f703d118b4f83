"""A person changes what she is called, or her password."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from shop.accounts import passwords, signing_in
from shop.accounts.errors import BadDetails
from shop.accounts.models import Person, SignIn
from shop.accounts.opening import LONGEST_NAME
from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind


def rename(person: Person, name: str) -> Person:
    """She is called so from now on. What was signed or sent before keeps the name it was for.

    Raises BadDetails.
    """
    plain = " ".join(name.split())
    if not plain or not plain.isprintable() or len(plain) > LONGEST_NAME:
        wrong = [f"Give a name of 1 to {LONGEST_NAME} characters, in one line."]
        raise BadDetails("This name cannot be used.", fields={"name": wrong})
    fresh = _locked(person)
    if fresh.name != plain:
        fresh.name = plain
        events.record(Kind.NAME_CHANGED, fresh)
    return fresh


def change_password(
    session: SignIn, *, old: str, new: str, agent: str, address: str, at: datetime
) -> tuple[SignIn, str]:
    """Another password: every session and program of hers ends, and this browser gets a new one.

    Returns that session and the cookie's secret. Raises TooMany, WrongPassword, whose failure the
    caller commits, and BadDetails.
    """
    person = signing_in.prove(session.person.email, old, address=address, at=at)
    if objection := passwords.objection(new, email=person.email):
        raise _wrong(objection)
    if passwords.matches(person.password_hash, new):
        raise _wrong("This is the password you have. Choose another.")
    fresh = _locked(person)
    fresh.password_hash = passwords.hash_of(new)
    fresh.session_epoch += 1
    db.session.flush()
    events.record(Kind.PASSWORD_CHANGED, fresh)
    return signing_in.sign_in(fresh, agent=agent, at=at, instead_of=session)


def _locked(person: Person) -> Person:
    return db.session.scalars(locked(sa.select(Person).where(Person.id == person.id))).one()


def _wrong(why: str) -> BadDetails:
    return BadDetails("Choose another password.", fields={"new_password": [why]})
