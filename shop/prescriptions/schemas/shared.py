"""What requests and prescriptions both show."""

from __future__ import annotations

from typing import Any

from marshmallow import fields

from shop.core import events
from shop.prescriptions.models import ApprovalRequest, Prescription
from shop.web.api import Moment, Schema


class ClientOut(Schema):
    id = fields.UUID()
    name = fields.String()
    birth_date = fields.Date(allow_none=True)
    state = fields.String(allow_none=True)


class FindingOut(Schema):
    """A rule of screening that fired, as the physician reads it."""

    rule = fields.String()
    version = fields.Integer()
    severity = fields.String(attribute="severity.word")
    text = fields.String(attribute="physician_text")
    client_text = fields.String()
    source = fields.String()
    grade = fields.String()
    fired_by = fields.List(fields.String())
    until = fields.Date(allow_none=True)
    missing = fields.String(attribute="unknown")  # the fact that nobody knows


class RecordedOut(Schema):
    at = Moment()
    kind = fields.String()
    status = fields.String()


def history(subject: ApprovalRequest | Prescription) -> list[dict[str, Any]]:
    return [
        {"at": event.at, "kind": event.kind, "status": event.to_state}
        for event in events.of(subject.id)
    ]
