"""Entered in error: for the wrong client or product. A physician says so, another person agrees.

The record is never removed. From the second word on it gives nothing, and screening passes over it,
but for what has really left. What it means for orders is `orders.revoking`'s business.
"""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa

from shop.accounts.models import Person, Role
from shop.core import events
from shop.core.db import db, locked
from shop.core.errors import NotAllowed, WrongState
from shop.core.events import Kind
from shop.prescriptions.errors import AlreadyReported, SecondPersonNeeded
from shop.prescriptions.models import ErrorReport, Prescription
from shop.prescriptions.states import PrescriptionStatus

DECIDERS = (Role.PHYSICIAN, Role.MANAGER)


def report(prescription: Prescription, *, reason: str, by: Person, at: datetime) -> ErrorReport:
    """Say that a (locked) prescription should never have been. Nothing else changes until then.

    Raises NotAllowed, AlreadyReported.
    """
    if by.role is not Role.PHYSICIAN or by.id == prescription.client_id:
        raise NotAllowed("A physician reports an error in a prescription.")
    _refuse_second(prescription)
    said = ErrorReport(
        id=uuid.uuid4(),
        prescription_id=prescription.id,
        client_id=prescription.client_id,
        reported_by=by,
    )
    said.reason = reason
    db.session.add(said)
    db.session.flush()  # the row goes before its event
    events.record(Kind.PRESCRIPTION_ERROR_REPORTED, prescription)
    return said


def confirm(said: ErrorReport, *, by: Person, at: datetime) -> Prescription:
    """Agree: the (locked) prescription is entered in error. `said` is locked, too.

    Raises NotAllowed, SecondPersonNeeded, WrongState.
    """
    if by.id == said.reported_by_id:
        raise SecondPersonNeeded("Who reported it cannot confirm it: ask somebody else.")
    _decide(said, confirmed=True, by=by)
    prescription = said.prescription
    prescription.status = PrescriptionStatus.ENTERED_IN_ERROR
    prescription.held_by_id, prescription.revoked_by_id = None, None
    prescription.reason = said.reason
    db.session.flush()  # the row goes before its event
    events.record(Kind.PRESCRIPTION_ENTERED_IN_ERROR, prescription)
    return prescription


def dismiss(said: ErrorReport, *, by: Person, at: datetime) -> None:
    """It is no error, or who reported it takes it back. Raises NotAllowed, WrongState."""
    _decide(said, confirmed=False, by=by)
    events.record(Kind.PRESCRIPTION_ERROR_DISMISSED, said.prescription)


def _decide(said: ErrorReport, *, confirmed: bool, by: Person) -> None:
    if by.role not in DECIDERS or by.id == said.client_id:
        raise NotAllowed("A physician or a manager decides about a reported error.")
    if said.confirmed is not None:
        raise WrongState(
            "This report was decided already.",
            by=said.decided_by and said.decided_by.name,
            at=said.decided_at and said.decided_at.isoformat(),
        )
    said.confirmed, said.decided_by = confirmed, by
    db.session.flush()  # the database stamps when


def _refuse_second(prescription: Prescription) -> None:
    live = db.session.scalars(
        sa.select(ErrorReport).where(
            ErrorReport.prescription_id == prescription.id, ErrorReport.confirmed.is_not(False)
        )
    ).one_or_none()
    if live is not None:
        raise AlreadyReported(
            "An error in this prescription was reported already.",
            by=live.reported_by.name,
            confirmed=bool(live.confirmed),
        )


def locked_report(said: ErrorReport) -> ErrorReport:
    """The report, locked and read afresh, so that two who decide at once do it once."""
    return db.session.scalars(locked(sa.select(ErrorReport).where(ErrorReport.id == said.id))).one()
