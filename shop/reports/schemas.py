"""Trails on the wire."""

from __future__ import annotations

from marshmallow import fields

from shop.web.api import Moment, PageQuery, Schema


class EventsQuery(PageQuery):
    subject = fields.UUID(load_default=None)


class EventOut(Schema):
    """One thing that happened; `facts` hold nothing medical."""

    subject = fields.UUID(attribute="subject_id")
    seq = fields.Integer()
    kind = fields.String()
    machine = fields.String()
    from_state = fields.String()
    to_state = fields.String()
    actor = fields.String()
    at = Moment()
    facts = fields.Dict()
    request_id = fields.String()


class EventsOut(Schema):
    items = fields.List(fields.Nested(EventOut))
    next = fields.String(allow_none=True)
