"""What a physician's desk shows of a request, beside the request itself."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from shop.accounts.models import Person, Role
from shop.prescriptions.models import ApprovalRequest
from shop.prescriptions.screening.risk import Risk
from shop.web.api import Moment, Schema


class EscalationOut(Schema):
    """A step that was taken: 1 calls a second physician, 2 the medical director."""

    step = fields.Integer()
    at = Moment()
    called = fields.String(allow_none=True, metadata={"description": "Null: nobody was found."})


class DeskOut(Schema):
    """For physicians. `risk` orders the desk and says nothing of what may be signed."""

    risk = fields.String(metadata={"description": "high, raised or routine."})
    assigned_to = fields.String(allow_none=True)
    escalations = fields.List(fields.Nested(EscalationOut))


def on_the_desk(request: ApprovalRequest, reader: Person) -> dict[str, Any]:
    """The part of a request that is for physicians, once it is handed in; else nothing."""
    if reader.role is not Role.PHYSICIAN or request.submitted_at is None:
        return {}
    steps = [
        {"step": one.step, "at": one.at, "called": one.called.name if one.called else None}
        for one in request.escalations
    ]
    assigned = request.assigned_to.name if request.assigned_to else None
    return {
        "desk": {
            "risk": Risk(request.risk).word,
            "assigned_to": assigned,
            "escalations": steps,
        }
    }
