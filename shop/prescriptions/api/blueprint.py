"""The blueprint of this feature, and what its routes share."""

from __future__ import annotations

from flask import Response

from shop.accounts.access import actor
from shop.accounts.models import Person
from shop.charts import reading
from shop.core.db import db
from shop.orders import revoking
from shop.orders.revoking import Revocation
from shop.prescriptions import schemas
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.web.api import Blueprint, committed

bp = Blueprint(
    "prescriptions",
    __name__,
    url_prefix="/api/v1",
    description="Approval requests and prescriptions",
)


def opened(client: Person, record: str) -> None:
    """Write down that the reader opens a record, for good, before it is shown."""
    reading.open_record(actor(), client, record=record, purpose=reading.TREATMENT)
    db.session.commit()


def committed_request(request: ApprovalRequest, status: int = 200) -> Response:
    db.session.flush()  # the answer shows what the database stamped
    return committed(schemas.RequestOut, schemas.listed(request), status)


def committed_prescription(prescription: Prescription, status: int) -> Response:
    db.session.flush()  # the answer shows what the database stamped
    return committed(schemas.PrescriptionOut, schemas.listed_prescription(prescription), status)


def committed_end(prescription: Prescription, what: Revocation) -> Response:
    db.session.flush()  # the answer shows what the database stamped
    shown = schemas.ended(prescription, revoking.done(what))
    return committed(schemas.EndedOut, shown, 201)
