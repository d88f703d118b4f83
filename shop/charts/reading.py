"""Opening a part of somebody's record: first it is written down, then it is shown."""

from __future__ import annotations

import uuid

from shop.accounts.models import Person
from shop.charts.models import Access
from shop.core.db import db

TREATMENT = "treatment"
PAYMENT = "payment"
OPERATIONS = "operations"
PATIENT_REQUEST = "patient_request"


def open_record(reader: Person, client: Person, *, record: str, purpose: str) -> None:
    """Write down that `reader` opens `record` ("approval_request Q-…") of `client`, and why.

    The edge commits before it shows anything, so that no rollback hides a reading. Nothing is
    written where a client reads her own. Purposes: HIPAA, 45 CFR 164.506 and 164.524.
    """
    if reader.id == client.id:
        return
    db.session.add(
        Access(
            id=uuid.uuid4(),
            reader_id=reader.id,
            client_id=client.id,
            record=record,
            purpose=purpose,
            request_id=db.session.info.get("request_id", ""),
        )
    )
