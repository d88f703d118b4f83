"""Requests about the own record on the wire."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from flask import Response, current_app
from marshmallow import fields

from shop.accounts.access import actor, browser_session, require_fresh_proof
from shop.accounts.models import Person
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.privacy import exporting, obstacles, queries
from shop.privacy.models import AccountClosure, RecordExport
from shop.privacy.obstacles import Open
from shop.privacy.states import ClosureStatus, ExportStatus
from shop.web.api import Moment, Schema

SHOWN = 100
ZIP = "application/zip"


class RecordExportOut(Schema):
    number = fields.String()
    status = fields.Enum(ExportStatus, by_value=True)
    asked_at = Moment()
    due_at = Moment(metadata={"description": "30 days after it was asked for."})
    ready_at = Moment(allow_none=True)
    ends_at = Moment(
        allow_none=True, metadata={"description": "From then on it cannot be fetched."}
    )
    ended_at = Moment(allow_none=True)
    parts_done = fields.Integer()
    parts_total = fields.Integer()


class RecordExports(Schema):
    items = fields.List(fields.Nested(RecordExportOut))
    next = fields.String(allow_none=True)


class AccountClosureOut(Schema):
    number = fields.String()
    status = fields.Enum(ClosureStatus, by_value=True)
    asked_at = Moment()
    runs_from = Moment(metadata={"description": "Until then it can be taken back."})
    due_at = Moment()
    ended_at = Moment(allow_none=True)


class ObstacleOut(Schema):
    """Something that is open, and what to do first."""

    kind = fields.Enum(Open, by_value=True)
    numbers = fields.List(fields.String())
    remedy = fields.String()


class KeptOut(Schema):
    """A class of data that stays when the account is closed."""

    kind = fields.String(attribute="kind.value")
    rows = fields.Integer()
    until = fields.Date(metadata={"description": "The first day on which it may go."})


class ClosingOut(Schema):
    """What becomes of my account if I close it."""

    closure = fields.Nested(AccountClosureOut, allow_none=True)
    obstacles = fields.List(fields.Nested(ObstacleOut))
    goes = fields.List(fields.String())
    kept = fields.List(fields.Nested(KeptOut))


class PrivacyExportOut(RecordExportOut):
    client = fields.String(attribute="client.name")


class PrivacyClosureOut(AccountClosureOut):
    client = fields.String(attribute="client.name")
    waits_for = fields.List(fields.String(), metadata={"description": "What is open of hers."})


class PrivacyRequestsOut(Schema):
    """What clients asked of their records, the latest first: at most a hundred of each kind."""

    exports = fields.List(fields.Nested(PrivacyExportOut))
    closures = fields.List(fields.Nested(PrivacyClosureOut))


def fetched(number: str) -> Response:
    """The copy, saved by the browser and kept by nobody on the way."""
    browser_session()
    proof = require_fresh_proof()
    export = queries.export_for(actor(), number, lock=True)
    packed = exporting.fetch(export, by=actor(), proof=proof, at=now())
    db.session.commit()
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'attachment; filename="record-{export.number}.zip"',
    }
    return Response(packed, content_type=ZIP, headers=headers)


def board(reader: Person) -> dict[str, list[Any]]:
    """The latest requests of each kind, and what the closures wait for."""
    latest = queries.exports(reader).order_by(RecordExport.asked_at.desc(), RecordExport.id)
    asked = queries.closures(reader).order_by(AccountClosure.asked_at.desc(), AccountClosure.id)
    closures = [
        {name: getattr(one, name) for name in CLOSURE}
        | {"waits_for": [each.kind.value for each in waiting(one)]}
        for one in db.session.scalars(asked.limit(SHOWN))
    ]
    return {"exports": list(db.session.scalars(latest.limit(SHOWN))), "closures": closures}


CLOSURE = ("number", "status", "asked_at", "runs_from", "due_at", "ended_at", "client")


def waiting(closure: AccountClosure) -> list[obstacles.Obstacle]:
    """What a closure that was asked for waits for."""
    return obstacles.of(closure.client) if closure.status is ClosureStatus.ASKED else []


def today(at: datetime) -> date:
    """The clinic's day."""
    return day_in(current_app.config["SHOP"].clinic_time_zone, at)
