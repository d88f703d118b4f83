"""Licences that end soon: told once at each step, sixty days before to the last one."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from shop.accounts.models import Licence, Person
from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Event, Kind

STEPS = (60, 30, 14, 7, 1)  # days before the first day without


def tell(*, at: datetime) -> list[Licence]:
    """Record for each licence that ends within sixty days the step it has come to. Safe to repeat.

    A licence that another one follows without a gap is not told of, nor one of somebody who left.
    """
    today = at.astimezone(UTC).date()
    query = (
        sa.select(Licence)
        .join(Person, Person.id == Licence.person_id)
        .where(
            today < Licence.valid_until,
            Licence.valid_until <= today + timedelta(days=STEPS[0]),
            Licence.ended_on.is_(None),
            Person.disabled_at.is_(None),
            ~followed(),
        )
        .order_by(Licence.id)
    )
    licences = db.session.scalars(locked(query, Licence)).all()
    told = told_of(Kind.LICENCE_EXPIRING, [one.id for one in licences])
    due = [one for one in licences if _due(one, today) < told.get(one.id, STEPS[0] + 1)]
    for one in due:
        events.record(
            Kind.LICENCE_EXPIRING,
            one,
            step=_due(one, today),
            until=one.valid_until.isoformat(),
            state=one.state,
        )
    return due


def step(days_left: int) -> int:
    """The step that so many days (at most sixty) have come to: the last that is not over."""
    return min(one for one in STEPS if days_left <= one)


def told_of(kind: Kind, subjects: Collection[UUID]) -> Mapping[UUID, int]:
    """The last step that was told of each. One query."""
    steps = sa.func.min(sa.cast(Event.facts["step"].astext, sa.Integer))
    query = (
        sa.select(Event.subject_id, steps)
        .where(Event.kind == kind, Event.subject_id.in_(subjects))
        .group_by(Event.subject_id)
    )
    return {row[0]: row[1] for row in db.session.execute(query)}


def _due(licence: Licence, today: date) -> int:
    return step((licence.valid_until - today).days)


def followed() -> sa.ColumnElement[bool]:
    """Another licence of the same person and state takes over from a licence without a gap."""
    after = aliased(Licence)
    return sa.exists().where(
        after.person_id == Licence.person_id,
        after.state == Licence.state,
        after.ended_on.is_(None),
        after.valid_from <= Licence.valid_until,
        after.valid_until > Licence.valid_until,
    )
