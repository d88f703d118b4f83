"""Take a prescription back, for good. What it means for orders is `orders.revoking`'s business."""

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


def revoke(prescription: Prescription, *, reason: str, by: Person, at: datetime) -> None:
    """End a prescription, by its prescriber or by the client herself.

    With it ends what is still under way of the earlier ones whose place it has taken. From the
    commit on nothing is reserved, paid for or sent under them. Raises NotAllowed, WrongState.
    """
    if by.id not in (prescription.prescriber_id, prescription.client_id):
        raise NotAllowed("Only its prescriber or the client takes a prescription back.")
    _refuse_superseded(prescription)
    for one in (prescription, *superseding.finishing(prescription)):
        one.status = PrescriptionStatus.REVOKED
        one.held_by_id, one.held_for, one.revoked_by_id = None, None, by.id
        one.reason = reason
        db.session.flush()  # the database stamps when
        events.record(Kind.PRESCRIPTION_REVOKED, one)


def _refuse_superseded(prescription: Prescription) -> None:
    if prescription.status is PrescriptionStatus.SUPERSEDED and prescription.supersession:
        successor = prescription.supersession.successor.number
        raise WrongState(
            f"{successor} has taken the place of {prescription.number}: take that one back.",
            status=prescription.status.value,
            successor=successor,
        )
