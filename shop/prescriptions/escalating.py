"""A request that waits too long is brought before somebody more: step by step, each step once.

First a second physician is called, then the medical director. Whoever is called sees the request
and is written to; anybody licensed may still take it. The clock of a request stands while its
client is asked or seen: only what lies on the desk is escalated.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime

import sqlalchemy as sa

from shop.accounts import delegating, duties
from shop.accounts.models import Duty
from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind
from shop.prescriptions import clocks, licensing, reviewing
from shop.prescriptions.models import ApprovalRequest, Escalation
from shop.prescriptions.queries import WAITING
from shop.prescriptions.states import RequestStatus

SECOND_PHYSICIAN, MEDICAL_DIRECTOR = 1, 2


def due(*, at: datetime) -> Sequence[uuid.UUID]:
    """Requests of which a step is due, the longest late first."""
    policy = clocks.POLICY
    taken = (
        sa.select(sa.func.count())
        .where(Escalation.request_id == ApprovalRequest.id)
        .scalar_subquery()
    )
    query = sa.select(ApprovalRequest.id).where(
        _lies_there(at),
        sa.or_(
            sa.and_(ApprovalRequest.due_at <= at - policy.second_physician, taken < 1),
            sa.and_(ApprovalRequest.due_at <= at - policy.medical_director, taken < 2),
        ),
    )
    ordered = query.order_by(ApprovalRequest.due_at, ApprovalRequest.id)
    return db.session.scalars(ordered.limit(500)).all()


def escalate(request_id: uuid.UUID, *, at: datetime) -> list[Escalation]:
    """Take the steps that are due of one request; none where it is decided, held, or done.

    Locks the request, so that two who do it at once take each step once.
    """
    query = sa.select(ApprovalRequest).where(ApprovalRequest.id == request_id, _lies_there(at))
    request = db.session.scalars(locked(query)).one_or_none()
    if request is None or request.due_at is None:
        return []
    reviewing.release_if_run_out(request, at=at)
    last = db.session.scalar(
        sa.select(sa.func.coalesce(sa.func.max(Escalation.step), 0)).where(
            Escalation.request_id == request.id
        )
    )
    wanted = clocks.step_at(request.due_at, at)
    return [_take(request, step, at) for step in range((last or 0) + 1, wanted + 1)]


def _lies_there(at: datetime) -> sa.ColumnElement[bool]:
    """On the desk, and nobody has it in hand."""
    return sa.or_(
        ApprovalRequest.status == RequestStatus.QUEUED,
        sa.and_(
            ApprovalRequest.status == RequestStatus.IN_REVIEW, ApprovalRequest.claimed_until <= at
        ),
    )


def _take(request: ApprovalRequest, step: int, at: datetime) -> Escalation:
    day = at.astimezone(UTC).date()
    who = _second_physician(request, day) if step == SECOND_PHYSICIAN else _director(request, day)
    taken = Escalation(id=uuid.uuid4(), request=request, step=step, called_id=who)
    db.session.add(taken)
    db.session.flush()  # the row goes before its event
    called = str(who) if who else None
    events.record(Kind.REQUEST_ESCALATED, request, step=step, called=called)
    return taken


def _second_physician(request: ApprovalRequest, day: date) -> uuid.UUID | None:
    """Somebody licensed who is there, not whose it was anyway; of several who was called least."""
    licensed = licensing.licensed_in(reviewing.states_of(request), day=day)
    left_out = {request.client_id, request.requested_by_id, request.assigned_to_id}
    others = [who for who in licensed if who not in left_out]
    away = delegating.standing_in(others, day=day)
    there = [who for who in others if who not in away] or others
    busy = _called_to(there)
    return min(there, key=lambda who: (busy[who], who), default=None)


def _director(request: ApprovalRequest, day: date) -> uuid.UUID | None:
    """Who has the duty; licensed or not, she sees to it that somebody decides."""
    held = [person.id for person in duties.held_by(Duty.MEDICAL_DIRECTOR, day=day)]
    may = [who for who in held if who not in (request.client_id, request.requested_by_id)]
    licensed = licensing.licensed_in(reviewing.states_of(request), day=day)
    return next((who for who in may if who in licensed), next(iter(may), None))


def _called_to(people: Sequence[uuid.UUID]) -> Counter[uuid.UUID]:
    """How much each of them is called to that still waits."""
    rows = db.session.execute(
        sa.select(Escalation.called_id, sa.func.count())
        .join(ApprovalRequest, ApprovalRequest.id == Escalation.request_id)
        .where(Escalation.called_id.in_(people), ApprovalRequest.status.in_(WAITING))
        .group_by(Escalation.called_id)
    )
    return Counter({who: count for who, count in rows if who is not None})
