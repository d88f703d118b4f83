"""Prescriptions follow their prescriber's licence: on hold when it lapses, on with its renewal.

The gate reads the licence itself; this is how people are told, and how a record shows it.
A prescription covers the client's state, and rests on a licence there whatever it is sent to; a
licence that lapsed only where something is sent stops that line (`orders.lapsing`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import sqlalchemy as sa

from shop.charts.queries import locked_as_of
from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind
from shop.prescriptions import licensing, rechecking, superseding
from shop.prescriptions.models import Prescription
from shop.prescriptions.states import HeldFor, PrescriptionStatus

WAITING = sa.and_(
    Prescription.status == PrescriptionStatus.ON_HOLD,
    Prescription.held_for == HeldFor.LICENCE_LAPSED,
)


def out_of_step(*, at: datetime) -> list[UUID]:
    """Prescriptions in force without their licence, and those held for one that is back, by id."""
    day = at.astimezone(UTC).date()
    asked = sa.or_(
        WAITING,
        sa.and_(
            Prescription.status == PrescriptionStatus.ACTIVE,
            Prescription.valid_until > at,
        ),
    )
    place = (Prescription.prescriber_id, Prescription.client_state)
    places = [
        (row[0], row[1]) for row in db.session.execute(sa.select(*place).where(asked).distinct())
    ]
    held = licensing.in_force({who for who, _ in places}, day=day)
    lapsed = [(who, state) for who, state in places if state not in held[who]]
    without = sa.tuple_(*place).in_(lapsed)
    query = sa.select(Prescription.id).where(
        asked,
        sa.case((Prescription.status == PrescriptionStatus.ACTIVE, without), else_=~without),
    )
    return list(db.session.scalars(query.order_by(Prescription.id)))


def follow(prescription_id: UUID, *, at: datetime) -> PrescriptionStatus | None:
    """Hold or resume a prescription as the licence of today says; its new status, if it has one.

    What a person held stays held; what was replaced meanwhile and owes nothing ends. Safe to
    repeat.
    """
    at = locked_as_of(db.session.get_one(Prescription, prescription_id).client, at=at)
    query = locked(sa.select(Prescription).where(Prescription.id == prescription_id))
    one = db.session.scalars(query).one()
    held = licensing.in_force([one.prescriber_id], day=at.astimezone(UTC).date(), lock=True)
    licensed = one.client_state in held[one.prescriber_id]
    if one.status is PrescriptionStatus.ACTIVE and not licensed:
        one.status, one.held_for = PrescriptionStatus.ON_HOLD, HeldFor.LICENCE_LAPSED
        kind = Kind.PRESCRIPTION_HELD
    elif one.held_for is HeldFor.LICENCE_LAPSED and _waits(one) and licensed:
        one.status, one.held_for = PrescriptionStatus.ACTIVE, None
        kind = Kind.PRESCRIPTION_RESUMED
    else:
        return None
    db.session.flush()  # the database stamps when
    events.record(kind, one, reason=HeldFor.LICENCE_LAPSED.value, state=one.client_state)
    superseding.finish(one.id, at=at)  # only what goes on can be finished
    if one.status is PrescriptionStatus.ACTIVE and rechecking.news_of([one], at=at)[one.id]:
        rechecking.hold(one)  # what was said meanwhile, nobody has looked at
    return one.status


def _waits(one: Prescription) -> bool:
    return one.status is PrescriptionStatus.ON_HOLD
