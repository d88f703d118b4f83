"""How a prescription stands at a moment: what was done with it, its fills and the clock together.

THE PLACE TO SWAP: the prescriptions package is about to say this itself
(`prescriptions.standing.standing(prescription, at)`). Its words and its function then stand here in
place of ours, `standing_in_sql` learns what else it looks at (another has taken its place; it has
not begun), and `statuses.PRESCRIPTION` its new word. A test holds the two against each other.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from shop.prescriptions.models import Fill, Prescription
from shop.prescriptions.states import FillStatus, PrescriptionStatus


class Standing(StrEnum):
    """docs/domain.md, life of a prescription; depleted and expired are derived."""

    ACTIVE = "active"
    ON_HOLD = "on_hold"
    DEPLETED = "depleted"
    EXPIRED = "expired"
    REVOKED = "revoked"
    SUPERSEDED = "superseded"
    ENTERED_IN_ERROR = "entered_in_error"  # no verb says so yet


LIVING = (PrescriptionStatus.ACTIVE, PrescriptionStatus.ON_HOLD)


def standing(prescription: Prescription, *, at: datetime) -> Standing:
    """What was ended stays so; else the clock decides before the fills, and the fills before a hold
    is lifted.
    """
    if prescription.status not in LIVING:
        return Standing(prescription.status.value)
    if prescription.valid_until <= at:
        return Standing.EXPIRED
    if prescription.status is PrescriptionStatus.ACTIVE and prescription.fills_left <= 0:
        return Standing.DEPLETED
    return Standing(prescription.status.value)


def standing_in_sql(*, at: datetime) -> sa.ColumnElement[str]:
    """The same of a row of `prescriptions`, for a search by status."""
    taken = (
        sa.select(sa.func.count())
        .where(Fill.prescription_id == Prescription.id, Fill.status != FillStatus.RELEASED)
        .correlate(Prescription)
        .scalar_subquery()
    )
    stored = sa.type_coerce(Prescription.status, sa.Text())
    depleted = sa.and_(
        Prescription.status == PrescriptionStatus.ACTIVE, taken >= Prescription.fills_allowed
    )
    return sa.case(
        (Prescription.status.not_in(LIVING), stored),
        (Prescription.valid_until <= at, Standing.EXPIRED.value),
        (depleted, Standing.DEPLETED.value),
        else_=stored,
    )
