"""Take a prescription back, for good. What it means for orders is `orders.revoking`'s business."""

from __future__ import annotations

from datetime import datetime

from shop.accounts.models import Person
from shop.core import events
from shop.core.db import db
from shop.core.errors import NotAllowed
from shop.core.events import Kind
from shop.prescriptions.models import Prescription
from shop.prescriptions.states import PrescriptionStatus


def revoke(prescription: Prescription, *, reason: str, by: Person, at: datetime) -> None:
    """End a prescription, by its prescriber or by the client herself.

    From the commit on nothing is reserved, paid for or sent under it. Raises NotAllowed,
    WrongState.
    """
    if by.id not in (prescription.prescriber_id, prescription.client_id):
        raise NotAllowed("Only its prescriber or the client takes a prescription back.")
    prescription.status = PrescriptionStatus.REVOKED
    prescription.held_by_id, prescription.held_for = None, None
    prescription.revoked_by_id = by.id
    prescription.reason = reason
    db.session.flush()  # the database stamps when
    events.record(Kind.PRESCRIPTION_REVOKED, prescription)
