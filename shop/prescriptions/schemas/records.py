"""Signatures, keys and what became of rules, on the wire."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from marshmallow import ValidationError, fields, validates_schema

from shop.core.signatures import ALGORITHM
from shop.prescriptions.models import Signature, SigningKey
from shop.web.api import Moment, Schema

LONGEST = 3_660  # days of a report
USUAL = 90  # days of one that names no first day


class SigningKeyOut(Schema):
    """`public_key` is base64 of the raw 32 bytes (RFC 8032)."""

    id = fields.UUID()
    algorithm = fields.String()
    public_key = fields.String()
    valid_from = Moment()
    valid_until = Moment()
    retired_at = Moment(allow_none=True)


class SigningKeysOut(Schema):
    items = fields.List(fields.Nested(SigningKeyOut))


class SignatureOut(Schema):
    """`signature` (base64) is over the UTF-8 bytes of `document`; docs/signatures.md proves it."""

    prescription = fields.String()
    document = fields.String()
    document_hash = fields.String()
    statement_hash = fields.String()
    algorithm = fields.String()
    signature = fields.String()
    signed_at = Moment()
    key = fields.Nested(SigningKeyOut)


class OverridesQuery(Schema):
    """Days, UTC, the first and the last; the last ninety unless told."""

    since = fields.Date(load_default=None)
    until = fields.Date(load_default=None)

    @validates_schema
    def in_order(self, data: dict[str, Any], **_more: object) -> None:
        """A time that has an end after its beginning, and is not endless."""
        since, until = data.get("since"), data.get("until")
        for name, day in (("since", since), ("until", until)):
            if day is not None and not date(2000, 1, 1) <= day <= date(2999, 12, 31):
                raise ValidationError("Choose a day of this millennium.", name)
        if since and until and not since <= until <= since + timedelta(days=LONGEST):
            raise ValidationError(f"At most {LONGEST} days, the first before the last.", "until")


class RuleCountOut(Schema):
    rule = fields.String()
    severity = fields.String()
    fired = fields.Integer()
    overridden = fields.Integer()
    signed = fields.Integer()
    refused = fields.Integer()
    override_rate = fields.Float(allow_none=True)


class GroupCountOut(Schema):
    """Of the requests that were decided: how often rules fired, and how those ended."""

    decided = fields.Integer()
    fired = fields.Integer()
    overridden = fields.Integer()
    signed = fields.Integer()
    refused = fields.Integer()
    override_rate = fields.Float(allow_none=True)


class PhysicianCountOut(GroupCountOut):
    """No name: what a rule declined by itself."""

    physician = fields.String()


class MonthCountOut(GroupCountOut):
    """A month, UTC: "2026-11"."""

    month = fields.String()


class OverridesOut(Schema):
    since = Moment()
    until = Moment()
    decided = fields.Integer()
    rules = fields.List(fields.Nested(RuleCountOut))
    physicians = fields.List(fields.Nested(PhysicianCountOut))
    months = fields.List(fields.Nested(MonthCountOut))


def span(asked: dict[str, Any], *, at: datetime) -> tuple[datetime, datetime]:
    """The moments of an OverridesQuery: from the first day's beginning to the last day's end."""
    last: date = asked["until"] or max(at.astimezone(UTC).date(), asked["since"] or date.min)
    first: date = asked["since"] or last - timedelta(days=USUAL - 1)
    return _begins(first), _begins(last + timedelta(days=1))


def listed_key(key: SigningKey) -> dict[str, Any]:
    """A key as SigningKeyOut shows it."""
    return {
        "id": key.id,
        "algorithm": ALGORITHM,
        "public_key": _base64(key.public_key),
        "valid_from": key.valid_from,
        "valid_until": key.valid_until,
        "retired_at": key.retired_at,
    }


def whole_signature(one: Signature) -> dict[str, Any]:
    """A signature as SignatureOut shows it."""
    return {
        "prescription": one.prescription.number,
        "document": one.document,
        "document_hash": bytes(one.document_hash).hex(),
        "statement_hash": bytes(one.prescription.statement_hash).hex(),
        "algorithm": ALGORITHM,
        "signature": _base64(one.signature),
        "signed_at": one.signed_at,
        "key": listed_key(one.key),
    }


def _begins(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def _base64(value: bytes) -> str:
    return base64.b64encode(bytes(value)).decode()
