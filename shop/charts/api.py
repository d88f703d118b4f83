"""Charts over HTTP: /me/chart for the client, /clients/{id}/chart for who treats her.

What a writing route answers may be kept for an Idempotency-Key, so it holds nothing of what was
said: that is read with GET. Who opens a chart that is not her own, to read or to write, is written
down first.
"""

from __future__ import annotations

import uuid
from datetime import UTC
from typing import Any

from flask import Response

from shop.accounts.access import actor, allow
from shop.accounts.models import Person, Role
from shop.charts import charting, queries, reading, schemas
from shop.charts.facts import Fact
from shop.charts.models import ChartEntry, Ending
from shop.core.clock import now
from shop.core.db import db
from shop.orders import rechecking
from shop.prescriptions.queries import in_care_of
from shop.web.api import Blueprint, committed

bp = Blueprint(
    "charts", __name__, url_prefix="/api/v1", description="What the clinic knows of a client"
)

CLINICIANS = (Role.PHYSICIAN, Role.ESTHETICIAN)


@bp.get("/me/chart")
@allow(Role.CLIENT)
@bp.arguments(schemas.ChartQuery, location="query")
@bp.response(200, schemas.ChartOut)
def show_mine(asked: dict[str, Any]) -> dict[str, Any]:
    """What the clinic knows of me, and who said it when."""
    return _shown(actor(), **asked)


@bp.post("/me/chart")
@allow(Role.CLIENT)
@bp.arguments(schemas.FactIn)
@bp.response(201, schemas.WrittenOut)
def state_mine(fact: Fact) -> Response:
    """Say something of myself; it takes the place of what I said about the same thing."""
    with rechecking.following(actor(), at=now()):
        entry = charting.state(actor(), fact, by=actor(), at=now())
    return _written(entry)


@bp.post("/me/chart/<uuid:entry_id>/correction")
@allow(Role.CLIENT)
@bp.arguments(schemas.FactIn)
@bp.response(201, schemas.WrittenOut)
def correct_mine(fact: Fact, entry_id: uuid.UUID) -> Response:
    """Say otherwise what I said; both are kept."""
    with rechecking.following(actor(), at=now()):
        entry = queries.entry_of(actor(), entry_id)
        corrected = charting.correct(entry, fact, by=actor(), at=now())
    return _written(corrected)


@bp.post("/me/chart/<uuid:entry_id>/end")
@allow(Role.CLIENT)
@bp.arguments(schemas.EndIn)
@bp.response(201, schemas.WrittenOut)
def end_mine(given: dict[str, Any], entry_id: uuid.UUID) -> Response:
    """Say that it is true no longer, or never was."""
    with rechecking.following(actor(), at=now()):
        entry = queries.entry_of(actor(), entry_id)
        charting.end(entry, ending=Ending(given["ending"]), by=actor(), at=now())
    return _written(entry)


@bp.get("/clients/<uuid:client_id>/chart")
@allow(*CLINICIANS)
@bp.arguments(schemas.ChartQuery, location="query")
@bp.response(200, schemas.ChartOut)
def show(asked: dict[str, Any], client_id: uuid.UUID) -> dict[str, Any]:
    """The chart of a client one treats. Opening it is written down."""
    return _shown(_opened(client_id), **asked)


@bp.post("/clients/<uuid:client_id>/chart")
@allow(*CLINICIANS)
@bp.arguments(schemas.FactIn)
@bp.response(201, schemas.WrittenOut)
def state(fact: Fact, client_id: uuid.UUID) -> Response:
    """Note something of a client one treats."""
    client = _opened(client_id)
    with rechecking.following(client, at=now()):
        entry = charting.state(client, fact, by=actor(), at=now())
    return _written(entry)


@bp.post("/clients/<uuid:client_id>/chart/<uuid:entry_id>/correction")
@allow(*CLINICIANS)
@bp.arguments(schemas.FactIn)
@bp.response(201, schemas.WrittenOut)
def correct(fact: Fact, client_id: uuid.UUID, entry_id: uuid.UUID) -> Response:
    """Say otherwise what stands; both are kept."""
    client = _opened(client_id)
    with rechecking.following(client, at=now()):
        entry = queries.entry_of(client, entry_id)
        corrected = charting.correct(entry, fact, by=actor(), at=now())
    return _written(corrected)


@bp.post("/clients/<uuid:client_id>/chart/<uuid:entry_id>/end")
@allow(*CLINICIANS)
@bp.arguments(schemas.EndIn)
@bp.response(201, schemas.WrittenOut)
def end(given: dict[str, Any], client_id: uuid.UUID, entry_id: uuid.UUID) -> Response:
    """Say that it is true no longer, or never was."""
    client = _opened(client_id)
    with rechecking.following(client, at=now()):
        entry = queries.entry_of(client, entry_id)
        charting.end(entry, ending=Ending(given["ending"]), by=actor(), at=now())
    return _written(entry)


def _opened(client_id: uuid.UUID) -> Person:
    """A client the reader treats; that her chart is opened is written down for good before."""
    client = in_care_of(actor(), client_id, at=now())
    reading.open_record(actor(), client, record="chart", purpose=reading.TREATMENT)
    db.session.commit()
    return client


def _shown(client: Person, *, history: bool) -> dict[str, Any]:
    at = now()
    chart = queries.chart_of(client, at=at)
    return vars(chart) | {
        "client": client,
        "none_known": chart.none_known.values(),
        "lacks_guardian": chart.lacks_guardian(at.astimezone(UTC).date()),
        "history": list(db.session.scalars(queries.entries_of(client))) if history else None,
    }


def _written(entry: ChartEntry) -> Response:
    return committed(schemas.WrittenOut, entry, 201)
