"""One prescription takes the place of another: the latest of a client's for a pack gives the fills.

What was promised under the earlier one before is still sent, under it: it gives no new fill from
then on, and is superseded once nothing is under way of it (docs/decisions/0020). What is on hold is
not replaced behind its physician's back.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa

from shop.catalog.models import Variant
from shop.core import events
from shop.core.db import db, locked
from shop.core.events import Kind
from shop.prescriptions.errors import PredecessorHeld, RenewedTakenBack
from shop.prescriptions.models import ApprovalRequest, Fill, Prescription, Supersession
from shop.prescriptions.states import FillStatus, PrescriptionStatus, RequestStatus

UNDER_WAY = (FillStatus.RESERVED, FillStatus.CONSUMED)
TAKEN_BACK = (PrescriptionStatus.REVOKED, PrescriptionStatus.ENTERED_IN_ERROR)

_replaced = sa.exists().where(Supersession.prescription_id == Prescription.id)
_under_way = sa.exists().where(Fill.prescription_id == Prescription.id, Fill.status.in_(UNDER_WAY))


def predecessors(
    request: ApprovalRequest, variant: Variant, *, at: datetime, lock: bool = False
) -> Sequence[Prescription]:
    """Whose place a prescription of `variant` for this request would take, in id order.

    With `lock` they stay as they are until the transaction ends. Raises PredecessorHeld where one
    is on hold, RenewedTakenBack where what the request renews was taken back since.
    """
    held_in_time = sa.and_(
        Prescription.status == PrescriptionStatus.ON_HOLD, Prescription.valid_until > at
    )
    query = (
        sa.select(Prescription)
        .join(ApprovalRequest, ApprovalRequest.id == Prescription.request_id)
        .where(
            Prescription.client_id == request.client_id,
            ApprovalRequest.status == RequestStatus.APPROVED,
            sa.or_(
                sa.and_(
                    Prescription.variant_id == variant.id,
                    ~_replaced,
                    sa.or_(Prescription.status == PrescriptionStatus.ACTIVE, held_in_time),
                ),
                Prescription.id == request.renews_id,
            ),
        )
        .order_by(Prescription.id)
    )
    found = db.session.scalars(locked(query, Prescription) if lock else query).all()
    for one in found:
        _refuse_taken_back(one)
        _refuse_held(one, at)
    return [
        one
        for one in found
        if one.status is PrescriptionStatus.ACTIVE
        and not one.replaced
        and one.variant_id == variant.id
    ]


def hold_all(client_id: UUID) -> None:
    """Lock all that a client has in force, in id order: several may be about to be replaced."""
    in_force = Prescription.status.in_((PrescriptionStatus.ACTIVE, PrescriptionStatus.ON_HOLD))
    query = sa.select(Prescription).where(Prescription.client_id == client_id, in_force)
    db.session.scalars(locked(query.order_by(Prescription.id), Prescription)).all()


def supersede(earlier: Sequence[Prescription], *, by: Prescription, at: datetime) -> None:
    """Put `by` in the place of these (locked) prescriptions."""
    for one in earlier:
        db.session.add(
            Supersession(
                prescription_id=one.id,
                successor_id=by.id,
                client_id=one.client_id,
                variant_id=one.variant_id,
            )
        )
        db.session.flush()  # the database judges, and `finish` looks for it
        db.session.expire(one, ["supersession"])
        finish(one.id, at=at)
    db.session.expire(by, ["superseded"])


def finish(prescription_id: UUID, *, at: datetime) -> None:
    """End a (locked) prescription that was replaced, once nothing is under way of it."""
    query = sa.select(Prescription).where(
        Prescription.id == prescription_id,
        Prescription.status == PrescriptionStatus.ACTIVE,
        _replaced,
        ~_under_way,
    )
    done = db.session.scalars(query).one_or_none()
    if done is None:
        return
    assert done.supersession is not None
    done.status = PrescriptionStatus.SUPERSEDED
    db.session.flush()  # the row goes before its event
    events.record(Kind.PRESCRIPTION_SUPERSEDED, done, successor=done.supersession.successor.number)


def finishing(prescription: Prescription) -> Sequence[Prescription]:
    """Earlier prescriptions of its client and pack of which something is still under way.

    One that the client has not taken has no part in them.
    """
    if not prescription.accepted:
        return ()
    query = (
        sa.select(Prescription)
        .where(
            Prescription.client_id == prescription.client_id,
            Prescription.variant_id == prescription.variant_id,
            Prescription.signed_at < prescription.signed_at,
            Prescription.status.in_((PrescriptionStatus.ACTIVE, PrescriptionStatus.ON_HOLD)),
            _replaced,
        )
        .order_by(Prescription.id)
    )
    return db.session.scalars(query).all()


def _refuse_taken_back(one: Prescription) -> None:
    if one.status in TAKEN_BACK:
        raise RenewedTakenBack(
            f"{one.number}, which this would renew, was taken back. Refuse the request, and say"
            " what to ask for instead.",
            prescription=one.number,
            status=one.status.value,
        )


def _refuse_held(one: Prescription, at: datetime) -> None:
    if one.status is PrescriptionStatus.ON_HOLD and at < one.valid_until and not one.replaced:
        raise PredecessorHeld(
            f"{one.number} for the same pack is on hold. Resume it or take it back first.",
            prescription=one.number,
            prescriber=one.prescriber_name,
        )
