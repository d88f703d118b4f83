"""Opening a client's account."""

from __future__ import annotations

import re
import uuid
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from shop.accounts import npi, passwords
from shop.accounts.errors import BadDetails
from shop.accounts.models import Person, Role
from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Event, Kind
from shop.core.usps import STATES

LONGEST_EMAIL = 254  # RFC 5321 §4.5.3.1.3, less the angle brackets
LONGEST_NAME = 200
OLDEST = 125  # years
TOLD_EVERY = timedelta(hours=1)  # how often one address is told that it has an account

# Deliberately loose: the mail that must arrive is the real check.
EMAIL = re.compile(
    r"[^\s@<>\"(),:;\[\]\\]{1,64}@[^\s@<>\"(),:;\[\]\\.]+(\.[^\s@<>\"(),:;\[\]\\.]+)+"
)

Wrong = dict[str, list[str]]


def open_account(
    *, email: str, password: str, name: str, birth_date: date, state: str, at: datetime, today: date
) -> Person | None:
    """Open a client's account; None where the mail address has one already.

    The caller answers both alike, and the work is the same, so that nobody learns who is a client;
    who owns the address is told by mail (ACCOUNT_OPENED, ACCOUNT_ASKED_AGAIN). Raises BadDetails.
    """
    wrong = _wrong_with(email=email, name=name) | _wrong_birth_date(birth_date, today)
    if objection := passwords.objection(password, email=email):
        wrong["password"] = [objection]
    if state not in STATES:
        wrong["state"] = ["Use the two-letter code of a US state, such as CA."]
    _refuse(wrong)
    person = add_person(
        email=email,
        name=name.strip(),
        role=Role.CLIENT,
        birth_date=birth_date,
        state=state,
        password_hash=passwords.hash_of(password),
    )
    if person is None:
        _told_again(email, at=at)
        return None
    events.record(Kind.ACCOUNT_OPENED, person, role=Role.CLIENT.value)
    return person


def check_details(*, email: str, name: str, role: Role, number: str | None) -> None:
    """Raises BadDetails where an employee's details cannot be used; `number` is the NPI."""
    wrong = _wrong_with(email=email, name=name)
    if role is Role.CLIENT:
        wrong["role"] = ["Clients open their accounts themselves."]
    if role is Role.PHYSICIAN and not number:
        wrong["npi"] = ["A physician needs an NPI."]
    if number and not npi.valid(number):
        wrong["npi"] = ["This is no NPI: ten digits, of which the last is a check digit."]
    _refuse(wrong)


def add_person(**fields: object) -> Person | None:
    """Insert a person; None where mail address or NPI is taken, also in the same moment."""
    person_id = db.session.execute(
        insert(Person)
        .values(id=uuid.uuid4(), **fields)
        .on_conflict_do_nothing()
        .returning(Person.id)
    ).scalar_one_or_none()
    return None if person_id is None else db.session.get_one(Person, person_id)


def _told_again(email: str, *, at: datetime) -> None:
    person = db.session.scalars(locked(sa.select(Person).where(Person.email == email))).one()
    told = sa.select(
        sa.exists().where(
            Event.subject_id == person.id,
            Event.kind.in_((Kind.ACCOUNT_ASKED_AGAIN.value, Kind.ACCOUNT_OPENED.value)),
            Event.at > at - TOLD_EVERY,
        )
    )
    if not db.session.scalar(told):
        events.record(Kind.ACCOUNT_ASKED_AGAIN, person)


def _wrong_with(*, email: str, name: str) -> Wrong:
    wrong: Wrong = {}
    if len(email) > LONGEST_EMAIL or not EMAIL.fullmatch(email):
        wrong["email"] = ["Give a mail address, such as name@example.com."]
    if not name.strip() or not name.isprintable() or len(name) > LONGEST_NAME:
        wrong["name"] = [f"Give a name of 1 to {LONGEST_NAME} characters, in one line."]
    return wrong


def _wrong_birth_date(birth_date: date, today: date) -> Wrong:
    if birth_date >= today:
        return {"birth_date": ["A birth date lies in the past."]}
    if today.year - birth_date.year > OLDEST:
        return {"birth_date": ["Check the year."]}
    return {}


def _refuse(wrong: Wrong) -> None:
    if wrong:
        raise BadDetails("Some of these details cannot be used.", fields=wrong)
