"""Recalls on the wire."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import marshmallow as ma
from marshmallow import fields, validate

from shop.core import events
from shop.prescriptions.schemas.shared import RecordedOut
from shop.recalls import queries
from shop.recalls.answering import Said
from shop.recalls.models import (
    LONGEST_REFERENCE,
    LONGEST_TEXT,
    Channel,
    HazardClass,
    Outcome,
    Recall,
    RecallClient,
    Source,
)
from shop.recalls.queries import READ_TREATMENTS
from shop.recalls.recalling import MOST_LOTS, Notice
from shop.recalls.states import RecallStatus
from shop.web.api import Moment, PageQuery, QueryBoolean, Schema, StrictBoolean, Text, Whole

MOST_UNITS = 100_000


class RecallIn(Schema):
    """Lots by our numbers, or all there ever were of a pack (`sku`) or a `product` (slug)."""

    lots = fields.List(
        Text(shortest=1, longest=40), load_default=list, validate=validate.Length(max=MOST_LOTS)
    )
    sku = Text(shortest=1, longest=64, load_default=None)
    product = Text(shortest=1, longest=200, load_default=None)
    source = fields.Enum(Source, by_value=True, required=True)
    hazard_class = fields.Enum(HazardClass, by_value=True, load_default=None)
    reference = Text(longest=LONGEST_REFERENCE, load_default="")
    reason = Text(shortest=1, longest=LONGEST_TEXT, required=True)
    instructions = Text(shortest=1, longest=LONGEST_TEXT, required=True)
    drill = StrictBoolean(load_default=False)

    @ma.post_load
    def _made(self, given: dict[str, Any], **_: object) -> dict[str, Any]:
        said = ("source", "hazard_class", "reference", "reason", "instructions")
        return {
            "named": {"numbers": given["lots"], "sku": given["sku"], "slug": given["product"]},
            "notice": Notice(**{name: given[name] for name in said}),
            "drill": given["drill"],
        }


class RecallAnswerIn(Schema):
    """Of every pack she bought, what became of it."""

    has = Whole(least=0, most=MOST_UNITS, load_default=0)
    used_up = Whole(least=0, most=MOST_UNITS, load_default=0)
    returned = Whole(least=0, most=MOST_UNITS, load_default=0)
    never_got = Whole(least=0, most=MOST_UNITS, load_default=0)

    @ma.post_load
    def _made(self, given: dict[str, Any], **_: object) -> dict[str, Any]:
        channel = given.pop("channel", Channel.PAGE)
        return {"said": Said(**given), "channel": channel}


class RecallAnswerForIn(RecallAnswerIn):
    """What somebody of the clinic was told, or that nobody was reached."""

    unreachable = StrictBoolean(load_default=False)
    channel = fields.Enum(Channel, by_value=True, required=True)

    @ma.validates("channel")
    def _not_her_own(self, channel: Channel, **_: object) -> None:
        if channel is Channel.PAGE:
            raise ma.ValidationError("On the page, clients answer for themselves.")


class RecallCollectionIn(Schema):
    """A lot of the recall, by our number: all of it that is here was taken to quarantine."""

    lot = Text(shortest=1, longest=40, required=True)


class RecallDispositionIn(RecallCollectionIn):
    """`reference`: the vendor's authorisation, or who destroys the units and how."""

    outcome = fields.Enum(Outcome, by_value=True, required=True)
    reference = Text(shortest=1, longest=LONGEST_REFERENCE, required=True)


class RecallsQuery(PageQuery):
    status = fields.Enum(RecallStatus, by_value=True, load_default=None)


class RecallListQuery(PageQuery):
    """`silent`: only who has packs and has not answered."""

    silent = QueryBoolean(load_default=False)


class RecallNamedOut(Schema):
    lot = fields.String(attribute="lot.number")
    lot_number = fields.String(attribute="lot.lot_number")
    expires_on = fields.Date(attribute="lot.expires_on")
    sku = fields.String(attribute="lot.variant.sku")
    product = fields.String(attribute="lot.variant.product.name")
    status = fields.String(attribute="lot.status")


class RecallOut(Schema):
    """A recall. `seconds_to_list`: from opening to the complete list; null while there is none."""

    number = fields.String()
    drill = fields.Boolean()
    source = fields.String()
    hazard_class = fields.String(allow_none=True)
    reference = fields.String()
    reason = fields.String()
    instructions = fields.String()
    status = fields.String()
    opened_by = fields.String(attribute="opened_by.name")
    opened_at = Moment()
    listed_at = Moment(allow_none=True)
    seconds_to_list = fields.Float(allow_none=True)
    lots = fields.List(fields.Nested(RecallNamedOut), attribute="named")


class RecallsOut(Schema):
    items = fields.List(fields.Nested(RecallOut))
    next = fields.String(allow_none=True)


class RecallToldOut(Schema):
    """sold = has + used_up + returned + never_got + unreachable + open, in packs."""

    clients = fields.Integer()
    buyers = fields.Integer()
    silent = fields.Integer()
    sold = fields.Integer()
    has = fields.Integer()
    used_up = fields.Integer()
    returned = fields.Integer()
    never_got = fields.Integer()
    unreachable = fields.Integer()
    open = fields.Integer()


class RecallAccountOut(RecallNamedOut):
    """A lot: received + came_back = sold + used + sent_back + destroyed + lost + here."""

    received = fields.Integer()
    came_back = fields.Integer()
    sold = fields.Integer()
    used = fields.Integer()
    sent_back = fields.Integer()
    destroyed = fields.Integer()
    lost = fields.Integer()
    here = fields.Integer()
    promised = fields.Integer(attribute="lot.reserved")
    in_quarantine = fields.Integer()


class RecallDispositionOut(Schema):
    id = fields.UUID()
    lot = fields.String(attribute="lot.number")
    outcome = fields.String()
    units = fields.Integer()
    reference = fields.String()
    planned_by = fields.String(attribute="planned_by.name")
    planned_at = Moment()
    witnessed_by = fields.String(attribute="witnessed_by.name", dump_default=None)
    witnessed_at = Moment(allow_none=True)


class WholeRecallOut(RecallOut):
    told = fields.Nested(RecallToldOut)
    accounts = fields.List(fields.Nested(RecallAccountOut))
    dispositions = fields.List(fields.Nested(RecallDispositionOut))
    history = fields.List(fields.Nested(RecordedOut))


class RecallSaidOut(Schema):
    number = fields.Integer()
    has = fields.Integer()
    used_up = fields.Integer()
    returned = fields.Integer()
    never_got = fields.Integer()
    unreachable = fields.Boolean()
    channel = fields.String()
    recorded_at = Moment()


class RecallAnswerOut(RecallSaidOut):
    recorded_by = fields.String(attribute="recorded_by.name")


class RecallListedOut(Schema):
    """Somebody on the list. `treatment_units` is null for who may not read of treatments."""

    id = fields.UUID()
    client = fields.String()
    email = fields.String()
    phone = fields.String()
    retail_units = fields.Integer()
    treatment_units = fields.Integer(allow_none=True)
    answer = fields.Nested(RecallAnswerOut, allow_none=True)


class RecallListOut(Schema):
    items = fields.List(fields.Nested(RecallListedOut))
    next = fields.String(allow_none=True)


class RecallGotOut(Schema):
    """Units of a lot she got: with an order, or (null) in a treatment."""

    product = fields.String(attribute="lot.variant.product.name")
    pack = fields.String(attribute="lot.variant.name")
    lot_number = fields.String(attribute="lot.lot_number")
    units = fields.Integer()
    at = Moment()
    order = fields.String(allow_none=True)


class RecallNoticeOut(Schema):
    """What a client is told: what, why, and what to do."""

    number = fields.String(attribute="recall.number")
    urgent = fields.Boolean(attribute="recall.urgent")
    reason = fields.String(attribute="recall.reason")
    instructions = fields.String(attribute="recall.instructions")
    packs = fields.Integer(attribute="retail_units")
    got = fields.Function(lambda one: RecallGotOut(many=True).dump(queries.got_by(one)))
    answer = fields.Nested(RecallSaidOut, allow_none=True)


class RecallNoticesOut(Schema):
    items = fields.List(fields.Nested(RecallNoticeOut))


def whole(recall: Recall) -> dict[str, Any]:
    """A recall as WholeRecallOut shows it."""
    names = (
        *("number", "drill", "source", "hazard_class", "reference", "reason", "instructions"),
        *("status", "opened_by", "opened_at", "listed_at", "seconds_to_list", "named"),
    )
    return {name: getattr(recall, name) for name in names} | {
        "told": queries.told(recall),
        "accounts": queries.accounts(recall),
        "dispositions": queries.dispositions(recall),
        "history": [
            {"at": event.at, "kind": event.kind, "status": event.to_state}
            for event in events.of(recall.id)
        ],
    }


def shown(those: Sequence[RecallClient], reader: Any) -> list[dict[str, Any]]:
    """A part of the list as RecallListedOut shows it to this reader."""
    phones = queries.phones(those)
    reads_all = reader.role in READ_TREATMENTS
    return [
        {
            "id": one.id,
            "client": one.client.name,
            "email": one.client.email,
            "phone": phones[one.client_id],
            "retail_units": one.retail_units,
            "treatment_units": one.treatment_units if reads_all else None,
            "answer": one.answer,
        }
        for one in those
    ]
