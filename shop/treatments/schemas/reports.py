"""Clients' reports on the wire. What a writing route answers holds nothing that is sealed."""

from __future__ import annotations

from typing import Any

import marshmallow as ma
from marshmallow import fields, post_load, validate

from shop.core.clock import day_in
from shop.prescriptions.schemas import ClientOut
from shop.treatments import course, permitting, photographing
from shop.treatments.answering import LONGEST
from shop.treatments.course import Alarm, Course, Level, Said
from shop.treatments.models import Plan, Session, SessionReport
from shop.treatments.reporting import LONGEST_NOTE
from shop.treatments.schemas.photos import PhotoOut
from shop.web.api import Moment, Schema, Text, Whole


class LevelField(fields.Field[Level]):
    """0 to 3, or none, mild, moderate, severe."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Level:
        if isinstance(value, str):
            found = next((one for one in Level if one.word == value), None)
        else:
            known = isinstance(value, int) and not isinstance(value, bool)
            found = next((one for one in Level if known and one.value == value), None)
        if found is None:
            raise ma.ValidationError("Must be 0 to 3, or none, mild, moderate or severe.")
        return found

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> Any:
        return None if value is None else value.word


class ReportIn(Schema):
    """How her skin is on the day `on` (the clinic's). `replaces` is the id of what it corrects."""

    on = fields.Date(required=True)
    redness = LevelField(required=True)
    peeling = LevelField(required=True)
    comfort = Whole(required=True, least=0, most=course.COMFORTABLE)
    alarms = fields.List(
        fields.Enum(Alarm, by_value=True), load_default=list, validate=validate.Length(max=8)
    )
    note = Text(shortest=1, longest=LONGEST_NOTE, load_default=None)
    replaces = fields.UUID(load_default=None)

    @post_load
    def as_said(self, given: dict[str, Any], **_: Any) -> dict[str, Any]:
        """With what she said as one thing."""
        alarms = frozenset(given.pop("alarms"))
        told = {name: given.pop(name) for name in ("redness", "peeling", "comfort")}
        return given | {"said": Said(**told, alarms=alarms)}


class AnswerIn(Schema):
    """What the client reads."""

    message = Text(required=True, shortest=1, longest=LONGEST)


class ReportOut(Schema):
    """A report without its words. `held_for_report`: actives stop until the clinic has written."""

    id = fields.UUID()
    session = fields.UUID(attribute="session_id")
    number = fields.Integer()
    on = fields.Date(attribute="on_day")
    course = fields.Enum(Course, by_value=True)
    waits = fields.Boolean()
    replaces = fields.UUID(attribute="replaces_id", allow_none=True)
    reported_at = Moment()
    held_for_report = fields.Boolean(attribute="session.plan.held_for_report")


class WaitingReportOut(ReportOut):
    """What the list of those who answer shows, before anything is opened."""

    plan = fields.String(attribute="session.plan.number")
    client = fields.Nested(ClientOut, attribute="session.plan.client")
    procedure = fields.String(attribute="session.procedure")


class WaitingReportsOut(Schema):
    items = fields.List(fields.Nested(WaitingReportOut))
    next = fields.String(allow_none=True)


class FiredOut(Schema):
    """A rule that a report was more than expected by."""

    code = fields.String()
    course = fields.Enum(Course, by_value=True)
    text = fields.String()
    source = fields.String()
    grade = fields.String(attribute="grade.value")


class AnswerOut(Schema):
    message = fields.String()
    answered_by = fields.String(attribute="answered_by.name")
    answered_at = Moment()


class WholeReportOut(ReportOut):
    """With the words; `fired` only for who treats."""

    redness = LevelField(attribute="said.redness")
    peeling = LevelField(attribute="said.peeling")
    comfort = fields.Integer(attribute="said.comfort")
    alarms = fields.List(fields.String())
    note = fields.String(allow_none=True)
    replaced = fields.Boolean()
    answer = fields.Nested(AnswerOut, allow_none=True)
    photos = fields.Nested(PhotoOut, many=True)
    rules_version = fields.String()
    fired = fields.Nested(FiredOut, many=True)


class CourseOut(Schema):
    """A session that was performed: what is expected after it, and what she reported."""

    session = fields.UUID()
    procedure = fields.String()
    performed_on = fields.Date()
    expected = fields.String()
    downtime = fields.List(fields.Integer())
    signs = fields.List(fields.String())
    reports = fields.List(fields.Nested(WholeReportOut))


class ReportsOut(Schema):
    """`photo_statement`: what a client agrees to with each photo."""

    held_for_report = fields.Boolean()
    photo_statement = fields.String()
    sessions = fields.List(fields.Nested(CourseOut))


def reported(plan: Plan, *, inside: bool) -> dict[str, Any]:
    """A plan's reports as ReportsOut shows them; `inside` for who treats."""
    return {
        "held_for_report": plan.held_for_report,
        "photo_statement": photographing.STATEMENTS[photographing.CURRENT],
        "sessions": [
            _course(one, inside=inside) for one in plan.sessions if one.performance is not None
        ],
    }


def _course(session: Session, *, inside: bool) -> dict[str, Any]:
    procedure = permitting.procedure_of(session.procedure)
    assert session.performed_at is not None
    return {
        "session": session.id,
        "procedure": session.procedure,
        "performed_on": day_in(session.plan.zone, session.performed_at),
        "expected": course.expected(procedure),
        "downtime": list(procedure.downtime),
        "signs": list(procedure.signs),
        "reports": [_whole(one, inside=inside) for one in session.reports],
    }


def _whole(report: SessionReport, *, inside: bool) -> dict[str, Any]:
    """A report as WholeReportOut shows it."""
    said = report.said
    return {
        **{name: getattr(report, name) for name in _PLAIN},
        "session": report.session,
        "said": said,
        "alarms": sorted(said.alarms),
        "note": report.note,
        "replaced": report.replaced_by is not None,
        "answer": report.answer,
        "fired": report.fired if inside else [],
    }


_PLAIN = (
    *("id", "session_id", "number", "on_day", "course", "waits", "replaces_id", "reported_at"),
    *("rules_version", "photos"),
)
