"""Duties beside the role: given by a manager for a time, ended when the time is cut short."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from shop.accounts.errors import DutiesOverlap, DutyEnded, DutyRefused
from shop.accounts.models import Duty, DutyGrant, Person, Role
from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind

FAR_OFF = date.max


def grant(
    person: Person,
    duty: Duty,
    *,
    valid_from: date,
    valid_until: date | None,
    by: Person,
) -> DutyGrant:
    """Charge somebody with a duty from a day until, not including, another.

    Without `valid_until` until it is ended. Raises DutyRefused, DutiesOverlap.
    """
    _check(person, duty, valid_from, valid_until, by)
    db.session.execute(locked(sa.select(Person.id).where(Person.id == person.id)))
    _refuse_overlap(person, duty, valid_from, valid_until)
    granted = DutyGrant(
        id=uuid.uuid4(),
        person=person,
        duty=duty,
        valid_from=valid_from,
        valid_until=valid_until,
        granted_by=by,
    )
    db.session.add(granted)
    db.session.flush()  # the row goes before its event
    events.record(Kind.DUTY_GRANTED, granted, person=str(person.id), duty=duty.value)
    return granted


def end(granted: DutyGrant, *, on: date, by: Person) -> None:
    """End a duty; from `on` it no longer counts. Raises DutyEnded, DutyRefused."""
    query = locked(sa.select(DutyGrant).where(DutyGrant.id == granted.id), DutyGrant)
    fresh = db.session.scalars(query).one()
    if fresh.ended_on is not None:
        raise DutyEnded("This duty was ended already.", ended_on=fresh.ended_on.isoformat())
    if not fresh.valid_from <= on <= (fresh.valid_until or FAR_OFF):
        raise DutyRefused(
            "A duty ends on one of its days.",
            fields={"ended_on": ["Choose a day between its first and its last."]},
        )
    fresh.ended_on, fresh.ended_by_id = on, by.id
    db.session.flush()  # the row goes before its event
    events.record(Kind.DUTY_ENDED, fresh, person=str(fresh.person_id), on=on.isoformat())


def held_by(duty: Duty, *, day: date) -> Sequence[Person]:
    """Who has this duty on a day and may act, the longest first."""
    query = (
        sa.select(Person)
        .join(DutyGrant, DutyGrant.person_id == Person.id)
        .where(
            DutyGrant.duty == duty,
            DutyGrant.valid_from <= day,
            sa.or_(DutyGrant.valid_until.is_(None), day < DutyGrant.valid_until),
            sa.or_(DutyGrant.ended_on.is_(None), day < DutyGrant.ended_on),
            Person.disabled_at.is_(None),
        )
        .order_by(DutyGrant.valid_from, DutyGrant.id)
    )
    return db.session.scalars(query).all()


def _check(
    person: Person, duty: Duty, valid_from: date, valid_until: date | None, by: Person
) -> None:
    wrong: dict[str, list[str]] = {}
    if not person.active or person.role is Role.CLIENT:
        wrong["person"] = ["Choose somebody who works here."]
    elif duty is Duty.MEDICAL_DIRECTOR and person.role is not Role.PHYSICIAN:
        wrong["duty"] = ["A medical director is a physician."]
    if by.id == person.id:
        wrong["person"] = ["Nobody charges themselves. Ask another manager."]
    if valid_until is not None and valid_from >= valid_until:
        wrong["valid_until"] = ["Must be after its first day."]
    if wrong:
        raise DutyRefused("This duty cannot be given.", fields=wrong)


def _refuse_overlap(person: Person, duty: Duty, valid_from: date, valid_until: date | None) -> None:
    other = db.session.scalars(
        sa.select(DutyGrant).where(
            DutyGrant.person_id == person.id,
            DutyGrant.duty == duty,
            DutyGrant.ended_on.is_(None),
            DutyGrant.valid_from < (valid_until or FAR_OFF),
            sa.or_(DutyGrant.valid_until.is_(None), DutyGrant.valid_until > valid_from),
        )
    ).first()
    if other is not None:
        until = other.valid_until.isoformat() if other.valid_until else None
        raise DutiesOverlap(
            "She has this duty on some of these days. End it first.",
            valid_from=other.valid_from.isoformat(),
            valid_until=until,
        )
