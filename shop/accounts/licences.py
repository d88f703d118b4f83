"""Licences: recorded with the range on the document, ended when the right ends sooner."""

from __future__ import annotations

import uuid
from datetime import date

import sqlalchemy as sa

from shop.accounts.errors import BadDetails, LicenceEnded, LicencesOverlap
from shop.accounts.models import Licence, LicenceKind, Person, Role
from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind
from shop.core.usps import STATES

KINDS = {
    Role.PHYSICIAN: (LicenceKind.MD, LicenceKind.DO, LicenceKind.NP, LicenceKind.PA),
    Role.ESTHETICIAN: (  # who treats and does not prescribe, a registered nurse as well
        LicenceKind.ESTHETICIAN,
        LicenceKind.ADVANCED_ESTHETICIAN,
        LicenceKind.RN,
    ),
}
LONGEST_NUMBER = 40


def record(
    person: Person,
    *,
    kind: str,
    state: str,
    number: str,
    valid_from: date,
    valid_until: date,
    verified_on: date | None,
) -> Licence:
    """Record a licence; it counts from `valid_from` until, not including, `valid_until`.

    `verified_on` is the day somebody looked it up at the state's board.
    Raises BadDetails, LicencesOverlap.
    """
    number = number.strip()
    _check(person, kind, state, number, valid_from, valid_until)
    db.session.execute(locked(sa.select(Person.id).where(Person.id == person.id)))
    _refuse_overlap(person, state, valid_from, valid_until)
    licence = Licence(
        id=uuid.uuid4(),
        person=person,
        kind=kind,
        state=state,
        number=number,
        valid_from=valid_from,
        valid_until=valid_until,
        verified_on=verified_on,
    )
    db.session.add(licence)
    events.record(Kind.LICENCE_RECORDED, licence, person=str(person.id), state=state)
    return licence


def end(licence: Licence, *, on: date, by: Person) -> None:
    """End a licence sooner than its document says; from `on` it no longer counts.

    Raises LicenceEnded, BadDetails.
    """
    fresh = db.session.scalars(
        locked(sa.select(Licence).where(Licence.id == licence.id), Licence)
    ).one()
    if fresh.ended_on is not None:
        raise LicenceEnded("This licence was ended already.", ended_on=fresh.ended_on.isoformat())
    if on > fresh.valid_until:
        raise BadDetails(
            "A licence cannot end after its last day.",
            fields={"ended_on": ["Choose a day before."]},
        )
    fresh.ended_on, fresh.ended_by_id = on, by.id
    events.record(Kind.LICENCE_ENDED, fresh, person=str(fresh.person_id), on=on.isoformat())


def _check(
    person: Person, kind: str, state: str, number: str, valid_from: date, valid_until: date
) -> None:
    wrong: dict[str, list[str]] = {}
    kinds = KINDS.get(person.role, ())
    if kind not in kinds:
        wrong["kind"] = [
            f"Choose among {', '.join(kinds)}." if kinds else "This role needs no licence here."
        ]
    if state not in STATES:
        wrong["state"] = ["Use the two-letter code of a US state, such as CA."]
    if not number or len(number) > LONGEST_NUMBER:
        wrong["number"] = [f"Give its number, at most {LONGEST_NUMBER} characters."]
    if valid_from >= valid_until:
        wrong["valid_until"] = ["Must be after its first day."]
    if wrong:
        raise BadDetails("This licence cannot be recorded.", fields=wrong)


def _refuse_overlap(person: Person, state: str, valid_from: date, valid_until: date) -> None:
    other = db.session.scalars(
        sa.select(Licence).where(
            Licence.person_id == person.id,
            Licence.state == state,
            Licence.ended_on.is_(None),
            Licence.valid_from < valid_until,
            Licence.valid_until > valid_from,
        )
    ).first()
    if other is not None:
        raise LicencesOverlap(
            "Another licence for this state covers some of these days. End it first.",
            number=other.number,
            valid_from=other.valid_from.isoformat(),
            valid_until=other.valid_until.isoformat(),
        )
