"""What lies on a physician's desk: in which order, and whose it is.

By risk, then by deadline. Where she stands in for somebody who is away, that work comes first. The
marks say who should look first, never who may: a licence decides that, and she signs as herself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import sqlalchemy as sa

from shop.accounts import delegating
from shop.accounts.models import Person
from shop.core.db import db
from shop.prescriptions import queries
from shop.prescriptions.models import ApprovalRequest, Escalation
from shop.prescriptions.screening.risk import Risk
from shop.prescriptions.states import REQUEST_ARROWS, RequestStatus

# What is handed in and not decided: its client counts on the pack.
UNDECIDED = [
    status
    for status, after in REQUEST_ARROWS.items()
    if status and after and status is not RequestStatus.DRAFT
]


MOST = 500  # of a desk that is walked through


class Show(StrEnum):
    """Which part of the desk."""

    ALL = "all"
    MINE = "mine"
    FREE = "free"  # in nobody's hands
    LATE = "late"


@dataclass(frozen=True)
class Desk:
    """A query, the keys that order it, and whose work the reader does beside her own."""

    query: sa.Select[ApprovalRequest]
    keys: Sequence[Any]
    stands_in_for: frozenset[UUID]


def of(reader: Person, *, show: Show, at: datetime, day: date, risk: Risk | None = None) -> Desk:
    """The desk of a physician at a moment; `day` is the clinic's, by which people are away."""
    behind = frozenset(delegating.stood_in_for(reader, day=day))
    query = queries.queue(reader, at=at).where(ApprovalRequest.due_at.is_not(None))
    if show is Show.LATE:
        query = query.where(ApprovalRequest.due_at < at)
    if show is Show.FREE:
        query = query.where(_free(at))
    if risk is not None:
        query = query.where(ApprovalRequest.risk == risk)
    if show is Show.MINE:
        held = ApprovalRequest.claimed_by_id == reader.id
        query = query.where(sa.or_(_laid_before({reader.id, *behind}), held))
    keys: list[Any] = [ApprovalRequest.risk, ApprovalRequest.due_at, ApprovalRequest.id]
    if behind:
        keys.insert(0, sa.case((_laid_before(behind), 0), else_=1))
    return Desk(query, keys, behind)


def next_after(reader: Person, number: str | None, *, at: datetime, day: date) -> str | None:
    """The number of the request that comes next on her desk, free or in her hands.

    After `number`, where that lies there; else, and after the last, the first. None of an empty
    desk. One statement beside who is away.
    """
    found = of(reader, show=Show.ALL, at=at, day=day)
    hers = sa.or_(_free(at), ApprovalRequest.claimed_by_id == reader.id)
    ahead = found.query.order_by(*found.keys)
    numbers = db.session.scalars(
        ahead.with_only_columns(ApprovalRequest.number)
        .where(sa.or_(hers, ApprovalRequest.number == number))
        .limit(MOST)
    ).all()
    if number not in numbers:
        return next(iter(numbers), None)
    place = numbers.index(number)
    return next(iter([*numbers[place + 1 :], *numbers[:place]]), None)


def wanted(variants: Iterable[UUID]) -> Mapping[UUID, list[int]]:
    """The units of every undecided request for these packs, as the desk orders them. One query."""
    rows = db.session.execute(
        sa.select(ApprovalRequest.variant_id, ApprovalRequest.quantity)
        .where(ApprovalRequest.variant_id.in_(set(variants)), ApprovalRequest.status.in_(UNDECIDED))
        .order_by(ApprovalRequest.risk, ApprovalRequest.due_at, ApprovalRequest.id)
    )
    found: dict[UUID, list[int]] = {}
    for variant_id, units in rows:
        found.setdefault(variant_id, []).append(units)
    return found


def _free(at: datetime) -> sa.ColumnElement[bool]:
    """In nobody's hands: never taken, given back, or its lease ran out."""
    return sa.or_(ApprovalRequest.claimed_by_id.is_(None), ApprovalRequest.claimed_until <= at)


def _laid_before(people: Iterable[UUID]) -> sa.ColumnElement[bool]:
    """Assigned to one of them, or one of them was called to it."""
    called = sa.exists().where(
        Escalation.request_id == ApprovalRequest.id, Escalation.called_id.in_(people)
    )
    return sa.or_(ApprovalRequest.assigned_to_id.in_(people), called)
