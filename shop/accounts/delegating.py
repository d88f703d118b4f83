"""Out of office: a physician names who stands in for her, and for which days.

Whoever stands in may be away, too, and have somebody stand in; nobody may come to stand in for
herself that way.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.orm import joinedload

from shop.accounts.errors import DelegationRefused, DelegationsOverlap
from shop.accounts.models import Delegation, Person, Role
from shop.core import events
from shop.core.db import db
from shop.core.events import Kind

LONGEST = timedelta(days=366)
ONE_AFTER_ANOTHER = 5_150_024  # the advisory lock of who writes delegations; the trigger takes it


def delegate(
    absent: Person, delegate: Person, *, starts_on: date, ends_on: date, today: date
) -> Delegation:
    """Have `delegate` stand in for `absent` from a day to a day, both included.

    Raises DelegationRefused, DelegationsOverlap.
    """
    _check(absent, delegate, starts_on, ends_on, today)
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(ONE_AFTER_ANOTHER)))
    others = _standing(starts_on, ends_on)
    _refuse_overlap(absent, others)
    if _comes_back(absent.id, delegate.id, starts_on, ends_on, others):
        raise DelegationRefused(
            "She is away herself, and you would stand in for her.",
            fields={"delegate": ["Choose somebody else, or other days."]},
        )
    named = Delegation(
        id=uuid.uuid4(), absent=absent, delegate=delegate, starts_on=starts_on, ends_on=ends_on
    )
    db.session.add(named)
    db.session.flush()  # the row goes before its event
    events.record(
        Kind.DELEGATION_MADE,
        named,
        delegate=str(delegate.id),
        starts_on=starts_on.isoformat(),
        ends_on=ends_on.isoformat(),
    )
    return named


def withdraw(named: Delegation, *, at: datetime) -> None:
    """She is back sooner, or names somebody else. Safe to repeat."""
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(ONE_AFTER_ANOTHER)))
    db.session.refresh(named)
    if named.withdrawn_at is not None:
        return
    named.withdrawn_at = at
    db.session.flush()  # the row goes before its event; the database stamps when
    events.record(Kind.DELEGATION_WITHDRAWN, named)


def stood_in_for(person: Person, *, day: date) -> set[uuid.UUID]:
    """Whose work is hers on a day: of those who named her, and of those they stand in for."""
    return _behind(person.id, _edges(_standing(day, day)))


def standing_in(absent: Iterable[uuid.UUID], *, day: date) -> dict[uuid.UUID, uuid.UUID]:
    """Away that day → who does her work in the end."""
    onward = dict(_edges(_standing(day, day)))
    return {one: _last(one, onward) for one in absent if one in onward}


def _check(absent: Person, delegate: Person, starts_on: date, ends_on: date, today: date) -> None:
    wrong: dict[str, list[str]] = {}
    if delegate.id == absent.id:
        wrong["delegate"] = ["Choose somebody else."]
    elif delegate.role is not Role.PHYSICIAN or not delegate.active:
        wrong["delegate"] = ["Choose a physician who works here."]
    if absent.role is not Role.PHYSICIAN or not absent.active:
        wrong["absent"] = ["Only a physician's work is handed on."]
    if starts_on < today:
        wrong["starts_on"] = ["Begin today or later."]
    if ends_on < starts_on:
        wrong["ends_on"] = ["Must not be before the first day."]
    elif ends_on - starts_on >= LONGEST:
        wrong["ends_on"] = [f"At most {LONGEST.days} days at a time."]
    if wrong:
        raise DelegationRefused("Nobody can stand in like this.", fields=wrong)


def _standing(starts_on: date, ends_on: date) -> Sequence[Delegation]:
    """All that hold on some of these days."""
    query = sa.select(Delegation).where(
        Delegation.withdrawn_at.is_(None),
        Delegation.starts_on <= ends_on,
        Delegation.ends_on >= starts_on,
    )
    query = query.options(joinedload(Delegation.delegate))
    return db.session.scalars(query.order_by(Delegation.starts_on, Delegation.id)).all()


def _refuse_overlap(absent: Person, others: Iterable[Delegation]) -> None:
    for other in others:
        if other.absent_id == absent.id:
            raise DelegationsOverlap(
                "Somebody stands in for you on some of these days. Take that back first.",
                starts_on=other.starts_on.isoformat(),
                ends_on=other.ends_on.isoformat(),
            )


def _comes_back(
    absent: uuid.UUID,
    delegate: uuid.UUID,
    starts_on: date,
    ends_on: date,
    others: Sequence[Delegation],
) -> bool:
    """Whether on one of these days the work would come round to who is away."""
    reached = [(delegate, starts_on, ends_on)]
    for person, first, last in reached:  # grows while it is walked; its ranges only shrink
        if person == absent:
            return True
        reached += [
            (other.delegate_id, max(first, other.starts_on), min(last, other.ends_on))
            for other in others
            if other.absent_id == person and other.starts_on <= last and other.ends_on >= first
        ]
    return False


def _edges(standing: Iterable[Delegation]) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Who hands on to whom; nobody hands on to who works here no more."""
    return [(one.absent_id, one.delegate_id) for one in standing if one.delegate.active]


def _behind(person: uuid.UUID, edges: Sequence[tuple[uuid.UUID, uuid.UUID]]) -> set[uuid.UUID]:
    found: set[uuid.UUID] = set()
    wave = {person}
    while wave:
        wave = {absent for absent, delegate in edges if delegate in wave} - found - {person}
        found |= wave
    return found


def _last(person: uuid.UUID, onward: dict[uuid.UUID, uuid.UUID]) -> uuid.UUID:
    seen = {person}
    while person in onward and onward[person] not in seen:
        person = onward[person]
        seen.add(person)
    return person
