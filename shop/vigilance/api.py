"""The log of adverse reactions over HTTP. Who opens one is written down first."""

from __future__ import annotations

from datetime import date
from typing import Any

from flask import Response, current_app

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import day_in, now
from shop.core.db import db
from shop.vigilance import filing, opening, queries, recording, schemas
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
    named = queries.named(given.pop("email"), sku=given.pop("sku"), lot=given.pop("lot"))
    made = recording.record(**named, **given, today=_today(), by=actor(), at=now())
    return _answered(made)


@bp.get("/reactions/<number>")
@allow(*KEEPERS)
@bp.response(200, schemas.WholeReactionOut)
def show(number: str) -> dict[str, Any]:
    """All that was told of one. Opening it is written down."""
    reaction = opening.opened(actor(), number)
    db.session.commit()  # written down for good before it is shown
    return schemas.whole(reaction)


@bp.post("/reactions/<number>/accounts")
@allow(*KEEPERS)
@bp.arguments(schemas.ReactionAccountIn)
@bp.response(201, schemas.ReactionOut)
def tell(given: dict[str, Any], number: str) -> Response:
    """Write down what became known since."""
    reaction = queries.reaction_for(actor(), number, lock=True)
    recording.tell(reaction, **given, today=_today(), by=actor(), at=now())
    return _answered(reaction)


@bp.post("/reactions/<number>/filings")
@allow(*DECIDERS)
@bp.arguments(schemas.FilingIn)
@bp.response(201, schemas.ReactionOut)
def file(given: dict[str, Any], number: str) -> Response:
    """Write down that all that was told so far was reported."""
    reaction = queries.reaction_for(actor(), number, lock=True)
    filing.file(reaction, **given, today=_today(), by=actor(), at=now())
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


def _today() -> date:
    return day_in(current_app.config["SHOP"].clinic_time_zone, now())


def _answered(reaction: Reaction) -> Response:
    db.session.flush()  # the answer shows what the database stamped
    return committed(schemas.ReactionOut, reaction, 201)
