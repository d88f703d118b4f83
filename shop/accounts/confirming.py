"""Links sent by mail: they work once, for a day."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa

from shop.accounts import passwords
from shop.accounts.errors import BadDetails, LinkNotUsable
from shop.accounts.models import MailLink, Person, Role
from shop.accounts.once import hashed, new_secret
from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind

LASTS = timedelta(hours=24)


class Purpose(StrEnum):
    """What a link is for."""

    CONFIRM = "confirm"  # a client confirms the mail address
    INVITE = "invite"  # an employee confirms it, and chooses a password nobody else knows


def issue_link(person: Person, at: datetime) -> str:
    """Make the secret of a new link for `person`.

    The job that sends the mail calls it: the secret stands in that mail and nowhere else.
    """
    secret = new_secret()
    purpose = Purpose.CONFIRM if person.role is Role.CLIENT else Purpose.INVITE
    db.session.add(
        MailLink(
            id=uuid.uuid4(),
            secret_hash=hashed(secret),
            person_id=person.id,
            purpose=purpose.value,
            ends_at=at + LASTS,
        )
    )
    return secret


def purpose_of(secret: str, *, at: datetime) -> Purpose:
    """What a link that still works is for. Raises LinkNotUsable."""
    return Purpose(_link(_usable(secret, at)).purpose)


def redeem(secret: str, *, at: datetime, password: str | None = None) -> Person:
    """Confirm the mail address, and set the password an invitation asks for.

    Works once, also when two come at the same time. Raises LinkNotUsable, BadDetails.
    """
    link = _link(locked(_usable(secret, at)))
    person = db.session.scalars(
        locked(sa.select(Person).where(Person.id == link.person_id, Person.disabled_at.is_(None)))
    ).one_or_none()
    if person is None:
        raise _not_usable()
    if link.purpose == Purpose.INVITE:
        objection = passwords.objection(password or "", email=person.email)
        if objection:
            raise BadDetails("Choose a password.", fields={"password": [objection]})
        person.password_hash = passwords.hash_of(password or "")
        person.session_epoch += 1
    link.used_at = at
    if person.email_confirmed_at is None:
        person.email_confirmed_at = at
        events.record(Kind.EMAIL_CONFIRMED, person)
    return person


def clear_expired(*, at: datetime) -> int:
    """Remove links past their end; returns how many."""
    done = db.session.execute(sa.delete(MailLink).where(MailLink.ends_at <= at))
    return int(done.rowcount)  # type: ignore[attr-defined]


def _usable(secret: str, at: datetime) -> sa.Select[MailLink]:
    return sa.select(MailLink).where(
        MailLink.secret_hash == hashed(secret), MailLink.used_at.is_(None), MailLink.ends_at > at
    )


def _link(query: sa.Select[MailLink]) -> MailLink:
    link = db.session.scalars(query).one_or_none()
    if link is None:
        raise _not_usable()
    return link


def _not_usable() -> LinkNotUsable:
    return LinkNotUsable(
        "This link was used already, or it is older than a day. Ask for a new one."
    )
