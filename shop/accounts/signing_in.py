"""Signing in, out, and in afresh."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

import sqlalchemy as sa

from shop.accounts import passwords
from shop.accounts.errors import WrongPassword
from shop.accounts.models import AuthEvent, Factor, Passkey, Person, Role, SignIn, Token
from shop.accounts.once import hashed, new_secret
from shop.accounts.throttling import account_key, address_key, count_failure, refuse_too_many
from shop.core import events
from shop.core.db import act_as, db, locked
from shop.core.events import Kind

LASTS = timedelta(hours=12)  # of a person at work
LASTS_FOR_CLIENTS = timedelta(days=14)
LONGEST_AGENT = 200


def prove(email: str, password: str, *, address: str, at: datetime) -> Person:
    """Who has this mail address and password; acts as her from here on.

    `address` is the network address asking. Raises TooMany, and WrongPassword, whose failure the
    caller commits. An unknown address costs the same work and gets the same answer.
    """
    who = (account_key(email), address_key(address))
    refuse_too_many(*who, at=at)
    person = db.session.scalars(sa.select(Person).where(Person.email == email)).one_or_none()
    right = passwords.matches(person.password_hash if person else None, password)
    if person is None or not right or not person.active:
        count_failure(*who)
        raise WrongPassword("This mail address and password do not belong together.")
    if passwords.outdated(person.password_hash):
        person.password_hash = passwords.hash_of(password)
    act_as(person.actor)
    return person


def sign_in(
    person: Person,
    *,
    agent: str,
    at: datetime,
    instead_of: SignIn | None = None,
    passkey: Passkey | None = None,
) -> tuple[SignIn, str]:
    """Begin a session of somebody who proved who she is; returns it and the cookie's secret.

    She showed `passkey`, or where there is none her password. The session that this browser had
    before ends.
    """
    if instead_of is not None:
        sign_out(instead_of, at=at)
    proof(person, "sign_in", passkey=passkey)
    secret = new_secret()
    session = SignIn(
        id=uuid.uuid4(),
        secret_hash=hashed(secret),
        person=person,
        epoch=person.session_epoch,
        agent=agent[:LONGEST_AGENT],
        ends_at=at + (LASTS_FOR_CLIENTS if person.role is Role.CLIENT else LASTS),
    )
    db.session.add(session)
    events.record(Kind.SIGNED_IN, session, person=str(person.id))
    return session, secret


def sign_out(session: SignIn, *, at: datetime) -> None:
    """End a session by its own browser. Safe to repeat."""
    _end(session, Kind.SIGNED_OUT, at)


def revoke(session: SignIn, *, at: datetime) -> None:
    """End a session from elsewhere. Safe to repeat."""
    _end(session, Kind.SESSION_REVOKED, at)


def refresh(held: SignIn | Token, password: str, *, address: str, at: datetime) -> AuthEvent:
    """Prove again who holds this session or token: what a signature asks for, for 5 minutes.

    Raises TooMany, and WrongPassword, whose failure the caller commits.
    """
    person = prove(held.person.email, password, address=address, at=at)
    return refreshed(held, proof(person, "fresh"))


def refreshed(held: SignIn | Token, fresh: AuthEvent) -> AuthEvent:
    """This proof counts for this session or token, for 5 minutes."""
    held.fresh = fresh
    db.session.flush()  # locks the row, so that its events stand in one line
    events.record(Kind.SIGN_IN_REFRESHED, held, person=str(fresh.person_id))
    return fresh


def proof(person: Person, kind: str, *, passkey: Passkey | None = None) -> AuthEvent:
    """Keep that `person` showed her password, or this passkey, just now; the database says when."""
    factor = Factor.PASSWORD if passkey is None else Factor.PASSKEY
    shown = AuthEvent(
        id=uuid.uuid4(),
        person_id=person.id,
        kind=kind,
        factors=[factor.value],
        passkey_id=None if passkey is None else passkey.id,
    )
    db.session.add(shown)
    db.session.flush()  # the database stamps its time
    return shown


def _end(session: SignIn, kind: Kind, at: datetime) -> None:
    fresh = db.session.scalars(
        locked(sa.select(SignIn).where(SignIn.id == session.id), SignIn)
    ).one()
    if fresh.revoked_at is None:
        fresh.revoked_at = at
        events.record(kind, fresh, person=str(fresh.person_id))
