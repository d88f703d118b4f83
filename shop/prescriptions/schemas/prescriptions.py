"""Prescriptions on the wire: what is signed, and what was."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from marshmallow import ValidationError, fields, validate

from shop.core.clock import now
from shop.orders.queries import Left
from shop.orders.revoking import Consequences
from shop.prescriptions.models import Prescription
from shop.prescriptions.renewing import Eligibility
from shop.prescriptions.schemas import life
from shop.prescriptions.schemas.practice import GroundOut, ground
from shop.prescriptions.schemas.shared import ClientOut, FindingOut, RecordedOut, history
from shop.prescriptions.standing import Outlook, Standing
from shop.prescriptions.statements import EXAMINED, Terms
from shop.prescriptions.states import PrescriptionStatus
from shop.web.api import Moment, Schema, Text, Whole


class FillOut(Schema):
    number = fields.Integer()
    status = fields.String()
    reserved_at = Moment()
    dispensed_at = Moment(allow_none=True)


class ExaminationOut(Schema):
    """What was signed of it; `valid_until` is the first day on which it no longer counts."""

    mode = fields.String()
    date = fields.Date()
    by = fields.String(allow_none=True)
    scope = fields.List(fields.String(), allow_none=True)
    valid_until = fields.Date(allow_none=True)


class PrescriptionOut(Schema):
    """A prescription in a list: nothing medical but the product."""

    number = fields.String()
    status = fields.Enum(PrescriptionStatus, by_value=True)  # what somebody did with it
    standing = fields.Enum(Standing, by_value=True)  # what it is good for now
    supersedes = fields.List(fields.String())
    superseded_by = fields.String(allow_none=True)
    request = fields.String()
    plan = fields.String(allow_none=True)  # the plan it is part of
    sku = fields.String()
    product = fields.String()
    pack = fields.String()
    client = fields.Nested(ClientOut)
    quantity_per_fill = fields.Integer()
    fills = fields.Integer()
    fills_left = fields.Integer()
    days_supply = fields.Integer()
    interval_days = fields.Integer(allow_none=True)
    states = fields.List(fields.String())
    valid_from = Moment()
    valid_until = Moment()
    prescriber = fields.String()
    signed_at = Moment()
    taken_away_at = Moment(allow_none=True)  # to another pharmacy, with the fills that were left


class EndedOut(PrescriptionOut):
    consequences = fields.Nested(life.ConsequencesOut)


class WholePrescriptionOut(PrescriptionOut):
    outlook = fields.Nested(life.OutlookOut)
    renewal = fields.Nested(life.EligibilityOut, allow_none=True)  # for the client
    left = fields.List(fields.Nested(life.LeftOut))  # what has left the house under it
    directions = fields.String()
    indication = fields.String()
    examination = fields.Nested(ExaminationOut)
    grounds = fields.List(fields.Nested(GroundOut))
    statement = fields.String()
    statement_hash = fields.String()
    reason = fields.String(allow_none=True)  # why it is held, revoked or an error
    held_for = fields.String(
        allow_none=True
    )  # where a rule holds it: "licence_lapsed", "health_news"
    held_at = Moment(allow_none=True)
    revoked_at = Moment(allow_none=True)
    fills_taken = fields.List(fields.Nested(FillOut))
    history = fields.List(fields.Nested(RecordedOut))


class NewsOut(PrescriptionOut):
    """What became known after it was signed, and holds it where `held_for` is "health_news"."""

    held_for = fields.String(allow_none=True)
    news = fields.List(fields.Nested(FindingOut))


class PrescriptionsOut(Schema):
    items = fields.List(fields.Nested(PrescriptionOut))
    next = fields.String(allow_none=True)


class ExaminationIn(Schema):
    mode = fields.String(required=True, validate=validate.OneOf(sorted(EXAMINED)))
    date = fields.Date(required=True)


class OverrideIn(Schema):
    rule = Text(required=True, longest=100)
    reason = Text(required=True, longest=500)


def _once(overrides: list[dict[str, str]]) -> None:
    """One reason for a rule."""
    rules = [override["rule"] for override in overrides]
    if len(set(rules)) < len(rules):
        raise ValidationError("Name each rule only once.")


class SignatureIn(Schema):
    """`valid_until` is the last day; `claim` and `statement_hash` are of the page that was read."""

    quantity_per_fill = Whole(least=1, most=20, required=True)
    fills = Whole(least=1, most=12, required=True)
    days_supply = Whole(least=1, most=366, required=True)
    interval_days = Whole(least=1, most=366, load_default=None, allow_none=True)
    directions = Text(required=True, shortest=1)
    indication = Text(required=True, shortest=1, longest=500)
    valid_until = fields.Date(load_default=None)
    sku = Text(longest=100, load_default=None)
    examination = fields.Nested(ExaminationIn, required=True)
    overrides = fields.List(
        fields.Nested(OverrideIn), load_default=list, validate=[validate.Length(max=50), _once]
    )
    claim = Whole(least=1, most=1_000_000, load_default=None)
    statement_hash = fields.String(
        load_default=None,
        validate=validate.Regexp("^[0-9a-f]{64}$", error="Must be 64 hexadecimal digits."),
    )


class WhyIn(Schema):
    reason = Text(required=True, shortest=1)


def terms(given: dict[str, Any]) -> Terms:
    """What the physician prescribes, from a loaded SignatureIn."""
    return Terms(
        quantity_per_fill=given["quantity_per_fill"],
        fills=given["fills"],
        days_supply=given["days_supply"],
        interval_days=given["interval_days"],
        directions=given["directions"],
        indication=given["indication"],
        examination_mode=given["examination"]["mode"],
        examined_on=given["examination"]["date"],
        valid_until=given["valid_until"],
        sku=given["sku"],
        overrides={one["rule"]: one["reason"] for one in given["overrides"]},
    )


def listed_prescription(one: Prescription) -> dict[str, Any]:
    """A prescription as PrescriptionOut shows it."""
    return {
        "number": one.number,
        "status": one.status,
        "standing": one.standing(now()),
        "supersedes": [earlier.prescription.number for earlier in one.superseded],
        "superseded_by": one.supersession and one.supersession.successor.number,
        "request": one.request.number,
        "plan": one.plan.number if one.plan else None,
        "sku": one.variant.sku,
        "product": one.variant.product.name,
        "pack": one.variant.name,
        "client": one.client,
        "quantity_per_fill": one.quantity_per_fill,
        "fills": one.fills_allowed,
        "fills_left": one.fills_left,
        "days_supply": one.days_supply,
        "interval_days": one.interval_days,
        "states": [covered.state for covered in one.states],
        "valid_from": one.valid_from,
        "valid_until": one.valid_until,
        "prescriber": one.prescriber_name,
        "signed_at": one.signed_at,
        "taken_away_at": one.taken_away and one.taken_away.taken_at,
    }


def ended(one: Prescription, what: Consequences) -> dict[str, Any]:
    """A prescription that was taken back, as EndedOut shows it."""
    return listed_prescription(one) | {"consequences": life.foretold(what)}


def whole_prescription(
    one: Prescription,
    *,
    outlook: Outlook,
    left: Sequence[Left],
    renewal: Eligibility | None,
) -> dict[str, Any]:
    """A prescription as WholePrescriptionOut shows it."""
    return listed_prescription(one) | {
        "outlook": outlook,
        "renewal": renewal,
        "left": [life.left(line) for line in left],
        "directions": one.directions,
        "indication": one.indication,
        "examination": {
            "mode": one.examination_mode,
            "date": one.examined_on,
            "by": one.examiner_name,
            "scope": one.examination_scope,
            "valid_until": one.examination_until,
        },
        "grounds": [ground(covered) for covered in one.states],
        "statement": one.statement,
        "statement_hash": bytes(one.statement_hash).hex(),
        "reason": one.reason,
        "held_for": one.held_for,
        "held_at": one.held_at,
        "revoked_at": one.revoked_at,
        "fills_taken": one.fills,
        "history": history(one),
    }
