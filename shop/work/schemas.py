"""Long work on the wire."""

from __future__ import annotations

from marshmallow import fields

from shop.web.api import Moment, PageQuery, Schema
from shop.work.states import WorkStatus


class WorksQuery(PageQuery):
    status = fields.Enum(WorkStatus, by_value=True, load_default=None)


class WorkFileOut(Schema):
    """A file that waits to be fetched at `GET /work/{id}/file`."""

    name = fields.String()
    expires_at = Moment()


class WorkOut(Schema):
    """A piece of long work; `total` is null while nobody knows how much there is."""

    id = fields.UUID()
    kind = fields.String()
    title = fields.String()
    status = fields.String()
    subject = fields.UUID(attribute="subject_id", allow_none=True)
    total = fields.Integer(allow_none=True)
    done = fields.Integer()
    failed = fields.Integer()
    percent = fields.Integer(allow_none=True)
    error = fields.String()
    asked_at = Moment()
    began_at = Moment(allow_none=True)
    ended_at = Moment(allow_none=True)
    file = fields.Nested(WorkFileOut, allow_none=True)


class WorksOut(Schema):
    items = fields.List(fields.Nested(WorkOut))
    next = fields.String(allow_none=True)
