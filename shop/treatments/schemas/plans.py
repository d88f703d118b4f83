"""Plans on the wire. What a writing route answers holds no sealed words: GET reads those."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from shop.core import events
from shop.inventory import queries as inventory
from shop.orders import readiness
from shop.prescriptions.schemas import ClientOut
from shop.prescriptions.schemas.shared import RecordedOut
from shop.treatments import planning
from shop.treatments.models import Plan, Session
from shop.treatments.readiness import Judged
from shop.treatments.schemas.readiness import ReadinessOut, told
from shop.treatments.schemas.standing import standing_of
from shop.treatments.schemas.uses import MOST_LOTS, UseIn, UseOut
from shop.treatments.standing import Standing
from shop.treatments.states import PlanStatus, SessionStatus
from shop.treatments.templates import Step, Template
from shop.web.api import Moment, PageQuery, Schema, Text, Whole

LONGEST_WORD = 60  # characters of a code
MANY = 1_000_000
Verdicts = Mapping[UUID, Judged]  # by session
NOT_ASKED: Verdicts = {}


class PlannedSessionIn(Schema):
    """`starts` is RFC 3339; a session without `minutes` takes an hour."""

    procedure = Text(required=True, shortest=1, longest=LONGEST_WORD)
    area = Text(required=True, shortest=1, longest=LONGEST_WORD)
    starts = Moment(required=True)
    minutes = Whole(least=planning.SHORTEST, most=planning.LONGEST, load_default=60)

    @post_load
    def as_step(self, given: dict[str, Any], **_: Any) -> Step:
        """The session as it is planned."""
        return Step(**given)


class PlanIn(Schema):
    """Either a `template` with the moment its first session `starts`, or a `goal` and sessions."""

    client = fields.UUID(required=True)
    goal = Text(longest=planning.LONGEST_GOAL, load_default=None)
    template = Text(longest=LONGEST_WORD, load_default=None)
    starts = Moment(load_default=None)
    sessions = fields.List(
        fields.Nested(PlannedSessionIn), load_default=list, validate=validate.Length(max=40)
    )

    @validates_schema
    def is_whole(self, given: dict[str, Any], **_: Any) -> None:
        """A template needs its first moment and no sessions; without one a goal is needed."""
        if given.get("template") is None:
            wrong = {"goal": given.get("goal"), "starts": given.get("starts") is None}
        else:
            wrong = {"starts": given.get("starts"), "sessions": not given.get("sessions")}
        missing = {name: [WHOLE[name]] for name, right in wrong.items() if not right}
        if missing:
            raise ValidationError(missing)


WHOLE = {
    "goal": "Say what the plan is for, or name a template.",
    "starts": "Goes with a template: the moment of its first session.",
    "sessions": "A template brings its own.",
}


class DraftIn(Schema):
    """What the studio's form sends, but for the moment of the first session."""

    email = Text(required=True, shortest=3, longest=320)
    template = Text(longest=LONGEST_WORD, load_default=None)
    goal = Text(longest=planning.LONGEST_GOAL, load_default=None)


class GoalIn(Schema):
    goal = Text(required=True, shortest=1, longest=planning.LONGEST_GOAL)


class StartIn(Schema):
    """`version` is the one that was read."""

    version = Whole(required=True, least=1, most=MANY)


class BookingIn(Schema):
    """Who performs it; without `performer`, who asks."""

    performer = fields.UUID(load_default=None)


class MoveIn(Schema):
    starts = Moment(required=True)
    reason = Text(load_default=None, shortest=1)


class PerformanceIn(Schema):
    """Now, where it was planned, by who asks, unless it says otherwise. `note` stays inside.

    `used`: the packs that were opened for it.
    """

    performer = fields.UUID(load_default=None)
    performed_at = Moment(load_default=None)
    area = Text(shortest=1, longest=LONGEST_WORD, load_default=None)
    note = Text(shortest=1, load_default=None)
    used = fields.List(
        fields.Nested(UseIn), load_default=list, validate=validate.Length(max=MOST_LOTS)
    )


class PlansQuery(PageQuery):
    status = fields.Enum(PlanStatus, by_value=True, load_default=None)


class MoveOut(Schema):
    number = fields.Integer()
    before = Moment(attribute="from_starts_at")
    after = Moment(attribute="starts_at")
    moved_at = Moment()


class PlannedSessionOut(Schema):
    """A session; `standing` is read off status and dates."""

    id = fields.UUID()
    procedure = fields.String()
    area = fields.String()
    starts_at = Moment()
    ends_at = Moment()
    status = fields.Enum(SessionStatus, by_value=True)
    standing = fields.Enum(Standing, by_value=True)
    rescheduled = fields.Boolean()
    performer = fields.String(allow_none=True)
    performed_at = Moment(allow_none=True)
    performed_area = fields.String(allow_none=True)
    moves = fields.List(fields.Nested(MoveOut))


class StartOut(Schema):
    physician = fields.String(attribute="physician.name")
    version = fields.Integer()
    started_at = Moment()


class PlanOut(Schema):
    """A plan without what is sealed. `version` and `hash` are of what it says now.

    `held_for_report`: a report waits for a physician, actives stop until then.
    """

    number = fields.String()
    client = fields.Nested(ClientOut)
    status = fields.String()
    template = fields.String(allow_none=True)
    template_version = fields.String(allow_none=True)
    state = fields.String()
    zone = fields.String()
    version = fields.Integer()
    hash = fields.String()
    drafted_by = fields.String()
    created_at = Moment()
    start = fields.Nested(StartOut, allow_none=True)
    sessions = fields.List(fields.Nested(PlannedSessionOut))
    held_for_report = fields.Boolean()


class PlanAndPrescriptionsOut(PlanOut):
    """The plan, and the prescriptions that were signed, or taken back, in the same act."""

    prescriptions = fields.List(fields.String())


class PlansOut(Schema):
    items = fields.List(fields.Nested(PlanOut))
    next = fields.String(allow_none=True)


class VersionOut(Schema):
    """What it said from `written_at` on; `hash` is the SHA-256 of `content` as canonical JSON."""

    number = fields.Integer()
    content = fields.Dict()
    hash = fields.Function(lambda version: version.content_hash.hex())
    written_by = fields.String(attribute="written_by.name")
    written_at = Moment()


class WholePlannedSessionOut(PlannedSessionOut):
    """With the words; `note` and what was `used` only for who treats."""

    reason = fields.String(allow_none=True)
    note = fields.String(allow_none=True)
    used = fields.List(fields.Nested(UseOut))
    readiness = fields.Nested(ReadinessOut, allow_none=True)


class WholePlanOut(PlanOut):
    goal = fields.String()
    reason = fields.String(allow_none=True)
    sessions = fields.List(fields.Nested(WholePlannedSessionOut))
    versions = fields.List(fields.Nested(VersionOut))
    history = fields.List(fields.Nested(RecordedOut))


class SeriesOut(Schema):
    procedure = fields.String()
    area = fields.String()
    day = fields.Integer()
    minutes = fields.Integer()


class TemplateOut(Schema):
    """What a plan can be started from; `lead_days` before the first session, `why` it is so."""

    code = fields.String()
    version = fields.String()
    name = fields.String()
    goal = fields.String()
    lead_days = fields.Integer()
    sessions = fields.List(fields.Nested(SeriesOut))
    why = fields.String()
    source = fields.String()
    grade = fields.String(attribute="grade.value")


class TemplatesOut(Schema):
    items = fields.List(fields.Nested(TemplateOut))


def shown_session(session: Session, at: datetime, judged: Judged | None = None) -> dict[str, Any]:
    """A session as PlannedSessionOut shows it; without `judged` nobody asked what is lacking."""
    done = session.performance
    return {
        "id": session.id,
        "procedure": session.procedure,
        "area": session.area,
        "starts_at": session.starts_at,
        "ends_at": session.ends_at,
        "status": session.status,
        "standing": standing_of(session, at, judged),
        "rescheduled": session.rescheduled,
        "performer": session.performer.name if session.performer else None,
        "performed_at": done.performed_at if done else None,
        "performed_area": done.area if done else None,
        "moves": session.moves,
    }


def shown(plan: Plan, at: datetime, judged: Verdicts = NOT_ASKED) -> dict[str, Any]:
    """A plan as PlanOut shows it."""
    return {
        "number": plan.number,
        "client": plan.client,
        "status": plan.status.value,
        "template": plan.template,
        "template_version": plan.template_version,
        "state": plan.state,
        "zone": plan.zone,
        "version": plan.version.number,
        "hash": plan.version.content_hash.hex(),
        "drafted_by": plan.drafted_by.name,
        "created_at": plan.created_at,
        "start": plan.start,
        "sessions": [shown_session(one, at, judged.get(one.id)) for one in plan.sessions],
        "held_for_report": plan.held_for_report,
    }


def whole(plan: Plan, at: datetime, *, inside: bool) -> dict[str, Any]:
    """A plan as WholePlanOut shows it; `inside` for who treats."""
    used = inventory.used_in([one.id for one in plan.sessions]) if inside else {}
    judged = readiness.of(plan.sessions, at=at)
    return shown(plan, at) | {
        "goal": plan.goal,
        "reason": plan.reason,
        "sessions": [
            shown_session(one, at, judged.get(one.id))
            | {
                "readiness": told(one, judged.get(one.id), inside=inside),
                "reason": one.reason,
                "note": _note(one) if inside else None,
                "used": used.get(one.id, []),
            }
            for one in plan.sessions
        ],
        "versions": plan.versions,
        "history": [
            {"at": event.at, "kind": event.kind, "status": event.to_state}
            for event in events.of(plan.id)
        ],
    }


def _note(session: Session) -> str | None:
    return session.performance.note if session.performance else None


def listed(templates: Mapping[str, Template]) -> dict[str, Any]:
    """Templates as TemplatesOut shows them."""
    return {"items": list(templates.values())}
