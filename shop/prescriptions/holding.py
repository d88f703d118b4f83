"""Pause a prescription, and let it go on."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotAllowed, WrongState
from shop.core.events import Kind
from shop.prescriptions import superseding
from shop.prescriptions.models import Prescription
from shop.prescriptions.states import PrescriptionStatus


def hold(prescription: Prescription, *, reason: str, by: Person, at: datetime) -> None:
    """Nothing is filled or sent until it is resumed. Raises NotAllowed, WrongState."""
    _require_prescriber(prescription, by)
    prescription.status = PrescriptionStatus.ON_HOLD
    prescription.held_by_id, prescription.reason = by.id, reason
    db.session.flush()  # the database stamps when
    events.record(Kind.PRESCRIPTION_HELD, prescription)


def resume(prescription: Prescription, *, by: Person, at: datetime) -> None:
    """Let it go on. Raises NotAllowed, WrongState."""
    _require_prescriber(prescription, by)
    if prescription.status is PrescriptionStatus.ON_HOLD and prescription.held_for is not None:
        raise WrongState(
            "It waits for your licence, and goes on by itself once a renewal is recorded.",
            status=prescription.status,
            held_for=prescription.held_for.value,
        )
    prescription.status = PrescriptionStatus.ACTIVE
    prescription.held_by_id, prescription.reason = None, None
    db.session.flush()  # the database clears when it was held
    events.record(Kind.PRESCRIPTION_RESUMED, prescription)
    superseding.finish(prescription.id, at=at)  # where it was replaced meanwhile


def _require_prescriber(prescription: Prescription, by: Person) -> None:
    if by.id != prescription.prescriber_id:
        raise NotAllowed("Only its prescriber pauses a prescription.")
