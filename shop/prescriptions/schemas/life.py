"""The life of a prescription on the wire: outlook, renewal, what an end means, errors."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from marshmallow import fields, validate

from shop.orders.queries import Left
from shop.orders.revoking import Consequences
from shop.prescriptions.models import ApprovalRequest, ErrorReport
from shop.prescriptions.standing import Standing
from shop.replenishment.foretelling import Foretold
from shop.web.api import Moment, Schema, StrictBoolean, Text


class OutlookOut(Schema):
    """`until` is the last day of the standing; `runs_out_on` the first day without supply."""

    standing = fields.Enum(Standing, by_value=True)
    until = fields.Date(allow_none=True)
    last_fill_on = fields.Date(allow_none=True)
    next_fill_on = fields.Date(allow_none=True)
    runs_out_on = fields.Date(allow_none=True)


class RenewalReasonOut(Schema):
    code = fields.String()
    text = fields.String()
    remedy = fields.String()


class EligibilityOut(Schema):
    """Whether more may be asked for now; `to_ask` are questions to answer again."""

    eligible = fields.Boolean()
    reasons = fields.List(fields.Nested(RenewalReasonOut))
    from_on = fields.Date(allow_none=True)
    to_ask = fields.List(fields.String())


class LeftLotOut(Schema):
    lot_number = fields.String()
    units = fields.Integer()


class LeftOut(Schema):
    """A line that has left the house."""

    order = fields.String()
    sku = fields.String()
    quantity = fields.Integer()
    shipped_at = Moment()
    shipment = fields.String()
    carrier = fields.String()
    tracking = fields.String()
    lots = fields.List(fields.Nested(LeftLotOut))


class HeldOut(Schema):
    order = fields.String()
    sku = fields.String()


class ConsequencesOut(Schema):
    """What an end means: orders cancelled, paid lines held, what has left already."""

    cancelled = fields.List(fields.String())
    held = fields.List(fields.Nested(HeldOut))
    left = fields.List(fields.Nested(LeftOut))


class RefillStopsOut(Schema):
    """An auto-refill that is not charged any more; it finds out on that day."""

    number = fields.String()
    asked_on = fields.Date(allow_none=True)


class StepStopsOut(Schema):
    """A step of home care of a running plan for which nothing can be ordered any more."""

    plan = fields.String()
    product = fields.String()
    frequency = fields.String()


class LettersForetoldOut(Schema):
    """Numbers of orders whose client is written to at once."""

    cancelled = fields.List(fields.String())
    held = fields.List(fields.String())


class ForetoldOut(ConsequencesOut):
    """All that taking it back now would do; `fingerprint` is of all this, for who has read it."""

    refills = fields.List(fields.Nested(RefillStopsOut))
    steps = fields.List(fields.Nested(StepStopsOut))
    letters = fields.Nested(LettersForetoldOut)
    fingerprint = fields.String()


class ErrorReportOut(Schema):
    """What waits for a second person; `reason` only where one report is opened."""

    prescription = fields.String()
    product = fields.String()
    prescriber = fields.String()
    reported_by = fields.String()
    reported_at = Moment()
    reason = fields.String()


class ErrorReportsOut(Schema):
    items = fields.List(fields.Nested(ErrorReportOut))
    next = fields.String(allow_none=True)


class RenewalIn(Schema):
    """With consent, and answers to what `to_ask` names, it is handed in at once."""

    consent = StrictBoolean(load_default=False)
    answers = fields.Dict(
        keys=Text(longest=80), load_default=dict, validate=validate.Length(max=100)
    )


class TakenOut(Schema):
    number = fields.Integer()
    status = fields.String()
    at = Moment()


class RenewedOut(Schema):
    """What a request asks to go on with, as the physician needs to see it."""

    number = fields.String()
    standing = fields.Enum(Standing, by_value=True)
    prescriber = fields.String()
    signed_at = Moment()
    valid_until = Moment()
    fills = fields.Integer()
    fills_left = fields.Integer()
    taken = fields.List(fields.Nested(TakenOut))


def renewed(request: ApprovalRequest, at: datetime) -> dict[str, Any] | None:
    """What a request renews, as RenewedOut shows it; None where it is the first."""
    one = request.renews
    if one is None:
        return None
    return {
        "number": one.number,
        "standing": one.standing(at),
        "prescriber": one.prescriber_name,
        "signed_at": one.signed_at,
        "valid_until": one.valid_until,
        "fills": one.fills_allowed,
        "fills_left": one.fills_left,
        "taken": [
            {"number": fill.number, "status": fill.status, "at": fill.taken_at}
            for fill in one.live_fills
        ],
    }


def foretold(what: Consequences) -> dict[str, Any]:
    """What an end means, as ConsequencesOut shows it."""
    return {
        "cancelled": what.cancelled,
        "held": [{"order": order, "sku": sku} for order, sku in what.held],
        "left": [left(line) for line in what.left],
    }


def all_foretold(what: Foretold) -> dict[str, Any]:
    """What taking it back means, as ForetoldOut shows it."""
    return foretold(what.orders) | {
        "refills": what.refills,
        "steps": what.steps,
        "letters": what.letters,
        "fingerprint": what.fingerprint,
    }


def reported(said: ErrorReport, *, reason: str | None = None) -> dict[str, Any]:
    """A report as ErrorReportOut shows it."""
    shown = {
        "prescription": said.prescription.number,
        "product": said.prescription.variant.product.name,
        "prescriber": said.prescription.prescriber_name,
        "reported_by": said.reported_by.name,
        "reported_at": said.reported_at,
    }
    return shown if reason is None else shown | {"reason": reason}


def left(line: Left) -> dict[str, Any]:
    """What has left, as LeftOut shows it."""
    lots = [{"lot_number": number, "units": units} for number, units in line.lots]
    return vars(line) | {"lots": lots}
