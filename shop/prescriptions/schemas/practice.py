"""Examinations, referrals to a visit and supervisions on the wire."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from shop.prescriptions.examining import HOME_CARE
from shop.prescriptions.models import Examination, PrescriptionState, Referral
from shop.prescriptions.practice.rules import Mode
from shop.prescriptions.referring import ReferralReason
from shop.web.api import Moment, Schema, State, Text, Whole


class ReferralIn(Schema):
    """`message` is for the client, `note` stays inside."""

    reason = fields.Enum(ReferralReason, by_value=True, required=True)
    message = Text(required=True, shortest=1)
    note = Text(load_default=None)
    claim = Whole(least=1, most=1_000_000, load_default=None)


class ReferralOut(Schema):
    reason = fields.String()
    message = fields.String()
    note = fields.String(allow_none=True)  # for the physician only
    by = fields.String()
    at = Moment()


class ExaminationRecordIn(Schema):
    """`scope`: the families of actives that it covers; all home care where nothing is said."""

    mode = fields.Enum(Mode, by_value=True, required=True)
    date = fields.Date(required=True)
    scope = fields.List(
        fields.String(validate=validate.OneOf(HOME_CARE)),
        load_default=lambda: list(HOME_CARE),
        validate=validate.Length(min=1, max=len(HOME_CARE)),
    )
    findings = Text(load_default=None)


class ExaminationRecordOut(Schema):
    """An examination on record; `valid_until` is the first day on which it no longer counts."""

    id = fields.UUID()
    mode = fields.Enum(Mode, by_value=True)
    date = fields.Date(attribute="examined_on")
    by = fields.String(attribute="examiner_name")
    state = fields.String()
    scope = fields.List(fields.String())
    valid_until = fields.Date()
    recorded_at = Moment()
    voided_at = Moment(allow_none=True)


class ExaminationReadOut(ExaminationRecordOut):
    """The same for the physician who opens the request."""

    findings = fields.String(allow_none=True)
    void_reason = fields.String(allow_none=True)


class GroundOut(Schema):
    """What a covered state asked of who signed, and what met it."""

    state = fields.String()
    rule = fields.String(allow_none=True)
    rule_version = fields.Integer(allow_none=True)
    examination = fields.UUID(allow_none=True)
    supervisor = fields.String(allow_none=True)
    supervisor_licence = fields.String(allow_none=True)


class SupervisionIn(Schema):
    """`valid_until` is the first day on which it no longer counts."""

    supervisor = fields.UUID(required=True)
    state = State(required=True)
    valid_from = fields.Date(required=True)
    valid_until = fields.Date(required=True)


class SupervisionEndIn(Schema):
    ended_on = fields.Date(required=True)


class SupervisionOut(Schema):
    id = fields.UUID()
    prescriber = fields.UUID(attribute="prescriber_id")
    supervisor = fields.UUID(attribute="supervisor_id")
    supervisor_name = fields.String(attribute="supervisor.name")
    state = fields.String()
    valid_from = fields.Date()
    valid_until = fields.Date()
    entered_at = Moment()
    ended_on = fields.Date(allow_none=True)


class SupervisionsOut(Schema):
    items = fields.List(fields.Nested(SupervisionOut))


def read(examinations: list[Examination]) -> list[dict[str, Any]]:
    """Examinations with what was found, as ExaminationReadOut shows them."""
    return [
        {
            name: getattr(one, name)
            for name in (
                *("id", "mode", "examined_on", "examiner_name", "state", "scope", "valid_until"),
                *("recorded_at", "voided_at", "findings", "void_reason"),
            )
        }
        for one in examinations
    ]


def referral(last: Referral, *, inside: bool) -> dict[str, Any]:
    """A referral as ReferralOut shows it; `inside` is who works here."""
    return {
        "reason": last.reason,
        "message": last.message,
        "note": last.note if inside else None,
        "by": last.referred_by.name,
        "at": last.referred_at,
    }


def ground(covered: PrescriptionState) -> dict[str, Any]:
    """A covered state as GroundOut shows it."""
    return {
        "state": covered.state,
        "rule": covered.examination_rule,
        "rule_version": covered.examination_rule_version,
        "examination": covered.examination_id,
        "supervisor": covered.supervisor_name,
        "supervisor_licence": covered.supervisor_licence_number,
    }
