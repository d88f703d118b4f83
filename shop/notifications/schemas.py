"""Letters on the wire: how they stand, and what a reader wants. No address, no words."""

from __future__ import annotations

from marshmallow import fields

from shop.notifications import queries
from shop.notifications.models import Topic
from shop.notifications.states import LetterStatus
from shop.web.api import Moment, PageQuery, Schema


class LettersQuery(PageQuery):
    status = fields.Enum(LetterStatus, by_value=True, load_default=None)


class LetterOut(Schema):
    """A letter; `to` is empty where a name would say something of a client's health."""

    id = fields.UUID()
    template = fields.String()
    to = fields.Function(queries.named)
    status = fields.Function(queries.status_of)
    error = fields.String()
    tries = fields.Integer()
    resends = fields.Integer()
    queued_at = Moment()
    next_try_at = Moment(allow_none=True)
    sent_at = Moment(allow_none=True)
    failed_at = Moment(allow_none=True)
    work = fields.UUID(attribute="work_id", allow_none=True)


class OutboxOut(Schema):
    items = fields.List(fields.Nested(LetterOut))
    next = fields.String(allow_none=True)


class LetterChoiceIn(Schema):
    topic = fields.Enum(Topic, by_value=True, required=True)
    wanted = fields.Boolean(required=True, truthy={True}, falsy={False})


class LetterChoiceOut(Schema):
    topic = fields.String()
    wanted = fields.Boolean()
    at = Moment()
    way = fields.String()


class LetterChoicesOut(Schema):
    """What a reader gets by topic, and every word of hers, the newest first."""

    wanted = fields.Dict(keys=fields.String(), values=fields.Boolean())
    history = fields.List(fields.Nested(LetterChoiceOut))
