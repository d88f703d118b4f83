"""How a session stands before it is done, and a physician's waiver, on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import fields, validate

from shop.prescriptions.schemas import ClientOut
from shop.treatments.models import Session
from shop.treatments.models.waivers import MOST
from shop.treatments.readiness import Code, Judged
from shop.treatments.schemas.standing import standing_of
from shop.treatments.windows import wording
from shop.treatments.windows.days import day_of
from shop.web.api import Moment, Schema, Text

LONGEST_NAME = 90  # characters of a finding's name


class WaivedOut(Schema):
    by = fields.String()
    at = Moment()
    why = fields.String()


class ReadinessFindingOut(Schema):
    """One thing that speaks against it; `name` is what a waiver names it by.

    `bears` says what it alone makes of the session; `by` is the day on which it is needed.
    """

    name = fields.String()
    code = fields.Enum(Code, by_value=True)
    severity = fields.String(attribute="severity.word")
    text = fields.String()
    by = fields.Date(allow_none=True)
    bears = fields.String(attribute="bears.word")
    waivable = fields.Boolean()
    waived = fields.Nested(WaivedOut, allow_none=True)


class ReadinessOut(Schema):
    """`todos` are the client's; the findings and the ways out only for who treats."""

    readiness = fields.String()
    todos = fields.List(fields.String())
    findings = fields.List(fields.Nested(ReadinessFindingOut))
    options = fields.List(fields.String())


class AheadOut(Schema):
    """A session of today or the next days."""

    id = fields.UUID()
    plan = fields.String()
    client = fields.Nested(ClientOut)
    procedure = fields.String()
    area = fields.String()
    starts_at = Moment()
    performer = fields.String(allow_none=True)
    readiness = fields.Nested(ReadinessOut)


class AheadListOut(Schema):
    items = fields.List(fields.Nested(AheadOut))
    next = fields.String(allow_none=True)


class WaiverIn(Schema):
    """The names of findings, and why the session goes on in spite of them."""

    findings = fields.List(
        Text(shortest=1, longest=LONGEST_NAME),
        required=True,
        validate=validate.Length(min=1, max=MOST),
    )
    reason = Text(required=True, shortest=1)


class WaiverOut(Schema):
    """The reason is sealed; who treats reads it with the plan."""

    id = fields.UUID()
    starts_at = Moment()
    findings = fields.List(fields.String())
    physician = fields.String(attribute="physician.name")
    waived_at = Moment()


def told(session: Session, judged: Judged | None, *, inside: bool) -> dict[str, Any] | None:
    """As ReadinessOut shows it; None where nothing is to be judged."""
    if judged is None:
        return None
    return {
        "readiness": judged.readiness.word,
        "todos": judged.todos,
        "findings": judged.findings if inside else (),
        "options": ways_out(session, judged) if inside else (),
    }


def ways_out(session: Session, judged: Judged) -> list[str]:
    """What can be done about it, in words."""
    year = day_of(session.starts_at, session.plan.tz).year
    return [wording.way(option, year) for option in judged.options]


def word(session: Session, at: datetime, judged: Mapping[UUID, Judged]) -> str:
    """How it stands, in one word for a page: a booked session is ready, at risk or not ready."""
    found = judged.get(session.id)
    return found.readiness.word if found else standing_of(session, at).value


def ahead(session: Session, judged: Judged | None) -> dict[str, Any]:
    """As AheadOut shows it, for who treats."""
    return {
        "id": session.id,
        "plan": session.plan.number,
        "client": session.plan.client,
        "procedure": session.procedure,
        "area": session.area,
        "starts_at": session.starts_at,
        "performer": session.performer.name if session.performer else None,
        "readiness": told(session, judged, inside=True),
    }
