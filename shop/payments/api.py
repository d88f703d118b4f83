"""Payments over HTTP, for programs, and the door the provider knocks on."""

from __future__ import annotations

import uuid
from typing import Any

import flask
from flask import Response, current_app, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.orders.queries import order_for
from shop.payments import calls, queries, removing, saving, settling, webhook
from shop.payments.errors import ProviderAway
from shop.payments.gateway import BadEvent, BadSignature, Misconfigured
from shop.payments.jobs import gateway
from shop.payments.schemas import CardSetupIn, CardSetupOut, CardsOut, PaymentIn, PaymentOut
from shop.web import idempotency
from shop.web.api import Blueprint, committed

bp = Blueprint("payments", __name__, url_prefix="/api/v1/orders", description="Paying for orders")
cards = Blueprint("cards", __name__, url_prefix="/api/v1/me/cards", description="Saved cards")
webhooks = flask.Blueprint("webhooks", __name__, url_prefix="/webhooks")


@bp.post("/<number>/payment")
@allow(Role.CLIENT)
@idempotency.required
@bp.arguments(PaymentIn, required=False)
@bp.response(200, PaymentOut)
def pay(given: dict[str, Any], number: str) -> Response:
    """Begin to pay an order, or go on: `url` is the page to pay on.

    `save_card` is the version of the statement (GET /me/cards) that the client agreed to, if she
    has her card saved.
    """
    order = order_for(actor(), number, lock=True)
    base_url = current_app.config["SHOP"].base_url
    begun = settling.begin(
        order, by=actor(), at=now(), base_url=base_url, consent=given.get("save_card")
    )
    db.session.commit()
    calls.send_for(order.id, gateway())
    return committed(PaymentOut, queries.payment_with_page(begun.id))


@cards.get("")
@allow(Role.CLIENT)
@cards.response(200, CardsOut)
def list_cards() -> dict[str, Any]:
    """My saved cards, and what I agree to when I save one."""
    statement = {"version": saving.STATEMENT_VERSION, "text": saving.STATEMENT}
    return {"items": queries.cards_of(actor()), "statement": statement}


@cards.post("")
@allow(Role.CLIENT)
@idempotency.required
@cards.arguments(CardSetupIn)
@cards.response(201, CardSetupOut)
def save_card(given: dict[str, Any]) -> Response:
    """Agree to have a card saved: `url` is the provider's page to type it on."""
    base_url = current_app.config["SHOP"].base_url
    begun = saving.begin(actor(), consent=given["consent"], at=now(), base_url=base_url)
    db.session.commit()
    calls.send_about(begun.id, gateway())
    return committed(CardSetupOut, queries.setup_with_page(begun.id), 201)


@cards.delete("/<uuid:card_id>")
@allow(Role.CLIENT)
@cards.response(204)
def remove_card(card_id: uuid.UUID) -> Response:
    """A card is not charged any more, from now on. Safe to repeat."""
    card = queries.card_for(actor(), card_id, lock=True)
    removing.remove(card, by=actor(), at=now())
    db.session.commit()
    calls.send_about(card.id, gateway())
    return committed(None, None, 204)


@webhooks.post("/stripe")
@allow()
def hear() -> Response:
    """Take a signed event from the provider; what it is about is read again by a job."""
    if (request.content_length or 0) > webhook.LONGEST:
        raise RequestEntityTooLarge
    request.max_content_length = webhook.LONGEST
    body = request.get_data(cache=False)
    try:
        event = gateway().read_event(body, request.headers.get("Stripe-Signature", ""), at=now())
    except (BadSignature, BadEvent) as error:
        raise BadRequest(str(error)) from error
    except Misconfigured as error:
        raise ProviderAway("No secret to check the provider's word with is set.") from error
    act_as("system:webhook")
    webhook.remember(event)
    db.session.commit()
    return Response(status=200)
