"""The manager's trails: what happened, and who opened which client's record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import marshmallow as ma
from flask import Blueprint, Response, current_app, request, url_for
from flask_babel import gettext as _
from marshmallow import fields, validate

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import db
from shop.core.events import Kind
from shop.reports import opened, queries, schemas, trail
from shop.web.api import PageQuery, Text
from shop.web.forms import rendered
from shop.web.paging import page

bp = Blueprint("trail_pages", __name__)

SHOWN = 50


class TrailQuery(schemas.FiguresQuery):
    """The days, and where the reader is in the list."""

    after = PageQuery().fields["after"]


class EventsPageQuery(TrailQuery):
    subject = Text(load_default="", longest=200)
    kind = fields.Enum(Kind, by_value=True, load_default=None)
    actor = Text(load_default="", longest=60)


class AccessPageQuery(TrailQuery):
    reader = fields.UUID(load_default=None)
    client = Text(load_default="", longest=200)
    purpose = fields.String(load_default=None, validate=validate.OneOf(list(opened.PURPOSES)))


@bp.get("/manage/events")
@allow(Role.MANAGER)
def events() -> Response:
    """What happened, newest first, in sentences; the facts on demand."""
    asked, wrong = _asked(EventsPageQuery)
    first, last, since, until = _days(asked)
    subjects = trail.subjects_named(asked["subject"]) if asked["subject"] else None
    query = trail.events(
        since=since,
        until=until,
        subjects=subjects,
        kind=asked["kind"],
        actor=asked["actor"] or None,
    )
    found = page(query, queries.NEWEST_FIRST, limit=SHOWN, after=asked["after"], descending=True)
    shown = rendered(
        "reports/events.html",
        told=trail.told(found["items"]),
        kinds=_kinds(),
        actors=[("system", _("The shop itself")), *trail.people_who_work_here()],
        plain=_plain,
        nobody=subjects == set(),
        next_page=_next("events", found["next"]),
        **_filled(first, last, wrong),
    )
    shown.status_code = 422 if wrong else 200
    return shown


@bp.get("/manage/access-log")
@allow(Role.MANAGER)
def access_log() -> Response:
    """Who opened which record. That it is read is written down first."""
    asked, wrong = _asked(AccessPageQuery)
    first, last, since, until = _days(asked)
    clients, query = _openings(asked, since, until, as_file=False)
    found = page(query, opened.NEWEST_FIRST, limit=SHOWN, after=asked["after"], descending=True)
    here: dict[str, Any] = _here()
    shown = rendered(
        "reports/access_log.html",
        found=found["items"],
        part=opened.part,
        purposes=list(opened.PURPOSES.items()),
        readers=[(name.partition(":")[2], who) for name, who in trail.people_who_work_here()],
        nobody=clients == [],
        words=opened.PURPOSES,
        file=url_for(".access_log_file", **here),
        next_page=_next("access_log", found["next"]),
        **_filled(first, last, wrong),
    )
    shown.status_code = 422 if wrong else 200
    return shown


@bp.get("/manage/access-log.csv")
@allow(Role.MANAGER)
def access_log_file() -> Response:
    """The same as CSV, the newest 10,000."""
    asked, _wrong = _asked(AccessPageQuery)
    first, last, since, until = _days(asked)
    _clients, query = _openings(asked, since, until, as_file=True)
    newest = query.order_by(*(key.desc() for key in opened.NEWEST_FIRST))
    rows = db.session.scalars(newest.limit(opened.MOST_WRITTEN)).all()
    headers = {"Content-Disposition": f'attachment; filename="access-log-{first}-{last}.csv"'}
    return Response(opened.written(rows), content_type="text/csv; charset=utf-8", headers=headers)


def _openings(
    asked: Mapping[str, Any], since: datetime, until: datetime, *, as_file: bool
) -> tuple[Any, Any]:
    """The clients asked for by name (None: all), and the query, having noted who reads."""
    clients = opened.clients_named(asked["client"]) if asked["client"] else None
    opened.note_reading(actor(), since=since, until=until, clients=clients or (), as_file=as_file)
    db.session.commit()
    query = opened.accesses(
        since=since,
        until=until,
        reader_id=asked["reader"],
        clients=None if clients is None else [client.id for client in clients],
        purpose=asked["purpose"],
    )
    return clients, query


def _asked(schema: type[ma.Schema]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """What the address asks for, and what of it cannot be used and is left out."""
    typed = {key: text for key, text in request.args.items() if text.strip()}
    try:
        return dict(schema(unknown=ma.EXCLUDE).load(typed)), {}
    except ma.ValidationError as wrong:
        return dict(schema().load({})), dict(wrong.messages_dict)


def _days(asked: Mapping[str, Any]) -> tuple[Any, Any, datetime, datetime]:
    zone, at = current_app.config["SHOP"].clinic_time_zone, now()
    first, last = schemas.span(dict(asked), zone=zone, at=at)
    span = schemas.asked_for(first, last, zone=zone, at=at)
    return first, last, span.since, span.until


def _filled(first: Any, last: Any, wrong: dict[str, list[str]]) -> dict[str, Any]:
    said = _("Some of what you asked for cannot be used.") if wrong else ""
    typed = {"since": first, "until": last} | request.args.to_dict()
    return {"typed": typed, "errors": wrong, "detail": said}


def _next(endpoint: str, cursor: str | None) -> str:
    return url_for(f".{endpoint}", **_here(), after=cursor) if cursor else ""


def _here() -> dict[str, Any]:
    """The conditions in the address."""
    return {key: value for key, value in request.args.items() if value and key != "after"}


def _kinds() -> list[tuple[str, str]]:
    return sorted((kind.value, kind.value.replace("_", " ").capitalize()) for kind in Kind)


def _plain(value: object) -> str:
    """A fact as text."""
    if isinstance(value, bool):
        return str(_("yes") if value else _("no"))
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
