"""Trails on the wire."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from marshmallow import ValidationError, fields, validates_schema

from shop.core.clock import day_in
from shop.reports.naming import Asked
from shop.web.api import Moment, PageQuery, Schema

USUAL = 30  # days of a report that names no time
LONGEST = 732


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


class FiguresQuery(Schema):
    """The clinic's days a report is about, the first and the last; the last thirty unless told."""

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


class FiguresColumnOut(Schema):
    name = fields.String()
    title = fields.String()
    unit = fields.String()


class FiguresOut(Schema):
    """A report: `rows` by the names of `columns`; null is not known, which is not 0."""

    name = fields.String()
    title = fields.String()
    since = fields.Date(allow_none=True)
    until = fields.Date(allow_none=True)
    columns = fields.List(fields.Nested(FiguresColumnOut))
    rows = fields.List(fields.Dict())
    notes = fields.List(fields.String())


def span(asked: dict[str, Any], *, zone: str, at: datetime) -> tuple[date, date]:
    """The first and the last day of a FiguresQuery."""
    today = day_in(zone, at)
    last: date = asked["until"] or max(today, asked["since"] or date.min)
    first: date = asked["since"] or last - timedelta(days=USUAL - 1)
    return max(first, last - timedelta(days=LONGEST)), last


def asked_for(first: date, last: date, *, zone: str, at: datetime) -> Asked:
    """From the first day's local midnight to the last day's end."""
    clinic = ZoneInfo(zone)
    begins = datetime.combine(first, time(), clinic)
    ends = datetime.combine(last + timedelta(days=1), time(), clinic)
    return Asked(at=at, today=day_in(zone, at), since=begins, until=ends, zone=zone)
