"""How a prescription stands (`prescriptions.standing`), for a search by status."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from shop.prescriptions.models import (
    ApprovalRequest,
    Fill,
    Prescription,
    Supersession,
    TakenAway,
)
from shop.prescriptions.standing import FINAL, Standing
from shop.prescriptions.states import FillStatus, PrescriptionStatus, RequestStatus


def standing_in_sql(*, at: datetime) -> sa.ColumnElement[str]:
    """What `standing` says of a row of `prescriptions`. A test holds the two against each other."""
    used_up = sa.or_(
        _of(TakenAway.prescription_id),
        sa.select(sa.func.count())
        .where(Fill.prescription_id == Prescription.id, Fill.status != FillStatus.RELEASED)
        .correlate(Prescription)
        .scalar_subquery()
        >= Prescription.fills_allowed,
    )
    accepted = sa.exists().where(
        ApprovalRequest.id == Prescription.request_id,
        ApprovalRequest.status == RequestStatus.APPROVED,
    )
    return sa.case(
        *((Prescription.status == status, word.value) for status, word in FINAL.items()),
        (~accepted, Standing.NOT_ACCEPTED.value),
        (Prescription.valid_until <= at, Standing.EXPIRED.value),
        (Prescription.valid_from > at, Standing.NOT_YET.value),
        (Prescription.status != PrescriptionStatus.ACTIVE, Standing.ON_HOLD.value),
        (_of(Supersession.prescription_id), Standing.SUPERSEDED.value),
        (used_up, Standing.DEPLETED.value),
        else_=Standing.ACTIVE.value,
    )


def _of(key: sa.orm.InstrumentedAttribute[object]) -> sa.ColumnElement[bool]:
    return sa.exists().where(key == Prescription.id).correlate(Prescription)
