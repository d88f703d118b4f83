"""Recalls over HTTP: for who keeps the shelf, and a client's own notices."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response

from shop.accounts.access import actor, allow
from shop.accounts.models import Person, Role
from shop.core.clock import now
from shop.core.db import db
from shop.recalls import (
    answering,
    closing,
    collecting,
    disposing,
    listing,
    notifying,
    opening,
    queries,
    recalling,
    schemas,
)
from shop.recalls.models import Recall, RecallClient
from shop.web.api import Blueprint, committed
from shop.web.paging import page

bp = Blueprint("recalls", __name__, url_prefix="/api/v1", description="Recalls of lots")

SHELF = (Role.STAFF, Role.MANAGER)
READERS = (Role.STAFF, Role.MANAGER, Role.PHYSICIAN)


@bp.get("/recalls")
@allow(*READERS)
@bp.arguments(schemas.RecallsQuery, location="query")
@bp.response(200, schemas.RecallsOut)
def list_recalls(asked: dict[str, Any]) -> dict[str, Any]:
    """All recalls and drills, newest first."""
    query = queries.recalls(status=asked.pop("status"))
    return page(query, (Recall.opened_at, Recall.id), descending=True, **asked)


@bp.post("/recalls")
@allow(*SHELF)
@bp.arguments(schemas.RecallIn)
@bp.response(201, schemas.WholeRecallOut)
def begin(given: dict[str, Any]) -> Response:
    """Recall lots: at once nothing of them is promised or leaves. A drill only names them."""
    lots = queries.lots_named(**given["named"])
    made = recalling.begin(lots, given["notice"], drill=given["drill"], by=actor(), at=now())
    return _answered(made, 201)


@bp.get("/recalls/<number>")
@allow(*READERS)
@bp.response(200, schemas.WholeRecallOut)
def show(number: str) -> dict[str, Any]:
    """One of them: its lots, where every unit went, what was answered."""
    return schemas.whole(queries.recall(number))


@bp.post("/recalls/<number>/list")
@allow(*SHELF)
@bp.response(201, schemas.WholeRecallOut)
def draw_up(number: str) -> Response:
    """List everybody who got units of its lots; how long that took since the opening is kept."""
    found = queries.recall(number, lock=True)
    listing.draw_up(found, by=actor(), at=now())
    return _answered(found, 201)


@bp.get("/recalls/<number>/clients")
@allow(*READERS)
@bp.arguments(schemas.RecallListQuery, location="query")
@bp.response(200, schemas.RecallListOut)
def list_clients(asked: dict[str, Any], number: str) -> dict[str, Any]:
    """Who got how many, with contact and answer. Whose records were read is written down."""
    found = queries.recall(number)
    query = queries.listed(actor(), found, silent=asked.pop("silent"))
    shown = page(query, (Person.name, RecallClient.id), **asked)
    opening.opened(actor(), found, shown["items"])
    db.session.commit()  # written down for good before it is shown
    return shown | {"items": schemas.shown(shown["items"], actor())}


@bp.post("/recalls/<number>/notification")
@allow(Role.MANAGER)
@bp.response(201, schemas.WholeRecallOut)
def notify(number: str) -> Response:
    """Write to everybody on the list."""
    found = queries.recall(number, lock=True)
    notifying.notify(found, by=actor(), at=now())
    return _answered(found, 201)


@bp.post("/recalls/<number>/reminder")
@allow(*SHELF)
@bp.response(201, schemas.WholeRecallOut)
def remind(number: str) -> Response:
    """Write again to whoever has not answered."""
    found = queries.recall(number, lock=True)
    notifying.remind(found, by=actor(), at=now())
    return _answered(found, 201)


@bp.post("/recalls/<number>/clients/<uuid:key>/answers")
@allow(*SHELF)
@bp.arguments(schemas.RecallAnswerForIn)
@bp.response(201, schemas.RecallAnswerOut)
def answer_for(given: dict[str, Any], number: str, key: uuid.UUID) -> Response:
    """Write down what a client said, or that nobody was reached."""
    one = queries.listed_one(actor(), queries.recall(number), key)
    made = answering.answer(one, given["said"], channel=given["channel"], by=actor(), at=now())
    return committed(schemas.RecallAnswerOut, made, 201)


@bp.post("/recalls/<number>/collections")
@allow(*SHELF)
@bp.arguments(schemas.RecallCollectionIn)
@bp.response(201, schemas.WholeRecallOut)
def collect(given: dict[str, Any], number: str) -> Response:
    """All of a lot that is here was taken to quarantine."""
    found = queries.recall(number, lock=True)
    lot = queries.lot_of(found, given["lot"], lock=True)
    collecting.collect(found, lot, by=actor(), at=now())
    return _answered(found, 201)


@bp.post("/recalls/<number>/dispositions")
@allow(*SHELF)
@bp.arguments(schemas.RecallDispositionIn)
@bp.response(201, schemas.RecallDispositionOut)
def plan(given: dict[str, Any], number: str) -> Response:
    """Write down how collected units will leave; another person then sees them leave."""
    found = queries.recall(number, lock=True)
    lot = queries.lot_of(found, given.pop("lot"), lock=True)
    made = disposing.plan(found, lot, **given, by=actor(), at=now())
    return committed(schemas.RecallDispositionOut, made, 201)


@bp.post("/recalls/<number>/dispositions/<uuid:key>/witness")
@allow(*SHELF)
@bp.response(201, schemas.RecallDispositionOut)
def witness(number: str, key: uuid.UUID) -> Response:
    """Say that you saw them leave: they are gone."""
    found = queries.recall(number, lock=True)
    one = queries.disposition(found, key)
    lot = queries.lot_of(found, one.lot.number, lock=True)
    disposing.witness(one, found, lot, by=actor(), at=now())
    return committed(schemas.RecallDispositionOut, one, 201)


@bp.post("/recalls/<number>/reconciliation")
@allow(Role.MANAGER)
@bp.response(201, schemas.WholeRecallOut)
def reconcile(number: str) -> Response:
    """Every pack that was sold is accounted for."""
    found = queries.recall(number, lock=True)
    closing.reconcile(found, by=actor(), at=now())
    return _answered(found, 201)


@bp.post("/recalls/<number>/closure")
@allow(Role.MANAGER)
@bp.response(201, schemas.WholeRecallOut)
def close(number: str) -> Response:
    """Close it: nothing of its lots is left. A drill ends with its list."""
    found = queries.recall(number, lock=True)
    closing.close(found, by=actor(), at=now())
    return _answered(found, 201)


@bp.get("/me/recalls")
@allow(Role.CLIENT)
@bp.response(200, schemas.RecallNoticesOut)
def notices() -> dict[str, Any]:
    """What you were written to about: what came from lots that must come back."""
    return {"items": queries.notices_for(actor())}


@bp.post("/me/recalls/<number>/answers")
@allow(Role.CLIENT)
@bp.arguments(schemas.RecallAnswerIn)
@bp.response(201, schemas.RecallNoticeOut)
def answer(given: dict[str, Any], number: str) -> Response:
    """Say what became of your packs; your last word counts."""
    one = queries.notice_for(actor(), number)
    answering.answer(one, given["said"], channel=given["channel"], by=actor(), at=now())
    return committed(schemas.RecallNoticeOut, one, 201)


def _answered(recall: Recall, status: int) -> Response:
    db.session.flush()
    return committed(schemas.WholeRecallOut, schemas.whole(recall), status)
