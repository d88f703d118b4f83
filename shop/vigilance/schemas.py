"""Adverse reactions on the wire. What a writing route answers holds nothing that is sealed."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, validate

from shop.core import events
from shop.prescriptions.schemas import ClientOut, WhyIn
from shop.prescriptions.schemas.shared import RecordedOut
from shop.vigilance.filing import LONGEST_REFERENCE
from shop.vigilance.models import Outcome, Reaction, Teller
from shop.vigilance.recording import LONGEST
from shop.vigilance.states import ReactionStatus
from shop.web.api import Moment, PageQuery, Schema, Text

__all__ = [
    "FilingIn",
    "ReactionAccountIn",
    "ReactionIn",
    "ReactionOut",
    "ReactionsOut",
    "ReactionsQuery",
    "WholeReactionOut",
    "WhyIn",
    "whole",
]


class ReactionAccountIn(Schema):
    """What was told. One of `outcomes` makes it serious: 15 business days from `received_on`."""

    what = Text(required=True, shortest=1, longest=LONGEST)
    outcomes = fields.List(
        fields.Enum(Outcome, by_value=True), load_default=list, validate=validate.Length(max=8)
    )
    told_by = fields.Enum(Teller, by_value=True, required=True)
    received_on = fields.Date(required=True)


class ReactionIn(ReactionAccountIn):
    """To which product, by `sku`, and of which lot, by our number, where it is known."""

    email = Text(required=True, shortest=3, longest=320)
    sku = Text(required=True, shortest=1, longest=64)
    lot = Text(shortest=1, longest=40, load_default=None)


class FilingIn(Schema):
    """`reference`: the number of the receipt, or whom we told and how."""

    reference = Text(required=True, shortest=1, longest=LONGEST_REFERENCE)
    filed_on = fields.Date(required=True)


class ReactionsQuery(PageQuery):
    status = fields.Enum(ReactionStatus, by_value=True, load_default=None)


class ReactionOut(Schema):
    """A reaction unopened. `due_on`: by when it has to be reported; null where nothing is due."""

    number = fields.String()
    sku = fields.String(attribute="variant.sku")
    lot = fields.String(attribute="lot.number", dump_default=None)
    makers_lot = fields.String(attribute="lot.lot_number", dump_default=None)
    status = fields.Enum(ReactionStatus, by_value=True)
    serious = fields.Boolean()
    due_on = fields.Date(allow_none=True)
    created_at = Moment()


class ReactionsOut(Schema):
    items = fields.List(fields.Nested(ReactionOut))
    next = fields.String(allow_none=True)


class ToldOut(Schema):
    number = fields.Integer()
    serious = fields.Boolean()
    received_on = fields.Date()
    due_on = fields.Date(allow_none=True)
    what = fields.String(attribute="told.what")
    outcomes = fields.List(fields.String(), attribute="told.outcomes")
    told_by = fields.String(attribute="told.told_by")
    recorded_by = fields.String(attribute="recorded_by.name")
    recorded_at = Moment()


class FiledOut(Schema):
    through = fields.Integer()
    reference = fields.String()
    filed_on = fields.Date()
    filed_by = fields.String(attribute="filed_by.name")


class WholeReactionOut(ReactionOut):
    client = fields.Nested(ClientOut)
    accounts = fields.List(fields.Nested(ToldOut))
    filings = fields.List(fields.Nested(FiledOut))
    reason = fields.String(allow_none=True)
    history = fields.List(fields.Nested(RecordedOut))


def whole(reaction: Reaction) -> dict[str, Any]:
    """A reaction as WholeReactionOut shows it."""
    names = (
        *("number", "variant", "lot", "status", "serious", "due_on", "created_at", "client"),
        *("accounts", "filings", "reason"),
    )
    return {name: getattr(reaction, name) for name in names} | {
        "history": [
            {"at": event.at, "kind": event.kind, "status": event.to_state}
            for event in events.of(reaction.id)
        ]
    }
