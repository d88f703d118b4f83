"""The log of adverse reactions over HTTP. Who opens one is written down first."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.catalog import queries as catalog
from shop.charts import reading
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.inventory import queries as inventory
from shop.vigilance import filing, queries, recording, schemas
from shop.vigilance.models import Reaction
from shop.web.api import Blueprint, committed
from shop.web.paging import page

bp = Blueprint("reactions", __name__, url_prefix="/api/v1", description="Adverse reactions")

KEEPERS = (Role.STAFF, Role.MANAGER, Role.PHYSICIAN)
DECIDERS = (Role.MANAGER, Role.PHYSICIAN)


@bp.get("/reactions")
@allow(*KEEPERS)
@bp.arguments(schemas.ReactionsQuery, location="query")
@bp.response(200, schemas.ReactionsOut)
def list_reactions(asked: dict[str, Any]) -> dict[str, Any]:
    """What happened with our products: what is due first, first."""
    query = queries.reactions(actor(), status=asked.pop("status"))
    return page(query, (queries.DUE_FIRST, Reaction.id), **asked)


@bp.post("/reactions")
@allow(*KEEPERS)
@bp.arguments(schemas.ReactionIn)
@bp.response(201, schemas.ReactionOut)
def record(given: dict[str, Any]) -> Response:
    """Write down what happened to a client with a product."""
    return _answered(recorded(given))


def recorded(given: dict[str, Any]) -> Reaction:
    """A reaction as ReactionIn says it."""
    client = queries.client(given.pop("email"))
    variant = catalog.variant(given.pop("sku"))
    number = given.pop("lot")
    lot = inventory.lot(number) if number else None
    at = now()
    return recording.record(
        client, variant, lot=lot, **given, today=clinic_day(), by=actor(), at=at
    )


@bp.get("/reactions/<number>")
@allow(*KEEPERS)
@bp.response(200, schemas.WholeReactionOut)
def show(number: str) -> dict[str, Any]:
    """All that was told of one. Opening it is written down."""
    return schemas.whole(opened(number))


def opened(number: str) -> Reaction:
    """One of them, after it was written down who opens it."""
    reaction = queries.reaction_for(actor(), number)
    treats = actor().role is Role.PHYSICIAN
    purpose = reading.TREATMENT if treats else reading.OPERATIONS
    reading.open_record(actor(), reaction.client, record=f"reaction {number}", purpose=purpose)
    db.session.commit()
    return reaction


@bp.post("/reactions/<number>/accounts")
@allow(*KEEPERS)
@bp.arguments(schemas.ReactionAccountIn)
@bp.response(201, schemas.ReactionOut)
def tell(given: dict[str, Any], number: str) -> Response:
    """Write down what became known since."""
    reaction = queries.reaction_for(actor(), number, lock=True)
    recording.tell(reaction, **given, today=clinic_day(), by=actor(), at=now())
    return _answered(reaction)


@bp.post("/reactions/<number>/filings")
@allow(*DECIDERS)
@bp.arguments(schemas.FilingIn)
@bp.response(201, schemas.ReactionOut)
def file(given: dict[str, Any], number: str) -> Response:
    """Write down that all that was told so far was reported."""
    reaction = queries.reaction_for(actor(), number, lock=True)
    filing.file(reaction, **given, today=clinic_day(), by=actor(), at=now())
    return _answered(reaction)


@bp.post("/reactions/<number>/closure")
@allow(*DECIDERS)
@bp.arguments(schemas.WhyIn)
@bp.response(201, schemas.ReactionOut)
def close(given: dict[str, Any], number: str) -> Response:
    """Close it: nothing is left to do, and why."""
    reaction = queries.reaction_for(actor(), number, lock=True)
    filing.close(reaction, reason=given["reason"], by=actor(), at=now())
    return _answered(reaction)


def clinic_day() -> date:
    return day_in(current_app.config["SHOP"].clinic_time_zone, now())


def _answered(reaction: Reaction) -> Response:
    db.session.flush()  # the answer shows what the database stamped
    return committed(schemas.ReactionOut, reaction, 201)
