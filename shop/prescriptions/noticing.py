"""What the clock and the last fill do to a prescription is told once: it may be renewed.

Nothing rests on these events: how a prescription stands is read off the facts (`standing`).
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Event, Kind
from shop.prescriptions.models import ApprovalRequest, Fill, Prescription, Supersession
from shop.prescriptions.renewing import EARLY
from shop.prescriptions.requesting import OPEN
from shop.prescriptions.states import FillStatus, PrescriptionStatus, RequestStatus

NOTICES = (
    Kind.PRESCRIPTION_DEPLETED,
    Kind.PRESCRIPTION_ENDING,
    Kind.PRESCRIPTION_EXPIRED,
)
MOST = 500  # at a time
ONE_AT_A_TIME = 5_150_026  # the advisory lock of who looks: what one tells, the next one sees

_USED = (
    sa.select(sa.func.count())
    .where(
        Fill.prescription_id == Prescription.id,
        Fill.status.in_((FillStatus.CONSUMED, FillStatus.DISPENSED)),
    )
    .correlate(Prescription)
    .scalar_subquery()
)


def notice(*, at: datetime) -> int:
    """Record what has come to pass and was not told yet; answers how many events.

    Only of what may still be renewed: accepted, not taken back, on no hold, not replaced, and not
    asked for already.
    """
    db.session.execute(sa.select(sa.func.pg_advisory_xact_lock(ONE_AT_A_TIME)))
    return sum(_tell(kind, at) for kind in NOTICES)


def first_to_say(event: Event) -> bool:
    """Whether no earlier event has told the client that it may be renewed."""
    earlier = sa.exists().where(
        Event.subject_id == event.subject_id, Event.seq < event.seq, Event.kind.in_(NOTICES)
    )
    return not db.session.scalar(sa.select(earlier))


def _tell(kind: Kind, at: datetime) -> int:
    told = sa.exists().where(Event.subject_id == Prescription.id, Event.kind == kind)
    replaced = sa.exists().where(Supersession.prescription_id == Prescription.id)
    asked = sa.exists().where(
        ApprovalRequest.client_id == Prescription.client_id,
        ApprovalRequest.variant_id == Prescription.variant_id,
        ApprovalRequest.status.in_(OPEN),
    )
    accepted = sa.exists().where(
        ApprovalRequest.id == Prescription.request_id,
        ApprovalRequest.status == RequestStatus.APPROVED,
    )
    query = (
        sa.select(Prescription)
        .where(
            Prescription.status == PrescriptionStatus.ACTIVE,
            _come_to_pass(kind, at),
            accepted,
            ~replaced,
            ~asked,
            ~told,
        )
        .order_by(Prescription.id)
        .limit(MOST)
    )
    found = db.session.scalars(locked(query)).all()
    for prescription in found:
        events.record(kind, prescription)
    return len(found)


def _come_to_pass(kind: Kind, at: datetime) -> sa.ColumnElement[bool]:
    if kind is Kind.PRESCRIPTION_EXPIRED:
        return Prescription.valid_until <= at
    if kind is Kind.PRESCRIPTION_ENDING:
        return sa.and_(at < Prescription.valid_until, Prescription.valid_until <= at + EARLY)
    return sa.and_(at < Prescription.valid_until, Prescription.fills_allowed <= _USED)
