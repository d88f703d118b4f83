"""The people who work here: taking them on, and letting nobody in any longer."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from shop.accounts import passwords
from shop.accounts.errors import BadDetails, EmailTaken, NotYourself, NpiTaken
from shop.accounts.models import Person, Role, SignIn, Token
from shop.accounts.once import new_secret
from shop.accounts.opening import add_person, check_details
from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind


def employ(
    *,
    email: str,
    name: str,
    role: Role,
    npi: str | None = None,
    password: str | None = None,
) -> Person:
    """Open the account of somebody who works here.

    Without a password she chooses her own by the invitation that ACCOUNT_OPENED brings by mail:
    nobody else knows what she will sign with. Raises BadDetails, EmailTaken, NpiTaken.
    """
    check_details(email=email, name=name, role=role, number=npi)
    if password is not None and (objection := passwords.objection(password, email=email)):
        raise BadDetails("Choose another password.", fields={"password": [objection]})
    person = add_person(
        email=email,
        name=name.strip(),
        role=role,
        npi=npi or None,
        password_hash=passwords.hash_of(password or new_secret()),
    )
    if person is None:
        raise _taken(email, npi)
    events.record(Kind.ACCOUNT_OPENED, person, role=role.value)
    return person


def disable(person: Person, *, by: Person, at: datetime) -> None:
    """Let somebody in no longer: every session and token ends in this transaction.

    Safe to repeat. Raises NotYourself.
    """
    if person.id == by.id:
        raise NotYourself("Nobody disables the own account. Ask another manager.")
    fresh = db.session.scalars(locked(sa.select(Person).where(Person.id == person.id))).one()
    if not fresh.active:
        return
    fresh.disabled_at = at
    fresh.session_epoch += 1
    for kind in (SignIn, Token):
        db.session.execute(
            sa.update(kind)
            .where(kind.person_id == fresh.id, kind.revoked_at.is_(None))
            .values(revoked_at=at)
        )
    events.record(Kind.ACCOUNT_DISABLED, fresh)


def _taken(email: str, npi: str | None) -> EmailTaken | NpiTaken:
    known = db.session.scalar(sa.select(sa.exists().where(Person.email == email)))
    if known or npi is None:
        return EmailTaken(
            "Somebody has this mail address already.", fields={"email": ["Already in use."]}
        )
    return NpiTaken("Somebody has this NPI already.", fields={"npi": ["Already in use."]})
