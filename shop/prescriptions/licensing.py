"""Who may prescribe where: a physician's licence in force in a state on a day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, date, datetime
from uuid import UUID

import sqlalchemy as sa

from shop.accounts.models import Licence, Person, Role
from shop.core.db import db
from shop.prescriptions.errors import NotLicensed

KINDS = ("MD", "DO", "NP", "PA")  # licences that carry a right to prescribe


def in_force(
    prescribers: Collection[UUID], *, day: date, lock: bool = False
) -> dict[UUID, dict[str, Licence]]:
    """The licences each of these may prescribe under on `day` (UTC), by state. One query.

    With `lock` none of them ends, and nobody who holds one is disabled, before this transaction
    ends. The database's `prescriber_licensed` says the same.
    """
    query = (
        sa.select(Licence)
        .join(Person, Person.id == Licence.person_id)
        .where(
            Licence.person_id.in_(prescribers),
            *_counts(day),
        )
        .order_by(Licence.id)
        .execution_options(populate_existing=True)
    )
    held_fast = query.with_for_update(read=True, of=[Licence, Person])
    rows = db.session.scalars(held_fast if lock else query)
    held: dict[UUID, dict[str, Licence]] = defaultdict(dict)
    for licence in rows:
        held[licence.person_id][licence.state] = licence
    return held


def states_of(physician_id: UUID, *, day: date) -> sa.Select[str]:
    """The states where somebody may prescribe on `day` (UTC), to ask for within another query."""
    return (
        sa.select(Licence.state)
        .join(Person, Person.id == Licence.person_id)
        .where(Licence.person_id == physician_id, *_counts(day))
        .correlate(None)
    )


def licensed_in(states: Collection[str], *, day: date) -> list[UUID]:
    """Every physician who may prescribe in all of `states` on `day` (UTC), by id."""
    query = (
        sa.select(Licence.person_id)
        .join(Person, Person.id == Licence.person_id)
        .where(
            Licence.state.in_(states),
            *_counts(day),
        )
        .group_by(Licence.person_id)
        .having(sa.func.count(Licence.state.distinct()) == len(set(states)))
        .order_by(Licence.person_id)
    )
    return list(db.session.scalars(query))


def require(physician: Person, states: Collection[str], *, at: datetime) -> dict[str, Licence]:
    """The licences that carry `physician` in every one of `states` at `at`. Raises NotLicensed."""
    held = in_force([physician.id], day=at.astimezone(UTC).date())[physician.id]
    missing = sorted(set(states) - set(held))
    if missing:
        raise NotLicensed(
            f"You hold no licence in force in {' and '.join(missing)}.", states=missing
        )
    return {state: held[state] for state in states}


def _counts(day: date) -> tuple[sa.ColumnElement[bool], ...]:
    """When a licence carries a right to prescribe on a day."""
    return (
        Licence.kind.in_(KINDS),
        Person.role == Role.PHYSICIAN,
        Person.disabled_at.is_(None),
        Licence.valid_from <= day,
        day < Licence.valid_until,
        sa.or_(Licence.ended_on.is_(None), Licence.ended_on > day),
    )
