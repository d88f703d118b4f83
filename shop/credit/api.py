"""Store credit over HTTP: a client's own, and what the desk makes of it.

Answers that carry a code are not kept for an Idempotency-Key: a code stands nowhere in clear.
"""

from __future__ import annotations

import uuid
from typing import Any

from flask import Response, current_app, request

from shop.accounts.access import actor, allow, failures_counted
from shop.accounts.models import Person, Role
from shop.core.clock import now
from shop.core.db import db
from shop.core.money import CURRENCY
from shop.credit import correcting, making, queries, redeeming, schemas, voiding
from shop.credit.errors import CodeRefused
from shop.credit.making import Made
from shop.credit.models import CreditCorrection, CreditEntry, GiftCard
from shop.web.api import Blueprint, committed
from shop.web.paging import page

bp = Blueprint("credit", __name__, url_prefix="/api/v1", description="Store credit, gift cards")

DESK = (Role.STAFF, Role.MANAGER)


@bp.get("/me/credit")
@allow(Role.CLIENT)
@bp.arguments(schemas.CreditQuery, location="query")
@bp.response(200, schemas.CreditOut)
def show_mine(asked: dict[str, Any]) -> dict[str, Any]:
    """My store credit and its history, newest first."""
    return _account(actor(), **asked)


@bp.post("/me/credit/redemptions")
@allow(Role.CLIENT)
@bp.arguments(schemas.CardCodeIn)
@bp.response(201, schemas.CardRedeemedOut)
def redeem(terms: dict[str, Any]) -> Response:
    """Redeem a gift card, whole, into my store credit. Safe to repeat.

    After ten wrong codes one has to wait ten minutes.
    """
    with failures_counted(CodeRefused):
        address = request.remote_addr or ""
        entry = redeeming.redeem(terms["code"], address=address, by=actor(), at=now())
    return committed(schemas.CardRedeemedOut, entry, 201)


@bp.post("/credit-accounts/lookup")
@allow(*DESK)
@bp.arguments(schemas.CreditClientIn)
@bp.response(200, schemas.CreditOut)
def look_up(terms: dict[str, Any]) -> dict[str, Any]:
    """The store credit of the client with this mail address."""
    return _account(queries.client_named(terms["email"]), limit=24, after=None)


@bp.get("/clients/<uuid:client_id>/credit")
@allow(*DESK)
@bp.arguments(schemas.CreditQuery, location="query")
@bp.response(200, schemas.CreditOut)
def show_account(asked: dict[str, Any], client_id: uuid.UUID) -> dict[str, Any]:
    """A client's store credit and its history, newest first."""
    return _account(queries.account(client_id), **asked)


@bp.get("/gift-cards")
@allow(*DESK)
@bp.arguments(schemas.GiftCardsQuery, location="query")
@bp.response(200, schemas.GiftCardsOut)
def list_cards(asked: dict[str, Any]) -> dict[str, Any]:
    """List gift cards, the newest first. Their codes are known to nobody here."""
    query = queries.cards(status=asked.pop("status"))
    return page(query, (GiftCard.proposed_at, GiftCard.id), descending=True, **asked)


@bp.post("/gift-cards")
@allow(*DESK)
@bp.arguments(schemas.GiftCardIn)
@bp.response(201, schemas.GiftCardMadeOut)
def make(terms: dict[str, Any]) -> Response:
    """Make a gift card: `code` is told this once.

    Above $100 a person and day somebody else has to confirm it, and is told the code.
    """
    made = making.make(
        terms["cents"],
        origin=terms["origin"],
        note=terms["note"],
        by=actor(),
        at=now(),
        card_id=terms["id"],
    )
    return _unkept(made, 201)


@bp.get("/gift-cards/<number>")
@allow(*DESK)
@bp.response(200, schemas.GiftCardOut)
def show_card(number: str) -> GiftCard:
    """Show one."""
    return queries.card(number)


@bp.post("/gift-cards/<number>/confirmation")
@allow(*DESK)
@bp.response(200, schemas.GiftCardMadeOut)
def confirm_card(number: str) -> Response:
    """Agree, as somebody else than who proposed it: `code` is told this once."""
    return _unkept(making.confirm(queries.card(number, lock=True), by=actor(), at=now()), 200)


@bp.post("/gift-cards/<number>/refusal")
@allow(*DESK)
@bp.response(200, schemas.GiftCardOut)
def decline_card(number: str) -> Response:
    """Do not agree: it gets no code."""
    card = queries.card(number, lock=True)
    making.decline(card, by=actor(), at=now())
    return committed(schemas.GiftCardOut, card)


@bp.post("/gift-cards/<number>/void")
@allow(Role.MANAGER)
@bp.arguments(schemas.GiftCardVoidIn)
@bp.response(200, schemas.GiftCardOut)
def void(terms: dict[str, Any], number: str) -> Response:
    """Make a card that nobody has redeemed worth nothing."""
    card = queries.card(number, lock=True)
    voiding.void(card, reason=terms["reason"], by=actor(), at=now())
    return committed(schemas.GiftCardOut, card)


@bp.get("/credit-corrections")
@allow(*DESK)
@bp.arguments(schemas.CreditCorrectionsQuery, location="query")
@bp.response(200, schemas.CreditCorrectionsOut)
def list_corrections(asked: dict[str, Any]) -> dict[str, Any]:
    """List corrections of credit, the newest first."""
    query = queries.corrections(status=asked.pop("status"))
    keys = (CreditCorrection.proposed_at, CreditCorrection.id)
    return page(query, keys, descending=True, **asked)


@bp.post("/clients/<uuid:client_id>/credit-corrections")
@allow(*DESK)
@bp.arguments(schemas.CreditCorrectionIn)
@bp.response(201, schemas.CreditCorrectionOut)
def correct(terms: dict[str, Any], client_id: uuid.UUID) -> Response:
    """Give a client credit, or take it back. Send an Idempotency-Key to be safe to repeat.

    Above $100 a person and day, and always to take back, somebody else has to confirm it.
    """
    client = queries.account(client_id)
    made = correcting.propose(client, terms["cents"], note=terms["note"], by=actor(), at=now())
    return committed(schemas.CreditCorrectionOut, made, 201)


@bp.post("/credit-corrections/<number>/confirmation")
@allow(*DESK)
@bp.response(200, schemas.CreditCorrectionOut)
def confirm_correction(number: str) -> Response:
    """Agree, as somebody else than who proposed it: the credit moves."""
    found = queries.correction(number, lock=True)
    correcting.confirm(found, by=actor(), at=now())
    return committed(schemas.CreditCorrectionOut, found)


@bp.post("/credit-corrections/<number>/refusal")
@allow(*DESK)
@bp.response(200, schemas.CreditCorrectionOut)
def decline_correction(number: str) -> Response:
    """Do not agree: nothing moves."""
    found = queries.correction(number, lock=True)
    correcting.decline(found, by=actor(), at=now())
    return committed(schemas.CreditCorrectionOut, found)


def _account(client: Person, *, limit: int, after: str | None) -> dict[str, Any]:
    shown = page(
        queries.entries(client), (CreditEntry.seq,), limit=limit, after=after, descending=True
    )
    return shown | {
        "client": client.id,
        "balance_cents": queries.balance(client),
        "currency": CURRENCY,
        "items": schemas.told(shown["items"]),
    }


def _unkept(made: Made, status: int) -> Response:
    shown = {**schemas.GiftCardOut().dump(made.card), "code": made.code}
    db.session.commit()
    response = Response(current_app.json.dumps(shown), status, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response
