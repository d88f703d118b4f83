"""What can be read of people, sessions and tokens, always through who reads."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import selectinload

from shop.accounts.models import (
    Delegation,
    DutyGrant,
    Licence,
    Passkey,
    Person,
    Role,
    SignIn,
    Token,
)
from shop.core.db import db
from shop.core.errors import NotFound

Row = TypeVar("Row", Delegation, DutyGrant, Licence, Passkey, SignIn, Token)
REMEMBERED = timedelta(days=90)  # how long a removed passkey is still shown


def people() -> sa.Select[Person]:
    """Everybody who works here, with their licences."""
    return (
        sa.select(Person).where(Person.role != Role.CLIENT).options(selectinload(Person.licences))
    )


def person(person_id: uuid.UUID) -> Person:
    """Raises NotFound."""
    found = db.session.get(Person, person_id)
    if found is None:
        raise NotFound("Nobody by this id.")
    return found


def client(person_id: uuid.UUID) -> Person:
    """A client who has an account that is not closed. Raises NotFound."""
    found = db.session.get(Person, person_id)
    if found is None or found.role is not Role.CLIENT or not found.active:
        raise NotFound("No client by this id.")
    return found


def clients(words: str, *, limit: int = 20) -> list[Person]:
    """Clients whose name or mail address holds these words, by name; none for less than 2 signs."""
    if len(words.strip()) < 2:
        return []
    query = sa.select(Person).where(Person.role == Role.CLIENT, Person.disabled_at.is_(None))
    for word in words.split()[:5]:
        holds = Person.name.icontains(word, autoescape=True)
        query = query.where(
            sa.or_(holds, sa.cast(Person.email, sa.Text).icontains(word, autoescape=True))
        )
    return list(db.session.scalars(query.order_by(Person.name, Person.id).limit(limit)))


def licence(person_id: uuid.UUID, licence_id: uuid.UUID) -> Licence:
    """Raises NotFound."""
    query = sa.select(Licence).where(Licence.person_id == person_id, Licence.id == licence_id)
    return _one(query, "No such licence.")


def duties() -> sa.Select[DutyGrant]:
    """Every duty that was ever granted, with who has it."""
    return sa.select(DutyGrant).options(
        selectinload(DutyGrant.person), selectinload(DutyGrant.granted_by)
    )


def duties_of(person: Person) -> list[DutyGrant]:
    """The duties somebody has or had, the last first."""
    query = duties().where(DutyGrant.person_id == person.id)
    return list(db.session.scalars(query.order_by(DutyGrant.valid_from.desc(), DutyGrant.id)))


def duty(person_id: uuid.UUID, duty_id: uuid.UUID) -> DutyGrant:
    """Raises NotFound."""
    query = sa.select(DutyGrant).where(DutyGrant.person_id == person_id, DutyGrant.id == duty_id)
    return _one(query, "No such duty.")


def delegations_of(reader: Person) -> sa.Select[Delegation]:
    """Those the reader made, and those that make her stand in."""
    return (
        sa.select(Delegation)
        .where(sa.or_(Delegation.absent_id == reader.id, Delegation.delegate_id == reader.id))
        .options(selectinload(Delegation.absent), selectinload(Delegation.delegate))
    )


def delegation_of(reader: Person, delegation_id: uuid.UUID) -> Delegation:
    """One that the reader made. Raises NotFound."""
    query = sa.select(Delegation).where(
        Delegation.absent_id == reader.id, Delegation.id == delegation_id
    )
    return _one(query, "No such delegation.")


def physicians() -> list[Person]:
    """Every physician who works here, by name."""
    query = sa.select(Person).where(Person.role == Role.PHYSICIAN, Person.disabled_at.is_(None))
    return list(db.session.scalars(query.order_by(Person.name, Person.id)))


def sessions_of(reader: Person, *, at: datetime) -> list[SignIn]:
    """The reader's live sessions, the one seen last first."""
    query = sa.select(SignIn).where(*_live(SignIn, reader, at)).order_by(SignIn.seen_at.desc())
    return list(db.session.scalars(query))


def session_of(reader: Person, session_id: uuid.UUID, *, at: datetime) -> SignIn:
    """Raises NotFound."""
    query = sa.select(SignIn).where(*_live(SignIn, reader, at), SignIn.id == session_id)
    return _one(query, "No such session.")


def tokens_of(reader: Person, *, at: datetime) -> list[Token]:
    """The reader's live tokens, the newest first."""
    query = sa.select(Token).where(*_live(Token, reader, at)).order_by(Token.created_at.desc())
    return list(db.session.scalars(query))


def token_of(reader: Person, token_id: uuid.UUID, *, at: datetime) -> Token:
    """Raises NotFound."""
    return _one(
        sa.select(Token).where(*_live(Token, reader, at), Token.id == token_id), "No such token."
    )


def passkey_of(reader: Person, passkey_id: uuid.UUID) -> Passkey:
    """One of the reader's that opens her account. Raises NotFound."""
    query = sa.select(Passkey).where(
        Passkey.person_id == reader.id, Passkey.id == passkey_id, Passkey.removed_at.is_(None)
    )
    return _one(query, "No such passkey.")


def removed_passkeys_of(reader: Person, *, at: datetime) -> list[Passkey]:
    """Those the reader removed in the last 90 days, the latest first."""
    query = sa.select(Passkey).where(
        Passkey.person_id == reader.id, Passkey.removed_at > at - REMEMBERED
    )
    return list(db.session.scalars(query.order_by(Passkey.removed_at.desc(), Passkey.id)))


def _live(
    kind: type[SignIn] | type[Token], reader: Person, at: datetime
) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        kind.person_id == reader.id,
        kind.epoch == reader.session_epoch,
        kind.revoked_at.is_(None),
        kind.ends_at > at,
    )


def _one(query: sa.Select[Row], missing: str) -> Row:
    found = db.session.scalars(query).one_or_none()
    if found is None:
        raise NotFound(missing)
    return found
