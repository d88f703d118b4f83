"""Letters over HTTP: /letters for who works here, /me/letters for who gets them."""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response

from shop.accounts.access import actor, allow
from shop.accounts.models import Person, Role
from shop.core.clock import now
from shop.notifications import choosing, queries, resending, schemas
from shop.notifications.models import Way
from shop.web.api import Blueprint, committed
from shop.web.paging import page

bp = Blueprint(
    "letters", __name__, url_prefix="/api/v1", description="Letters, and who wants which"
)

KEEPERS = (Role.STAFF, Role.MANAGER)


@bp.get("/letters")
@allow(*KEEPERS)
@bp.arguments(schemas.LettersQuery, location="query")
@bp.response(200, schemas.OutboxOut)
def list_letters(asked: dict[str, Any]) -> dict[str, Any]:
    """List letters and how they stand, the newest first."""
    query = queries.letters(actor(), status=asked.pop("status"))
    return page(query, queries.NEWEST_FIRST, descending=True, **asked)


@bp.post("/letters/<uuid:letter_id>/resend")
@allow(*KEEPERS)
@bp.response(200, schemas.LetterOut)
def resend(letter_id: uuid.UUID) -> Response:
    """Send a letter again that was given up."""
    letter = queries.letter_for(actor(), letter_id)
    resending.resend(letter, by=actor(), at=now())
    return committed(schemas.LetterOut, letter)


@bp.get("/me/letters")
@allow(Role.CLIENT)
@bp.response(200, schemas.LetterChoicesOut)
def my_letters() -> dict[str, Any]:
    """Which letters you get, and what you said of them."""
    return _mine(actor())


@bp.put("/me/letters")
@allow(Role.CLIENT)
@bp.arguments(schemas.LetterChoiceIn)
@bp.response(200, schemas.LetterChoicesOut)
def choose_letters(said: dict[str, Any]) -> Response:
    """Have letters of a topic from now on, or none."""
    reader = actor()
    choosing.choose(reader, said["topic"], wanted=said["wanted"], way=Way.PAGE, at=now())
    return committed(schemas.LetterChoicesOut, _mine(reader))


def _mine(reader: Person) -> dict[str, Any]:
    return {"wanted": choosing.wanted(reader), "history": choosing.history(reader)}
