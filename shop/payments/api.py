"""Payments over HTTP, for programs, and the door the provider knocks on."""

from __future__ import annotations

import flask
from flask import Response, current_app, request
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge

from shop.accounts.access import actor, allow
from shop.accounts.models import Role
from shop.core.clock import now
from shop.core.db import act_as, db
from shop.orders.queries import order_for
from shop.payments import calls, queries, settling, webhook
from shop.payments.errors import ProviderAway
from shop.payments.gateway import BadEvent, BadSignature, Misconfigured
from shop.payments.jobs import gateway
from shop.payments.schemas import PaymentOut
from shop.web import idempotency
from shop.web.api import Blueprint, committed

bp = Blueprint("payments", __name__, url_prefix="/api/v1/orders", description="Paying for orders")
webhooks = flask.Blueprint("webhooks", __name__, url_prefix="/webhooks")


@bp.post("/<number>/payment")
@allow(Role.CLIENT)
@idempotency.required
@bp.response(200, PaymentOut)
def pay(number: str) -> Response:
    """Begin to pay an order, or go on: `url` is the page to pay on."""
    order = order_for(actor(), number, lock=True)
    base_url = current_app.config["SHOP"].base_url
    begun = settling.begin(order, by=actor(), at=now(), base_url=base_url)
    db.session.commit()
    calls.send_for(order.id, gateway())
    return committed(PaymentOut, queries.payment_with_page(begun.id))


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
